"""Readings: curves with a peak that is surely the peak, their CSV, and numbers computed anew from that CSV."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one quantity.

    Attributes:
        name: of the column.
        unit: as it stands in the header.
        times: of the rows.
        values: rounded as they are written.
        places: how many decimals are written.
    """

    name: str
    unit: str
    times: tuple[datetime, ...]
    values: tuple[float, ...]
    places: int

    def csv(self) -> str:
        """The file's text."""
        rows = [f"{t.isoformat()},{v:.{self.places}f}" for t, v in zip(self.times, self.values, strict=True)]
        return "\n".join([f"time,{self.name} [{self.unit}]", *rows, ""])

    def index_of(self, time: datetime) -> int:
        """The row of a time."""
        return self.times.index(time)


def curve(
    draw: random.Random,
    name: str,
    unit: str,
    start: datetime,
    *,
    rows: int,
    minutes: int,
    low: float,
    high: float,
    places: int = 1,
) -> Series:
    """A restless curve between two levels with one hump that ends in a peak of its own and one dip.

    The peak stands at least a fiftieth of the range above every other value, and so does the lowest value below.
    """
    span = high - low
    level = [low + span * (0.25 + 0.15 * draw.random())]
    for _ in range(rows - 1):
        level.append(min(low + span * 0.6, max(low + span * 0.15, level[-1] + draw.gauss(0, span * 0.02))))
    hump, dip = _apart(draw, rows)
    width = max(4, rows // draw.randint(9, 14))
    for row in range(rows):
        level[row] += (high - low) * 0.38 * max(0.0, 1 - abs(row - hump) / width)
        level[row] -= (high - low) * 0.10 * max(0.0, 1 - abs(row - dip) / width)
    top = max(v for row, v in enumerate(level) if row != hump)
    bottom = min(v for row, v in enumerate(level) if row != dip)
    level[hump] = top + span * 0.04
    level[dip] = bottom - span * 0.04
    times = tuple(start + timedelta(minutes=minutes * row) for row in range(rows))
    return Series(name, unit, times, tuple(round(v, places) for v in level), places)


def _apart(draw: random.Random, rows: int) -> tuple[int, int]:
    """Two rows well inside and well apart."""
    edge = rows // 8
    while True:
        first, second = draw.randrange(edge, rows - edge), draw.randrange(edge, rows - edge)
        if abs(first - second) > rows // 5:
            return first, second


def round_limit(draw: random.Random, series: Series, step: float) -> float | None:
    """A round limit that the readings pass once, for some rows, with no reading near it; None if there is none."""
    values = series.values
    span = max(values) - min(values)
    levels = [round(n * step, 1) for n in range(int(min(values) / step), int(max(values) / step) + 1)]
    good = []
    for level in levels:
        above = [row for row, value in enumerate(values) if value > level]
        together = above and above[-1] - above[0] + 1 == len(above)
        if (
            together
            and above[0] > 2
            and 3 <= len(above) <= len(values) // 3
            and min(abs(v - level) for v in values) > 0.004 * span
        ):
            good.append(level)
    return draw.choice(good) if good else None


def lasting(minutes: int, step: int) -> str:
    """Minutes as an answer may give them, as alternatives; whether the last step counts is a matter of taste.

    >>> lasting(25, 5)
    '25|0.42|20|0.33'
    """
    options = []
    for length in (minutes, minutes - step):
        hours, rest = divmod(length, 60)
        options += [f"{length}", f"{length / 60:.2f}".rstrip("0").rstrip(".")]
        if hours:
            options += [
                f"{hours} h {rest} min",
                f"{hours} hours {rest} minutes",
                f"{hours} hour {rest} minutes",
                f"{hours} hour and {rest} minutes",
                f"{hours} hours and {rest} minutes",
                f"{hours}:{rest:02d}",
            ]
    return "|".join(dict.fromkeys(options))


def compute(text: str, operation: str) -> float | datetime | None:
    """A number or a time computed from the text of a CSV; what checks use, apart from how scenarios are made.

    Args:
        text: the file.
        operation: `max`, `min`, `mean`, `when max`, `when min`, `at 2024-03-01T10:05:00`, `first over 85.0`,
            `minutes over 85.0`, each with `on 2024-03-01` behind it for one day.
    """
    rows = [(datetime.fromisoformat(time), float(value)) for time, value in list(csv.reader(io.StringIO(text)))[1:]]
    what, _, day = operation.partition(" on ")
    if day:
        rows = [row for row in rows if row[0].date().isoformat() == day]
    name, _, argument = what.rpartition(" ")
    if what in ("max", "min", "mean"):
        values = [value for _, value in rows]
        return {"max": max(values), "min": min(values), "mean": sum(values) / len(values)}[what]
    if what in ("when max", "when min"):
        chosen = (max if what == "when max" else min)(rows, key=lambda row: row[1])
        return chosen[0]
    if name == "at":
        return next((value for time, value in rows if time == datetime.fromisoformat(argument)), None)
    return _over(rows, name, float(argument))


def _over(rows: Sequence[tuple[datetime, float]], name: str, limit: float) -> float | datetime | None:
    above = [time for time, value in rows if value > limit]
    if name == "first over":
        return above[0] if above else None
    if name == "minutes over":
        return len(above) * (rows[1][0] - rows[0][0]).total_seconds() / 60
    raise ValueError(f"there is no operation {name!r}")
