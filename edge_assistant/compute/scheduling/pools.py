"""Pools of threads that libraries make of their own accord: told how many, and not to spin, before they are loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

# Turns of a loop in which a thread of llama.cpp's OpenMP waits before it sleeps. The default of 300,000 (some
# milliseconds) has it at its best on cores that nobody else uses; beside one busy process it decoded at 0.4 of the
# speed that it has with 1,000, which cost 2 to 6 % of it on free cores (Qwen 1.5B on two cores).
_SPIN = "1000"

BEFORE_NUMPY: Mapping[str, str] = {
    "OPENBLAS_NUM_THREADS": "1",  # numpy's products here take a millisecond; its idle threads spin for 20
    "GOMP_SPINCOUNT": _SPIN,
}


def tell(threads: int | None = None, environment: MutableMapping[str, str] = os.environ) -> None:
    """Tell libraries that are not loaded yet; what the environment says already holds.

    Args:
        threads: of one heavy computation; None where that is not known yet, as when a command begins.
        environment: in which the libraries look when they are loaded.
    """
    for name, value in BEFORE_NUMPY.items():
        environment.setdefault(name, value)
    if threads is not None:
        environment.setdefault("OPENCV_FOR_THREADS_NUM", str(threads))
        environment.setdefault("RAYON_NUM_THREADS", str(threads))  # tokenizers
