"""What is worth saying about a table of readings: sentences, each with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from edge_assistant.core.evidence import Statistic, counted
from edge_assistant.perception.statistics import Floats, Ints, ReadingRun, outlier_runs, steps
from edge_assistant.perception.table import GAP, Column, Table, quantity

_MOST_RUNS = 4  # of outliers, and of gaps, told one by one
_MOST_CHANGES = 12  # of a text column, told one by one
_LONG_RUN = 3  # neighbouring outliers from which on they are an excursion


@dataclass(frozen=True, slots=True)
class Observation:
    """Something to be said about a table; a lower rank is of more weight."""

    rank: int
    text: str
    rows: tuple[int, int]
    detail: Statistic


def observations(table: Table) -> Iterator[Observation]:
    """Everything that is worth saying about a table."""
    yield _summary(table)
    yield from _missing_rows(table)
    for column in table.columns:
        if column.numeric:
            yield from _range(table, column)
            yield from _outliers(table, column)
            yield from _steps(table, column)
            yield from _course(table, column)
        else:
            yield from _changes(table, column)
        yield from _gaps(table, column)


def decimals(values: Floats) -> int:
    """How many decimals readings were written with, at most 6, by the first thousand of them.

    >>> decimals(np.array([20.5, 19.25, 20.0])), decimals(np.array([3.0, 1e12]))
    (2, 0)
    """
    some = values[:1000]
    return next((n for n in range(6) if np.allclose(some, np.round(some, n), rtol=1e-12, atol=1e-9)), 6)


def _rows(table: Table, start: int, stop: int) -> tuple[int, int]:
    """First and last data row of [start, stop) in the order of time."""
    rows = table.rows[start:stop]
    return int(rows.min()), int(rows.max())


def _said(rows: tuple[int, int]) -> str:
    return f"row {rows[0]}" if rows[0] == rows[1] else f"rows {rows[0]}-{rows[1]}"


def _period(table: Table, start: int, stop: int) -> str:
    """When [start, stop) was."""
    first = table.shown(table.when(start))
    return f"at {first}" if stop - start == 1 else f"from {first} to {table.shown(table.when(stop - 1))}"


def _named(column: Column) -> str:
    return f"{column.name} [{column.unit}]" if column.unit else column.name


def _every(seconds: float) -> str:
    """A sampling interval in words.

    >>> _every(300.0), _every(0.5), _every(86400.0)
    ('5 min', '0.5 s', '1 d')
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _summary(table: Table) -> Observation:
    rows = _rows(table, 0, len(table))
    names = ", ".join(_named(column) for column in table.columns[:20])
    more = f" and {len(table.columns) - 20} more" if len(table.columns) > 20 else ""
    every = f", every {_every(table.interval)}" if table.interval else ""
    count = counted(len(table), "row")
    text = f"Readings of {names}{more}: {count} {_period(table, 0, len(table))}{every}"
    return Observation(0, text, rows, Statistic("time", None, "table", float(len(table)), table.when(0)))


def _range(table: Table, column: Column) -> Iterator[Observation]:
    """The highest and the lowest reading, each with its row."""
    high, low = table.maximum(column.name), table.minimum(column.name)
    if high is None or low is None:
        return
    if high.value == low.value:
        text = f"{column.name} was {quantity(high.value, column.unit)} throughout"
        rows = _rows(table, 0, len(table))
        yield Observation(1, text, rows, Statistic(column.name, column.unit, "range", high.value))
        return
    for word, name, end in (("highest", "max", high), ("lowest", "min", low)):
        times = int((column.values == end.value).sum())
        again = "" if times == 1 else f", the first of {times} times"
        value = quantity(end.value, column.unit)
        text = f"{column.name} was {word} at {value} {_at(table, end.time)} (row {end.rows[0]}{again})"
        yield Observation(1, text, end.rows, Statistic(column.name, column.unit, name, end.value, end.time))


def _at(table: Table, time: datetime | None) -> str:
    return f"at {table.shown(time)}" if time else ""


def _outliers(table: Table, column: Column) -> Iterator[Observation]:
    """Runs of readings far from the rest; long ones are excursions."""
    indices, values = table.present(column)
    runs = outlier_runs(values)
    for place, run in enumerate(runs[:_MOST_RUNS]):
        yield _outlier(table, column, indices, values, run, 2 if place < 2 else 4)


def _outlier(table: Table, column: Column, indices: Ints, values: Floats, run: ReadingRun, rank: int) -> Observation:
    start, stop, peak = int(indices[run.start]), int(indices[run.stop - 1]) + 1, int(indices[run.peak])
    value, rows = float(values[run.peak]), _rows(table, start, stop)
    side = "high" if run.z > 0 else "low"
    reach = "" if run.stop - run.start == 1 else "up to " if side == "high" else "down to "
    text = (
        f"{column.name} was unusually {side} {_period(table, start, stop)} ({_said(rows)}): {reach}"
        f"{quantity(value, column.unit)}, modified z-score {_score(run.z)}"
    )
    name = "excursion" if run.stop - run.start >= _LONG_RUN else "outlier"
    return Observation(rank, text, rows, Statistic(column.name, column.unit, name, value, table.when(peak)))


