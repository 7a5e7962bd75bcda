"""ONNX files as graphs: read with all checks that quantization needs, opened, and written whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.storage import atomic
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import InputMissing, ModelCorrupt, QuantizationFailed, WeightsRefused
from edge_assistant_quantize.onnx import external

if TYPE_CHECKING:
    import onnx

_TIMES_MEMORY = 6  # of the file's size: the graph twice, the largest weights in float64, and the session that tries it
_NARROW = frozenset({2, 3, 21, 22})  # TensorProto.UINT8, INT8, UINT4, INT4
_QUANTIZED = frozenset(
    {"MatMulNBits", "GatherBlockQuantized", "DequantizeLinear", "MatMulInteger", "MatMulIntegerToFloat", "ConvInteger"}
    | {"QLinearConv", "QLinearMatMul", "DynamicQuantizeMatMul"}
)
_EXPORT = "export it again, into one file, with the standard's operators"


def load(path: Path) -> onnx.ModelProto:
    """Read a model, with the values that it keeps in other files of its folder.

    Raises:
        InputMissing: there is none.
        WeightsRefused: it is no sound ONNX file, keeps weights elsewhere, defines functions, or holds a NaN.
        ModelTooLarge: memory does not suffice for working on it, or it does not fit into one file.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not path.is_file():
        raise InputMissing(f"there is no {path.name}", "name an .onnx file that is there")
    try:
        model = external.load(path, _TIMES_MEMORY)
    except ModelCorrupt as error:
        raise WeightsRefused(error.message, _EXPORT) from None
    except (DecodeError, OSError) as error:
        raise WeightsRefused(f"{path.name} is not an ONNX file ({error})", _EXPORT) from None
    _check_numbers(model.graph, path.name)
    return model


def _check_numbers(graph: onnx.GraphProto, name: str) -> None:
    """Refuse a NaN in a weight; an infinity may be meant, such as in a mask."""
    from onnx import TensorProto, numpy_helper

    floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}
    for tensor in graph.initializer:
        if tensor.data_type in floats and np.isnan(numpy_helper.to_array(tensor)).any():
            hint = "take another export or checkpoint; this one was damaged or its training diverged"
            raise WeightsRefused(f"the weight '{tensor.name}' of {name} holds a NaN", hint)


def quantized_nodes(model: onnx.ModelProto) -> int:
    """How many nodes of a model compute with quantized weights, or widen them."""
    stored = {tensor.name for tensor in model.graph.initializer if tensor.data_type in _NARROW}
    return sum(
        node.op_type in _QUANTIZED or (node.op_type == "Cast" and node.input[0] in stored) for node in model.graph.node
    )


def save(model: onnx.ModelProto, output: Path, *, threads: int) -> None:
    """Write a model whole or not at all, after ONNX Runtime has opened it.

    Raises:
        QuantizationFailed: ONNX Runtime cannot run it.
        StorageFull: the disk has no room for it, or does not take it.
    """
    room.check_disk(output.name, model.ByteSize(), output.parent)
    with atomic.storing(output.name, "free some space, or name another folder"):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".edge-quantize-", dir=output.parent) as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString(deterministic=True))
            opened(path, output.name, threads)
            path.replace(output)


def opened(path: Path, name: str, threads: int) -> Any:  # noqa: ANN401
    """A session of a model of this name.

    Raises:
        QuantizationFailed: ONNX Runtime cannot run it.
    """
    try:
        return Runtime(threads).session(path)
    except ModelCorrupt as error:
        hint = "exclude the node, take another method, or export the model again with standard operators"
        raise QuantizationFailed(error.message.replace(path.name, name), hint) from None
