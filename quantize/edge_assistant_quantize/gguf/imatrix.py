"""Importance matrices: how large the inputs of each weight's columns are, over a calibration text.

For each matrix product of a model's layers the inputs' squares are summed by column; a quantizer then errs less where
inputs are large. Computed by llama.cpp's evaluation callback and written as its own tool does (IMatrixCollector in
tools/imatrix/imatrix.cpp), but with sums of 64 bits; read by its quantizer's rules (tools/quantize/quantize.cpp).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.language import llama
from edge_assistant.storage import atomic
from edge_assistant_quantize import worker
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing, ModelCorrupt, UsageError, WeightsRefused
from edge_assistant_quantize.gguf import header
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ROWS = 16  # tokens of a product that counts, as in the tool
_F32 = 0
_SUMS, _COUNTS = ".in_sum2", ".counts"
_REMEDY = "make one: edge-quantize imatrix MODEL.gguf --text F --output F.gguf"


def compute(
    model: Path,
    text_file: Path,
    output: Path,
    *,
    context: int = 512,
    chunks: int | None = None,
    threads: int,
    watch: Watch,
) -> tuple[int, int]:
    """Compute the importance matrix of a model; the file is there whole, or not at all.

    Args:
        model: a GGUF file, best in F16; a quantized one serves, too.
        text_file: calibration text of the kind that the model will meet; 100 chunks are much.
        output: a .gguf file.
        context: tokens of a chunk.
        chunks: the most to take; None for all.
        threads: that compute.
        watch: receives each chunk.

    Returns:
        The number of tensors that it has something of, and that of chunks.

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
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        request = {"model": model.absolute(), "text": text_file.absolute(), "context": context, "chunks": chunks}
        request |= {"threads": threads, "output": file.fileno()}
        tensors, taken = worker.run(__name__, request, watch, descriptor=file.fileno())
    return tensors, taken


def work(request: Mapping[str, Any], watch: Watch) -> tuple[int, int]:
    """Compute and write it, in the other process."""
    model, text_file = Path(request["model"]), Path(request["text"])
    what, collector = f"importance matrix of {model.name}", Collector()
    with Model(model, threads=request["threads"], context=request["context"], node=collector) as opened:
        _, pieces = opened.chunks(text_file, request["chunks"])
        for number, piece in enumerate(pieces):
            watch(ProgressStep(what, number, len(pieces)))
            opened.evaluate(piece)
            collector.check()
        watch(ProgressStep(what, len(pieces), len(pieces)))
    for tensor, values in collector.sums.items():
        if not np.isfinite(values).all():
            what = f"the input of {tensor} in {model.name} is no finite number"
            raise WeightsRefused(what, "the model is damaged; take it from its official home")
    if not collector.sums:
        what = f"{model.name} multiplies no matrices that could be measured"
        raise CalibrationInvalid(what, "quantize it without a matrix")
    _write(collector, f"/dev/fd/{request['output']}", text_file.name, len(pieces), request["context"])
    return len(collector.sums), len(pieces)


