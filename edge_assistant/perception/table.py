"""Readings as a table, and what can be computed over it: each result carries the rows and time it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property, partialmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.perception.statistics import Bools, Floats, Ints, theil_sen

GAP = 1.5  # sampling intervals between two rows from which on readings are missing in between
_SECOND = 1_000_000_000
_FIRST = 4096  # times that are looked at before all of them: most often they tell already
_NO_ZONE_EPOCH = datetime(1970, 1, 1)  # wall-clock time without a zone, as in the file

Window = tuple[datetime | None, datetime | None]
"""From (included) and to (excluded); without a zone they are wall-clock times of the table."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column.

    Attributes:
        name: without the unit.
        unit: as in the header's brackets, or None.
        values: float64 [n] with NaN for gaps, or objects [n], str or None, where the column is text.
    """

    name: str
    unit: str | None
    values: NDArray[Any]

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.values.dtype.kind == "f"


@dataclass(frozen=True, slots=True)
class Computed:
    """A result over rows.

    Attributes:
        formula: what was computed, such as `max(temperature)`.
        value: the number.
        unit: of the number, or None.
        rows: first and last data row that it rests on, from 1.
        time: the moment, where one is meant, else None.
    """

    formula: str
    value: float
    unit: str | None
    rows: tuple[int, int]
    time: datetime | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """Readings in the order of time.

    Attributes:
        times: datetime64[ns] [n], ascending; wall-clock time of `zone`.
        rows: int64 [n], the data row of each, from 1 in the file's order.
        columns: what was measured.
        zone: the zone of the times, or None where the file names none.
    """

    times: NDArray[np.datetime64]
    rows: Ints
    columns: tuple[Column, ...]
    zone: timezone | None = None

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def interval(self) -> float | None:
        """The sampling interval in seconds: the median distance of different times; None below two of them."""
        apart = np.diff(self.times.view(np.int64))
        if len(apart) and apart.min() == apart.max() != 0:  # as most loggers write: nothing to select
            return float(apart[0]) / _SECOND
        apart = apart[apart > 0]
        return float(np.median(apart, overwrite_input=True)) / _SECOND if len(apart) else None

    def column(self, name: str) -> Column:
        """The column of that name, whatever its case.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name.casefold() == name.casefold():
                return column
        raise KeyError(name)

    def present(self, column: Column, window: Window | None = None) -> tuple[Ints, NDArray[Any]]:
        """Indices into the table and values of the cells of a column that are no gaps, both [m]."""
        start, stop = self._bounds(window)
        values = column.values[start:stop]
        there = ~np.isnan(values) if column.numeric else values != np.array(None)
        if there.all():
            return self._indices[start:stop], values
        return np.flatnonzero(there) + start, values[there]

    def when(self, index: int) -> datetime:
        """The time of the index-th row in the order of time, with the zone where one is known."""
        return self._datetime(int(self.times[index].astype(np.int64)))

    def shown(self, moment: datetime) -> str:
        """A time as the readings' own resolution shows it: `2014-01-15 04:30`, with the zone where one is known."""
        if self._resolution == "day":
            return moment.date().isoformat()
        text = moment.replace(tzinfo=None).isoformat(" ", self._resolution)
        if self.zone is None:
            return text
        return text + (" UTC" if self.zone == UTC else " " + self.zone.tzname(None)[3:])

    def maximum(self, column: str, window: Window | None = None) -> Computed | None:
        """The highest reading, the first where several are equal; None without readings."""
        part = self._part(column, window)
        return None if part is None else part.reading(f"max({part.term})", int(np.argmax(part.values)))

    def minimum(self, column: str, window: Window | None = None) -> Computed | None:
        """The lowest reading, the first where several are equal; None without readings."""
        part = self._part(column, window)
        return None if part is None else part.reading(f"min({part.term})", int(np.argmin(part.values)))

    def mean(self, column: str, window: Window | None = None) -> Computed | None:
        """The arithmetic mean of the readings; gaps do not count."""
        part = self._part(column, window)
        return None if part is None else part.result(f"mean({part.term})", float(part.values.mean()))

    def spread(self, column: str, window: Window | None = None) -> Computed | None:
        """The difference between the highest and the lowest reading."""
        part = self._part(column, window)
        return None if part is None else part.result(f"max({part.term}) - min({part.term})", float(np.ptp(part.values)))

    def first(self, column: str, window: Window | None = None) -> Computed | None:
        """The oldest reading."""
        part = self._part(column, window)
        return None if part is None else part.reading(f"first({part.term})", 0)

    def last(self, column: str, window: Window | None = None) -> Computed | None:
        """The newest reading."""
        part = self._part(column, window)
        return None if part is None else part.reading(f"last({part.term})", len(part.values) - 1)

    def at(self, column: str, moment: datetime) -> Computed | None:
        """The reading nearest to a moment, at most half a sampling interval away; the earlier of two as near."""
        part = self._part(column, None)
        if part is None:
            return None
        wanted = self._nanoseconds(moment)
        times = self.times.view(np.int64)[part.indices]
        right = int(np.searchsorted(times, wanted))
        near = [i for i in (right - 1, right) if 0 <= i < len(times)]
        best = min(near, key=lambda i: abs(int(times[i]) - wanted))
        if abs(int(times[best]) - wanted) > (self.interval or 0.0) * _SECOND / 2:
            return None
        first = int(np.searchsorted(times, times[best]))
        return part.reading(f"at({part.term}, {self.shown(self._datetime(wanted))})", first)

    def first_over(self, column: str, limit: float, window: Window | None = None, over: bool = True) -> Computed | None:
        """The first reading above a limit (or below it), or None where none is."""
        found = self._beyond(column, limit, window, over)
        if found is None or not found[1].any():
            return None
        part, mask, condition = found
        return part.reading(f"first({condition})", int(np.argmax(mask)))

    def last_over(self, column: str, limit: float, window: Window | None = None, over: bool = True) -> Computed | None:
        """The last reading above a limit (or below it), or None where none is."""
        found = self._beyond(column, limit, window, over)
        if found is None or not found[1].any():
            return None
        part, mask, condition = found
        return part.reading(f"last({condition})", int(np.flatnonzero(mask)[-1]))

    def count_over(self, column: str, limit: float, window: Window | None = None, over: bool = True) -> Computed | None:
        """How many readings are above a limit (or below it), with the first and last of them; None without readings."""
        found = self._beyond(column, limit, window, over)
        if found is None:
            return None
        part, mask, condition = found
        return part.result(f"count({condition})", float(mask.sum()), "", mask)

    def time_over(self, column: str, limit: float, window: Window | None = None, over: bool = True) -> Computed | None:
        """Seconds above a limit (or below it).

        Each reading stands for the time until the next row, but for one sampling interval where rows are missing
        before the next and at the end.
        """
        found = self._beyond(column, limit, window, over)
        if found is None:
            return None
        part, mask, condition = found
        interval = self.interval or 0.0
        apart = np.append(np.diff(self.times.view(np.int64)) / _SECOND, interval)
        stands_for = np.where(apart > GAP * interval, interval, apart)[part.indices]
        return part.result(f"duration({condition})", float(stands_for[mask].sum()), "s", mask)

    first_under = partialmethod(first_over, over=False)
    last_under = partialmethod(last_over, over=False)
    count_under = partialmethod(count_over, over=False)
    time_under = partialmethod(time_over, over=False)

    def trend(self, column: str, window: Window | None = None) -> Computed | None:
        """The Theil-Sen slope per hour; None where no two readings differ in time."""
        part = self._part(column, window)
        if part is None:
            return None
        hours = (self.times.view(np.int64)[part.indices] - self.times.view(np.int64)[0]) / (3600 * _SECOND)
        slope = theil_sen(hours, part.values)
        unit = f"{part.column.unit}/h" if part.column.unit else "1/h"
        return None if slope is None else part.result(f"trend({part.term})", slope, unit)

    def span(self, window: Window | None = None) -> Computed | None:
        """Seconds from the first row to the last; None without rows."""
        start, stop = self._bounds(window)
        if start >= stop:
            return None
        seconds = int(self.times.view(np.int64)[stop - 1] - self.times.view(np.int64)[start]) / _SECOND
        rows = self.rows[start:stop]
        return Computed(
            self._term("last(time) - first(time)", window), seconds, "s", (int(rows.min()), int(rows.max()))
        )

    @cached_property
    def _indices(self) -> Ints:
        return np.arange(len(self))

    @cached_property
    def _resolution(self) -> str:
        """The coarsest of `day`, `minutes`, `seconds`, `milliseconds` that loses nothing."""
        times = self.times.view(np.int64)
        for name, seconds in (("day", 86400), ("minutes", 60), ("seconds", 1)):
            if not (np.any(times[:_FIRST] % (seconds * _SECOND)) or np.any(times % (seconds * _SECOND))):
                return name
        return "milliseconds"

    def _datetime(self, nanoseconds: int) -> datetime:
        return (_NO_ZONE_EPOCH + timedelta(microseconds=nanoseconds // 1000)).replace(tzinfo=self.zone)

    def _nanoseconds(self, moment: datetime) -> int:
        """A moment on the table's clock. One with a zone is converted, where the table knows its own."""
        if moment.tzinfo is not None and self.zone is not None:
            moment = moment.astimezone(self.zone)
        return (moment.replace(tzinfo=None) - _NO_ZONE_EPOCH) // timedelta(microseconds=1) * 1000

    def _bounds(self, window: Window | None) -> tuple[int, int]:
        """Indices [start, stop) of a window."""
        start, stop = 0, len(self)
        times = self.times.view(np.int64)
        if window and window[0] is not None:
            start = int(np.searchsorted(times, self._nanoseconds(window[0])))
        if window and window[1] is not None:
            stop = int(np.searchsorted(times, self._nanoseconds(window[1])))
        return start, max(start, stop)

    def _term(self, text: str, window: Window | None) -> str:
        if not window or window == (None, None):
            return text
        start, end = ("" if moment is None else self.shown(moment) for moment in window)
        return f"{text}, {start}..{end}"

    def _part(self, name: str, window: Window | None) -> _Part | None:
        """The readings of a numeric column in a window, without gaps; None where there are none."""
        column = self.column(name)
        if not column.numeric:
            return None
        indices, values = self.present(column, window)
        return _Part(self, column, self._term(column.name, window), indices, values) if len(indices) else None

    def _beyond(self, column: str, limit: float, window: Window | None, over: bool) -> tuple[_Part, Bools, str] | None:
        """The readings, which of them are beyond the limit, and the condition in words."""
        part = self._part(column, window)
        if part is None:
            return None
        mask = part.values > limit if over else part.values < limit
        return part, mask, self._term(f"{part.column.name} {'>' if over else '<'} {limit:.10g}", window)


def quantity(value: float, unit: str | None) -> str:
    """A number with its unit, as many digits as it was read with.

    >>> quantity(105.59, "degC"), quantity(60.0, None), quantity(41.5, "%")
    ('105.59 degC', '60', '41.5 %')
    """
    return f"{value:.10g} {unit}" if unit else f"{value:.10g}"


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The readings of one column in a window: indices into the table and values, both [m], m > 0."""

    table: Table
    column: Column
    term: str
    indices: Ints
    values: Floats

    def reading(self, formula: str, i: int) -> Computed:
        """One reading, with its row and time."""
        index = int(self.indices[i])
        row = int(self.table.rows[index])
        return Computed(formula, float(self.values[i]), self.column.unit, (row, row), self.table.when(index))

    def result(
        self, formula: str, value: float, unit: str | None = None, among: Bools | Ints | None = None
    ) -> Computed:
        """A number over the readings, or over those in a mask or of indices that has any, with first and last row."""
        some = among is not None and bool(np.any(among) if among.dtype == np.bool_ else len(among))
        chosen = self.indices[among] if some else self.indices
        rows = self.table.rows[chosen]
        unit = self.column.unit if unit is None else unit or None
        time = self.table.when(int(chosen[0])) if some else None
        return Computed(formula, value, unit, (int(rows.min()), int(rows.max())), time)
