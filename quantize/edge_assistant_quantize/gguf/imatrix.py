"""Importance matrices: how large the inputs of each weight's columns are, over a calibration text.

For each matrix product of a model's layers the inputs' squares are summed by column; a quantizer then errs less where
inputs are large. Computed and written as llama.cpp's own tool does (tools/imatrix/imatrix.cpp), read by its quantizer's
rules (tools/quantize/quantize.cpp), in both formats: GGUF, and the older .dat.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

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
from edge_assistant_quantize.gguf.collector import Collector
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_SUMS, _COUNTS = ".in_sum2", ".counts"
_MAX_ENTRIES = 65_536  # of a .dat file; a model of 600 billion parameters has 1,100 tensors
_MAX_NAME = 64  # bytes; GGML_MAX_NAME
_MAX_BYTES = 2 << 30  # of a file; 1 MiB for 135 million parameters, 200 for a model of 100 experts
_REMEDY = "make one: edge-quantize imatrix MODEL.gguf --text F --output F.gguf"


@dataclass(frozen=True, slots=True)
class Matrix:
    """An importance matrix, ready for the quantizer.

    Attributes:
        means: of the squares, by tensor; the columns of one expert behind those of another.
        chunks: number of chunks of text.
        dataset: name of the text.
    """

    means: Mapping[str, Floats]
    chunks: int
    dataset: str


@dataclass(frozen=True, slots=True)
class Sums:
    """The collected sums.

    Attributes:
        values: sums of squares by tensor, [experts, columns]; one expert if there are none.
        counts: rows of input that went into them, [experts].
        chunks: number of chunks of text.
        size: tokens of a chunk.
        dataset: name of the text.
    """

    values: Mapping[str, Floats]
    counts: Mapping[str, NDArray[np.int64]]
    chunks: int
    size: int
    dataset: str


def compute(
    model: Path,
    text_file: Path,
    output: Path,
    *,
    context: int = 512,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
) -> None:
    """Compute the importance matrix of a model; the file is there whole, or not at all.

    Args:
        model: a GGUF file, best in F16; a quantized one serves, too.
        text_file: calibration text of the kind that the model will meet; 100 chunks are much.
        output: a .gguf or a .dat file.
        context: tokens of a chunk.
        chunks: the most to take; None for all.
        threads: that compute.
        watch: receives each chunk.

    Raises:
        UsageError: the output's suffix is another, or the context is too short.
        ModelCorrupt, ModelTooLarge: the model cannot be opened.
        InputMissing, CalibrationInvalid: the text cannot be read, or is too short.
        WeightsRefused: the model computes NaN or infinity.
        StorageFull: the disk has no room.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    if output.suffix not in {".gguf", ".dat"}:
        raise UsageError(f"{output.name} is neither .gguf nor .dat", "name the output so that its form is clear")
    text.check_context(context)
    what = f"importance matrix of {model.name}"
    collector, halt = Collector(), Halt()
    with Model(model, threads=threads, context=context, node=collector, halt=halt) as opened, _thread(halt) as pool:
        pieces = text.chunks(opened, text.read(text_file), text_file.name, chunks)
        for number in range(len(pieces)):
            watch(ProgressStep(what, number, len(pieces)))
            pool.submit(opened.evaluate, pieces.given(number)).result()  # an interruption comes through at once
            collector.check()
        watch(ProgressStep(what, len(pieces), len(pieces)))
    sums = Sums(collector.values, collector.counts, len(pieces), context, text_file.name)
    _check_finite(sums, model.name)
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        (_write_gguf if output.suffix == ".gguf" else write_dat)(sums, file)


@contextlib.contextmanager
def _thread(halt: Halt) -> Iterator[ThreadPoolExecutor]:
    """A thread that computes, so that no callback of C runs in the main one.

    An interruption is handled where Python next runs in the main thread. In the callback itself it would be lost
    before the callback's first line.
    """
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()  # start it now: one that an interrupted start left behind would not be joined
    try:
        yield pool
    except BaseException:
        halt.ask()
        raise
    finally:
        stopped = False
        while not stopped:  # the model is freed next, so another interruption must not end the waiting
            with contextlib.suppress(KeyboardInterrupt):
                pool.shutdown()
                stopped = True


def _check_finite(sums: Sums, name: str) -> None:
    for tensor, values in sums.values.items():
        if not np.isfinite(values).all():
            what = f"the input of {tensor} in {name} is no finite number"
            raise WeightsRefused(what, "the model is damaged; take it from its official home")
    if not sums.values:
        what = f"{name} multiplies no matrices that could be measured"
        raise CalibrationInvalid(what, "quantize it without a matrix")


def _write_gguf(sums: Sums, file: BinaryIO) -> None:
    """Write two tensors for each of the model's, in the order of their names."""
    from gguf import GGUFWriter

    writer = GGUFWriter(f"/dev/fd/{file.fileno()}", arch="")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", [sums.dataset])
    writer.add_uint32("imatrix.chunk_count", sums.chunks)
    writer.add_uint32("imatrix.chunk_size", sums.size)
    for name in sorted(sums.values):
        writer.add_tensor(name + _SUMS, sums.values[name])
        writer.add_tensor(name + _COUNTS, sums.counts[name].astype(np.float32)[:, None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_dat(sums: Sums, file: BinaryIO) -> None:
    """Write the older form, which knows no counts by expert: means times the number of chunks."""
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
            return _read_gguf(path) if magic == b"GGUF" else read_dat(file, size)
    except OSError as error:
        raise InputMissing(f"{path.name} cannot be read ({error.strerror})", _REMEDY) from None
    except (ValueError, struct.error) as error:
        if isinstance(error, EdgeAssistantError):
            raise
        raise CalibrationInvalid(f"{path.name} is no importance matrix ({error})", _REMEDY) from None


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
    return Matrix(means, chunks if isinstance(chunks, int) else 0, str(found.values.get("imatrix.datasets", "")))


def read_dat(file: BinaryIO, size: int) -> Matrix:
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
        means[name] = (values / np.float32(max(calls, 1))).astype(np.float32)
    if file.tell() == size:
        return Matrix(means, 0, "")
    chunks = number()
    return Matrix(means, chunks, take(number(), size).decode(errors="replace") if file.tell() < size else "")
