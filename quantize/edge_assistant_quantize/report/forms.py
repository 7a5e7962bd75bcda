"""The forms of a record as pages compare them: states, values, costs and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from edge_assistant_quantize.record import Interval, Measure, Record, Variant
from edge_assistant_quantize.report.precision import Precision


class FormState(StrEnum):
    """The state of a form, in the words of the table."""

    REFERENCE = "reference"
    CHOSEN = "accepted, chosen"
    ACCEPTED = "accepted"
    REFUSED = "not accepted"
    UNDECIDED = "not decided"


COSTS = {"size": "size, MiB", "time": "time, share of the reference's", "memory": "peak memory, MiB"}


@dataclass(frozen=True, slots=True)
class ReportedForm:
    """A form, and what a page says of it besides what its record does.

    Attributes:
        form: with its figures.
        state: what was decided.
        intervals: by metric, each with whether it is that of the difference to the reference, and not of the value.
        precisions: its weights by type; empty where its files are not at hand.
    """

    form: Variant
    state: FormState
    intervals: Mapping[str, tuple[Interval, bool]] = field(default_factory=dict)
    precisions: Sequence[Precision] = ()

    @property
    def time(self) -> float:
        """Its time over the reference's; NaN where it was not measured."""
        return self.form.speed.get("ratio", math.nan)

    def value(self, metric: str) -> float:
        """The value of a metric; NaN if it was not measured."""
        return self.form.metrics.get(metric, math.nan)

    def cost(self, name: str) -> float:
        """One of `COSTS`; NaN if it was not measured."""
        peak = math.nan if self.form.peak_mib is None else self.form.peak_mib
        return {"size": self.form.bytes / 2**20, "time": self.time, "memory": peak}[name]


def of_record(record: Record) -> list[ReportedForm]:
    """The reference and the variants; their places are their numbers in tables and plots."""
    return [of_form(record, form) for form in (record.reference, *record.variants)]


def of_form(record: Record, form: Variant) -> ReportedForm:
    """One of a record's forms."""
    within = {each.metric: (each.interval, each.compares) for each in form.verdicts if each.interval is not None}
    if form is record.reference:
        state = FormState.REFERENCE
    elif form.accepted is None:
        state = FormState.UNDECIDED
    elif not form.accepted:
        state = FormState.REFUSED
    else:
        state = FormState.CHOSEN if form.name == record.chosen else FormState.ACCEPTED
    return ReportedForm(form, state, within)


def metrics(record: Record) -> list[str]:
    """The metrics to compare forms by: those of the criteria first; without those that the record does not describe."""
    judged = [verdict.metric for variant in record.variants for verdict in variant.verdicts]
    measured = [name for variant in (record.reference, *record.variants) for name in variant.metrics]
    return [name for name in dict.fromkeys([*judged, *measured]) if name in record.measures]


def front(there: Sequence[ReportedForm], cost: str, metric: str, measures: Mapping[str, Measure]) -> tuple[int, ...]:
    """The places of the forms on the Pareto front of a cost, one of `COSTS`, and a metric, by ascending cost."""
    sign = 1 if measures[metric].lower_is_better else -1
    return pareto([(form.cost(cost), sign * form.value(metric)) for form in there])


def pareto(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """The places of the points that no other dominates, by ascending cost; of equal points all are in the front.

    Args:
        points: cost and loss of each, such as bytes and perplexity; those that are not finite are in no front.

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
