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
from typing import Any

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import room, worker
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.gguf import speed as gguf
from edge_assistant_quantize.gguf.speed import SpeedFigures
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore
from edge_assistant_quantize.provenance import RUNTIMES, machine, sum_of_values, versions
from edge_assistant_quantize.recipes.recipe import Data
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import RecipeJob
from edge_assistant_quantize.record import Variant

FOR_PEAK = 2  # items; the second runs in what the first has allocated
ITEMS = 12  # recordings, pages, photographs or texts; the first warms up
MODEL = "model"  # key of a language model's file
WRITING = "decode_tokens_per_s"  # of `gguf.speed`
LEAST_S = 1e-4  # of an item that was computed; a repeated photograph is cached and takes no time


def add(job: RecipeJob, reference: Form, forms: Mapping[str, Form], variants: Sequence[Variant]) -> list[Variant]:
    """Records with time and memory; those of a recipe with steps are unchanged for a role that no sense runs.

    Args:
        job: the recipe.
        reference: the form that others are compared with.
        forms: those that could be made, by name.
        variants: the record of the reference, then those of the others.

    Raises:
        EdgeAssistantError: a model cannot be run.
    """
    from edge_assistant_quantize.senses import ROLES

    there = [reference, *forms.values()]
    models, asked = [form.candidate() for form in there], job.recipe
    data = next((each.data for each in asked.metrics), next(iter(asked.data), ""))  # that of the first metric
    runs = asked.role in ROLES or all(is_llama(model.paths) for model in models)
    if not forms or (asked.steps and not runs):
        return list(variants)
    over = [form.identity for form in there], job.inputs.get(f"data/{data}"), ITEMS, job.threads
    run = partial(side_by_side, models, asked.data.get(data, {}), threads=job.threads, watch=job.watch)
    key = sum_of_values(["speed", *over, versions(RUNTIMES), machine()])
    first, *others = job.space.measured(key, list[SpeedFigures], run)
    found = [first, *map(dict(zip(forms, others, strict=True)).get, (each.name for each in variants[1:]))]
    return [
        msgspec.structs.replace(each, speed=own.speed, peak_mib=own.peak_mib) if own else each
        for each, own in zip(variants, found, strict=True)
    ]


def side_by_side(models: Sequence[Candidate], data: Data, *, threads: int, watch: Watch) -> list[SpeedFigures]:
    """Time and memory of models, the first being the reference that each of the others runs in turn with.

    Raises:
        EdgeAssistantError: a model cannot be run over the data.
    """
    first = models[0]
    if all(is_llama(model.paths) for model in models):
        found = [gguf.measure(each.paths[MODEL], threads=threads, watch=watch) for each in models]
        ratios = [found[0].speed[WRITING] / each.speed[WRITING] for each in found]  # of times for a written token
        pairs = zip(found, ratios, strict=True)
        return [SpeedFigures({**each.speed, "ratio": ratio}, each.peak_mib) for each, ratio in pairs]
    limit, figures = data.get("limit"), list[dict[str, float]]()
    few_items = {**data, "limit": min(limit, ITEMS) if isinstance(limit, int) else ITEMS}
    with first.held() as (reference, _):
        for number, each in enumerate(models[1:]):
            watch(ProgressStep("speed", number, len(models) - 1))
            with each.held() as (model, _):
                times = in_turn(model, reference, first.role, few_items, threads)
            mine, other = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            figures += [] if figures else [{"median_ms": other, "ratio": 1.0}]
            figures.append({"median_ms": mine, "ratio": statistics.median(own / base for own, base in times)})
        watch(ProgressStep("speed", len(models) - 1, len(models) - 1))
    peaks = [peak_mib(each, few_items, threads=threads) for each in models]
    return [SpeedFigures(each, most) for each, most in zip(figures, peaks, strict=True)]


def in_turn(
    one: InstalledModel, other: InstalledModel, role: str, data: Data, threads: int
) -> list[tuple[float, float]]:
    """Run two models over data through the product's sense, item by item in turn.

    Returns:
        Seconds of each item, of the one and of the other; without the first, which warms up, if there are more.

    Raises:
        EdgeAssistantError: a model cannot be run over the data.
    """
    from edge_assistant_quantize.senses import perceive

    runs = [perceive(model, role, data, Runtime(threads), ignore) for model in (one, other)]
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


def is_llama(files: Mapping[str, Path]) -> bool:
    """Whether llama.cpp runs the model that has these files by key."""
    return MODEL in files and files[MODEL].suffix == ".gguf"


def peak_mib(candidate: Candidate, data: Mapping[str, object], *, threads: int) -> float | None:
    """The most memory of a process that opens a model and runs it over a few items; None if the system does not tell.

    Raises:
        EdgeAssistantError: the model cannot be run over the data in a process of its own.
    """
    files = {key: str(path.absolute()) for key, path in candidate.paths.items()}
    model = {"name": candidate.name, "role": candidate.role, "files": files, "options": dict(candidate.options)}
    request = {"model": model, "data": {**data, "limit": FOR_PEAK}, "threads": threads}
    failure, hint = f"the memory of {candidate.name} cannot be measured", "the model may be unusual"
    found: float | None = worker.run(__name__, request, ignore, failure=failure, hint=hint)
    return found


def work(request: Mapping[str, Any], watch: Watch) -> float | None:
    """Run the model, in the other process; its peak of memory in MiB."""
    from edge_assistant_quantize.senses import perceive

    found = Candidate(folder=Path("/"), **request["model"])
    with found.held() as (model, _):
        for _ in perceive(model, found.role, request["data"], Runtime(request["threads"]), watch):
            pass
    peak = room.of_kernel("self/status", "VmHWM")  # of this process alone; getrusage counts its parent, too
    return int(peak.split()[0]) / 1024 if peak else None
