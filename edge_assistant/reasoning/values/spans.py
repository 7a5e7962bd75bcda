"""A value in a text with its span, and helpers of finders: hedges beside it, overlaps, alternatives of a pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, word_pattern
from edge_assistant.reasoning.values.values import Value

_BESIDE = 32  # characters beside a value in which its hedge stands; the longest has 21
_LEADING = ("about", "under", "over", "most", "least")


@dataclass(frozen=True, slots=True)
class ValueSpan:
    """A span [start, end) of a text with the value that it stands for."""

    text: str
    value: Value
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands."""
        return self.start, self.end


Finder = Callable[[str], Iterator[ValueSpan]]
"""Finds what can be a value of one type in a text, from left to right."""


def alternatives(words: Iterable[str]) -> str:
    """Words as alternatives of a regular expression, the longest first; never empty."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) or r"(?!)"


def hedge(text: str, start: int, end: int) -> str:
    """How a value at [start, end) is made approximate: a key of the vocabulary's `hedges`, or "".

    >>> hedge("it was just under 40", 18, 20), hedge("38 or so", 0, 2), hedge("no more than 5", 13, 14)
    ('under', 'about', 'most')
    >>> hedge("he denies more than 5", 20, 21)
    ''
    """
    before, behind = _hedges()
    beside = text[max(0, start - _BESIDE) : start]
    match = before.search(beside)
    if match and match.lastgroup in ("least", "most") and _negated().search(beside[: match.start()]):
        return ""  # "never over 90" is not at least 90
    match = match or behind.match(text[end : end + _BESIDE])
    return match.lastgroup or "" if match else ""


_negated = word_pattern(lambda known: rf"(?<!\w)(?:{alternatives(known.words['no'])})(?: [^\W_]+)?\s*\Z")


@per_vocabulary
def _hedges(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of several phrases that end where the number begins, the leftmost is the longest: "no more than", not "than"."""
    groups = "|".join(f"(?P<{key}>{alternatives(vocabulary.hedges.get(key, ()))})" for key in _LEADING)
    approximate = "|".join(f"(?P<{key}>{alternatives(vocabulary.hedges.get(key, ()))})" for key in _LEADING[:3])
    return (
        re.compile(rf"(?<![^\W_])(?:{groups})(?:\s(?:the|a))?\s*$", re.I),
        re.compile(rf"[ -]?(?:{approximate})(?![^\W_])", re.I),
    )


def non_overlapping(found: Iterable[ValueSpan], taken: Iterable[ValueSpan]) -> Iterator[ValueSpan]:
    """The spans that share no character with those that have been taken."""
    claimed = {at for other in taken for at in range(other.start, other.end)}
    return (one for one in found if claimed.isdisjoint(range(one.start, one.end)))


def leftmost_longest(found: Iterable[ValueSpan]) -> Iterator[ValueSpan]:
    """Spans from left to right; of those that overlap the one that starts first, and then the longest."""
    end = 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start >= end:
            yield one
            end = one.end


def blank_out(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text with blanks at [start, end) of each span, everything else at its place."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def words_before(text: str, at: int, reach: int) -> list[str]:
    """The words in the `reach` characters before a place, in lower case."""
    return re.findall(r"[^\W_]+", text[max(0, at - reach) : at].lower())


def has_digit(text: str) -> bool:
    """Whether a text has a digit."""
    return any(character.isdigit() for character in text)
