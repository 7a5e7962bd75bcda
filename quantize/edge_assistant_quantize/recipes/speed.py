"""Time and memory of each form, measured in turn with the reference in one run.

Items go through the product's own sense, one through the reference and one through the variant in turn, so that other
work on the machine slows both alike.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import room, worker
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.gguf import speed as gguf
from edge_assistant_quantize.gguf.speed import SpeedFigures
from edge_assistant_quantize.progress import Watch, ignore, stage
from edge_assistant_quantize.provenance import RUNTIMES, machine, sum_of_values, versions
from edge_assistant_quantize.recipes.recipe import Data
from edge_assistant_quantize.recipes.step import Form
from edge_assistant_quantize.recipes.workspace import RecipeJob

FOR_PEAK = 2  # items; the second runs in what the first has allocated
ITEMS = 12  # recordings, pages, photographs or texts; the first warms up
MODEL = "model"  # key of a language model's file
WRITING = "decode_tokens_per_s"  # of `gguf.speed`
LEAST_S = 1e-4  # of an item that was computed; a repeated photograph is cached and takes no time


def of(job: RecipeJob, form: Form, reference: Form) -> SpeedFigures | None:
    """Time and memory of a form; None for a role that no sense runs, in a recipe with steps.

    Args:
        job: the recipe.
        form: the model.
        reference: what it runs in turn with; itself for the reference's own figures.

    Raises:
        EdgeAssistantError: a model cannot be run.
    """
    from edge_assistant_quantize.senses import ROLES

    asked = job.recipe
    if not (is_llama(form.files) and is_llama(reference.files)) and asked.steps and asked.role not in ROLES:
        return None
    data = next((each.data for each in asked.metrics), next(iter(asked.data), ""))  # that of the first metric
    over = [form.identity, reference.identity, job.inputs.get(f"data/{data}"), ITEMS, job.threads]
    key = sum_of_values(["speed", *over, versions(RUNTIMES), machine()])
    return job.space.measured(key, SpeedFigures, partial(_measured, job, form, reference, asked.data.get(data, {})))


def _measured(job: RecipeJob, form: Form, reference: Form, data: Data) -> SpeedFigures:
    own = form.identity == reference.identity
    if is_llama(form.files) and is_llama(reference.files):
        found = gguf.measure(form.files[MODEL], threads=job.threads, watch=job.watch)
        base = found if own else of(job, reference, reference)
        assert base is not None
        ratio = base.speed[WRITING] / found.speed[WRITING]  # of times for a written token
        return SpeedFigures({**found.speed, "ratio": ratio}, found.peak_mib)
    limit, candidate = data.get("limit"), form.candidate()
    few_items = {**data, "limit": min(limit, ITEMS) if isinstance(limit, int) else ITEMS}
    with (
        stage(f"speed of {form.name}", job.watch),
        candidate.held() as (model, _),
        reference.candidate().held() as (other, _),
    ):
        times = in_turn(model, other, form.role, few_items, job.threads)
    figures = {"median_ms": 1000 * statistics.median(mine for mine, _ in times)}
    figures["ratio"] = 1.0 if own else statistics.median(mine / base for mine, base in times)
    return SpeedFigures(figures, peak_mib(candidate, few_items, threads=job.threads))


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

    def seconds(items: Iterator[object]) -> float:
        began = time.perf_counter()
        next(items)
        return time.perf_counter() - began

    first, second = (perceive(model, role, data, Runtime(threads), ignore) for model in (one, other))
    times: list[tuple[float, float]] = []
    with contextlib.suppress(StopIteration):
        while True:
            times.append((seconds(first), seconds(second)))
    return [pair for pair in times[1:] if min(pair) >= LEAST_S] or times[:1]


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
