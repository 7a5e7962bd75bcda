"""Time and memory of each form, measured in turn with the reference in one run.

Items go through the product's own sense, one through the reference and one through the variant in turn, so that other
work on the machine slows both alike. The reference's figures are those of the first pair. llama.cpp's models are
measured alone, each once.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import senses
from edge_assistant_quantize.gguf import header
from edge_assistant_quantize.gguf import speed as gguf
from edge_assistant_quantize.gguf.speed import SpeedFigures
from edge_assistant_quantize.progress import ProgressStep, ignore
from edge_assistant_quantize.provenance import RUNTIMES, machine, sum_of_values, versions
from edge_assistant_quantize.recipes import measurements, peak
from edge_assistant_quantize.recipes.recipe import Data
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import RecipeJob
from edge_assistant_quantize.record import Variant

ITEMS = 12  # recordings, pages, photographs or texts; the first warms up
MODEL = "model"  # key of a language model's file
LEAST_S = 1e-4  # of an item that was computed; a repeated photograph is cached and takes no time

Pair = tuple[SpeedFigures, SpeedFigures]
"""A reference and a variant that ran in turn; the figure `ratio` is the time over the reference's."""


def add(
    job: RecipeJob, reference: Form, forms: Mapping[str, Form], reference_record: Variant, variants: Sequence[Variant]
) -> list[Variant]:
    """The records of the reference and the variants with their speed; unchanged for a role that no sense runs.

    Raises:
        EdgeAssistantError: a model cannot be run.
    """
    pairs: dict[str, Pair] = {}
    for number, (name, form) in enumerate(forms.items()):
        job.watch(ProgressStep("speed", number, len(forms)))
        pairs[name] = _pair(job, reference, form)
    job.watch(ProgressStep("speed", len(forms), len(forms)))
    first = next((pair[0] for pair in pairs.values()), SpeedFigures({}))
    found = [replace(reference_record, speed=first.speed, peak_mib=first.peak_mib)]
    for variant in variants:
        if variant.name in pairs:
            known, own = pairs[variant.name]
            scaled = {key: value * first.speed[key] / known.speed[key] for key, value in own.speed.items()}
            variant = replace(variant, speed=scaled, peak_mib=own.peak_mib)
        found.append(variant)
    return found


def _pair(job: RecipeJob, reference: Form, form: Form) -> Pair:
    def alone(each: Form) -> SpeedFigures:
        if is_llama(each.files):
            return gguf.measure(each.files[MODEL], threads=job.threads, watch=job.watch)
        return SpeedFigures({}, peak.measure(each.candidate(), job.first_data, threads=job.threads))

    def together() -> list[tuple[float, float]]:
        with measurements.unchanged(form) as one, measurements.unchanged(reference) as other:
            return in_turn(one, other, job.recipe.role, few(job.first_data), job.threads)

    if not is_llama(form.files) and job.recipe.role not in senses.ROLES:
        return SpeedFigures({}), SpeedFigures({})
    other, own = (
        job.space.measured(_key(job, "alone", each), SpeedFigures, partial(alone, each)) for each in (reference, form)
    )
    if is_llama(form.files):
        ratio = gguf.ratio(other, own)
        return replace(other, speed={**other.speed, "ratio": 1.0}), replace(own, speed={**own.speed, "ratio": ratio})
    times = job.space.measured(_key(job, "speed", reference, form), list[tuple[float, float]], together)
    ratio = statistics.median(mine / base for mine, base in times)
    mine, base = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    slow, fast = {"median_ms": base, "ratio": 1.0}, {"median_ms": mine, "ratio": ratio}
    return replace(other, speed=slow), replace(own, speed=fast)


def _key(job: RecipeJob, what: str, *forms: Form) -> str:
    data = job.data_sum(job.recipe.metrics[0].data)
    return sum_of_values(
        [what, *(form.identity for form in forms), data, ITEMS, job.threads, versions(RUNTIMES), machine()]
    )


def bits(form: Form) -> dict[str, float]:
    """Bits per weight of a GGUF file, as it is; nothing of others."""
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
