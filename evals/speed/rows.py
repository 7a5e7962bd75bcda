"""What was measured: one row for each thing, with ours and theirs of each repeat, and what is promised of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import msgspec

from edge_assistant.core.errors import UsageError


class How(StrEnum):
    """What of ours and theirs is looked at."""

    RATIO = "ratio"  # ours / theirs, repeat by repeat
    DIFFERENCE = "difference"  # ours - theirs
    VALUE = "value"  # ours alone


@dataclass(frozen=True, slots=True)
class Limit:
    """What is promised."""

    value: float  # in the unit of the figure that is looked at
    most: bool = True  # whether no more is wanted; else no less

    def holds(self, figure: float) -> bool:
        """Whether a figure keeps it."""
        return figure <= self.value if self.most else figure >= self.value

    @property
    def text(self) -> str:
        """It in words."""
        return f"{'at most' if self.most else 'at least'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured."""

    name: str  # `part.thing`, by which two runs are compared
    what: str  # it in words
    unit: str  # of ours and theirs
    ours: tuple[float, ...]  # one value a repeat; never empty
    theirs: tuple[float, ...] = ()  # the baseline's of the same repeats; empty where there is none
    against: str = ""  # the baseline in words; empty where there is none
    how: How = How.RATIO  # what is looked at
    limit: Limit | None = None  # what is promised; None where nothing is
    smaller: bool = True  # whether less is better
    details: Mapping[str, Any] = field(default_factory=dict)  # what else is worth keeping: values of JSON only

    def __post_init__(self) -> None:
        """Refuse what cannot be counted: a ratio wants a baseline of every repeat that is not 0."""
        paired = self.how is How.VALUE or len(self.ours) == len(self.theirs)
        finite = all(math.isfinite(value) for value in (*self.ours, *self.theirs))
        if not self.ours or not paired or not finite or (self.how is How.RATIO and 0 in self.theirs):
            raise UsageError(f"{self.name} could not be measured", "measure again, with more repeats")

    @property
    def figures(self) -> tuple[float, ...]:
        """What is looked at, one figure a repeat."""
        match self.how:
            case How.RATIO:
                return tuple(a / b for a, b in zip(self.ours, self.theirs, strict=True))
            case How.DIFFERENCE:
                return tuple(a - b for a, b in zip(self.ours, self.theirs, strict=True))
            case How.VALUE:
                return self.ours

    @property
    def figure(self) -> float:
        """The median of the figures."""
        return statistics.median(self.figures)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the most of the figures."""
        return min(self.figures), max(self.figures)

    @property
    def within(self) -> bool | None:
        """Whether what is promised is kept; None where nothing is."""
        return None if self.limit is None else self.limit.holds(self.figure)

    @property
    def part(self) -> str:
        """The part that measured it."""
        return self.name.partition(".")[0]

    def to_json(self) -> dict[str, Any]:
        """As it stands in a file, with what follows from it for other programs."""
        return {
            "name": self.name,
            "what": self.what,
            "against": self.against,
            "unit": self.unit,
            "ours": list(self.ours),
            "theirs": list(self.theirs),
            "how": str(self.how),
            "smaller": self.smaller,
            "median": {"ours": statistics.median(self.ours), "theirs": _median(self.theirs)},
            "figure": self.figure,
            "spread": list(self.spread),
            "limit": None if self.limit is None else {"value": self.limit.value, "most": self.limit.most},
            "within": self.within,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Row:
        """A row of a file.

        Raises:
            ValueError, UsageError: it is none.
        """
        if missing := {field.name for field in fields(cls)} - told.keys():
            raise ValueError(f"a row lacks {', '.join(sorted(missing))}")
        return msgspec.convert(told, cls)


def _median(values: tuple[float, ...]) -> float | None:
    return statistics.median(values) if values else None
