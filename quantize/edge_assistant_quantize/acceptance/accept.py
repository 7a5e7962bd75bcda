"""Whether a candidate may stand for its reference: both are measured on the same items, and each criterion decided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import provenance
from edge_assistant_quantize.acceptance import gate, looks
from edge_assistant_quantize.acceptance.looks import DecidedLook
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import CalibrationInvalid, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics.metric import Metric, MetricRun, metric, standard
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Criterion, Measured, ModelSums

DataOf = Mapping[str, Mapping[str, object]]
"""The data by the metric or result that is measured on it: `{"presence": {"path": "photos"}}`."""


def runs(role: str, data: DataOf) -> dict[str, tuple[Metric, Mapping[str, object]]]:
    """What is run over which data, by the metric's own name: what gives several results is run once for all of them.

    Raises:
        UsageError: there is no such metric, it is of another role, or it reads no such key.
        RecipeInvalid: results of one metric, which may keep each other honest, are asked on different data.
    """
    found: dict[str, tuple[Metric, Mapping[str, object]]] = {}
    for name, given in data.items():
        by = metric(name)
        by.check(role, given)
        if found.setdefault(by.name, (by, given))[1] != given:
            what = f"'{name}' is asked on other data than what is measured with it"
            raise RecipeInvalid(what, f"name one for {', '.join(by.gives)}")
    return found


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: DataOf, runtime: Runtime, watch: Watch
) -> dict[str, Measured]:
    """Measure a model.

    Args:
        model: see `Candidate.held`.
        reference: what relative metrics compare with.
        data: by metric or result; each stands for all that the metric gives.
        runtime: gives the threads.
        watch: is told how far it is.

    Returns:
        Results by name: those that `data` names, and what came of the same runs.

    Raises:
        UsageError, RecipeInvalid: see `runs`; or a metric lacks its reference.
        CalibrationInvalid, InputMissing: see `Metric.measure`.
    """
    found = runs(model.role, data).values()
    each = (result for by, given in found for result in by.measure(MetricRun(model, reference, given, runtime, watch)))
    return {result.metric: result for result in each}


def check(criteria: Iterable[Criterion]) -> None:
    """Say that criteria can be decided, before hours of measuring.

    Raises:
        UsageError: there is no such result, or only a metric is named.
        RecipeInvalid: it decides nothing, holds on no data, or a metric that is the comparison already is compared.
    """
    for criterion in criteria:
        found = metric(criterion.metric)
        if criterion.metric not in found.gives:
            what = f"'{criterion.metric}' is no result that could be decided by"
            raise UsageError(what, f"name what it gives: {' or '.join(found.gives)}")
        if not standard(criterion.metric).least:
            deciding = [name for name, each in found.gives.items() if each.least]
            raise RecipeInvalid(f"{criterion.metric} is measured and decides nothing", f"ask {' or '.join(deciding)}")
        if gate.needed(criterion) == math.inf:
            what = f"{criterion.metric}: '{criterion.text}' holds on no data, as an interval always has a width"
            raise RecipeInvalid(what, "allow some loss")
        if found.relative and criterion.compares:
            hint = "bound its own value: at_least, or at_most where less is better"
            raise RecipeInvalid(f"{criterion.metric} says by itself how far both agree", hint)


def check_data(
    criteria: Iterable[Criterion], role: str, files: Mapping[str, Path], data: DataOf, *, searched: bool = False
) -> None:
    """Say that data is enough to decide criteria by, before hours of measuring.

    Args:
        criteria: what must hold.
        role: of the models.
        files: of one of them by key; empty where there is none yet.
        data: by metric or result.
        searched: whether a search sees half of it.

    Raises:
        UsageError, RecipeInvalid: nothing is given for a criterion, or see `runs`.
        CalibrationInvalid, InputMissing: it is not, or see `Metric.count`.
    """
    by_name, counts = runs(role, data), dict[str, int]()
    for each in criteria:
        name = metric(each.metric).name
        if name not in by_name:
            raise UsageError(f"nothing is given that '{each.metric}' could be measured on", "name data for it")
        by, given = by_name[name]
        if name not in counts:  # it may load a model
            counts[name] = by.count(role, files, given)
        count, needed = counts[name] // (2 if searched else 1), gate.needed(each)
        if count < needed:
            what = f"{count} independent items cannot show '{each.metric} {each.text}'"
            half = ", as a search looks at the other half" if searched else ""
            raise CalibrationInvalid(f"{what}, which takes at least {needed:.0f}{half}", "take more data")


@dataclass(frozen=True, slots=True)
class Acceptance(DecidedLook):
    """A candidate, measured and decided.

    Attributes:
        results: of the candidate by name, more than the criteria ask for.
        of_reference: of the reference.
    """

    results: dict[str, Measured]
    of_reference: dict[str, Measured]


def decide(
    candidate: Candidate,
    reference: Candidate,
    criteria: Sequence[Criterion],
    data: DataOf,
    runtime: Runtime,
    watch: Watch,
) -> Acceptance:
    """Measure a candidate and its reference, and decide; the look is counted whatever comes of it.

    Args:
        candidate: what may be accepted.
        reference: what it would stand for.
        criteria: what must hold.
        data: by metric or result.
        runtime: gives the threads.
        watch: is told how far it is.

    Raises:
        UsageError, RecipeInvalid: a language model is compared with itself; or see `check`, `runs` and `gate.decide`.
        ModelCorrupt: a file changed while it was measured.
        StorageFull, KeyLost: the audit trail cannot be written.
        CalibrationInvalid, InputMissing: see `check_data` and `Metric.measure`.
        NotAccepted: the reference does not count, so nothing is compared with it.
    """
    check(criteria)
    check_data(criteria, candidate.role, candidate.paths, data)
    with (
        provenance.copies(list(data.values())) as copied,
        candidate.held() as (model, own),
        reference.held() as (other, others),
    ):
        data = dict(zip(data, copied, strict=True))
        by_name = runs(candidate.role, data)
        sum_of = {name: provenance.sum_of_data(given) for name, (_, given) in by_name.items()}
        sums = {each.metric: sum_of[metric(each.metric).name] for each in criteria}
        alike = (own, candidate.options, candidate.role) == (others, reference.options, reference.role)
        if alike and candidate.role == "language" and any(criterion.compares for criterion in criteria):
            what = f"{candidate.name} and {reference.name} are the same file, so there is nothing to compare"
            raise UsageError(what, "name the model that it was made from: --reference F")
        of_reference = measure_reference(other, data, runtime, watch)
        gate.check_reference(reference.name, criteria, of_reference)
        known = of_reference if alike else {}
        rest = {name: given for name, (by, given) in by_name.items() if by.gives.keys().isdisjoint(known)}
        results = known | measure(model, other, rest, runtime, watch)
        catalog = looks.of_catalog(other, others)
    compared = ModelSums(reference.name, others, reference.options, catalog)
    look, verdicts = looks.take(
        ModelSums(candidate.name, own, candidate.options), compared, criteria, results, of_reference, sums
    )
    return Acceptance(look, verdicts, results, of_reference)


def measure_reference(reference: InstalledModel, data: DataOf, runtime: Runtime, watch: Watch) -> dict[str, Measured]:
    """Measure a reference by what does not compare with it; by the rest it would be perfect.

    Raises:
        UsageError, CalibrationInvalid, InputMissing: see `measure`.
    """
    return measure(reference, None, {n: given for n, given in data.items() if not metric(n).relative}, runtime, watch)
