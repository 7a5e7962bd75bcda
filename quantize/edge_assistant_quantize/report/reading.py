"""What a record tells when it is looked at: how forms stand to each other and to the criteria."""

from __future__ import annotations

import math
from enum import StrEnum

from edge_assistant_quantize.record import Interval, Record, Variant
from edge_assistant_quantize.report.pareto import pareto


class State(StrEnum):
    """How a form stands; the words are those of the table."""

    REFERENCE = "reference"
    CHOSEN = "accepted, chosen"
    ACCEPTED = "accepted"
    REFUSED = "not accepted"
    UNDECIDED = "not decided"


def state(record: Record, variant: Variant) -> State:
    """How a form stands."""
    if variant is record.reference:
        return State.REFERENCE
    if variant.accepted is None:
        return State.UNDECIDED
    if not variant.accepted:
        return State.REFUSED
    return State.CHOSEN if variant.name == record.chosen else State.ACCEPTED


def forms(record: Record) -> list[Variant]:
    """The reference and the others: their places are their numbers in tables and plots."""
    return [record.reference, *record.variants]


def metrics(record: Record) -> list[str]:
    """The metrics that forms are compared by: those of the criteria first, and only those whose reading is known."""
    judged = [verdict.metric for variant in record.variants for verdict in variant.verdicts]
    measured = [name for variant in forms(record) for name in variant.metrics]
    return [name for name in dict.fromkeys([*judged, *measured]) if name in record.measures]


def value(variant: Variant, metric: str) -> float:
    """The value of a metric; not a number where it was not measured."""
    judged = (verdict.value for verdict in variant.verdicts if verdict.metric == metric)
    return variant.metrics.get(metric, next(judged, math.nan))


def interval(variant: Variant, metric: str) -> Interval | None:
    """Where the difference to the reference lies."""
    return next((verdict.interval for verdict in variant.verdicts if verdict.metric == metric), None)


def front(record: Record, metric: str) -> list[Variant]:
    """The forms that no other beats in both size and a metric, smallest first."""
    sign = 1 if record.measures[metric].lower_is_better else -1
    there = forms(record)
    return [there[place] for place in pareto([(form.bytes, sign * value(form, metric)) for form in there])]


def time_ratio(record: Record, variant: Variant) -> float | None:
    """Its time over the reference's: as measured side by side, else from the times or rates of both."""
    if variant is record.reference:
        return 1.0
    if "ratio" in variant.speed:
        return variant.speed["ratio"]
    mine, other = variant.speed, record.reference.speed
    if mine.get("median_ms") and other.get("median_ms"):
        return mine["median_ms"] / other["median_ms"]
    rate = "decode_tokens_per_s"
    return other[rate] / mine[rate] if mine.get(rate) and other.get(rate) else None


def chosen(record: Record) -> Variant | None:
    """The form that is taken."""
    return next((variant for variant in record.variants if variant.name == record.chosen), None)
