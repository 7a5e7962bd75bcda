"""Time and memory of each form, measured in turn with the reference in one run.

Items go through the product's own sense, one through the reference and one through the variant in turn, so that other
work on the machine slows both alike. The reference's figures are those of the first pair.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import senses
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.gguf import header
from edge_assistant_quantize.gguf import speed as gguf
from edge_assistant_quantize.gguf.speed import SpeedFigures
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore
from edge_assistant_quantize.provenance import RUNTIMES, machine, sum_of_values, versions
from edge_assistant_quantize.recipes import peak
from edge_assistant_quantize.recipes.recipe import Data
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import RecipeJob
from edge_assistant_quantize.record import Variant

ITEMS = 12  # recordings, pages, photographs or texts; the first warms up
MODEL = "model"  # key of a language model's file
LEAST_S = 1e-4  # of an item that was computed; a repeated photograph is cached and takes no time


class SpeedPair(msgspec.Struct, frozen=True):
    """A reference and a variant that ran in turn; the figure `ratio` is the time over the reference's."""

    reference: SpeedFigures
    variant: SpeedFigures


def add(
    job: RecipeJob, reference: Form, forms: Mapping[str, Form], reference_record: Variant, variants: Sequence[Variant]
) -> list[Variant]:
    """The records of the reference and the variants with their speed; unchanged for a role that no sense runs.

    Raises:
        EdgeAssistantError: a model cannot be run.
    """
    pairs: dict[str, SpeedPair] = {}
    for number, (name, form) in enumerate(forms.items()):
        job.watch(ProgressStep("speed", number, len(forms)))
        run = partial(_pair, job, reference, form)
        pairs[name] = job.space.measured(_key(job, reference, form), SpeedPair, run)
    job.watch(ProgressStep("speed", len(forms), len(forms)))
    first = next((pair.reference for pair in pairs.values()), SpeedFigures({}))
    found = [msgspec.structs.replace(reference_record, speed=first.speed, peak_mib=first.peak_mib)]
    for variant in variants:
        if (pair := pairs.get(variant.name)) is not None:
            known = pair.reference.speed
            scaled = {key: value * first.speed[key] / known[key] for key, value in pair.variant.speed.items()}
            variant = msgspec.structs.replace(variant, speed=scaled, peak_mib=pair.variant.peak_mib)
        found.append(variant)
    return found


def _pair(job: RecipeJob, reference: Form, form: Form) -> SpeedPair:
    if not is_llama(form.files) and job.recipe.role not in senses.ROLES:
        return SpeedPair(SpeedFigures({}), SpeedFigures({}))
    models = reference.candidate(), form.candidate()
    return SpeedPair(*side_by_side(models, job.first_data, threads=job.threads, watch=job.watch))


def _key(job: RecipeJob, reference: Form, form: Form) -> str:
    data = job.data_sum(job.recipe.metrics[0].data)
    both = reference.identity, form.identity
    return sum_of_values(["speed", *both, data, ITEMS, job.threads, versions(RUNTIMES), machine()])


def side_by_side(models: Sequence[Candidate], data: Data, *, threads: int, watch: Watch) -> list[SpeedFigures]:
    """Time and memory of models, the first being the reference that each of the others runs in turn with.

    Raises:
        EdgeAssistantError: a model cannot be run over the data.
    """
    first = models[0]
    if all(is_llama(model.paths) for model in models):
        found = [gguf.measure(each.paths[MODEL], threads=threads, watch=watch) for each in models]
        return [SpeedFigures({**each.speed, "ratio": gguf.ratio(found[0], each)}, each.peak_mib) for each in found]
    few_items, figures = few(data), list[dict[str, float]]()
    with first.held() as (reference, _):
        for each in models[1:]:
            with each.held() as (model, _):
                times = in_turn(model, reference, first.role, few_items, threads)
            mine, other = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            figures += [] if figures else [{"median_ms": other, "ratio": 1.0}]
            figures.append({"median_ms": mine, "ratio": statistics.median(own / base for own, base in times)})
    peaks = [peak.measure(each, few_items, threads=threads) for each in models]
    return [SpeedFigures(each, most) for each, most in zip(figures, peaks, strict=True)]


def bits(form: Form) -> dict[str, float]:
    """Bits per weight of a language model's GGUF file, as it is; nothing of others."""
    if form.role != "language" or not is_llama(form.files):
        return {}
    file = form.files[MODEL]
    return {"bits-per-weight": 8 * file.stat().st_size / header.read(file).weights}


def in_turn(
    one: InstalledModel, other: InstalledModel, role: str, data: Data, threads: int
) -> list[tuple[float, float]]:
    """Run two models over data through the product's sense, item by item in turn.

    Returns:
        Seconds of each item, of the one and of the other; without the first, which warms up, if there are more.

    Raises:
        EdgeAssistantError: a model cannot be run over the data.
    """
    runs = [senses.perceive(model, role, data, Runtime(threads), ignore) for model in (one, other)]
    times: list[tuple[float, float]] = []
    there = True
    while there:
        took = []
        for items in runs:
            began = time.perf_counter()
            there = next(items, None) is not None and there
            took.append(time.perf_counter() - began)
        times.append((took[0], took[1]))
    warm = [pair for pair in times[1:-1] if min(pair) >= LEAST_S]
    return warm or times[:1]


def few(data: Data) -> Data:
    """The first items of a data set."""
    limit = data.get("limit")
    return {**data, "limit": min(limit, ITEMS) if isinstance(limit, int) else ITEMS}


def is_llama(files: Mapping[str, Path]) -> bool:
    """Whether llama.cpp runs the model that has these files by key."""
    return MODEL in files and files[MODEL].suffix == ".gguf"
