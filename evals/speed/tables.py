"""The tables that are printed: what was measured against what is promised, and two runs against each other."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from evals.speed.comparing import Change, Compared
from evals.speed.report import Report
from evals.speed.rows import How, Row

_VERDICTS = {True: "kept", False: "NOT KEPT", None: ""}
_CHANGES = {Change.SAME: "", Change.BETTER: "better", Change.WORSE: "WORSE"}


def measured(report: Report) -> list[str]:
    """A line for each row, and for each part that was left out."""
    if not report.rows:
        return [*_left_out(report)]
    cells = [("what", "ours", "theirs", "figure", "from .. to", "promised", ""), *map(_cells, report.rows)]
    return [*_aligned(cells), *_notes(report.rows), *_left_out(report)]


def compared(found: Sequence[Compared]) -> list[str]:
    """A line for each row of both runs."""
    if not found:
        return ["the two runs have no row in common"]
    head = ("row", "before", "now", "change", "counts from", "")
    return _aligned([head, *((one.name, *_change(one), _CHANGES[one.change]) for one in found)])


def number(value: float) -> str:
    """A figure with three digits, or whole where it is large.

    >>> number(0.12345), number(17.12), number(2326.4)
    ('0.123', '17.1', '2,326')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if value else "0"


def figure(row: Row) -> str:
    """What is looked at of a row, as it is told."""
    if row.how is How.RATIO:
        return f"{number(row.figure)} x"
    if row.how is How.DIFFERENCE:
        return f"{row.figure:+.2f}"
    return number(row.figure)


def _cells(row: Row) -> tuple[str, ...]:
    ours = f"{number(statistics.median(row.ours))} {row.unit}"
    theirs = f"{number(statistics.median(row.theirs))} {row.unit}" if row.theirs else ""
    low, high = row.spread
    spread = f"{number(low)} .. {number(high)}" if len(row.figures) > 1 else ""
    return row.what, ours, theirs, figure(row), spread, row.limit.said if row.limit else "", _VERDICTS[row.within]


def _change(one: Compared) -> tuple[str, str, str, str]:
    share = "" if one.share is None else f"{one.share:+.1%}"
    return number(one.before), number(one.now), share, f"{number(one.noise)}"


def _notes(rows: Sequence[Row]) -> list[str]:
    """Whom each part was measured against, and the texts that differ."""
    against = dict.fromkeys(f"{row.part}: against {row.against}" for row in rows if row.against)
    told = ["", *against]
    for row in rows:
        for one in row.details.get("different", ()):
            told += [f"{row.name}: {one['question']}", f"  ours:   {one['ours']!r}", f"  theirs: {one['theirs']!r}"]
    return told


def _left_out(report: Report) -> list[str]:
    return [f"{part} is left out: {why}" for part, why in report.left_out.items()]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Cells in columns, the first one to the left, the others to the right but for the last."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest, last = row
        cells = [f"{first:{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=False))]
        lines.append("  ".join([*cells, last]).rstrip())
    return lines
