"""How fast a GGUF model reads and writes, how long it loads, and how much memory it takes: in a process of its own.

As llama.cpp's llama-bench measures (a prompt of 512 tokens, then tokens one by one), with the product's own context.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import room, worker
from edge_assistant_quantize.candidate import loading
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from edge_assistant.language.context import Context

PROMPT, WRITTEN = 512, 64  # tokens
REPEATS = 3
_WARM = 16  # tokens of the first computation, which is not counted: it brings the weights into memory


class SpeedFigures(msgspec.Struct, frozen=True):
    """Measurement of one form on this machine.

    Attributes:
        speed: figures by name with the unit in it. Of a GGUF model `prefill_tokens_per_s` (of a prompt of 512 tokens,
            median of three), `decode_tokens_per_s` (of 64 tokens behind it, one by one) and `load_s` (from the file to
            a model that can compute; mapped weights are not read yet).
        peak_mib: the most memory of a process that ran it, with Python and libraries; of a GGUF model the proportional
            set size, mapped weights included. None if the system does not tell.
    """

    speed: dict[str, float]
    peak_mib: float | None = None


def measure(model: Path, *, threads: int, watch: Watch) -> SpeedFigures:
    """Measure a model.

    Args:
        model: a GGUF file.
        threads: that compute.
        watch: receives each repetition.

    Raises:
        ModelCorrupt, ModelTooLarge: it cannot be opened.
        ModelFailed: llama.cpp cannot compute it.
    """
    request = {"model": str(model.absolute()), "threads": threads}
    return msgspec.convert(worker.run(__name__, request, watch), SpeedFigures)


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, object]:
    """Measure, in the other process."""
    import numpy as np

    from edge_assistant.language import llama
    from edge_assistant.language.context import Context

    path, what, runtime = Path(request["model"]), f"speed of {Path(request['model']).name}", Runtime(request["threads"])
    watch(ProgressStep(what, 0, REPEATS))
    began = time.perf_counter()
    with loading():
        model, _ = llama.load(path, runtime.halt)
    context = Context(model, runtime, PROMPT + WRITTEN, path.name)
    loaded = time.perf_counter() - began
    library: Any = llama.library()
    vocabulary = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model))
    tokens = np.random.default_rng(0).integers(0, vocabulary, PROMPT + WRITTEN).tolist()
    context.evaluate(tokens[:_WARM])
    runs = []
    for number in range(REPEATS):
        runs.append(_run(context, tokens))
        watch(ProgressStep(what, number + 1, REPEATS))
    prefill, decode = (statistics.median(seconds) for seconds in zip(*runs, strict=True))
    memory = room.of_kernel("self/smaps_rollup", "Pss")  # llama.cpp keeps its memory until the model is closed
    llama.free(context.pointer, model)
    figures = {"prefill_tokens_per_s": PROMPT / prefill, "decode_tokens_per_s": WRITTEN / decode, "load_s": loaded}
    return {"speed": figures, "peak_mib": int(memory.split()[0]) / 1024 if memory else None}


def _run(context: Context, tokens: list[int]) -> tuple[float, float]:
    """Seconds for the prompt, and for the tokens written behind it."""
    context.clear()
    began = time.perf_counter()
    context.evaluate(tokens[:PROMPT])
    read = time.perf_counter()
    for token in tokens[PROMPT:]:
        context.evaluate([token])
    return read - began, time.perf_counter() - read
