"""Models that were damaged, as a careless quantization would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edge_assistant_models.model import InstalledModel

Floats = NDArray[np.float32]


def noisy(share: float, seed: int = 0) -> Callable[[Floats], Floats]:
    """Adds noise of a share of the weights' own deviation."""
    random = np.random.default_rng(seed)
    return lambda weights: weights + random.normal(0, share * weights.std(), weights.shape)


def not_numbers(weights: Floats) -> Floats:
    return np.full_like(weights, np.nan)


def damaged(model: InstalledModel, key: str, folder: Path, change: Callable[[Floats], Floats]) -> InstalledModel:
    """The model with every float matrix of one file changed; the other files stay where they are."""
    graph = onnx.load(model.files[key])
    for weights in graph.graph.initializer:
        array = numpy_helper.to_array(weights)
        if array.ndim > 1 and array.dtype in {np.dtype(np.float32), np.dtype(np.float16)}:
            weights.CopyFrom(numpy_helper.from_array(change(array).astype(array.dtype), weights.name))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / model.files[key].name
    onnx.save(graph, path)
    return InstalledModel(f"{model.name}-damaged", "", {**model.files, key: path}, model.options, model.role)
