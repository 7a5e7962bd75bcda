"""Whether a candidate may stand for its reference: both are measured on the same items, and each criterion decided."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import provenance
from edge_assistant_quantize.acceptance import gate, looks
from edge_assistant_quantize.acceptance.looks import ModelSums
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import CalibrationInvalid, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics.metric import Metric, metric, standard
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import AcceptanceLook, Criterion, CriterionVerdict, Measured

DataOf = Mapping[str, Mapping[str, object]]
"""The data by the metric or result that is measured on it: `{"presence": {"path": "photos"}}`."""


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: DataOf, runtime: Runtime, watch: Watch
) -> dict[str, Measured]:
    """Measure a model. What gives several results is run once for all of them.

    Args:
        model: see `Candidate.held`.
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
        found.check(model.role, given)
        runs[found.name, _text_of(given)] = found, given
    results: dict[str, Measured] = {}
    for found, given in runs.values():
        for result in found.measure(model, reference, given, runtime, watch):
            if data.get(result.metric, given) == given:  # what is asked for on other data is measured there
                results[result.metric] = result
    return results


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
        UsageError: nothing is given for a criterion, see `_data_of`, or see `Metric.check`.
        RecipeInvalid: what keeps a result honest would be measured on other data.
        CalibrationInvalid, InputMissing: it is not, or see `Metric.count`.
    """
    count_of = cache(lambda name, table: metric(name).count(role, files, json.loads(table)))  # it may load a model
    for each in criteria:
        by, given = metric(each.metric), _data_of(each.metric, data)
        by.check(role, given)
        apart = [name for name, table in data.items() if metric(name).name == by.name and table != given]
        if beside := standard(each.metric).beside * bool(apart):
            what = f"'{each.metric}' decides by '{beside[0]}' of the same data, and '{apart[0]}' is asked on other data"
            raise RecipeInvalid(what, "name one for both")
        count, needed = count_of(by.name, _text_of(given)) // (2 if searched else 1), gate.needed(each)
        if count < needed:
            what = f"{count} independent items cannot show '{each.metric} {each.text}'"
            half = ", as a search looks at the other half" if searched else ""
            raise CalibrationInvalid(f"{what}, which takes at least {needed:.0f}{half}", "take more data")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A candidate, measured and decided.

    Attributes:
        look: what was measured for which criteria.
        verdicts: in the order of the criteria.
        results: of the candidate by name, more than the criteria ask for.
        of_reference: of the reference.
    """

    look: AcceptanceLook
    verdicts: list[CriterionVerdict]
    results: dict[str, Measured]
    of_reference: dict[str, Measured]

    @property
    def accepted(self) -> bool:
        """Whether every criterion holds."""
        return all(verdict.accepted for verdict in self.verdicts)


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
        UsageError: a language model is compared with itself; or see `check`, `measure` and `gate.decide`.
        RecipeInvalid: see `check`.
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
        sum_of = cache(lambda table: provenance.sum_of_data(json.loads(table)))
        sums = {each.metric: sum_of(_text_of(_data_of(each.metric, data))) for each in criteria}
        alike = (own, candidate.options, candidate.role) == (others, reference.options, reference.role)
        if alike and candidate.role == "language" and any(criterion.compares for criterion in criteria):
            what = f"{candidate.name} and {reference.name} are the same file, so there is nothing to compare"
            raise UsageError(what, "name the model that it was made from: --reference F")
        of_reference = measure_reference(other, data, runtime, watch)
        gate.check_reference(reference.name, criteria, of_reference)
        known = of_reference if alike else {}
        rest = {name: given for name, given in data.items() if not {name, *metric(name).gives} & set(known)}
        results = known | measure(model, other, rest, runtime, watch)
        catalog = looks.of_catalog(other, others)
    compared = ModelSums(reference.name, others, reference.options, catalog)
    look, verdicts = looks.take(
        ModelSums(candidate.name, own, candidate.options), compared, criteria, results, of_reference, sums
    )
    return Acceptance(look, verdicts, results, of_reference)


def _text_of(given: Mapping[str, object]) -> str:
    """A table of data as JSON, the same for tables that say the same."""
    return json.dumps(given, sort_keys=True, default=str)


def _data_of(result: str, data: DataOf) -> Mapping[str, object]:
    """The data that a result is measured on: its own, or that of the run that gives it."""
    by = metric(result)
    named = next((name for name in (result, by.name, *by.gives) if name in data), None)
    if named is None:
        raise UsageError(f"nothing is given that '{result}' could be measured on", "name data for it")
    return data[named]


def measure_reference(reference: InstalledModel, data: DataOf, runtime: Runtime, watch: Watch) -> dict[str, Measured]:
    """Measure a reference by what does not compare with it; by the rest it would be perfect.

    Raises:
        UsageError, CalibrationInvalid, InputMissing: see `measure`.
    """
    return measure(reference, None, {n: given for n, given in data.items() if not metric(n).relative}, runtime, watch)
