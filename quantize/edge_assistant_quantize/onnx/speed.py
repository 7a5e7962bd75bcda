"""How fast models run, compared in one go: other work on the machine slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_assistant.runtime import Runtime
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.onnx import ranges

_WARM = 2  # runs before those that are measured: ONNX Runtime plans its memory in the first


def measure(
    models: Mapping[str, Path], feeds: Sequence[Mapping[str, Any]], *, threads: int, repeats: int
) -> dict[str, dict[str, float]]:
    """Run models in turn, one feed after another.

    Args:
        models: by name; the first is what the others are compared with.
        feeds: that all of them take.
        threads: of each run.
        repeats: rounds that are measured; each takes the next feed.

    Returns:
        By name `median_ms`, and `ratio`: the median over the rounds of its time to that of the first model in the same.

    Raises:
        CalibrationInvalid: there are no feeds, or a model does not take them.
    """
    import numpy as np

    if not feeds:
        raise CalibrationInvalid("there is nothing to run the models over", "give calibration data")
    sessions = {name: Runtime(threads).session(path) for name, path in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for number in range(-_WARM, repeats):
        feed = feeds[number % len(feeds)]
        for name, session in sessions.items():
            began = time.perf_counter()
            ranges.run(session, None, feed)
            if number >= 0:
                times[name].append(time.perf_counter() - began)
    first = np.array(times[next(iter(models))])
    return {
        name: {"median_ms": 1000 * float(np.median(took)), "ratio": float(np.median(np.array(took) / first))}
        for name, took in times.items()
    }
