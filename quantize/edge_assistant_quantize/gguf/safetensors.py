"""Weights in safetensors: tensors and their places by the safetensors library, as floats, and a search for NaN.

The library checks a header against the file: types, sizes, no gaps. For numpy it gives no bfloat16, which ml_dtypes, a
package that onnx brings, adds to numpy; so values are read here, in chunks, as a tensor may be larger than memory.
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
# The type of values by numpy's name, or by that of ml_dtypes
DTYPES: Mapping[str, str] = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "u2", "I16": "i2", "U32": "u4", "I32": "i4", "U64": "u8", "I64": "i8",
    "F16": "f2", "F32": "f4", "F64": "f8", "C64": "c8", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file.

    Attributes:
        name: in the model.
        dtype: one of `DTYPES`.
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

    def read(self, path: Path, begin: int = 0, most: int | None = None) -> NDArray[Any]:
        """Values from the file, flat: from one on, at most so many."""
        import numpy as np

        kind, left = numpy_type(self.dtype), self.values - begin
        return np.fromfile(path, kind, min(left, most or left), offset=self.begin + begin * kind.itemsize)


def numpy_type(dtype: str) -> np.dtype[Any]:
    """One of `DTYPES` as numpy reads it."""
    import ml_dtypes  # noqa: F401 - numpy knows its types once it is imported
    import numpy as np

    return np.dtype(DTYPES[dtype])


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
        if dtype not in DTYPES:
            raise _refused(path, f"the tensor {name} has the type {dtype}")
        end = begin + math.prod(shape) * numpy_type(dtype).itemsize
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
        kind = numpy_type(tensor.dtype)
        values = CHUNK_BYTES // kind.itemsize
        for place in range(0, 0 if kind.kind in "biu" else tensor.values, values):
            found = tensor.read(path, place, values)
            if len(found) < min(values, tensor.values - place):
                raise _refused(path, "it was cut off while it was read")
            if not np.isfinite(found).all():
                raise WeightsRefused(
                    f"the tensor {printable(tensor.name)} in {path.name} holds NaN or infinity",
                    "the training diverged or the export is damaged: take an earlier checkpoint, or export it again",
                )
            moved(tensor.begin + (place + len(found)) * kind.itemsize)
        moved(tensor.end)
