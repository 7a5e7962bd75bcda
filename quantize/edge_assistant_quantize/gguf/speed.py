"""How fast a GGUF model reads and writes, how long it loads, and how much memory it takes: in a process of its own.

As llama.cpp's llama-bench measures (a prompt of 512 tokens, then tokens one by one), with the product's own batches.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize import worker
from edge_assistant_quantize.progress import Step, Watch

if TYPE_CHECKING:
    from edge_assistant_quantize.gguf.model import Model, Tokens

PROMPT, WRITTEN = 512, 64  # tokens
REPEATS = 3
_WARM = 16  # tokens of the first computation, which is not counted: it brings the weights into memory


@dataclass(frozen=True, slots=True)
class Speed:
    """Measurement of one model on this machine.

    Attributes:
        prefill_tokens_per_s: of a prompt of 512 tokens, median of three.
        decode_tokens_per_s: of 64 tokens behind it, one by one.
        load_s: from the file to a model that can compute; mapped weights are not read yet.
        peak_mib: the most memory of the process (its proportional set size, mapped weights included), with Python and
            libraries; None if the system does not tell.
    """

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    load_s: float
    peak_mib: float | None


def ratio(one: Speed, other: Speed) -> float:
    """The other's time for a written token over the one's."""
    return one.decode_tokens_per_s / other.decode_tokens_per_s


def measure(model: Path, *, threads: int, watch: Watch) -> Speed:
    """Measure a model.

    Args:
        model: a GGUF file.
        threads: that compute.
        watch: receives each repetition.

    Raises:
        ModelCorrupt, ModelTooLarge: it cannot be opened.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    return Speed(**worker.run(__name__, {"model": str(model.absolute()), "threads": threads}, watch))


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, float | None]:
    """Measure, in the other process."""
    import numpy as np

    from edge_assistant.language.tokens import BATCH
    from edge_assistant_quantize.gguf.model import Model

    path, what = Path(request["model"]), f"speed of {Path(request['model']).name}"
    watch(Step(what, 0, REPEATS))
    began = time.perf_counter()
    with Model(path, threads=request["threads"], context=PROMPT + WRITTEN, batch=BATCH) as model:
        loaded = time.perf_counter() - began
        tokens = np.random.default_rng(0).integers(0, model.vocabulary, PROMPT + WRITTEN, dtype=np.int32)
        model.go_on(tokens[:_WARM], _WARM - 1)
        runs = []
        for number in range(REPEATS):
            runs.append(_run(model, tokens, BATCH))
            watch(Step(what, number + 1, REPEATS))
        prefill, decode = (statistics.median(seconds) for seconds in zip(*runs, strict=True))
        peak = _memory_mib()  # llama.cpp keeps its memory until the model is closed
    return {
        "prefill_tokens_per_s": PROMPT / prefill,
        "decode_tokens_per_s": WRITTEN / decode,
        "load_s": loaded,
        "peak_mib": peak,
    }


def _run(model: Model, tokens: Tokens, batch: int) -> tuple[float, float]:
    """Seconds for the prompt, and for the tokens written behind it."""
    model.forget()
    began = time.perf_counter()
    for start in range(0, PROMPT, batch):
        part = tokens[start : min(start + batch, PROMPT)]
        model.go_on(part, len(part) - 1)
    read = time.perf_counter()
    for place in range(PROMPT, PROMPT + WRITTEN):
        model.go_on(tokens[place : place + 1], 0)
    return read - began, time.perf_counter() - read


def _memory_mib() -> float | None:
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return None