def _score(z: float) -> str:
    """A modified z-score in words; beyond a thousand it only says that the other readings hardly differ."""
    return f"{abs(z):.1f}" if abs(z) < 1000 else "over 1000"


def _steps(table: Table, column: Column) -> Iterator[Observation]:
    indices, values = table.present(column)
    for step in steps(values):
        index = int(indices[step.index])
        row, digits = int(table.rows[index]), decimals(values)
        before, after = (quantity(round(level, digits), column.unit) for level in (step.before, step.after))
        text = f"{column.name} stepped from about {before} to {after} {_period(table, index, index + 1)} (row {row})"
        detail = Statistic(column.name, column.unit, "step", step.after - step.before, table.when(index))
        yield Observation(3, text, (row, row), detail)


def _course(table: Table, column: Column) -> Iterator[Observation]:
    """The mean, and the trend where it moves the readings by more than their scatter around it."""
    mean, trend, spread = table.mean(column.name), table.trend(column.name), table.spread(column.name)
    if mean is None or spread is None or spread.value == 0:
        return
    indices, values = table.present(column)
    value = round(mean.value, decimals(values) + 1)
    text = f"{column.name} was {quantity(value, column.unit)} on average {_period(table, 0, len(table))}"
    yield Observation(3, text, mean.rows, Statistic(column.name, column.unit, "mean", value))
    if trend is None:
        return
    some = slice(None, None, 1 + len(indices) // 10_000)  # enough for the scatter
    hours = (table.times[indices[some]] - table.times[0]).astype(np.int64) / 3.6e12
    rest = values[some] - trend.value * hours
    scatter = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    if abs(trend.value) * hours[-1] > 2 * scatter:
        slope = float(f"{trend.value:.3g}")
        verb = "rose" if slope > 0 else "fell"
        per_hour = f"{quantity(abs(slope), column.unit)} per hour"
        text = f"{column.name} {verb} by {per_hour} {_period(table, 0, len(table))} (Theil-Sen slope)"
        yield Observation(3, text, trend.rows, Statistic(column.name, trend.unit, "trend", slope))


def _changes(table: Table, column: Column) -> Iterator[Observation]:
    """Where a column of states changes; gaps do not count as a state."""
    indices, states = table.present(column)
    turns = np.flatnonzero(states[1:] != states[:-1]) + 1
    rows, first = _rows(table, 0, len(table)), table.when(int(indices[0]))
    kinds = list(dict.fromkeys(states[np.concatenate(([0], turns))].tolist()))
    if len(turns):
        shown = ", ".join(kinds[:6]) + (" ..." if len(kinds) > 6 else "")
        text = f"{column.name} changed {len(turns)} times between {len(kinds)} states: {shown}"
    else:
        text = f"{column.name} was '{states[0]}' throughout"
    yield Observation(1, text, rows, Statistic(column.name, column.unit, "states", float(len(turns)), first))
    for place, turn in enumerate(turns[:_MOST_CHANGES]):
        index = int(indices[turn])
        row = int(table.rows[index])
        change = f"from '{states[turn - 1]}' to '{states[turn]}'"
        text = f"{column.name} changed {change} {_period(table, index, index + 1)} (row {row})"
        detail = Statistic(column.name, column.unit, "change", None, table.when(index))
        yield Observation(2 if place < 4 else 4, text, (row, row), detail)


def _gaps(table: Table, column: Column) -> Iterator[Observation]:
    """Runs of empty cells, the longest first."""
    empty = np.isnan(column.values) if column.numeric else column.values == np.array(None)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], empty, [False])).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    longest = np.argsort(starts - stops, kind="stable")[:_MOST_RUNS]
    for place, (start, stop) in enumerate(zip(starts[longest].tolist(), stops[longest].tolist(), strict=True)):
        rows = _rows(table, start, stop)
        text = f"{column.name} is missing {_period(table, start, stop)} ({_said(rows)})"
        detail = Statistic(column.name, column.unit, "gap", float(stop - start), table.when(start))
        yield Observation(3 if place == 0 else 4, text, rows, detail)


def _missing_rows(table: Table) -> Iterator[Observation]:
    """Stretches without rows, the longest first."""
    if table.interval is None:
        return
    apart = np.diff(table.times.view(np.int64))
    gaps = np.flatnonzero(apart > np.int64(GAP * table.interval * 1e9))
    for place, i in enumerate(gaps[np.argsort(-apart[gaps], kind="stable")][:_MOST_RUNS].tolist()):
        before, after = table.when(i), table.when(i + 1)
        seconds = float(apart[i]) / 1e9
        missing = round(seconds / table.interval) - 1
        about = f", about {missing} missing" if missing > 0 else ""
        text = f"No readings between {table.shown(before)} and {table.shown(after)}{about}"
        detail = Statistic("time", "s", "gap", seconds, before + timedelta(seconds=table.interval))
        yield Observation(2 if place == 0 else 4, text, _rows(table, i, i + 2), detail)
