"""Relations within a record: states of forms, metrics to compare by, the Pareto front, times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from edge_assistant_quantize.record import Interval, Record, Variant


class FormState(StrEnum):
    """The state of a form, in the words of the table."""

    REFERENCE = "reference"
    CHOSEN = "accepted, chosen"
    ACCEPTED = "accepted"
    REFUSED = "not accepted"
    UNDECIDED = "not decided"


def state(record: Record, variant: Variant) -> FormState:
    """The state of a form."""
    if variant is record.reference:
        return FormState.REFERENCE
    if variant.accepted is None:
        return FormState.UNDECIDED
    if not variant.accepted:
        return FormState.REFUSED
    return FormState.CHOSEN if variant.name == record.chosen else FormState.ACCEPTED


def forms(record: Record) -> list[Variant]:
    """The reference and the variants; their places are their numbers in tables and plots."""
    return [record.reference, *record.variants]


def metrics(record: Record) -> list[str]:
    """The metrics to compare forms by: those of the criteria first; without those that the record does not describe."""
    judged = [verdict.metric for variant in record.variants for verdict in variant.verdicts]
    measured = [name for variant in forms(record) for name in variant.metrics]
    return [name for name in dict.fromkeys([*judged, *measured]) if name in record.measures]


def value(variant: Variant, metric: str) -> float:
    """The value of a metric; NaN if it was not measured."""
    judged = (verdict.value for verdict in variant.verdicts if verdict.metric == metric)
    return variant.metrics.get(metric, next(judged, math.nan))


def interval(variant: Variant, metric: str) -> Interval | None:
    """The interval of the difference to the reference."""
    compared = (each for each in variant.verdicts if each.compares and each.metric == metric)
    return next((each.interval for each in compared), None)


def time_ratio(record: Record, variant: Variant) -> float | None:
    """Time over the reference's: as measured side by side, else from the times or rates of both."""
    if variant is record.reference:
        return 1.0
    mine, other = variant.speed, record.reference.speed
    if "ratio" in mine:
        return mine["ratio"]
    if mine.get("median_ms") and other.get("median_ms"):
        return mine["median_ms"] / other["median_ms"]
    rate = "decode_tokens_per_s"
    return other[rate] / mine[rate] if mine.get(rate) and other.get(rate) else None


def front(record: Record, metric: str) -> list[Variant]:
    """The forms on the Pareto front of size and a metric, smallest first."""
    sign = 1 if record.measures[metric].lower_is_better else -1
    there = forms(record)
    return [there[place] for place in pareto([(form.bytes, sign * value(form, metric)) for form in there])]


def pareto(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """The points that no other point dominates, by ascending cost.

    A point dominates another if it is no worse in both and better in one. Of equal points all are in the front.

    Args:
        points: cost and loss of each, such as bytes and perplexity; less is better in both. Points that are not finite
            are in no front.

    Returns:
        Their places in `points`.

    >>> pareto([(100, 5.0), (50, 5.5), (60, 6.0), (25, 9.0)])
    (3, 1, 0)
    """
    finite = [place for place, point in enumerate(points) if all(map(math.isfinite, point))]
    best: list[int] = []
    for place in sorted(finite, key=lambda place: (points[place], place)):
        last = points[best[-1]] if best else (-math.inf, math.inf)
        if points[place][1] < last[1] or points[place] == last:
            best.append(place)
    return tuple(best)


def nearest(judged: Sequence[Variant]) -> Variant:
    """The form that misses the fewest criteria; among these the smallest."""
    return min(judged, key=lambda form: (sum(not item.accepted for item in form.verdicts), form.bytes))
