"""Importance matrices: how large the inputs of each weight's columns are, over a calibration text.

For every matrix product of a model's layers the inputs' squares are summed by column; a quantizer then errs less where
inputs are large. Computed and written as llama.cpp's own tool does (tools/imatrix/imatrix.cpp), read by its quantizer's
rules (tools/quantize/quantize.cpp), in either of its formats: GGUF, or the older .dat.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np

from edge_assistant.compute.runtime import Halt
from edge_assistant.storage import atomic
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    EdgeAssistantError,
    InputMissing,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import header, text
from edge_assistant_quantize.gguf.collecting import Collector
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import Step, Watch

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from edge_assistant_quantize.gguf.model import Tokens

    Floats = NDArray[np.float32]

_SUMS, _COUNTS = ".in_sum2", ".counts"
_ALIGNMENT = 32  # GGUF's
_U32, _STRING, _ARRAY, _F32 = 4, 8, 9, 0  # types of values and of tensors
_MAX_ENTRIES = 65_536  # of a .dat file; a model of 600 billion parameters has 1,100 tensors
_MAX_NAME = 64  # bytes; GGML_MAX_NAME
_MAX_BYTES = 2 << 30  # of a file; 1 MiB for 135 million parameters, 200 for a model of 100 experts
_REMEDY = "make one: edge-quantize imatrix MODEL.gguf --text F --output F.gguf"


@dataclass(frozen=True, slots=True)
class Matrix:
    """An importance matrix, ready for the quantizer.

    Attributes:
        means: of the squares, by tensor; the columns of one expert behind those of another.
        chunks: of text that they were taken over.
        dataset: name of the text.
    """

    means: Mapping[str, Floats]
    chunks: int
    dataset: str


@dataclass(frozen=True, slots=True)
class Sums:
    """What was collected.

    Attributes:
        values: sums of squares by tensor, [experts, columns]; one expert where there are none.
        counts: rows of input that went into them, [experts].
        chunks: of text.
        size: tokens of a chunk.
        dataset: name of the text.
    """

    values: Mapping[str, Floats] = field(default_factory=dict)
    counts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    chunks: int = 0
    size: int = 0
    dataset: str = ""


def compute(
    model: Path,
    text_file: Path,
    output: Path,
    *,
    context: int = 512,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
    halt: Halt | None = None,
) -> None:
    """Compute the importance matrix of a model; the file is there whole, or not at all.

    Args:
        model: a GGUF file, best in F16; that of a quantized one serves, too.
        text_file: calibration text of the kind that the model will meet; 100 chunks are much.
        output: a .gguf or a .dat file.
        context: tokens of a chunk.
        chunks: the most that are taken; None for all.
        threads: that compute.
        watch: is told of each chunk.
        halt: the wish to stop.

    Raises:
        UsageError: the output's name ends otherwise, or the context is too short.
        ModelCorrupt, ModelTooLarge: the model cannot be opened.
        InputMissing, CalibrationInvalid: the text cannot be read, or is too short.
        WeightsRefused: the model computes what is no number.
        StorageFull: the disk has no room.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    if output.suffix not in {".gguf", ".dat"}:
        raise UsageError(f"{output.name} is neither .gguf nor .dat", "name the output so that its form is clear")
    text.check_context(context)
    what = f"importance matrix of {model.name}"
    collector = Collector()
    halt = halt or Halt()
    with Model(model, threads=threads, context=context, node=collector, halt=halt) as opened, _Aside(halt) as aside:
        pieces = text.chunks(opened, text.read(text_file), text_file.name, chunks)
        for number in range(len(pieces)):
            watch(Step(what, number, len(pieces)))
            aside.run(opened.evaluate, pieces.given(number))
            collector.check()
        watch(Step(what, len(pieces), len(pieces)))
    sums = Sums(collector.values, collector.counts, len(pieces), context, text_file.name)
    _check_finite(sums, model.name)
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        (write_gguf if output.suffix == ".gguf" else write_dat)(sums, file)


class _Aside:
    """A thread that computes, so that none of what C calls in Python runs in the main one.

    An interruption comes to the main thread, between any two of its instructions; before the first of a callback it
    would be printed by ctypes, and lost.

    Args:
        halt: stops what computes there.
    """

    def __init__(self, halt: Halt) -> None:
        self._halt = halt
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._pool.submit(int).result()  # the thread is there: one that an interrupted start left behind is not joined
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._halt.ask()
        while True:  # the model is freed next, so that another interruption must not end the waiting
            with contextlib.suppress(KeyboardInterrupt):
                self._pool.shutdown()
                return

    def run(self, compute: Callable[[Tokens], object], tokens: Tokens) -> None:
        """Wait until it is computed; an interruption comes through at once."""
        self._pool.submit(compute, tokens).result()


def _check_finite(sums: Sums, name: str) -> None:
    for tensor, values in sums.values.items():
        if not np.isfinite(values).all():
            said = f"the input of {tensor} in {name} is no finite number"
            raise WeightsRefused(said, "the model is damaged; take it from its official home")
    if not sums.values:
        raise CalibrationInvalid(
            f"{name} multiplies no matrices that could be measured", "quantize it without a matrix"
        )


