"""A text around the passage that evidence cites, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_assistant.core.signals import printable

AROUND = 4000  # characters that are shown before and after the passage
_LINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a text; what a terminal would obey is replaced.

    Attributes:
        before: what stands before the span; it begins at a line.
        span: what is cited.
        after: what stands after it, to the end of a line.
        line: number of the first line, from 1.
        cut: whether something before and something after is not shown.
    """

    before: str
    span: str
    after: str
    line: int
    cut: tuple[bool, bool]


def passage(text: str, chars: tuple[int, int]) -> TextPart:
    """The span [a, b) of code points in its surroundings."""
    a = min(max(0, chars[0]), len(text))
    b = min(max(a, chars[1]), len(text))
    first = _begin(text, max(0, a - AROUND)) if a > AROUND else 0
    last = min(len(text), b + AROUND)
    return TextPart(
        plain(text[first:a]),
        plain(text[a:b]),
        plain(text[b:last]),
        1 + sum(1 for _ in _LINE.finditer(text, 0, first)),
        (first > 0, last < len(text)),
    )


def plain(text: str) -> str:
    """A text as it may be drawn: lines end with a line feed, tabs are spaces, whatever else is no print is replaced."""
    lines = _LINE.sub("\n", text).expandtabs(4).split("\n")
    return "\n".join(printable(line) for line in lines)


def _begin(text: str, at: int) -> int:
    """The beginning of a line near a place; the place itself in a line without an end."""
    found = text.find("\n", at, at + AROUND // 2)
    return found + 1 if found >= 0 else at
