"""How precisely a model's numbers are stored: tensors, weights and bits of each type, read from GGUF and ONNX files.

Bits a weight are those of the whole file, as `quantize` prints them: scales, zero points, vocabulary and graph are no
weights, and their bytes count.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models import headers
from edge_assistant_models.headers import HeaderFormat

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

PACKED = "MatMulNBits"  # holds its weights packed into bytes; what they are stands in its attributes
# Of operators, the first input that is a scale or zero point
_SCALES = {PACKED: 2, "DequantizeLinear": 1, "QuantizeLinear": 1, "GatherBlockQuantized": 2, "MatMulIntegerToFloat": 2}
SCALES, REST = "scales", "vocabulary, graph, padding"


@dataclass(frozen=True, slots=True)
class Precision:
    """The tensors of one type.

    Attributes:
        kind: the type, as the format calls it: `q4_K`, `int8`, `4 bits in blocks of 32`.
        tensors: how many.
        weights: numbers in them; none of what is a scale.
        bytes: that they take, scales within them included.
        fallbacks: of these tensors, those that llama.cpp could not give the type of the file, as their rows are no
            multiples of its blocks of 256 values.
    """

    kind: str
    tensors: int
    weights: int
    bytes: int
    fallbacks: int = 0

    @property
    def bits(self) -> float:
        """Bits for each number; NaN without any."""
        return 8 * self.bytes / self.weights if self.weights else math.nan


def of_files(paths: Iterable[Path]) -> list[Precision]:
    """All tensors of some model files by type, and the rest of these files, most bytes first; of no other format.

    Raises:
        ModelCorrupt: a file contradicts itself.
    """
    found = defaultdict[str, list[Precision]](list)
    for one in (one for path in paths for one in _of_file(path)):
        found[one.kind].append(one)
    return sorted((_sum(kind, each) for kind, each in found.items()), key=lambda each: (-each.bytes, each.kind))


def bits(precisions: Iterable[Precision]) -> float:
    """Bits for each weight over all of them; NaN without any."""
    return _sum("", list(precisions)).bits


def _sum(kind: str, there: list[Precision]) -> Precision:
    columns = ((one.tensors, one.weights, one.bytes, one.fallbacks) for one in there)
    return Precision(kind, *map(sum, zip(*columns, strict=True))) if there else Precision(kind, 0, 0, 0)


def _of_file(path: Path) -> Iterator[Precision]:
    readers = {HeaderFormat.GGUF: _of_gguf, HeaderFormat.ONNX: _of_onnx}
    if (form := headers.form_of(path.name)) in readers:
        tensors = list(readers[form](path))
        yield from tensors
        yield Precision(REST, 0, 0, path.stat().st_size - sum(each.bytes for each in tensors))


def _of_gguf(path: Path) -> Iterator[Precision]:
    from edge_assistant_quantize.gguf import header

    found = header.read(path)
    fallen = {tensor.name for tensor in found.fallen}
    for tensor in found.tensors:
        fell = int(tensor.name in fallen)
        yield Precision(header.kind_of(tensor), 1, tensor.n_elements, tensor.n_bytes, fell)


def _of_onnx(path: Path) -> Iterator[Precision]:
    import onnx

    with path.open("rb") as file:
        headers.check(file, HeaderFormat.ONNX, path.name)
        file.seek(0)
        model = onnx.load(file, load_external_data=False)
    for graph in _graphs(model.graph):
        packed, halves, scales = _roles(graph)
        for name, tensor in _tensors(graph):
            one = _of_packed(tensor, packed[name]) if name in packed else _of_tensor(tensor)
            if name in halves and name not in packed:
                one = Precision("4 bits, two in a byte", 1, 2 * one.weights, one.bytes)
            yield Precision(SCALES, 1, 0, one.bytes) if name in scales else one


def _roles(graph: GraphProto) -> tuple[dict[str, NodeProto], set[str], set[str]]:
    """What names stand for: weights packed for a node, tables with two numbers in a byte, scales and zero points."""
    made = {output: node for node in graph.node for output in node.output}
    packed: dict[str, NodeProto] = {}
    halves: set[str] = set()
    scales: set[str] = set()
    for node in graph.node:
        scales.update(node.input[_SCALES.get(node.op_type, len(node.input)) :])
        if node.op_type == PACKED and len(node.input) > 1:
            packed[node.input[1]] = node
        source = made.get(node.input[0]) if node.input else None
        if source and (node.op_type, source.op_type) == ("BitwiseAnd", "Gather"):  # rows are looked up and taken apart
            halves.add(source.input[0])
        if source and (node.op_type, source.op_type) == ("Mul", "Cast") and node.input[1].endswith("/scale"):
            scales.add(node.input[1])  # weights in bytes are widened, then multiplied by a scale for each row
    scales.update(made[name].input[0] for name in list(scales) if name in made and made[name].op_type == "Cast")
    return packed, halves, scales


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and those in its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                yield from _graphs(inner)


def _tensors(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    """The initializers and the constants of a graph by name."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant":
            yield from ((node.output[0], each.t) for each in node.attribute if each.name == "value")


def _of_tensor(tensor: TensorProto) -> Precision:
    import numpy as np
    from onnx import helper

    kind, weights = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)), math.prod(tensor.dims)
    return Precision(str(kind), 1, weights, len(tensor.raw_data) or weights * kind.itemsize)


def _of_packed(tensor: TensorProto, node: NodeProto) -> Precision:
    """The weights of a MatMulNBits: K x N numbers of some bits; its scales are a tensor of their own."""
    said = {attribute.name: attribute.i for attribute in node.attribute}
    kind = f"{said.get('bits', 4)} bits in blocks of {said.get('block_size', 0)}"
    return Precision(kind, 1, said.get("K", 0) * said.get("N", 0), math.prod(tensor.dims))
