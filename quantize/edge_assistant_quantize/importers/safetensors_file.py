"""Float tensors of safetensors files as arrays; `gguf.safetensors` checks the header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import ModelCorrupt, WeightsRefused
from edge_assistant_quantize.gguf import safetensors

_TYPES = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}


def read_tensors(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """The float tensors of a file by name; those of other types, such as positions, are left out.

    Raises:
        ModelCorrupt: it is no such file, or contradicts itself.
    """
    try:
        found = safetensors.read(path)
    except WeightsRefused as error:
        raise ModelCorrupt(error.message, "pull the model again") from None
    return {tensor.name: floats(path, tensor) for tensor in found if tensor.dtype in _TYPES}


def floats(path: Path, tensor: safetensors.StoredTensor) -> NDArray[np.float32]:
    """One tensor of a file, whatever float type it has there.

    Raises:
        KeyError: it is of another type.
    """
    kind = _TYPES[tensor.dtype]
    found: NDArray[Any] = np.fromfile(path, kind, tensor.values, offset=tensor.begin)
    if tensor.dtype == "BF16":  # the upper half of a float32
        found = (found.astype("<u4") << 16).view("<f4")
    return found.astype(np.float32, copy=False).reshape(tensor.shape)
