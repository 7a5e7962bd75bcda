"""Weights in safetensors, read within limits and without torch: what tensors there are, and whether all is finite.

The format: https://github.com/huggingface/safetensors#format: 8 bytes with the length of a JSON header, which gives
each tensor's type, shape and place, and then the tensors without gaps.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused

MAX_HEADER_BYTES = 16 << 20  # a shard of a model of 400 billion parameters has 200 kB; bounds memory to some 200 MB
MAX_TENSORS = 65_536  # as of a GGUF file, see edge_assistant_models.headers
MAX_DIMENSIONS = 8
CHUNK_BYTES = 4 << 20  # read at once; bounds the memory of looking at a tensor of any size

_LENGTH = struct.Struct("<Q")
# Bytes of one value, by the format's names of types
ITEM_BYTES: Mapping[str, int] = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
# The bits that are all set in what is no finite number, and the unsigned type to look at them in: IEEE 754's exponent
_EXPONENTS: Mapping[str, tuple[str, int]] = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F80_0000),
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F8_E5M2": ("u1", 0x7C),
    "F8_E4M3": ("u1", 0x7F),  # it has no infinities: this and its negative are NaN
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file.

    Attributes:
        name: as the model calls it.
        dtype: one of `ITEM_BYTES`.
        shape: its dimensions, the outermost first; () for a single value.
        begin, end: its bytes in the file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


def read(path: Path) -> tuple[Tensor, ...]:
    """The tensors of a file, in the order of their places.

    Raises:
        WeightsRefused: it is no safetensors file, contradicts itself, or goes beyond a limit.
    """
    try:
        with path.open("rb") as file:
            return parse(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise refused(path, f"it cannot be read ({error.strerror})") from None
    except Malformed as error:
        raise refused(path, str(error)) from None


class Malformed(Exception):
    """What a file is not; the text goes behind its name."""


def refused(path: Path, why: str) -> WeightsRefused:
    """The error about one file."""
    return WeightsRefused(f"{path.name} cannot be used ({why})", "fetch the model again, or export it again")


def parse(file: BinaryIO, size: int) -> tuple[Tensor, ...]:
    """The tensors of an open file of so many bytes; see `read`.

    Raises:
        Malformed: see `read`.
    """
    begin = file.read(_LENGTH.size)
    if len(begin) < _LENGTH.size:
        raise Malformed("it is cut off")
    (length,) = _LENGTH.unpack(begin)
    if length > MAX_HEADER_BYTES:
        raise Malformed("it is no safetensors file" if length > size else f"its header has {length:,} bytes")
    header = file.read(length)
    if len(header) < length:
        raise Malformed("it is cut off")
    table = _table(header)
    table.pop("__metadata__", None)
    if len(table) > MAX_TENSORS:
        raise Malformed(f"it declares {len(table):,} tensors")
    start = _LENGTH.size + length
    tensors = sorted((_tensor(name, row, start) for name, row in table.items()), key=lambda it: (it.begin, it.end))
    _without_gaps(tensors, start, size)
    return tuple(tensors)


def _table(header: bytes) -> dict[str, Any]:
    """The header as JSON, in which nothing stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed("its header names something twice")
        return found

    try:
        table = json.loads(header.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Malformed("its header is not JSON") from None
    if not isinstance(table, dict):
        raise Malformed("its header is no table")
    return table


def _tensor(name: str, row: object, start: int) -> Tensor:
    if not isinstance(row, dict) or set(row) != {"dtype", "shape", "data_offsets"}:
        raise Malformed(f"the tensor {printable(name)} is not described by type, shape and place")
    dtype, shape, offsets = row["dtype"], row["shape"], row["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise Malformed(f"the tensor {printable(name)} has the unknown type {printable(dtype)}")
    if not _naturals(shape) or len(shape) > MAX_DIMENSIONS or not _naturals(offsets) or len(offsets) != 2:
        raise Malformed(f"the tensor {printable(name)} has no sound shape and place")
    begin, end = offsets
    tensor = Tensor(name, dtype, tuple(shape), start + begin, start + end)
    if end - begin != tensor.values * ITEM_BYTES[dtype]:
        raise Malformed(f"the tensor {printable(name)} has another size than its shape")
    return tensor


def _naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 60 for item in value)


def _without_gaps(tensors: list[Tensor], start: int, size: int) -> None:
    """Each tensor begins where the one before it ends, and the last one ends with the file."""
    end = start
    for tensor in tensors:
        if tensor.begin != end:
            raise Malformed(f"the tensor {printable(tensor.name)} does not begin where the one before it ends")
        end = tensor.end
    if end != size:
        raise Malformed(f"it declares {end:,} bytes and has {size:,}" if end < size else "it is cut off")


def check_finite(path: Path, tensors: tuple[Tensor, ...], moved: Callable[[int], None]) -> None:
    """Look at every value of the tensors in a floating type, a few megabytes at a time.

    Args:
        path: their file.
        tensors: what `read` found in it.
        moved: called with the bytes of the file that have been looked at.

    Raises:
        WeightsRefused: a value is NaN or infinite; the message names tensor and file.
    """
    with path.open("rb") as file:
        for tensor in tensors:
            if tensor.dtype in _EXPONENTS and tensor.values:
                _check_tensor(file, path, tensor, moved)
            else:
                moved(tensor.end)


def _check_tensor(file: BinaryIO, path: Path, tensor: Tensor, moved: Callable[[int], None]) -> None:
    import numpy as np

    kind, exponent = _EXPONENTS[tensor.dtype]
    file.seek(tensor.begin)
    left = tensor.end - tensor.begin
    while left:
        chunk = file.read(min(CHUNK_BYTES, left))
        left -= len(chunk)
        if not chunk or len(chunk) % ITEM_BYTES[tensor.dtype]:
            raise refused(path, "it was cut off while it was read")
        bits = np.frombuffer(chunk, dtype=kind)
        if bool(((bits & bits.dtype.type(exponent)) == exponent).any()):
            raise WeightsRefused(
                f"the tensor {printable(tensor.name)} in {path.name} holds NaN or infinity",
                "the training diverged or the export is damaged: take an earlier checkpoint, or export it again",
            )
        moved(tensor.end - left)
