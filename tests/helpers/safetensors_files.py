"""Files of weights as safetensors lays them out, made without the library."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_NAMES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int64": "I64"}


def write(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name; uint16 holds the upper halves of float32."""
    header, at = {}, 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": _NAMES[array.dtype.name], "shape": list(array.shape), "data_offsets": [at, at + array.nbytes],
        }  # fmt: skip
        at += array.nbytes
    text = json.dumps(header).encode()
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
