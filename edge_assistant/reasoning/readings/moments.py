"""When: the days, times of day and periods that a question or a remark names, found on the clock of some readings.

"Between two and four pm on the ninth" is found in the text without the readings (`whens`) and then becomes a window or
a moment of theirs (`period`): which ninth, and whether ten past two is meant at night or in the afternoon, is decided
by what the readings cover.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

from edge_assistant.perception.table import Table, Window
from edge_assistant.reasoning.readings.when import Anchor, DayName, Relation, When, whens

MAX_DATES = 4_000  # days of readings among which a named one is looked for
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)  # makes an end that is included of one that is not


@dataclass(frozen=True, slots=True)
class Period:
    """When, on the clock of some readings.

    Attributes:
        window: from and to.
        moments: the points in time that can be meant, the likeliest first; empty where a period is.
        known: whether the text tells it and the readings cover it.
    """

    window: Window = (None, None)
    moments: tuple[datetime, ...] = ()
    known: bool = True


_UNKNOWN = Period(known=False)


def period(text: str, table: Table) -> Period | None:
    """The period or moment that the days, times and lengths of time in a text name together; None if it names none."""
    named = whens(text)
    if not named or not len(table):
        return None
    cover = _Cover(table)
    days = [when for when in named if when.first and when.first.is_day and when.length is None]
    frame: Window = (None, None)
    for when in days:
        bounds = cover.of_days(when)
        if bounds is None:
            return _UNKNOWN
        frame = _both(frame, bounds)
    result = Period(frame)
    for when in named:
        if when not in days:
            result = cover.narrow(result, when)
            if not result.known:
                return result
    start, end = result.window
    early = end is not None and end <= cover.first
    late = start is not None and start > cover.last + cover.reach
    return _UNKNOWN if early or late else result


class _Cover:
    """The dates and the span of some readings."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.first = table.when(0).replace(tzinfo=None)
        self.last = table.when(len(table) - 1).replace(tzinfo=None)
        count = min((self.last.date() - self.first.date()).days + 1, MAX_DATES)
        self.dates = [self.first.date() + i * _DAY for i in range(count)]
        self.reach = timedelta(seconds=(table.interval or 0.0) / 2)

    def of_days(self, when: When) -> Window | None:
        """The window of a day or of several; None if the readings do not have one of them, or several times."""
        assert when.first is not None
        first = self._day(when.first.day)
        if first is None:
            return None
        start, end = _at(first), _at(first) + _DAY
        if when.relation is Relation.BETWEEN and when.second is not None:
            second = self._day(when.second.day)
            return None if second is None else (start, _at(second) + _DAY)
        return _open((start, end), when.relation)

    def narrow(self, found: Period, when: When) -> Period:
        """A period with a time of day, a part of the day or a length of time besides."""
        if when.length is not None:
            return self._length(found, when)
        assert when.first is not None
        if when.first.part is not None:
            return self._part(found, when)
        if when.second is not None:
            return self._between(found, when)
        moments = self._moments(when.first, found.window)
        several = len({moment.date() for moment in moments}) > 1
        if not moments or (several and when.relation is not Relation.SINCE):
            return _UNKNOWN
        if when.relation is Relation.AT:
            return Period(found.window, tuple(moments))
        moment = max(moments) if several else moments[0]
        window: Window = {
            Relation.AFTER: (moment + _INSTANT, None),
            Relation.SINCE: (moment, None),
            Relation.BEFORE: (None, moment),
            Relation.UNTIL: (None, moment + _INSTANT),
        }[when.relation]
        return Period(_both(found.window, window), found.moments)

    def _between(self, found: Period, when: When) -> Period:
        """From one time of day to another, the shortest way that the readings cover."""
        assert when.first is not None
        assert when.second is not None
        ways = []
        for day in self._dates(when.first, found.window, before=1):
            for a, b in product(when.first.minutes or (0,), when.second.minutes or (1440,)):
                start = _at(day, a)
                other = self._day(when.second.day) if when.second.day else day
                end = _at(other or day, b)
                end = end if end > start or when.second.day else end + _DAY
                overlap = min(end, self.last + self.reach) - max(start, self.first - self.reach)
                if overlap > timedelta(0) and end > start and _within(found.window, start):
                    ways.append((start, end))
        if not ways:
            return _UNKNOWN
        order = [_rank(when.first, start) + _rank(when.second, end) for start, end in ways]
        if when.first.day is not None and when.second.day is not None:
            ways = [way for rank, way in zip(order, ways, strict=True) if rank == min(order)]
            order = [min(order)] * len(ways)
        shortest = min(end - start for start, end in ways)
        best = min((rank, way) for rank, way in zip(order, ways, strict=True) if way[1] - way[0] == shortest)
        same = [way for rank, way in zip(order, ways, strict=True) if rank == best[0] and way[1] - way[0] == shortest]
        if len({start.date() for start, _ in same}) > 1 and not self._covers_once(same):
            return _UNKNOWN
        start, end = self._most_covered(same)
        window = (start, end + _INSTANT)
        return Period(_both(found.window, window) if _within(found.window, start) else window)

    def _part(self, found: Period, when: When) -> Period:
        """A part of the day: the morning, the night; or what is before or after it."""
        anchor = when.first
        assert anchor is not None
        assert anchor.part is not None
        a, b = anchor.part
        ways = []
        for day in self._dates(anchor, found.window, before=1 if b <= a else 0):
            start, end = _at(day, a), _at(day, b) + (_DAY if b <= a else timedelta(0))
            if min(end, self.last + self.reach) > max(start, self.first):
                ways.append((start, end))
        starting = [way for way in ways if _within(found.window, way[0])]
        ways = starting or [way for way in ways if _within(found.window, way[1] - _INSTANT)]
        if not ways or (len(ways) > 1 and not self._covers_once(ways)):
            return _UNKNOWN
        return Period(_open(self._most_covered(ways), when.relation), found.moments)

    def _length(self, found: Period, when: When) -> Period:
        """The first or last hours, or the moment so long after the start."""
        assert when.length is not None
        length = timedelta(seconds=when.length)
        start = max(self.first, found.window[0] or self.first)
        end = min(self.last, (found.window[1] or self.last + _INSTANT) - _INSTANT)
        if when.first is not None:
            moments = self._moments(when.first, found.window)
            if not moments:
                return _UNKNOWN
            at = moments[0]
            if when.relation is Relation.ELAPSED:  # of six in the morning and in the evening the one that is covered
                covered = (m for m in self._every(when.first, found.window) if self._has(m + length, found.window))
                return Period(found.window, (next(covered, at) + length,))
            window = (at - length, at) if when.relation is Relation.BEFORE else (at, at + length + _INSTANT)
            return Period(window)
        if when.relation is Relation.FIRST:
            return Period((start, start + length))
        if when.relation is Relation.LAST:
            return Period((end - length + _INSTANT, end + _INSTANT))
        return _UNKNOWN if start + length > self.last + self.reach else Period(found.window, (start + length,))

    def _moments(self, anchor: Anchor, frame: Window) -> list[datetime]:
        """The moments of the readings at a time of day, the likeliest first."""
        there = self._every(anchor, frame)
        first_way = [m for m in there if m.hour * 60 + m.minute == (anchor.minutes or (0,))[0]]
        days = {moment.date() for moment in first_way or there}
        return first_way + [m for m in there if m not in first_way and m.date() in days]

    def _every(self, anchor: Anchor, frame: Window) -> list[datetime]:
        """The moments of the readings at a time of day in any way to read it."""
        days = list(self._dates(anchor, frame))
        ways = (_at(day, minutes) for minutes in anchor.minutes or (0,) for day in days)
        return [moment for moment in ways if self._has(moment, frame)]

    def _has(self, moment: datetime, frame: Window) -> bool:
        return self.first - self.reach <= moment <= self.last + self.reach and _within(frame, moment)

    def _dates(self, anchor: Anchor, frame: Window, before: int = 0) -> Iterator[date]:
        if anchor.day is not None:
            if day := self._day(anchor.day):
                yield day
            return
        for day in [self.dates[0] - i * _DAY for i in range(before, 0, -1)] + self.dates + [self.dates[-1] + _DAY]:
            if _overlaps(frame, day, before):
                yield day

    def _day(self, name: DayName | None) -> date | None:
        """The date of the readings that is named; None if there is none, or several."""
        if name is None:
            return None
        if name.place is not None:
            place = name.place - 1 if name.place > 0 else name.place
            return self.dates[place] if -len(self.dates) <= place < len(self.dates) else None
        fits = [day for day in self.dates if name.fits(day)]
        return fits[0] if len(fits) == 1 else None

    def _most_covered(self, ways: Sequence[tuple[datetime, datetime]]) -> tuple[datetime, datetime]:
        """The period of which the readings have most, of equals the earliest."""

        def covered(way: tuple[datetime, datetime]) -> tuple[timedelta, float]:
            return min(way[1], self.last) - max(way[0], self.first), -way[0].timestamp()

        return max(ways, key=covered)

    def _covers_once(self, ways: Sequence[tuple[datetime, datetime]]) -> bool:
        """Whether the readings have only one of the periods in full, and so no more than pieces of the others."""
        whole = [way for way in ways if way[0] >= self.first - self.reach and way[1] <= self.last + self.reach]
        return len(whole) == 1 or (not whole and len(self.dates) == 1)


