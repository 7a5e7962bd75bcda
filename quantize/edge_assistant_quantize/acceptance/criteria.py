"""What a candidate must hold to be accepted, as recipes and command lines say it.

| key | holds where |
| --- | --- |
| `at_most_worse = 0.005` | its value is at most so much worse than the reference's, in the metric's unit |
| ... with `by = "interval"` | ... and so is the bad end of the interval |
| `within_interval = true` | there is no significant loss: the interval of the difference holds zero, or it is better |
| `at_least = 0.97` | its own value is at least that |
| `at_most = 0.02` | its own value is at most that; for what is better the less it is |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge_assistant.core.signals import printable
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.record import Interval

_ROUNDING = 1e-12  # of sums of shares; a difference of exactly the limit is within it


class Bound(StrEnum):
    """What is bounded; the word is the recipe's key."""

    AT_MOST_WORSE = "at_most_worse"
    WITHIN_INTERVAL = "within_interval"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


_COMPARE = {Bound.AT_MOST_WORSE, Bound.WITHIN_INTERVAL}
_HINT = "give one of at_most_worse, within_interval, at_least and at_most"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold.

    Attributes:
        metric: the result it is about, such as `wer`.
        bound: what is bounded.
        limit: by what; 0 for `within_interval`.
        by_interval: whether the bad end of the interval must hold it, too.
    """

    metric: str
    bound: Bound
    limit: float = 0.0
    by_interval: bool = False

    @property
    def compares(self) -> bool:
        """Whether it compares with the reference's value."""
        return self.bound in _COMPARE

    @property
    def text(self) -> str:
        """In words, such as "at most 0.005 worse"."""
        if self.bound is Bound.WITHIN_INTERVAL:
            return "no significant loss"
        if self.bound is Bound.AT_MOST_WORSE:
            return f"at most {self.limit:g} worse" + (", by the end of the interval" if self.by_interval else "")
        return f"{self.bound.replace('_', ' ')} {self.limit:g}"

    def holds(self, value: float, interval: Interval | None, *, lower_is_better: bool) -> bool:
        """Whether it holds; a value that is not finite holds nothing.

        Args:
            value: the candidate's.
            interval: of the difference, candidate minus reference; None only where it does not compare.
            lower_is_better: whether less is better.
        """
        if self.bound is Bound.AT_LEAST:
            return value >= self.limit - _ROUNDING
        if self.bound is Bound.AT_MOST:
            return value <= self.limit + _ROUNDING
        assert interval is not None
        sign = 1 if lower_is_better else -1
        best, worst = sorted((sign * interval.low, sign * interval.high))
        if self.bound is Bound.WITHIN_INTERVAL:
            return best <= _ROUNDING
        return (worst if self.by_interval else sign * interval.difference) <= self.limit + _ROUNDING


def of(metric: str, said: Mapping[str, object]) -> Criterion | None:
    """The criterion of keys and values; None where there are none, so that a metric is only measured.

    Raises:
        RecipeInvalid: there are several, or a value is of the wrong kind.
    """
    if not said:
        return None
    keys = [key for key in said if key in set(Bound)]
    unknown = [key for key in said if key not in {*Bound, "by"}]
    if len(keys) != 1 or unknown:
        what = f"unknown key '{printable(unknown[0])}'" if unknown else f"{len(keys)} criteria"
        raise RecipeInvalid(f"{metric}: {what}", _HINT)
    bound, value, by = Bound(keys[0]), said[keys[0]], said.get("by", "difference")
    if by not in {"difference", "interval"} or ("by" in said and bound is not Bound.AT_MOST_WORSE):
        raise RecipeInvalid(f"{metric}: 'by' says 'difference' or 'interval' of at_most_worse", _HINT)
    return Criterion(metric, bound, _limit(metric, bound, value), by == "interval")


def _limit(metric: str, bound: Bound, value: object) -> float:
    if bound is Bound.WITHIN_INTERVAL:
        if value is not True:
            raise RecipeInvalid(f"{metric}: 'within_interval' can only be true", "leave it out")
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RecipeInvalid(f"{metric}: '{bound}' must be a number", _HINT)
    if bound is Bound.AT_MOST_WORSE and value < 0:
        raise RecipeInvalid(f"{metric}: '{bound}' must not be below zero", _HINT)
    return float(value)


def from_words(words: str) -> tuple[str, Criterion | None]:
    """A metric's name and its criterion as a command line has them.

    >>> from_words("wer at_most_worse=0.005")[1].text
    'at most 0.005 worse'
    >>> from_words("presence within_interval")[1].text
    'no significant loss'

    Raises:
        RecipeInvalid: the criterion cannot be understood.
    """
    metric, *rest = words.split() or [""]
    return metric, of(metric, dict(_pair(word) for word in rest))


def _pair(word: str) -> tuple[str, object]:
    key, equals, value = word.partition("=")
    if not equals or value == "true":
        return key, True
    try:
        return key, float(value)
    except ValueError:
        return key, value
