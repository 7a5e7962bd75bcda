"""The measurements of a recipe: metrics and verdicts, each once for the same files and data."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec.structs import replace

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import provenance
from edge_assistant_quantize.acceptance import gate, looks
from edge_assistant_quantize.errors import CalibrationInvalid, ModelCorrupt
from edge_assistant_quantize.metrics.metric import MetricRun, metric
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.provenance import RUNTIMES, processor, sum_of_values, versions
from edge_assistant_quantize.recipes.recipe import Measurement, Recipe
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import RecipeJob, Workspace
from edge_assistant_quantize.record import AcceptanceLook, CriterionVerdict, Measured, ModelSums


@contextmanager
def measuring(asked: Recipe, threads: int, watch: Watch, space: Workspace | None = None) -> Iterator[RecipeJob]:
    """A recipe over copies of its data that nobody else can enter, so that what is hashed is what is measured.

    Args:
        asked: the recipe.
        threads: cores to use.
        watch: receives progress.
        space: the folder of a run; None for one that is gone afterwards.

    Raises:
        InputMissing, CalibrationInvalid, StorageFull: see `provenance.copies`.
    """
    tables = {f"data/{name}": table for name, table in asked.data.items()}
    if asked.calibration:
        tables["calibration"] = asked.calibration
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder, provenance.copies(tables) as copied:
        inputs = {name: provenance.sum_of_data(table) for name, table in sorted(copied.items())}
        data = {name: copied[f"data/{name}"] for name in asked.data}
        asked = replace(asked, data=data, calibration=copied.get("calibration"))
        yield RecipeJob(asked, space or Workspace(Path(folder)), threads, watch, inputs)


def evaluated(job: RecipeJob, name: str, form: Form, reference: Form | None) -> dict[str, Measured]:
    """All metrics of a form; those that no criterion is about are a look, as a person may choose by them all the same.

    Raises:
        EdgeAssistantError: see `results`.
        StorageFull, KeyLost: the audit trail cannot be written.
    """
    found = results(job, form, reference)
    decided = {metric(criterion.metric).name for criterion in job.recipe.criteria}
    undecided = {name: each for name, each in found.items() if metric(name).name not in decided}
    if undecided:
        looks.seen(ModelSums(name, form.sums, form.options), undecided)
    return found


def results(job: RecipeJob, form: Form, reference: Form | None) -> dict[str, Measured]:
    """All metrics of the recipe, by the name of the result.

    Args:
        job: the recipe.
        form: the model.
        reference: what relative metrics compare with; None leaves these out.

    Raises:
        CalibrationInvalid, InputMissing: the data does not fit a metric.
        ModelError: the model cannot be run.
    """
    asked = [each for each in job.recipe.metrics if reference or not metric(each.metric).relative]
    return {name: found for each in asked for name, found in _result(job, each, form, reference).items()}


def compared(reference: Form) -> ModelSums:
    """A reference, and why it counts by itself."""
    with unchanged(reference) as model:
        sound = looks.of_catalog(model, reference.sums)
    return ModelSums(reference.name, reference.sums, reference.options, sound)


def judge(
    job: RecipeJob,
    form: ModelSums,
    reference: ModelSums,
    of_form: Mapping[str, Measured],
    of_reference: Mapping[str, Measured],
) -> tuple[AcceptanceLook, list[CriterionVerdict]]:
    """The criteria of the recipe, decided by the results of both at the items that no search has seen.

    Raises:
        CalibrationInvalid: these are too few; to have measured is a look at them all the same.
        EdgeAssistantError: see `looks.take`.
    """
    of_form, of_reference = (half(job, found, searched=False) for found in (of_form, of_reference))
    try:
        gate.check_count(job.recipe.criteria, gate.counted(of_form))
    except CalibrationInvalid:
        looks.seen(form, of_form)
        raise
    of_reference = {name: found for name, found in of_reference.items() if not metric(name).relative}
    sums = {each.metric: job.inputs[f"data/{each.data}"] for each in job.recipe.metrics if each.criterion}
    return looks.take(form, reference, job.recipe.criteria, of_form, of_reference, sums)


def accepts(job: RecipeJob, form: Form, reference: Form) -> bool:
    """Whether a form that a search tries holds every criterion; measuring stops at the first that it does not."""
    for asked in job.recipe.metrics:
        if asked.criterion:
            found = [half(job, _result(job, asked, each, reference), searched=True) for each in (form, reference)]
            if not gate.searched([asked.criterion], *found):
                return False
    return True


def half(job: RecipeJob, results: Mapping[str, Measured], *, searched: bool) -> dict[str, Measured]:
    """Results over the items that a search sees, or over the others; over all where the recipe searches nothing."""
    if not job.recipe.searches:
        return dict(results)

    def wanted(item: str) -> bool:
        return (hashlib.sha256(item.encode()).digest()[0] % 2 == 0) is searched

    halves = {name: found.only(wanted) for name, found in results.items()}
    return {name: found for name, found in halves.items() if found is not None}


def acceptance_sum(job: RecipeJob, reference: Form) -> str:
    """A checksum over everything that acceptance depends on besides the candidate."""
    data = [job.inputs[f"data/{each.data}"] for each in job.recipe.metrics if each.criterion]
    asked = list(map(str, job.recipe.criteria))
    return sum_of_values([asked, data, reference.identity, versions(RUNTIMES), looks.code()])


@contextmanager
def unchanged(form: Form) -> Iterator[InstalledModel]:
    """A form as senses and engines take it, with the files that the recipe made or took.

    Raises:
        ModelCorrupt: a file is another now, or somebody writes to it meanwhile.
    """
    with form.candidate().held() as (model, sums):
        if sums != form.sums:
            raise ModelCorrupt(f"a file of {form.name} was changed since it was made", "run the recipe again")
        yield model


def _result(job: RecipeJob, asked: Measurement, form: Form, reference: Form | None) -> dict[str, Measured]:
    by, compares = metric(asked.metric), reference if metric(asked.metric).relative else None

    def run() -> tuple[Measured, ...]:
        with ExitStack() as held:
            model = held.enter_context(unchanged(form))
            other = held.enter_context(unchanged(compares)) if compares else None
            data = job.recipe.data[asked.data]
            return tuple(by.measure(MetricRun(model, other, data, Runtime(job.threads), job.watch)))

    key = {
        "metric": by.name,
        "data": job.inputs[f"data/{asked.data}"],
        "form": form.identity,
        "reference": compares.identity if compares else "",
        "versions": versions(RUNTIMES),
        "machine": processor(),
        "code": looks.code(),
    }
    found = job.space.measured(sum_of_values(key), tuple[Measured, ...], run)
    return {each.metric: each for each in found}
