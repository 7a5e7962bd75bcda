"""Whether a candidate may stand for its reference: both are measured on the same items, and each criterion decided."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.acceptance.criteria import Criterion
from edge_assistant_quantize.acceptance.intervals import interval
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import RecipeInvalid, UsageError
from edge_assistant_quantize.metrics.metric import Measured, Metric, metric
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import CriterionVerdict

DataOf = Mapping[str, Mapping[str, object]]
"""The data by the metric or result that is measured on it: `{"presence": {"path": "photos"}}`."""


def measure(
    candidate: Candidate, reference: Candidate | None, data: DataOf, runtime: Runtime, watch: Watch
) -> dict[str, Measured]:
    """Measure a model. What gives several results is run once for all of them.

    Args:
        candidate: the model.
        reference: what relative metrics compare with.
        data: by metric or result; a metric's name stands for all that it gives.
        runtime: gives the threads.
        watch: is told how far it is.

    Returns:
        Results by name: those that `data` names, and what came of the same runs.

    Raises:
        UsageError: there is no such metric, it is of another role, or it lacks its reference.
        CalibrationInvalid, InputMissing: see `Metric.measure`.
    """
    runs: dict[tuple[str, str], tuple[Metric, Mapping[str, object]]] = {}
    for name, given in data.items():
        found = metric(name)
        _check_role(found, candidate)
        runs[found.name, json.dumps(given, sort_keys=True, default=str)] = found, given
    model, other = candidate.installed(), None if reference is None else reference.installed()
    results: dict[str, Measured] = {}
    for found, given in runs.values():
        for result in found.measure(model, other, given, runtime, watch):
            if data.get(result.metric, given) == given:  # what is asked for on other data is measured there
                results[result.metric] = result
    return results


def _check_role(found: Metric, candidate: Candidate) -> None:
    if candidate.role not in found.roles:
        what = f"{found.name} measures {', '.join(sorted(found.roles))}, and {candidate.name} is a {candidate.role}"
        raise UsageError(what, "see 'edge-quantize metrics'")


def judge(
    criteria: Iterable[Criterion], candidate: Mapping[str, Measured], reference: Mapping[str, Measured]
) -> list[CriterionVerdict]:
    """Decide criteria over results that are there already.

    Args:
        criteria: what must hold.
        candidate: its results by name.
        reference: the reference's; those of relative metrics are not looked at.

    Raises:
        UsageError: a result is missing, or both were not measured on the same items.
    """
    return [_verdict(criterion, candidate, reference) for criterion in criteria]


def _verdict(
    criterion: Criterion, candidate: Mapping[str, Measured], reference: Mapping[str, Measured]
) -> CriterionVerdict:
    name = criterion.metric
    result, other = candidate.get(name), None if metric(name).relative else reference.get(name)
    if result is None or (criterion.compares and other is None):
        raise UsageError(f"nothing was measured that says '{name}'", "take data that it can be measured on")
    difference = None if other is None else interval(result, other)
    accepted = criterion.holds(result.value, difference, lower_is_better=result.lower_is_better)
    value = None if other is None else other.value
    return CriterionVerdict(name, result.value, value, difference, criterion.text, accepted)


def check(criteria: Iterable[Criterion]) -> None:
    """Say that criteria can be decided, before hours of measuring.

    Raises:
        UsageError: there is no such result, or only a metric is named.
        RecipeInvalid: a relative metric, which is the comparison already, is to be compared.
    """
    for criterion in criteria:
        found = metric(criterion.metric)
        if criterion.metric not in found.gives:
            what = f"'{criterion.metric}' is no result that could be decided by"
            raise UsageError(what, f"name what it gives: {' or '.join(found.gives)}")
        if found.relative and criterion.compares:
            hint = "bound its own value: at_least, or at_most where less is better"
            raise RecipeInvalid(f"{criterion.metric} says by itself how far both agree", hint)


def decide(
    candidate: Candidate,
    reference: Candidate,
    criteria: Sequence[Criterion],
    data: DataOf,
    runtime: Runtime,
    watch: Watch,
    *,
    known: Mapping[str, Measured] | None = None,
) -> list[CriterionVerdict]:
    """Measure a candidate and its reference, and decide.

    Args:
        candidate: what may be accepted.
        reference: what it would stand for.
        criteria: what must hold.
        data: by metric or result.
        runtime: gives the threads.
        watch: is told how far it is.
        known: the reference's results, where it was measured on this data before.

    Returns:
        The verdicts in the order of the criteria.

    Raises:
        UsageError, RecipeInvalid: see `check`, `measure` and `judge`.
        CalibrationInvalid, InputMissing: see `Metric.measure`.
    """
    check(criteria)
    of_reference = measure_reference(reference, data, runtime, watch) if known is None else known
    return judge(criteria, measure(candidate, reference, data, runtime, watch), of_reference)


def measure_reference(reference: Candidate, data: DataOf, runtime: Runtime, watch: Watch) -> dict[str, Measured]:
    """Measure a reference by what does not compare with it; by the rest it would be perfect.

    Raises:
        UsageError, CalibrationInvalid, InputMissing: see `measure`.
    """
    return measure(reference, None, {n: given for n, given in data.items() if not metric(n).relative}, runtime, watch)
