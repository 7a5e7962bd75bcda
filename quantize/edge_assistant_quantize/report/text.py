"""Figures as text, and text of unknown origin in Markdown."""

from __future__ import annotations

import math
import re

from edge_assistant.core.signals import printable
from edge_assistant_quantize.record import Interval, Measure, Record

NOTHING = "–"

# What CommonMark, its tables and GitHub interpret inside a line; an underscore within a word is harmless.
_MARKS = re.compile(r"([\\`*\[\]<>|~&$@]|:(?=//)|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")


def number(measure: Measure, value: float) -> str:
    """A value of a metric.

    >>> number(Measure(True), 0.0791), number(Measure(True, ""), 12.3456), number(Measure(True, "dB"), 31)
    ('7.9 %', '12.35', '31 dB')
    """
    if not math.isfinite(value):
        return NOTHING
    return f"{100 * value:.1f} %" if measure.unit == "share" else f"{value:.4g} {measure.unit}".rstrip()


def change(measure: Measure, difference: float) -> str:
    """A difference with its sign.

    >>> change(Measure(True), 0.002), change(Measure(True, ""), -0.25)
    ('+0.2 points', '-0.25')
    """
    share = measure.unit == "share"
    return f"{100 * difference:+.1f} points" if share else f"{difference:+.3g} {measure.unit}".rstrip()


def within(measure: Measure, found: Interval, *, short: bool = False) -> str:
    """A difference and its interval; `short` for a cell of a table.

    >>> within(Measure(True), Interval(0.002, -0.001, 0.005, 0.95), short=True)
    '+0.2 (-0.1 to +0.5)'
    """
    difference, low, high = (change(measure, value) for value in (found.difference, found.low, found.high))
    low = low.removesuffix(" points")
    if short:
        return f"{difference.removesuffix(' points')} ({low} to {high.removesuffix(' points')})"
    return f"{difference}, {100 * found.level:.3g} % interval {low} to {high}"


def around(measure: Measure, found: Interval) -> str:
    """The interval of a value.

    >>> around(Measure(True), Interval(0.98, 0.97, 0.99, 0.95))
    '95 % interval 97.0 % to 99.0 %'
    """
    return f"{100 * found.level:.3g} % interval {number(measure, found.low)} to {number(measure, found.high)}"


def measure_of(record: Record, metric: str) -> Measure:
    """The unit of a metric; a plain number if the record does not say."""
    return record.measures.get(metric, Measure(lower_is_better=True, unit=""))


def times(ratio: float | None) -> str:
    """Time as a share of the reference's.

    >>> times(0.5), times(None)
    ('0.50', '–')
    """
    return NOTHING if ratio is None else f"{ratio:.2f}"


def share(part: float, whole: float) -> str:
    """A part in per cent of a whole."""
    return f"{100 * part / whole:.0f} %" if whole else NOTHING


def memory(mib: float | None) -> str:
    """Peak memory."""
    return NOTHING if mib is None else f"{mib:,.0f} MiB"


def line(text: str) -> str:
    """A text of unknown origin as one printable line."""
    return printable(" ".join(text.split()))


def escaped(text: str) -> str:
    r"""A text that Markdown shows as it is, in a line or a cell.

    >>> print(escaped("a|b <script>"))
    a\|b \<script\>
    """
    return re.sub(r"(?i)\bwww\.", r"www\\.", _MARKS.sub(r"\\\1", line(text)))


def code(text: str, *, cell: bool = False) -> str:
    """A text as a code span; in a cell of a table a bar ends the cell, in code too.

    >>> print(code("a`b"))
    `` a`b ``
    """
    shown = line(text).replace("|", "\\|") if cell else line(text)
    fence = "`" * (_ticks(shown) + 1)
    pad = " " if "`" in shown or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """A text of several lines as a fenced block."""
    shown = "\n".join(printable(line.expandtabs(4)) for line in text.split("\n")).strip("\n")
    fence = "`" * max(3, _ticks(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def _ticks(text: str) -> int:
    """The longest run of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
