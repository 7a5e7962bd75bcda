"""Readings around the rows that evidence cites: points of a curve, and the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.perception.table import Column, Table

ROWS = 400  # of the table that is shown under the curve
_LEAST = 12  # rows before and after what is cited
_TIMES = 1.0  # as many rows again before and after


@dataclass(frozen=True, slots=True)
class Curve:
    """Readings of one column, thinned out so that the highest and lowest of each stretch stay.

    Attributes:
        name: of the column, with its unit.
        points: (position in the order of time, value).
        marked: those of the cited rows.
        labels: (position, time in words).
    """

    name: str
    points: tuple[tuple[int, float], ...]
    marked: tuple[tuple[int, float], ...]
    labels: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is shown of readings.

    Attributes:
        curve: of the column in question; None where it holds no numbers.
        columns: names with their units, of all columns.
        chosen: which of them the curve is of.
        cells: (row number, time, cells, whether it is cited) of each row that is shown.
        left_out: rows that are in between and not shown.
        total: rows of the table.
    """

    curve: Curve | None
    columns: tuple[str, ...]
    chosen: int
    cells: tuple[tuple[int, str, tuple[str, ...], bool], ...]
    left_out: int
    total: int


@dataclass(frozen=True, slots=True)
class TableRequest:
    """Which rows are to be shown.

    Attributes:
        spans: first and last row, of each place that is cited.
        column: its name, or None for the first one with numbers.
        step: by how many columns further.
        whole: all rows in the curve instead of what is around the cited ones.
        points: how many points the curve may have.
        labels: how many times there is room for under it.
    """

    spans: tuple[tuple[int, int], ...]
    column: str | None = None
    step: int = 0
    whole: bool = False
    points: int = 200
    labels: int = 3


def rows(table: Table, wanted: TableRequest) -> Rows:
    """Choose the column and the rows, and thin out the curve."""
    import numpy as np

    cited = np.zeros(len(table), dtype=bool)
    for first, last in wanted.spans:
        cited |= (table.rows >= first) & (table.rows <= last)
    places = np.flatnonzero(cited)
    start, stop = (0, len(table)) if not len(places) else _window(int(places[0]), int(places[-1]) + 1, len(table))
    chosen = _chosen(table, wanted)
    shown = _shown(places, start, stop)
    of_curve = (0, len(table)) if wanted.whole else (start, stop)
    return Rows(
        _curve(table, table.columns[chosen], cited, of_curve, wanted),
        tuple(_title(column) for column in table.columns),
        chosen,
        tuple(_cells(table, int(at), bool(cited[at])) for at in shown),
        stop - start - len(shown),
        len(table),
    )


def _window(first: int, stop: int, total: int) -> tuple[int, int]:
    around = max(_LEAST, round((stop - first) * _TIMES))
    return max(0, first - around), min(total, stop + around)


def _chosen(table: Table, wanted: TableRequest) -> int:
    names = [column.name.casefold() for column in table.columns]
    at = names.index(wanted.column.casefold()) if wanted.column and wanted.column.casefold() in names else None
    if at is None:
        at = next((at for at, column in enumerate(table.columns) if column.numeric), 0)
    return (at + wanted.step) % len(table.columns)


def _shown(places: NDArray[np.int64], start: int, stop: int) -> NDArray[np.int64]:
    """Rows of the table: those around the first and the last cited one, where all are too many."""
    import numpy as np

    if stop - start <= ROWS:
        return np.arange(start, stop)
    if not len(places):
        return np.arange(start, start + ROWS)
    quarter = ROWS // 4
    first, last = int(places[0]), int(places[-1])
    near = [np.arange(max(start, at - quarter), min(stop, at + quarter)) for at in (first, last)]
    return np.unique(np.concatenate(near))


def _curve(
    table: Table, column: Column, cited: NDArray[np.bool_], span: tuple[int, int], wanted: TableRequest
) -> Curve | None:
    import numpy as np

    if not column.numeric:
        return None
    places = np.arange(*span)
    values = column.values[places]
    there = np.isfinite(values)
    places, values = places[there], values[there]
    if not len(places):
        return None
    marks = cited[places]
    kept = _thinned(values, wanted.points)
    middles = (np.arange(wanted.labels) + 0.5) / wanted.labels  # of equal stretches: no label reaches over an end
    labels = [int(places[at]) for at in (middles * (len(places) - 1)).round().astype(int)]
    marked = np.flatnonzero(marks)
    marked = marked[_thinned(values[marked], wanted.points)]
    return Curve(
        _title(column),
        _pairs(places[kept], values[kept]),
        _pairs(places[marked], values[marked]),
        tuple((at, table.shown(table.when(at))) for at in dict.fromkeys(labels)),
    )


def _thinned(values: NDArray[Any], points: int) -> NDArray[np.int64]:
    """Indices of the lowest and the highest of each stretch, in order, so that no peak is lost."""
    import numpy as np

    if len(values) <= points:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), max(1, points // 2) + 1).astype(int)
    chosen = []
    for first, stop in pairwise(edges.tolist()):
        part = values[first:stop]
        chosen += [first + int(part.argmin()), first + int(part.argmax())]
    return np.unique(np.array(chosen))


def _pairs(places: NDArray[np.int64], values: NDArray[Any]) -> tuple[tuple[int, float], ...]:
    return tuple(zip(places.tolist(), values.tolist(), strict=True))


def _cells(table: Table, at: int, cited: bool) -> tuple[int, str, tuple[str, ...], bool]:
    cells = tuple(_cell(column.values[at], numeric=column.numeric) for column in table.columns)
    return int(table.rows[at]), table.shown(table.when(at)), cells, cited


def _cell(value: Any, *, numeric: bool) -> str:  # noqa: ANN401 - a number or a text
    from edge_assistant.core.signals import printable

    if numeric:
        return "" if value != value else f"{value:.10g}"
    return "" if value is None else printable(str(value))


def _title(column: Column) -> str:
    from edge_assistant.core.signals import printable

    return printable(f"{column.name} [{column.unit}]" if column.unit else column.name)
