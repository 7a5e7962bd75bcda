"""A run: what it was measured with, its rows so far, a file that keeps them to go on from, and the tables of them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.storage import atomic
from evals.speed import machine
from evals.speed.comparison import Change, Comparison
from evals.speed.rows import How, Row

_MOST_BYTES = 64 << 20  # of a file; a run with every differing text has some 100 kB
_NO_REPORT = "holds no figures of 'bench speed'"


@dataclass(slots=True)
class Report:
    """One run.

    Attributes:
        settings: what was asked for; two runs that differ in it are not to be mixed.
        machine: as `machine.facts` tells it.
        rows: what was measured.
        parts: those that are done: seconds of each, and how many cores others took meanwhile (None: not known).
        left_out: parts that could not be measured, and why.
    """

    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    parts: dict[str, dict[str, float | None]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """What to say where the machine was busy; empty where it was quiet."""
        others = {name: taken for name, told in self.parts.items() if (taken := told.get("others_cores")) is not None}
        return machine.warning(self.machine.get("load"), int(self.machine.get("cores") or 1), others)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "bench": "speed",
            "settings": dict(self.settings),
            "machine": dict(self.machine),
            "parts": self.parts,
            "left_out": self.left_out,
            "warning": self.warning,
            "rows": [row.to_json() for row in self.rows],
        }

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            StorageFull: it cannot be written.
        """
        data = json.dumps(self.to_json(), indent=1).encode()
        with atomic.storing(path.name, "name another file with --out"), atomic.writing(path) as stream:
            stream.write(data)


def load(path: Path) -> Report:
    """A run of a file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as stream:
            told = json.loads(stream.read(_MOST_BYTES))
        if told["bench"] != "speed":
            raise ValueError
        rows = [Row.from_json(row) for row in told["rows"]]
        parts = {str(name): dict(one) for name, one in told["parts"].items()}
        left_out = {str(name): str(why) for name, why in told["left_out"].items()}
        return Report(dict(told["settings"]), dict(told["machine"]), rows, parts, left_out)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read ({error.strerror})", "check the path") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, EdgeAssistantError):
        raise UsageError(f"{path.name} {_NO_REPORT}", "name a file that --out has written") from None


def differences(earlier: Report, now: Report) -> list[str]:
    """What two runs differ in beside their figures, one line each: machines, settings, and rows that are gone.

    Args:
        earlier: the run that is compared with.
        now: the newer one; of parts that it did not measure nothing is missed.
    """
    names = sorted(earlier.settings.keys() | now.settings.keys())
    settings = [(name, earlier.settings.get(name), now.settings.get(name)) for name in names if name != "repeats"]
    there, wanted = {row.name for row in now.rows}, {*now.parts, *now.left_out}
    gone = [row.name for row in earlier.rows if row.part in wanted and row.name not in there]
    return [
        *machine.differences(earlier.machine, now.machine),
        *(f"{name}: {before}, now {later}" for name, before, later in settings if before != later),
        *(f"{name}: measured before, not now" for name in gone),
    ]


def resume(path: Path | None, report: Report, wanted: Sequence[str]) -> Report:
    """The run that a file holds and that was broken off, without parts that were not finished; else the new one.

    Args:
        path: of the file; None or none there: there is nothing to go on with.
        report: the new run.
        wanted: its parts.

    Raises:
        UsageError: the file holds another run, or all of this one already, or no run.
    """
    if path is None or not path.exists():
        return report
    found = load(path)
    if found.settings != report.settings or machine.differences(found.machine, report.machine):
        raise UsageError(f"{path.name} holds a run with other settings or of another machine", "name another file")
    if set(wanted) <= set(found.parts):
        raise UsageError(f"{path.name} holds this run already", "name another file, or remove it")
    found.rows = [row for row in found.rows if row.part in found.parts]
    found.left_out.clear()
    return found


_VERDICTS = {True: "kept", False: "NOT KEPT", None: ""}
_CHANGES = {Change.SAME: "", Change.BETTER: "better", Change.WORSE: "WORSE"}


def measured_table(report: Report) -> list[str]:
    """A line for each row, and for each part that was left out."""
    if not report.rows:
        return [*_left_out(report)]
    cells = [("what", "ours", "theirs", "figure", "from .. to", "promised", ""), *map(_cells, report.rows)]
    return [*_align(cells), *_notes(report.rows), *_left_out(report)]


def comparison_table(found: Sequence[Comparison]) -> list[str]:
    """A line for each row of both runs."""
    if not found:
        return ["the two runs have no row in common"]
    head = ("row", "before", "now", "change", "counts from", "")
    return _align([head, *((one.name, *_change(one), _CHANGES[one.change]) for one in found)])


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
    return row.what, ours, theirs, figure(row), spread, row.limit.text if row.limit else "", _VERDICTS[row.within]


def _change(one: Comparison) -> tuple[str, str, str, str]:
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


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Cells in columns, the first one to the left, the others to the right but for the last."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest, last = row
        cells = [f"{first:{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=False))]
        lines.append("  ".join([*cells, last]).rstrip())
    return lines
