"""The measurements of a recipe: metrics, verdicts and loss by node, each once for the same files and data."""

from __future__ import annotations

from functools import partial

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.acceptance import accept
from edge_assistant_quantize.metrics.metric import Measured, metric
from edge_assistant_quantize.onnx import calibration, sensitivity
from edge_assistant_quantize.recipes.provenance import RUNTIMES, machine_class, sum_of_values, versions
from edge_assistant_quantize.recipes.recipe import Data, Measurement
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import RecipeJob
from edge_assistant_quantize.record import CriterionVerdict, Layer


def results(job: RecipeJob, form: Form, reference: Form) -> dict[str, Measured]:
    """All metrics of the recipe, by the name of the result.

    Raises:
        CalibrationInvalid, InputMissing: the data does not fit a metric.
        ModelError: the model cannot be run.
    """
    return {name: found for each in job.recipe.metrics for name, found in _result(job, each, form, reference).items()}


def verdicts(job: RecipeJob, form: Form, reference: Form) -> list[CriterionVerdict]:
    """Each criterion of the recipe, decided."""
    return [found for each in job.recipe.metrics for found in _verdict(job, each, form, reference)]


def accepts(job: RecipeJob, form: Form, reference: Form) -> bool:
    """Whether every criterion holds; measuring stops at the first that does not."""
    return all(found.accepted for each in job.recipe.metrics for found in _verdict(job, each, form, reference))


def acceptance_sum(job: RecipeJob, reference: Form) -> str:
    """A checksum over everything that acceptance depends on besides the candidate."""
    asked = [
        [each.metric, str(each.criterion), job.data_sum(each.data)] for each in job.recipe.metrics if each.criterion
    ]
    return sum_of_values([asked, reference.identity, versions(RUNTIMES)])


def _verdict(job: RecipeJob, asked: Measurement, form: Form, reference: Form) -> list[CriterionVerdict]:
    if (criterion := asked.criterion) is None:
        return []
    of_form, of_reference = (_result(job, asked, each, reference) for each in (form, reference))
    return accept.judge([criterion], of_form, of_reference)


def _result(job: RecipeJob, asked: Measurement, form: Form, reference: Form) -> dict[str, Measured]:
    by = metric(asked.metric)

    def run() -> tuple[Measured, ...]:
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