def _write(found: Collector, output: str, dataset: str, chunks: int, context: int) -> None:
    """Write two tensors for each of the model's, in the order of their names."""
    from gguf import GGUFWriter

    writer = GGUFWriter(output, arch="")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", [dataset])
    writer.add_uint32("imatrix.chunk_count", chunks)
    writer.add_uint32("imatrix.chunk_size", context)
    for name, values in sorted(found.sums.items()):
        writer.add_tensor(name + _SUMS, values.astype(np.float32))
        writer.add_tensor(name + _COUNTS, found.counts[name].astype(np.float32)[:, None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read an importance matrix.

    Returns:
        Means of the squares by tensor, the columns of one expert behind those of another; 1 for one that met nothing.

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
    tensors = {tensor.name: tensor.data for tensor in found.tensors}
    means = {}
    for name in (name.removesuffix(_SUMS) for name in tensors if name.endswith(_SUMS)):
        sums, counts = tensors[name + _SUMS], tensors.get(name + _COUNTS, np.zeros(0))
        if not counts.size or sums.size % counts.size or not (np.isfinite(sums).all() and np.isfinite(counts).all()):
            raise CalibrationInvalid(f"{path.name} holds what is no number for {name}", _REMEDY)
        sums, counts = sums.reshape(counts.size, -1), counts.reshape(-1, 1)
        means[name] = np.where(counts > 0, sums / np.maximum(counts, 1), 1).astype(np.float32).ravel()
    if found.values.get("general.type") != "imatrix" or not means:
        raise CalibrationInvalid(f"{path.name} is no importance matrix", _REMEDY)
    return means


class _Tensor(ctypes.Structure):
    """ggml.h's ggml_tensor."""


_Tensor._fields_ = (
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(_Tensor) * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
    ("extra", ctypes.c_void_p),
    ("padding", ctypes.c_char * 8),
)


class Collector:
    """The evaluation callback. No exception passes through C, so `check` raises the one that was caught.

    Attributes:
        sums: of squares by tensor, [experts, columns].
        counts: rows that went into them, [experts].
    """

    def __init__(self) -> None:
        self.sums: dict[str, NDArray[np.float64]] = {}
        self.counts: dict[str, NDArray[np.int64]] = {}
        self._failed: BaseException | None = None
        self._operator = llama.library().llama_cpp._lib.ggml_op_desc
        self._operator.restype, self._operator.argtypes = ctypes.c_char_p, [ctypes.c_void_p]

    def check(self) -> None:
        """Raise the exception of the callback, if any."""
        if self._failed is not None:
            raise self._failed

    def __call__(self, address: int, asks: bool, data: object) -> bool:
        """Say whether a node's inputs are wanted; after its computation take them. False then ends the computation."""
        try:
            operator = self._operator(address)
            if operator not in {b"MUL_MAT", b"MUL_MAT_ID"}:
                return False
            node, by_expert = _Tensor.from_address(address), operator == b"MUL_MAT_ID"
            if asks:
                return self._failed is None and (by_expert or _wanted(node))
            self._take(node, by_expert)
        except BaseException as error:
            self._failed = error
            return False
        return True

    def _take(self, node: Any, by_expert: bool) -> None:  # noqa: ANN401 - a ggml_tensor
        weight, name = node.src[0].contents, _name(node.src[0].contents)
        inputs = _array(node.src[1].contents, ctypes.c_float)  # [ne3, ne2, rows, columns]
        if by_expert:
            chosen = _array(node.src[2].contents, ctypes.c_int32)[0, 0]  # [tokens, experts of a token]
            inputs = np.broadcast_to(inputs[0], (*chosen.shape, inputs.shape[3]))
        else:
            three, two, _ = np.indices(inputs.shape[:3])
            chosen = (three % weight.ne[3]) * weight.ne[2] + two % weight.ne[2]
        matrices = weight.ne[2] * weight.ne[3]
        sums = self.sums.setdefault(name, np.zeros((matrices, inputs.shape[-1])))
        counts = self.counts.setdefault(name, np.zeros(matrices, np.int64))
        for matrix in np.unique(chosen):
            rows = inputs[chosen == matrix]
            sums[matrix] += np.einsum("rc,rc->c", rows, rows, dtype=np.float64)
            counts[matrix] += len(rows)


def _wanted(node: Any) -> bool:  # noqa: ANN401 - a ggml_tensor
    weight, given = node.src[0].contents, node.src[1].contents
    return given.ne[1] >= LEAST_ROWS and given.type == _F32 and _name(weight).startswith("blk.")


def _name(weight: Any) -> str:  # noqa: ANN401 - a ggml_tensor
    """A weight's name without what a backend puts around it: CUDA0#blk.0.attn_k.weight#0."""
    name: str = weight.name.decode(errors="replace")
    return name.split("#")[1] if "#" in name else name


def _array(tensor: Any, kind: type[ctypes.c_float | ctypes.c_int32]) -> NDArray[Any]:  # noqa: ANN401 - a ggml_tensor
    """A tensor in main memory as an array, its last dimension first."""
    first = np.ctypeslib.as_array(ctypes.cast(tensor.data, ctypes.POINTER(kind)), (1,))
    return np.lib.stride_tricks.as_strided(first, tuple(tensor.ne)[::-1], tuple(tensor.nb)[::-1], writeable=False)
