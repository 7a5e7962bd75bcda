"""How precisely a model's numbers are stored: tensors, weights and bits of each type, read from GGUF and ONNX files.

Bits a weight are those of the whole file, as `quantize` prints them: scales, zero points, vocabulary and graph are no
weights, and their bytes count.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models import headers
from edge_assistant_models.headers import HeaderFormat

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

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
    readers = {HeaderFormat.GGUF: _of_gguf, HeaderFormat.ONNX: _of_onnx}
    found = defaultdict[str, list[Precision]](list)
    for path in paths:
        if (form := headers.form_of(path.name)) in readers:
            tensors = list(readers[form](path))
            rest = path.stat().st_size - sum(each.bytes for each in tensors)
            for each in (*tensors, Precision(REST, 0, 0, rest)):
                found[each.kind].append(each)
    return sorted((_sum(kind, each) for kind, each in found.items()), key=lambda each: (-each.bytes, each.kind))


def bits(precisions: Sequence[Precision]) -> float:
    """Bits for each weight over all of them; NaN without any."""
    return _sum("", precisions).bits


def _sum(kind: str, there: Sequence[Precision]) -> Precision:
    tensors, weights, size = (sum(getattr(each, name) for each in there) for name in ("tensors", "weights", "bytes"))
    return Precision(kind, tensors, weights, size, sum(each.fallbacks for each in there))


def _of_gguf(path: Path) -> Iterator[Precision]:
    from edge_assistant_quantize.gguf import header

    found = header.read(path)
    fallen = {tensor.name for tensor in found.fallen}
    for tensor in found.tensors:
        fell = int(tensor.name in fallen)
        yield Precision(header.kind_of(tensor), 1, tensor.n_elements, tensor.n_bytes, fell)


def _of_onnx(path: Path) -> Iterator[Precision]:
    import numpy as np
    import onnx

    with path.open("rb") as file:
        headers.check(file, HeaderFormat.ONNX, path.name)
        file.seek(0)
        model = onnx.load(file, load_external_data=False)
    for graph in _graphs(model.graph):
        tensors = dict(_tensors(graph))
        roles = _roles(graph, tensors)
        for name, tensor in tensors.items():
            stored, count = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)), math.prod(tensor.dims)
            kind, weights = roles.get(name, (str(stored), count))
            yield Precision(kind, 1, weights, len(tensor.raw_data) or count * stored.itemsize)


def _roles(graph: GraphProto, tensors: Mapping[str, TensorProto]) -> dict[str, tuple[str, int]]:
    """How nodes take tensors that are no plain weights: the type to count them under, and the weights in them."""
    made = {output: node for node in graph.node for output in node.output}
    scales: set[str] = set()
    roles: dict[str, tuple[str, int]] = {}
    for node in graph.node:
        scales.update(node.input[_SCALES.get(node.op_type, len(node.input)) :])
        if node.op_type == PACKED and len(node.input) > 1:
            said = {attribute.name: attribute.i for attribute in node.attribute}
            kind = f"{said.get('bits', 4)} bits in blocks of {said.get('block_size', 0)}"
            roles[node.input[1]] = kind, said.get("K", 0) * said.get("N", 0)
        source = made.get(node.input[0]) if node.input else None
        if source and (node.op_type, source.op_type) == ("BitwiseAnd", "Gather") and source.input[0] in tensors:
            count = math.prod(tensors[source.input[0]].dims)  # rows are looked up and taken apart
            roles.setdefault(source.input[0], ("4 bits, two in a byte", 2 * count))
        if source and (node.op_type, source.op_type) == ("Mul", "Cast") and node.input[1].endswith("/scale"):
            scales.add(node.input[1])  # weights in bytes are widened, then multiplied by a scale for each row
    scales.update(made[name].input[0] for name in list(scales) if name in made and made[name].op_type == "Cast")
    return {**roles, **dict.fromkeys(scales, (SCALES, 0))}


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and those in its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    """The initializers and the constants of a graph by name."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant":
            yield from ((node.output[0], each.t) for each in node.attribute if each.name == "value")
