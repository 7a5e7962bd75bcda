"""Importance matrices: how large the inputs of each weight's columns are, over a calibration text.

For each matrix product of a model's layers the inputs' squares are summed by column; a quantizer then errs less where
inputs are large. Computed and written as llama.cpp's own tool does (tools/imatrix/imatrix.cpp), read by its quantizer's
rules (tools/quantize/quantize.cpp).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.storage import atomic
from edge_assistant_quantize import worker
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    InputMissing,
    ModelCorrupt,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import header, text
from edge_assistant_quantize.gguf.collector import Collector
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_SUMS, _COUNTS = ".in_sum2", ".counts"
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
        output: a .gguf file.
        context: tokens of a chunk.
        chunks: the most to take; None for all.
        threads: that compute.
        watch: receives each chunk.

    Raises:
        UsageError: the output is no .gguf file, or the context is too short.
        ModelCorrupt, ModelTooLarge: the model cannot be opened.
        InputMissing, CalibrationInvalid: the text cannot be read, or is too short.
        WeightsRefused: the model computes NaN or infinity.
        StorageFull: the disk has no room.
        QuantizationFailed: llama.cpp cannot compute it.
    """
    if output.suffix != ".gguf":
        raise UsageError(f"{output.name} is no .gguf file", "name the output so: F.gguf")
    text.check_context(context)
    request = {"model": model.absolute(), "text": text_file.absolute(), "context": context, "chunks": chunks}
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        number = file.fileno()
        worker.run(__name__, {**request, "threads": threads, "output": number}, watch, descriptor=number)


def work(request: Mapping[str, Any], watch: Watch) -> None:
    """Compute and write it, in the other process."""
    model, text_file = Path(request["model"]), Path(request["text"])
    what, collector = f"importance matrix of {model.name}", Collector()
    with Model(model, threads=request["threads"], context=request["context"], node=collector) as opened:
        _, pieces = text.chunks(opened, text.read(text_file), text_file.name, request["chunks"])
        for number, piece in enumerate(pieces):
            watch(ProgressStep(what, number, len(pieces)))
            opened.evaluate(piece)
            collector.check()
        watch(ProgressStep(what, len(pieces), len(pieces)))
    _check_finite(collector.values, model.name)
    _write(collector, f"/dev/fd/{request['output']}", text_file.name, len(pieces), request["context"])


def _check_finite(sums: Mapping[str, Floats], name: str) -> None:
    for tensor, values in sums.items():
        if not np.isfinite(values).all():
            what = f"the input of {tensor} in {name} is no finite number"
            raise WeightsRefused(what, "the model is damaged; take it from its official home")
    if not sums:
        what = f"{name} multiplies no matrices that could be measured"
        raise CalibrationInvalid(what, "quantize it without a matrix")


def _write(found: Collector, output: str, dataset: str, chunks: int, context: int) -> None:
    """Write two tensors for each of the model's, in the order of their names."""
    from gguf import GGUFWriter

    writer = GGUFWriter(output, arch="")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", [dataset])
    writer.add_uint32("imatrix.chunk_count", chunks)
    writer.add_uint32("imatrix.chunk_size", context)
    for name, values in sorted(found.values.items()):
        writer.add_tensor(name + _SUMS, values)
        writer.add_tensor(name + _COUNTS, found.counts[name].astype(np.float32)[:, None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


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
    if not path.is_file():
        raise InputMissing(f"there is no importance matrix {path.name}", _REMEDY)
    try:
        found = header.read(path)
    except ModelCorrupt:
        raise CalibrationInvalid(f"{path.name} is no importance matrix in GGUF", _REMEDY) from None
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
