"""A candidate, and what finders share: hedges beside a value, spans that are taken, alternatives of a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.values.values import Value

_BESIDE = 32  # characters beside a value in which its hedge stands; the longest has 21
_LEADING = ("about", "under", "over", "most", "least")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span [start, end) of a text with the value that it stands for."""

    text: str
    value: Value
    start: int
    end: int


def alternatives(words: Iterable[str]) -> str:
    """Words as alternatives of a regular expression, the longest first; never empty."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) or r"(?!)"


def hedge(text: str, start: int, end: int) -> str:
    """How a value at [start, end) is made approximate: a key of the vocabulary's `hedges`, or "".

    >>> hedge("it was just under 40", 18, 20), hedge("38 or so", 0, 2), hedge("no more than 5", 13, 14)
    ('under', 'about', 'most')
    """
    before, behind = _hedges()
    beside = text[max(0, start - _BESIDE) : start]
    match = before.search(beside)
    if match and match.lastgroup in ("least", "most") and _negated().search(beside[: match.start()]):
        return ""  # "never over 90" is not at least 90
    match = match or behind.match(text[end : end + _BESIDE])
    return match.lastgroup or "" if match else ""


@per_vocabulary
def _negated(vocabulary: Vocabulary) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{alternatives(vocabulary.words['no'])})(?: [^\W_]+)?\s*\Z", re.I)


@per_vocabulary
def _hedges(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of several phrases that end where the number begins, the leftmost is the longest: "no more than", not "than"."""
    groups = "|".join(f"(?P<{key}>{alternatives(vocabulary.hedges.get(key, ()))})" for key in _LEADING)
    approximate = "|".join(f"(?P<{key}>{alternatives(vocabulary.hedges.get(key, ()))})" for key in _LEADING[:3])
    return (
        re.compile(rf"(?<![^\W_])(?:{groups})(?:\s(?:the|a))?\s*$", re.I),
        re.compile(rf"[ -]?(?:{approximate})(?![^\W_])", re.I),
    )


def untaken(found: Iterable[Candidate], taken: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates that share no character with those that have been taken."""
    claimed = {at for other in taken for at in range(other.start, other.end)}
    return (candidate for candidate in found if claimed.isdisjoint(range(candidate.start, candidate.end)))


def apart(found: Iterable[Candidate]) -> Iterator[Candidate]:
    """Candidates from left to right; of those that overlap the one that starts first, and then the longest."""
    end = 0
    for candidate in sorted(found, key=lambda candidate: (candidate.start, -candidate.end)):
        if candidate.start >= end:
            yield candidate
            end = candidate.end


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the white space at its ends."""
    inside = text[start:end]
    return start + len(inside) - len(inside.lstrip()), end - len(inside) + len(inside.rstrip())
