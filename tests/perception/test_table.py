"""What is computed over a table, against a plain loop over its rows."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_assistant.perception.table import Column, Table

START = datetime(2024, 5, 1, 12, 0)
cells = st.lists(st.tuples(st.integers(0, 50), st.one_of(st.none(), st.integers(-20, 20))), min_size=1, max_size=40)
windows = st.one_of(
    st.none(), st.tuples(st.one_of(st.none(), st.integers(0, 300)), st.one_of(st.none(), st.integers(0, 300)))
)


class Plain:
    """A table and the same rows as a list of (moment, row, value or None), both in the order of time."""

    def __init__(self, drawn, seed=0):
        minutes = np.cumsum([step for step, _ in drawn])
        self.moments = [START + timedelta(minutes=int(m)) for m in minutes]
        numbers = np.random.default_rng(seed).permutation(len(drawn)) + 1
        values = np.array([math.nan if value is None else float(value) for _, value in drawn])
        self.rows = [(m, int(n), v) for m, n, (_, v) in zip(self.moments, numbers, drawn, strict=True)]
        times = np.array(self.moments, "datetime64[ns]")
        self.table = Table(times, numbers, (Column("level", "m", values),))

    def inside(self, window):
        start, end = window or (None, None)
        return [
            (m, n, v)
            for m, n, v in self.rows
            if v is not None and (start is None or m >= start) and (end is None or m < end)
        ]


def moments(window):
    if window is None:
        return None
    return tuple(None if minutes is None else START + timedelta(minutes=minutes) for minutes in window)


@given(cells, windows)
def test_extremes_and_means(drawn, window):
    plain, window = Plain(drawn), moments(window)
    there = plain.inside(window)
    results = [
        f("level", window)
        for f in (plain.table.maximum, plain.table.minimum, plain.table.mean, plain.table.last, plain.table.first)
    ]
    if not there:
        assert results == [None] * 5
        assert plain.table.spread("level", window) is None
        return
    high, low, mean, last, oldest = results
    assert (oldest.value, oldest.rows[0]) == (there[0][2], there[0][1])
    top, bottom = max(v for _, _, v in there), min(v for _, _, v in there)
    first = next(entry for entry in there if entry[2] == top)
    assert (high.value, high.time, high.rows) == (top, first[0], (first[1], first[1]))
    first = next(entry for entry in there if entry[2] == bottom)
    assert (low.value, low.time, low.rows) == (bottom, first[0], (first[1], first[1]))
    assert mean.value == pytest.approx(sum(v for _, _, v in there) / len(there))
    assert mean.rows == (min(n for _, n, _ in there), max(n for _, n, _ in there))
    assert (last.value, last.rows[0]) == (there[-1][2], there[-1][1])
    assert plain.table.spread("level", window).value == top - bottom
    assert {result.unit for result in results} == {"m"}


@given(cells, windows, st.integers(-21, 21))
def test_limits(drawn, window, limit):
    plain, window = Plain(drawn), moments(window)
    there, interval = plain.inside(window), plain.table.interval or 0.0
    stands = {}
    for i, (moment, row, _) in enumerate(plain.rows):
        after = plain.rows[i + 1][0] if i + 1 < len(plain.rows) else None
        apart = interval if after is None else (after - moment).total_seconds()
        stands[row] = interval if apart > 1.5 * interval else apart
    table = plain.table
    for beyond, first, last, count, duration in (
        (lambda v: v > limit, table.first_over, table.last_over, table.count_over, table.time_over),
        (lambda v: v < limit, table.first_under, table.last_under, table.count_under, table.time_under),
    ):
        hits = [entry for entry in there if beyond(entry[2])]
        for found, place in ((first("level", limit, window), 0), (last("level", limit, window), -1)):
            if hits:
                moment, row, value = hits[place]
                assert (found.value, found.time, found.rows) == (value, moment, (row, row))
            else:
                assert found is None
        if there:
            counted, lasted = count("level", limit, window), duration("level", limit, window)
            assert (counted.value, counted.unit) == (len(hits), None)
            assert lasted.value == pytest.approx(sum(stands[row] for _, row, _ in hits))
            assert lasted.unit == "s"
            rows = [row for _, row, _ in hits or there]
            assert counted.rows == lasted.rows == (min(rows), max(rows))
        else:
            assert count("level", limit, window) is duration("level", limit, window) is None


@given(cells, st.integers(-30, 900))
def test_the_nearest_reading(drawn, minutes):
    plain, moment = Plain(drawn), START + timedelta(minutes=minutes)
    found = plain.table.at("level", moment)
    reach = timedelta(seconds=(plain.table.interval or 0.0) / 2)
    near = [(abs(m - moment), i, n, v) for i, (m, n, v) in enumerate(plain.inside(None)) if abs(m - moment) <= reach]
    if not near:
        assert found is None
        return
    _, _, row, value = min(near, key=lambda entry: entry[:2])
    assert (found.rows, found.value) == ((row, row), value)


@given(cells)
def test_interval_trend_and_span(drawn):
    plain = Plain(drawn)
    apart = [b - a for (a, _, _), (b, _, _) in zip(plain.rows[:-1], plain.rows[1:], strict=True) if b > a]
    expected = float(np.median([gap.total_seconds() for gap in apart])) if apart else None
    assert plain.table.interval == expected
    assert plain.table.span().value == (plain.moments[-1] - plain.moments[0]).total_seconds()
    there = plain.inside(None)
    slopes = [
        (b[2] - a[2]) / ((b[0] - a[0]).total_seconds() / 3600)
        for i, a in enumerate(there)
        for b in there[i + 1 :]
        if b[0] > a[0]
    ]
    trend = plain.table.trend("level")
    assume(slopes)
    assert trend.value == pytest.approx(np.median(slopes), abs=1e-9)
    assert trend.unit == "m/h"


def table(*texts: str, zone: timezone | None = None) -> Table:
    times = np.array(list(texts), "datetime64[ns]")
    count = len(texts)
    return Table(times, np.arange(1, count + 1), (Column("a", None, np.arange(1.0, count + 1)),), zone)


def test_formulas_read_as_what_was_computed():
    t = table("2024-01-01T00:00", "2024-01-01T00:05", "2024-01-01T00:10")
    window = (datetime(2024, 1, 1, 0, 5), None)
    assert t.maximum("A").formula == "max(a)"
    assert t.minimum("a", window).formula == "min(a, 2024-01-01 00:05..)"
    assert t.first_over("a", 1.5).formula == "first(a > 1.5)"
    assert t.time_under("a", 2.0, window).formula == "duration(a < 2, 2024-01-01 00:05..)"
    assert t.at("a", datetime(2024, 1, 1, 0, 6)).formula == "at(a, 2024-01-01 00:06)"
    assert t.spread("a").formula == "max(a) - min(a)"
    assert t.trend("a").formula == "trend(a)"
    assert t.span().formula == "last(time) - first(time)"


def test_windows_are_told_in_any_zone():
    t = table("2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T02:00", zone=timezone(timedelta(hours=1)))
    assert t.maximum("a", (None, datetime(2024, 1, 1, 2, 0))).value == 2
    assert t.maximum("a", (None, datetime(2024, 1, 1, 2, 0, tzinfo=UTC))).value == 3
    assert t.at("a", datetime(2024, 1, 1, 0, 0, tzinfo=UTC)).value == 2


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("2024-01-01", "2024-01-02"), "2024-01-01"),
        (("2024-01-01T00:00", "2024-01-01T00:05"), "2024-01-01 00:00"),
        (("2024-01-01T00:00", "2024-01-01T00:00:01"), "2024-01-01 00:00:00"),
        (("2024-01-01T00:00", "2024-01-01T00:00:00.5"), "2024-01-01 00:00:00.000"),
    ],
)
def test_times_are_shown_as_finely_as_they_were_taken(texts, shown):
    t = table(*texts)
    assert t.shown(t.when(0)) == shown


def test_unknown_columns_and_texts():
    t = Table(
        np.array(["2024-01-01"], "datetime64[ns]"), np.array([1]), (Column("s", None, np.array(["on"], dtype=object)),)
    )
    with pytest.raises(KeyError):
        t.column("x")
    assert t.maximum("s") is None
    assert t.interval is None
