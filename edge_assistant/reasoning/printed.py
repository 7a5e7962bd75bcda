"""The words of printed labels as they are compared: "B.P." is BP, "Rcpt #" a receipt number, "Rec'd by" received by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.candidates import singular

_INITIALS = r"(?<![^\W_])[^\W\d_](?:[./]\s?[^\W\d_](?![^\W_]))+"  # S/N, D.O.B, B. P.
_CONTRACTED = r"[^\W_]+(?:['’](?![sS](?![^\W_]))[^\W_]+)*"  # Rec'd, but not the owner of "Patient's"
_WORD = re.compile(rf"{_INITIALS}|{_CONTRACTED}|#")
_SHORTEST = 3  # letters of an abbreviation that its beginning alone explains


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a label, at the characters [start, end).

    Attributes:
        meant: what it can stand for, the likeliest first.
        start: first character.
        end: after the last character.
    """

    meant: tuple[str, ...]
    start: int
    end: int


def label_words(text: str) -> list[Word]:
    """The words of a label; what is cut short with a full stop can be any word of a label that begins so.

    >>> [word.meant[0] for word in label_words("H/P No.")], [word.meant[0] for word in label_words("Emerg. contact #")]
    (['hp', 'number'], ['emergency', 'contact', 'number'])
    """
    return [Word(_meant(match), *match.span()) for match in _WORD.finditer(text)]


def written_out(word: str) -> str:
    """A word without its marks, singular and in full: "Rec'd" is received, "amts" are amount."""
    bare = singular(re.sub(r"[^\w#]", "", word.lower()))
    return vocabulary().shorthand.get(bare, bare)


def joined(text: str) -> str:
    """A text whose initials and contractions are one word each: "G.S.T. rec'd" becomes "GST recd"."""
    return re.sub(rf"{_INITIALS}|{_CONTRACTED}", lambda match: re.sub(r"\W", "", match[0]), text)


def _meant(match: re.Match[str]) -> tuple[str, ...]:
    word = written_out(match[0])
    cut = match.string[match.end() : match.end() + 1] == "." and len(word) >= _SHORTEST and word.isalpha()
    if not cut or word in _known():
        return (word,)
    return tuple(known for known in _known() if known.startswith(word)) or (word,)


@per_vocabulary
def _known(vocabulary: Vocabulary) -> dict[str, None]:
    """The words of all names of labels."""
    names = (name for attribute in vocabulary.attributes.values() for name in (*attribute.names, *attribute.labels))
    return {word: None for name in names for word in _whole(name)}


def _whole(name: str) -> Iterator[str]:
    yield from (written_out(match[0]) for match in _WORD.finditer(name))
