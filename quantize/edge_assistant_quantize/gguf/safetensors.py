"""Weights in safetensors: tensors and their places by the safetensors library, as floats, and a search for NaN.

The library checks a header against the file: types, sizes, no gaps. The search reads bits in chunks, as numpy has no
bfloat16 and a tensor may be larger than memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_HEADER_BYTES = 16 << 20  # a shard of a model of 400 billion parameters has 200 kB; bounds memory to some 200 MB
MAX_TENSORS = 65_536  # as of a GGUF file, see edge_assistant_models.headers
CHUNK_BYTES = 4 << 20  # bounds the memory of reading a tensor

_PREFIX = "Error while deserializing header: "  # of the library's messages
_LENGTH_BYTES = 8  # of the header's length, in front of it
ITEM_BYTES: Mapping[str, int] = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
_FLOATS: Mapping[str, str] = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}
# The bits that are all set in NaN and infinity, and the unsigned type to read them as: IEEE 754's exponent
_EXPONENTS: Mapping[str, tuple[str, int]] = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F80_0000),
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F8_E5M2": ("u1", 0x7C),
    "F8_E4M3": ("u1", 0x7F),  # it has no infinities: this and its negative are NaN
}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file.

    Attributes:
        name: in the model.
        dtype: one of `ITEM_BYTES`.
        shape: the outermost dimension first; () for a single value.
        begin, end: its bytes in the file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def values(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


def read(path: Path) -> tuple[StoredTensor, ...]:
    """The tensors of a file, in the order of their places.

    Raises:
        WeightsRefused: it is not a safetensors file, contradicts itself, or exceeds a limit.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if MAX_HEADER_BYTES < length < path.stat().st_size:
            raise _refused(path, f"its header has {length:,} bytes")
        with safe_open(path, "numpy") as content:
            return tuple(_tensors(path, content, _LENGTH_BYTES + length))
    except OSError as error:
        raise _refused(path, f"it cannot be read ({error.strerror})") from None
    except SafetensorError as error:
        raise _refused(path, str(error).removeprefix(_PREFIX)) from None


def _refused(path: Path, why: str) -> WeightsRefused:
    message = f"{path.name} cannot be used ({printable(why)[:200]})"
    return WeightsRefused(message, "fetch the model again, or export it again")


def _tensors(path: Path, content: Any, begin: int) -> Iterator[StoredTensor]:  # noqa: ANN401 - the library has no types
    names = content.offset_keys()
    if len(names) > MAX_TENSORS:
        raise _refused(path, f"it declares {len(names):,} tensors")
    for name in names:
        described = content.get_slice(name)
        dtype, shape = described.get_dtype(), tuple(described.get_shape())
        if dtype not in ITEM_BYTES:
            raise _refused(path, f"the tensor {name} has the type {dtype}")
        end = begin + math.prod(shape) * ITEM_BYTES[dtype]
        yield StoredTensor(name, dtype, shape, begin, end)
        begin = end


def check_finite(path: Path, tensors: tuple[StoredTensor, ...], moved: Callable[[int], None]) -> None:
    """Search every floating value for NaN and infinity.

    Args:
        path: of the file.
        tensors: what `read` found in it.
        moved: called with the bytes of the file that have been read.

    Raises:
        WeightsRefused: a value is NaN or infinite; the message names tensor and file.
    """
    import numpy as np

    for tensor in tensors:
        kind, exponent = _EXPONENTS.get(tensor.dtype, ("u1", 0))
        values = CHUNK_BYTES // np.dtype(kind).itemsize
        for place in range(0, tensor.values if exponent else 0, values):
            wanted = min(values, tensor.values - place)
            bits = np.fromfile(path, kind, wanted, offset=tensor.begin + place * np.dtype(kind).itemsize)
            if len(bits) < wanted:
                raise _refused(path, "it was cut off while it was read")
            if bool(((bits & bits.dtype.type(exponent)) == exponent).any()):
                raise WeightsRefused(
                    f"the tensor {printable(tensor.name)} in {path.name} holds NaN or infinity",
                    "the training diverged or the export is damaged: take an earlier checkpoint, or export it again",
                )
            moved(tensor.begin + (place + wanted) * bits.itemsize)
        moved(tensor.end)


def floats(path: Path, tensor: StoredTensor) -> NDArray[np.float32]:
    """One tensor of a file as F32.

    Raises:
        KeyError: it is of no type that holds floats of 16 bits or more.
    """
    import numpy as np

    kind = _FLOATS[tensor.dtype]
    found = np.fromfile(path, kind, tensor.values, offset=tensor.begin)
    if tensor.dtype == "BF16":  # the upper half of a float32
        found = (found.astype("<u4") << 16).view("<f4")
    return found.astype(np.float32, copy=False).reshape(tensor.shape)
