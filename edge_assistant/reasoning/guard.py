"""The check that every sentence passes before it is shown: what it cites exists, and its numbers stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

CITATION = re.compile(r"\[([EC]\d{1,6})\]")
_ALMOST = re.compile(r"\[\s*[EC]\s*\d", re.I)  # what a reader would take for a citation, and is none
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")


def sentences(pieces: Iterator[str]) -> Iterator[str]:
    """Cut a stream of text into sentences; citations that follow a full stop belong to the sentence before it."""
    rest = ""
    for piece in pieces:
        rest += piece
        while match := re.search(r"[.!?](?:[^\S\n]*\[[EC]\d{1,6}\])*[^\S\n]+(?=[^\s\[])|\n+", rest):
            if sentence := rest[: match.end()].strip():
                yield sentence
            rest = rest[match.end() :]
    if rest.strip():
        yield rest.strip()


def cited(sentence: str) -> tuple[str, ...]:
    """Ids that a sentence cites, each once, in order."""
    return tuple(dict.fromkeys(CITATION.findall(sentence)))


def holds(sentence: str, texts: Mapping[str, str]) -> bool:
    """Whether a sentence cites only what exists, cites something, and has no number that the cited texts do not have.

    Args:
        sentence: with citations in brackets.
        texts: text by id of all evidence and computations.
    """
    ids = cited(sentence)
    if not ids or any(id not in texts for id in ids):
        return False
    known = {_plain(number) for id in ids for number in _NUMBER.findall(texts[id])}
    bare = CITATION.sub(" ", sentence)
    return not _ALMOST.search(bare) and all(_plain(number) in known for number in _NUMBER.findall(bare))


def _plain(number: str) -> str:
    """A number without thousands separators and trailing zeros: 1,450.00 and 1450 are the same."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", number):
        number = number.replace(",", "")
    return number.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", number) else number
