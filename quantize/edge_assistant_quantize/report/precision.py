"""How precisely a model's numbers are stored: tensors, weights and bits of each type, read from GGUF and ONNX files.

`bits` is the one figure of bits a weight that all reports give: what all tensors take, by the weights of the model. The
scales and zero points of an ONNX graph are tensors of their own, whose bytes count and which are no weights.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models import headers
from edge_assistant_models.headers import HeaderFormat

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

PACKED = "MatMulNBits"  # holds its weights packed into bytes; what they are stands in its attributes
# Of operators, the first input that is a scale or zero point
_SCALES = {PACKED: 2, "DequantizeLinear": 1, "QuantizeLinear": 1, "GatherBlockQuantized": 2, "MatMulIntegerToFloat": 2}
_PACKED_TYPES = {"INT4": 0.5, "UINT4": 0.5, "FLOAT4E2M1": 0.5, "INT2": 0.25, "UINT2": 0.25}  # bytes of one number


@dataclass(frozen=True, slots=True)
class Precision:
    """The tensors of one type.

    Attributes:
        kind: the type, as the format calls it: `q4_K`, `int8`, `4 bits in blocks of 32`.
        tensors: how many.
        weights: numbers in them; of scales and zero points none.
        bytes: that they take, scales within them included.
    """

    kind: str
    tensors: int
    weights: int
    bytes: int

    @property
    def bits(self) -> float:
        """Bits for each number."""
        return 8 * self.bytes / self.weights if self.weights else 0.0


def of_files(paths: Iterable[Path]) -> list[Precision]:
    """All tensors of some model files by type, most bytes first; files of other formats have none.

    Raises:
        ModelCorrupt: a file contradicts itself.
    """
    found: dict[str, Precision] = {}
    for path in paths:
        for one in _of_file(path):
            other = found.get(one.kind, Precision(one.kind, 0, 0, 0))
            found[one.kind] = Precision(
                one.kind, other.tensors + one.tensors, other.weights + one.weights, other.bytes + one.bytes
            )
    return sorted(found.values(), key=lambda each: (-each.bytes, each.kind))


def bits(precisions: Iterable[Precision]) -> float:
    """Bits for each weight over all of them, scales and zero points included."""
    there = list(precisions)
    return Precision("", 0, sum(each.weights for each in there), sum(each.bytes for each in there)).bits


def _of_file(path: Path) -> Iterator[Precision]:
    match headers.form_of(path.name):
        case HeaderFormat.GGUF:
            yield from _of_gguf(path)
        case HeaderFormat.ONNX:
            yield from _of_onnx(path)


def _of_gguf(path: Path) -> Iterator[Precision]:
    from edge_assistant_quantize.gguf import header

    tensors = header.read(path).tensors
    starts = sorted({*(tensor.offset for tensor in tensors), path.stat().st_size})
    for tensor in tensors:  # what lies before the next one is its own, padding included
        size = starts[bisect_right(starts, tensor.offset)] - tensor.offset
        yield Precision(tensor.kind, 1, math.prod(tensor.shape), size)


def _of_onnx(path: Path) -> Iterator[Precision]:
    import onnx

    with path.open("rb") as file:
        headers.check(file, HeaderFormat.ONNX, path.name)
        file.seek(0)
        model: ModelProto = onnx.load(file, load_external_data=False)
    for graph in _graphs(model.graph):
        packed = {node.input[1]: node for node in graph.node if node.op_type == PACKED and len(node.input) > 1}
        scales, halves = _scales(graph), _halves(graph)
        for tensor in (*graph.initializer, *_constants(graph)):
            node = packed.get(tensor.name)
            found = _of_tensor(tensor) if node is None else _of_packed(tensor, node)
            if node is None and tensor.name in halves:
                found = Precision("4 bits in rows", 1, 2 * found.weights, found.bytes)
            yield Precision(f"{found.kind} scales", 1, 0, found.bytes) if tensor.name in scales else found


def _halves(graph: GraphProto) -> set[str]:
    """Names of tables that hold two numbers in a byte, whose rows are looked up and taken apart."""
    apart = {node.input[0] for node in graph.node if node.op_type == "BitwiseAnd"}
    return {node.input[0] for node in graph.node if node.op_type == "Gather" and node.output[0] in apart}


def _scales(graph: GraphProto) -> set[str]:
    """Names of scales and zero points: what nodes read as these, and what is widened for it."""
    names = {name for node in graph.node for name in node.input[_SCALES.get(node.op_type, len(node.input)) :]}
    names |= {node.input[0] for node in graph.node if node.op_type == "Cast" and node.output[0] in names}
    levels = {node.output[0] for node in graph.node if node.op_type == "Cast"}
    for node in graph.node:  # weights in bytes are widened, then multiplied by a scale for each row
        if node.op_type == "Mul" and node.input[0] in levels and node.input[1].endswith("/scale"):
            names.add(node.input[1])
    return names


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and those in its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                yield from _graphs(inner)


def _constants(graph: GraphProto) -> Iterator[TensorProto]:
    for node in graph.node:
        if node.op_type == "Constant":
            yield from (attribute.t for attribute in node.attribute if attribute.name == "value")


def _of_tensor(tensor: TensorProto) -> Precision:
    import numpy as np
    from onnx import TensorProto as Tensors
    from onnx import helper

    name = Tensors.DataType.Name(tensor.data_type)
    weights = math.prod(tensor.dims)
    if name in _PACKED_TYPES:
        return Precision(name.lower(), 1, weights, math.ceil(weights * _PACKED_TYPES[name]))
    kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return Precision(str(np.dtype(kind)), 1, weights, weights * np.dtype(kind).itemsize)


def _of_packed(tensor: TensorProto, node: NodeProto) -> Precision:
    """The weights of a MatMulNBits: K x N numbers of some bits; its scales are a tensor of their own."""
    said = {attribute.name: attribute.i for attribute in node.attribute}
    kind = f"{said.get('bits', 4)} bits in blocks of {said.get('block_size', 0)}"
    return Precision(kind, 1, said.get("K", 0) * said.get("N", 0), math.prod(tensor.dims))