def read(path: Path) -> Matrix:
    """Read an importance matrix.

    Raises:
        InputMissing: there is no such file.
        CalibrationInvalid: it is none.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            size = file.seek(0, 2)
            if size > _MAX_BYTES:
                raise CalibrationInvalid(f"{path.name} is larger than an importance matrix is", _REMEDY)
            if magic != b"GGUF":
                return _read_dat(file, size)
    except OSError as error:
        raise InputMissing(f"{path.name} cannot be read ({error.strerror})", _REMEDY) from None
    except (ValueError, struct.error) as error:
        if isinstance(error, EdgeAssistantError):
            raise
        raise CalibrationInvalid(f"{path.name} is no importance matrix ({error})", _REMEDY) from None
    return _read_gguf(path)


def write_gguf(sums: Sums, file: BinaryIO) -> None:
    """Write the sums as GGUF: two tensors for each of the model's, in the order of their names."""
    keys = (
        _key("general.type", _STRING, _text("imatrix")),
        _key("imatrix.datasets", _ARRAY, struct.pack("<IQ", _STRING, 1) + _text(sums.dataset)),
        _key("imatrix.chunk_count", _U32, struct.pack("<I", sums.chunks)),
        _key("imatrix.chunk_size", _U32, struct.pack("<I", sums.size)),
    )
    tensors: list[tuple[str, Floats]] = []
    for name in sorted(sums.values):
        tensors.append((name + _SUMS, sums.values[name]))
        tensors.append((name + _COUNTS, sums.counts[name].astype("<f4")[:, None]))
    described, offset = [], 0
    for name, array in tensors:
        rows, columns = array.shape
        described.append(_text(name) + struct.pack("<IQQIQ", 2, columns, rows, _F32, offset))
        offset += _padded(array.nbytes)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join((*keys, *described))
    file.write(head.ljust(_padded(len(head)), b"\0"))
    for _, array in tensors:
        file.write(array.astype("<f4").tobytes().ljust(_padded(array.nbytes), b"\0"))


def write_dat(sums: Sums, file: BinaryIO) -> None:
    """Write the sums in the older form, which knows no counts by expert: means times the number of chunks."""
    names = [name for name in sorted(sums.values) if sums.counts[name].any()]
    file.write(struct.pack("<i", len(names)))
    for name in names:
        calls = math.ceil(int(sums.counts[name].max()) / sums.size)
        values = _means(sums.values[name], sums.counts[name]) * np.float32(calls)
        file.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", calls, values.size))
        file.write(values.astype("<f4").tobytes())
    dataset = sums.dataset.encode()
    file.write(struct.pack("<ii", sums.chunks, len(dataset)) + dataset)


def _means(values: Floats, counts: NDArray[np.int64]) -> Floats:
    """Mean squares, flat; 1 for an expert that met nothing."""
    seen = np.maximum(counts, 1).astype(np.float32)[:, None]
    return np.where(counts[:, None] > 0, values / seen, np.float32(1)).astype(np.float32).ravel()


def _text(value: str) -> bytes:
    content = value.encode()
    return struct.pack("<Q", len(content)) + content


def _key(name: str, kind: int, value: bytes) -> bytes:
    return _text(name) + struct.pack("<I", kind) + value


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _read_gguf(path: Path) -> Matrix:
    found = header.read(path)
    tensors = {tensor.name: tensor for tensor in found.tensors}
    names = [name.removesuffix(_SUMS) for name in tensors if name.endswith(_SUMS)]
    if found.values.get("general.type") != "imatrix" or not names:
        raise CalibrationInvalid(f"{path.name} is no importance matrix", _REMEDY)
    content = np.memmap(path, np.uint8, "r")

    def floats(name: str) -> Floats:
        tensor = tensors.get(name)
        if tensor is None or tensor.kind != "f32":
            raise CalibrationInvalid(f"{path.name} lacks {name}", _REMEDY)
        return content[tensor.offset : tensor.offset + 4 * math.prod(tensor.shape)].view("<f4")

    means = {}
    for name in names:
        counts = np.rint(floats(name + _COUNTS)).astype(np.int64)
        sums = floats(name + _SUMS)
        if not np.isfinite(sums).all() or sums.size % counts.size:
            raise CalibrationInvalid(f"{path.name} holds what is no number for {name}", _REMEDY)
        means[name] = _means(sums.reshape(counts.size, -1), counts)
    chunks = found.values.get("imatrix.chunk_count", 0)
    dataset = found.values.get("imatrix.datasets", "")
    return Matrix(means, int(chunks) if isinstance(chunks, int) else 0, str(dataset))


def _read_dat(file: BinaryIO, size: int) -> Matrix:
    """Read the older form.

    Raises:
        ValueError, struct.error: it is none.
    """
    file.seek(0)

    def number() -> int:
        return int(struct.unpack("<i", file.read(4))[0])

    def take(length: int, most: int) -> bytes:
        if not 0 <= length <= min(most, size - file.tell()):
            raise ValueError("a length in it goes beyond its end")
        return file.read(length)

    count = number()
    if not 0 < count <= _MAX_ENTRIES:
        raise ValueError("it does not begin as one")
    means = {}
    for _ in range(count):
        name = take(number(), _MAX_NAME).decode()
        calls = number()
        values = np.frombuffer(take(number() * 4, size), "<f4")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds what is no number")
        means[name] = (values / np.float32(calls if calls > 0 else 1)).astype(np.float32)
    if file.tell() == size:
        return Matrix(means, 0, "")
    chunks = number()
    return Matrix(means, chunks, take(number(), size).decode(errors="replace") if file.tell() < size else "")
