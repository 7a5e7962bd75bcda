"""The measurements of a recipe: metrics, verdicts and loss by node, each once for the same files and data."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from functools import partial

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.acceptance import gate, looks
from edge_assistant_quantize.acceptance.looks import ModelSums
from edge_assistant_quantize.errors import CalibrationInvalid, ModelCorrupt
from edge_assistant_quantize.metrics.metric import metric, standard
from edge_assistant_quantize.onnx import calibration, sensitivity
from edge_assistant_quantize.provenance import RUNTIMES, machine_class, sum_of_values, versions
from edge_assistant_quantize.recipes.recipe import Data, Measurement
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import REFERENCE, RecipeJob
from edge_assistant_quantize.record import AcceptanceLook, CriterionVerdict, Layer, Measured


def results(job: RecipeJob, form: Form, reference: Form) -> dict[str, Measured]:
    """All metrics of the recipe, by the name of the result.

    Raises:
        CalibrationInvalid, InputMissing: the data does not fit a metric.
        ModelError: the model cannot be run.
    """
    return {name: found for each in job.recipe.metrics for name, found in _result(job, each, form, reference).items()}


def judge(
    job: RecipeJob, name: str, form: Form, reference: Form
) -> list[tuple[AcceptanceLook, list[CriterionVerdict]]]:
    """Each criterion of the recipe, decided: one look for each data set, at the items that no search has seen."""
    sound = looks.EXPORTED if reference.compared else looks.of_catalog(reference.candidate(), reference.sums)
    models = ModelSums(name, form.sums, form.options), ModelSums(REFERENCE, reference.sums, reference.options, sound)
    found = []
    for data in dict.fromkeys(each.data for each in job.recipe.metrics if each.criterion):
        asked = [each for each in job.recipe.metrics if each.data == data]
        of_form, of_reference = (
            {k: found for one in asked for k, found in _part(job, one, each, reference, searched=False).items()}
            for each in (form, reference)
        )
        of_reference = {name: found for name, found in of_reference.items() if not metric(name).relative}
        criteria = [each.criterion for each in asked if each.criterion]
        sums = dict.fromkeys((each.metric for each in criteria), job.data_sum(data))
        found.append(looks.take(*models, criteria, of_form, of_reference, sums))
    measured = [_result(job, each, form, reference) for each in job.recipe.metrics if not each.criterion]
    looks.seen(form.sums, {name: result for each in measured for name, result in each.items()})
    return found


def accepts(job: RecipeJob, form: Form, reference: Form) -> bool:
    """Whether a form that a search tries holds every criterion; measuring stops at the first that it does not."""
    for asked in job.recipe.metrics:
        if asked.criterion:
            results = [_part(job, asked, each, reference, searched=True) for each in (form, reference)]
            if not gate.searched([asked.criterion], *results):
                return False
    return True


def _part(job: RecipeJob, asked: Measurement, form: Form, reference: Form, *, searched: bool) -> dict[str, Measured]:
    """Results over the items that a search sees, or over the others; over all where the recipe searches nothing."""
    results = _result(job, asked, form, reference)
    if not any(step.needs.searches for step in job.recipe.steps):
        return results

    def seen(item: str) -> bool:
        return hashlib.sha256(item.encode()).digest()[0] % 2 == 0

    parts = {}
    for name, found in results.items():
        halves = {True: found.only(seen), False: found.only(lambda item: not seen(item))}
        fewest = min(0 if each is None else len(each.independent) for each in halves.values())
        if asked.criterion and name == asked.metric and fewest < standard(name).least:
            what = f"a search looks at half of the items of '{name}', and one half has {fewest} independent ones"
            raise CalibrationInvalid(what, f"give some more than {2 * standard(name).least}, or search nothing")
        if (part := halves[searched]) is not None:
            parts[name] = part
    return parts


def acceptance_sum(job: RecipeJob, reference: Form) -> str:
    """A checksum over everything that acceptance depends on besides the candidate."""
    asked = [
        [each.metric, str(each.criterion), job.data_sum(each.data)] for each in job.recipe.metrics if each.criterion
    ]
    return sum_of_values([asked, reference.identity, versions(RUNTIMES), looks.code()])


def _result(job: RecipeJob, asked: Measurement, form: Form, reference: Form) -> dict[str, Measured]:
    by = metric(asked.metric)

    def run() -> tuple[Measured, ...]:
        with ExitStack() as held:
            for each in (form, reference) if by.relative else (form,):
                if held.enter_context(each.candidate().unchanged()) != each.sums:
                    raise ModelCorrupt(f"a file of {each.name} was changed since it was made", "run the recipe again")
            other = reference.candidate().installed() if by.relative else None
            data = job.recipe.data[asked.data]
            return by.measure(form.candidate().installed(), other, data, Runtime(job.threads), job.watch)

    key = {
        "metric": by.name,
        "data": job.data_sum(asked.data),
        "form": form.identity,
        "reference": reference.identity if by.relative else "",
        "versions": versions(RUNTIMES),
        "machine": machine_class(),
        "code": looks.code(),
    }
    found = job.space.measured(sum_of_values(key), tuple[Measured, ...], run)
    return {each.metric: each for each in found}


def layers(job: RecipeJob, form: Form) -> list[Layer]:
    """The nodes of all ONNX files of a model, largest loss first, each quantized alone by the recipe's `layers`.

    Raises:
        EdgeAssistantError: see `sensitivity.rank`.
    """
    data = job.recipe.calibration
    assert data is not None

    ranked: list[Layer] = []
    for key in form.models():
        if form.files[key].suffix == ".onnx":
            over = ["layers", job.recipe.layers, form.identity, key, job.inputs["calibration"]]
            name = sum_of_values([*over, versions(RUNTIMES), machine_class()])
            ranked += job.space.measured(name, list[Layer], partial(_rank, job, form, key, data))
    return sorted(ranked, key=lambda layer: -layer.loss)


def _rank(job: RecipeJob, form: Form, key: str, data: Data) -> list[Layer]:
    given = calibration.record(form.candidate(), key, data, threads=job.threads, watch=job.watch)
    path, method = form.files[key], job.recipe.layers
    found = sensitivity.rank(path, method, calibration=given, threads=job.threads, watch=job.watch)
    return [msgspec.structs.replace(layer, file=key) for layer in found]
