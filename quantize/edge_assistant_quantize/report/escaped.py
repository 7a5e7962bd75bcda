"""Text of unknown origin in a Markdown page: names of nodes, files and forms, the text of a recipe."""

from __future__ import annotations

import re

from edge_assistant.core.signals import printable

# What CommonMark, its tables and GitHub obey inside a line; an underscore within a word is harmless.
_MARKS = re.compile(r"([\\`*\[\]<>|~&$@]|:(?=//)|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")
_TICKS = re.compile(r"`+")


def plain(text: str) -> str:
    r"""A text that stands in a line or a cell as it is.

    >>> print(plain("a|b <script>"))
    a\|b \<script\>
    """
    told = _MARKS.sub(r"\\\1", printable(" ".join(text.split())))
    return re.sub(r"(?i)\bwww\.", r"www\\.", told)


def code(text: str, *, cell: bool = False) -> str:
    """A text as a code span; in a cell of a table a bar ends the cell, in code too.

    >>> print(code("a`b"))
    `` a`b ``
    """
    told = printable(" ".join(text.split()))
    told = told.replace("|", "\\|") if cell else told
    fence = "`" * (_longest(told) + 1)
    pad = " " if "`" in told or not told else ""
    return f"{fence}{pad}{told}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """A text of several lines as a fenced block."""
    lines = [printable(line.expandtabs(4)) for line in text.split("\n")]
    told = "\n".join(lines).strip("\n")
    fence = "`" * max(3, _longest(told) + 1)
    return f"{fence}{language}\n{told}\n{fence}"


def _longest(text: str) -> int:
    """The longest run of backticks."""
    return max((len(run) for run in _TICKS.findall(text)), default=0)
