"""Two runs against each other: which part got slower, by more than the repeats of either run differ among themselves.

The two are compared in what each row looks at: the ratio to the baseline, which was measured in the same run and takes
most of the machine out, or the value alone. The median of n repeats with the standard deviation s has the standard
error 1.25 s / sqrt(n) where the noise is normal; a change counts from three of both runs' together on, and never below
a floor.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evals.speed.rows import How, Row

FLOOR = 0.05  # share of the figure; less is the machine's mood from one run to the next
FLOOR_UNKNOWN = 0.15  # the same where a run has fewer than three repeats, which do not tell what noise there is
FLOOR_POINTS = 0.1  # of a difference or a share, in its unit: the same recordings and pages give the same words
_ERRORS = 3  # standard errors
_MEDIAN = 1.2533  # sqrt(pi / 2): standard error of a median against that of a mean
_FEWEST = 3  # repeats that tell something of the noise


class Change(StrEnum):
    """What became of a part."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of both runs."""

    name: str  # of the row
    before: float  # its figure then
    now: float  # its figure now
    noise: float  # by how much it has to change to count
    change: Change  # what became of it

    @property
    def share(self) -> float | None:
        """The change as a share of the earlier figure; None where that was 0."""
        return (self.now - self.before) / abs(self.before) if self.before else None


def compare(before: Sequence[Row], now: Sequence[Row]) -> list[Comparison]:
    """The rows that both runs have, in the order of the newer one."""
    earlier = {row.name: row for row in before}
    return [_compare(earlier[row.name], row) for row in now if _alike(earlier.get(row.name), row)]


def _alike(before: Row | None, now: Row) -> bool:
    return before is not None and (before.how, before.unit, before.smaller) == (now.how, now.unit, now.smaller)


def _compare(before: Row, now: Row) -> Comparison:
    noise = noise_of(before, now)
    worse = (now.figure - before.figure) * (1 if now.smaller else -1)
    change = Change.WORSE if worse > noise else Change.BETTER if worse < -noise else Change.SAME
    return Comparison(now.name, before.figure, now.figure, noise, change)


def noise_of(before: Row, now: Row) -> float:
    """By how much the figures of two runs may differ though nothing has changed."""
    if now.how is How.DIFFERENCE or now.unit == "%":
        return FLOOR_POINTS
    few = min(len(before.figures), len(now.figures)) < _FEWEST
    floor = (FLOOR_UNKNOWN if few else FLOOR) * max(abs(before.figure), abs(now.figure))
    return max(floor, _ERRORS * math.hypot(_error(before.figures), _error(now.figures)))


def _error(figures: Sequence[float]) -> float:
    """Standard error of the median; 0 where a single figure does not tell."""
    return _MEDIAN * statistics.stdev(figures) / math.sqrt(len(figures)) if len(figures) > 1 else 0.0
