"""Reads a safetensors file of float tensors. Every declared size is checked against the file's.

The format (https://github.com/huggingface/safetensors#format): 8 bytes with the length of a JSON header, which gives
the type, shape and place of each tensor, and then the tensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_models.errors import ModelCorrupt

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 1 << 30  # of the file, which is read whole; MiniLM has 91 MB
MAX_HEADER_BYTES = 1 << 20  # 100 tensors have 11 kB
MAX_RANK = 4
_TYPES = {"F32": "<f4", "F16": "<f2"}


def read_tensors(path: Path) -> Mapping[str, NDArray[Any]]:
    """The float tensors of a file by name; those of other types, such as positions, are left out.

    Raises:
        ModelCorrupt: it is no such file, contradicts itself, or goes beyond a limit.
    """
    if not 8 < path.stat().st_size <= MAX_BYTES:
        raise _failure(path, "has no size that such a file has")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    if length > min(MAX_HEADER_BYTES, len(content) - 8):
        raise _failure(path, "ends before its header does, or is no safetensors file")
    data = memoryview(content)[8 + length :]
    try:
        table = dict(json.loads(content[8 : 8 + length]))
        table.pop("__metadata__", None)
        kinds = {name: str(said["dtype"]) for name, said in table.items()}
        return {name: _tensor(said, data) for name, said in table.items() if kinds[name] in _TYPES}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _failure(path, f"contradicts itself ({error})") from None


def _failure(path: Path, what: str) -> ModelCorrupt:
    return ModelCorrupt(f"{path.name} {what}", "pull the model again")


def _tensor(said: Mapping[str, Any], data: memoryview) -> NDArray[Any]:
    import numpy as np

    shape, (begin, end), kind = (
        [int(size) for size in said["shape"]],
        said["data_offsets"],
        np.dtype(_TYPES[said["dtype"]]),
    )
    if len(shape) > MAX_RANK or min(shape, default=1) < 0 or not 0 <= begin <= end <= len(data):
        raise ValueError("a tensor lies outside the file")
    if math.prod(shape) * kind.itemsize != end - begin:
        raise ValueError(f"{end - begin} bytes for the shape {shape}")
    return np.frombuffer(data[begin:end], kind).reshape(shape)