def _at(day: date, minutes: int = 0) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minutes)


def _open(way: tuple[datetime, datetime], relation: Relation) -> Window:
    """A period, or all before or after it."""
    start, end = way
    return {
        Relation.AFTER: (end, None),
        Relation.SINCE: (start, None),
        Relation.BEFORE: (None, start),
        Relation.UNTIL: (None, end),
    }.get(relation, way)


def _both(a: Window, b: Window) -> Window:
    """What two windows have in common."""
    starts = [start for start in (a[0], b[0]) if start is not None]
    ends = [end for end in (a[1], b[1]) if end is not None]
    return max(starts, default=None), min(ends, default=None)


def _within(frame: Window, moment: datetime) -> bool:
    return (frame[0] is None or moment >= frame[0]) and (frame[1] is None or moment < frame[1])


def _overlaps(frame: Window, day: date, before: int) -> bool:
    start = _at(day)
    return (frame[0] is None or start + (1 + before) * _DAY > frame[0]) and (frame[1] is None or start < frame[1])


def _rank(anchor: Anchor, moment: datetime) -> int:
    """How unlikely a time of day is read like this: its place among the ways to read it."""
    minutes = anchor.minutes or (0,)
    at = moment.hour * 60 + moment.minute
    return minutes.index(at) if at in minutes else 0
