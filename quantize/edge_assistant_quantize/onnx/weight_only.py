"""Weights of an ONNX graph in fewer bits, while it computes in floats: blocks of 8 or 4 bits, or half precision.

- 8 and 4 bits: a matrix product becomes `MatMulNBits`, whose weights have a scale for each block of inputs; an
  embedding table is kept in 8 bits and the rows that are looked up are scaled back.
- half precision: the initializers are halves, and a Cast, which ONNX Runtime does once when it loads the model, widens
  them. Graphs that compute in halves are slow on CPUs, which have no such units, or convert at every node.

The operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md. numpy and onnx only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.onnx.builder import BLOCK_SIZES, CONTRIBUTED, GraphBuilder
from edge_assistant_quantize.onnx.folding import (
    attributes,
    check_nodes,
    constants,
    fold,
    plain,
    standard,
    subgraphs,
)

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    Array = NDArray[Any]

_FEWEST = 16 * 16  # smaller weights are not worth a node of their own
_HALF_MOST = 65504.0  # the greatest finite half
_FLOAT, _HALF = 1, 10  # of TensorProto


def weights_only(
    model: onnx.ModelProto,
    bits: int,
    excluded: Collection[str] = (),
    *,
    block_size: int = 32,
    symmetric: bool = True,
    accuracy_level: int = 4,
) -> onnx.ModelProto:
    """Quantize the weights of matrix products and embedding tables.

    Args:
        model: float32; half-precision weights behind a Cast are read.
        bits: 8 or 4; embedding tables get 8.
        excluded: names of nodes that stay as they are.
        block_size: one of `BLOCK_SIZES`.
        symmetric: see `blocks.by_range`.
        accuracy_level: of MatMulNBits: 4 rounds activations to 8 bits, which is faster; 1 computes in float32.

    Raises:
        ModelCorrupt: no such bits, blocks or nodes; a weight is not finite; or nothing can be quantized.
    """
    if bits not in {4, 8} or block_size not in BLOCK_SIZES:
        raise ModelCorrupt(f"no {bits} bits in blocks of {block_size}", f"take blocks of {BLOCK_SIZES}")
    ready = fold(model)
    check_nodes(ready, excluded)
    writer = _Writer(ready, bits, block_size, symmetric, accuracy_level)
    writer.write(frozenset(excluded))
    if not writer.done:
        raise ModelCorrupt("the model has no matrix product to quantize", "take another method, such as static-int8")
    return ready


def candidates(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a folded model that `weights_only` replaces."""
    writer = _Writer(model, 8, BLOCK_SIZES[1], symmetric=True, accuracy_level=4)
    yield from (node for node in model.graph.node if standard(node) and writer.replaces(node))


class _Writer(GraphBuilder):
    """Replaces nodes of one graph."""

    def __init__(
        self, model: onnx.ModelProto, bits: int, block_size: int, symmetric: bool, accuracy_level: int
    ) -> None:
        super().__init__()
        self.model = model
        self.bits, self.block_size, self.symmetric, self.accuracy = bits, block_size, symmetric, accuracy_level
        self.known: Mapping[str, Array] = constants(model.graph)
        self.done = 0

    def write(self, excluded: frozenset[str]) -> None:
        for node in list(self.model.graph.node):
            if node.name in excluded or not standard(node) or not self.replaces(node):
                self.nodes.append(node)
            else:
                self._replace(node)
                self.done += 1
        self.replace(self.model)

    def replaces(self, node: onnx.NodeProto) -> bool:
        """Whether a node multiplies by a weight, or looks up rows of a table, that are worth it."""
        if node.op_type in {"MatMul", "Gemm"}:
            return plain(node) and self._worth(node.input[1]) and node.input[0] not in self.known
        return node.op_type == "Gather" and attributes(node).get("axis", 0) == 0 and self._worth(node.input[0])

    def _replace(self, node: onnx.NodeProto) -> None:
        if node.op_type == "Gather":
            self._rows(node)
        else:
            self._product(node, transposed=bool(attributes(node).get("transB", 0)))

    def _worth(self, name: str) -> bool:
        weight = self.known.get(name)
        return weight is not None and weight.dtype == "float32" and weight.ndim == 2 and weight.size >= _FEWEST

    def _weight(self, name: str) -> Array:
        import numpy as np

        weight = self.known[name]
        if not np.isfinite(weight).all():
            raise ModelCorrupt(f"the weight '{name}' is not finite", "get the model again, or export it again")
        return weight

    def _product(self, node: onnx.NodeProto, *, transposed: bool) -> None:
        weight = self._weight(node.input[1])
        turned = weight if transposed else weight.T
        bias = node.input[2] if len(node.input) > 2 else ""
        stored = self._stored(node.input[1], turned, f"by_{'row' if transposed else 'column'}")
        result = f"{node.output[0]}/product" if bias else node.output[0]
        outputs, inputs = turned.shape
        self.op(
            "MatMulNBits",
            node.input[0],
            *stored,
            name=result,
            domain=CONTRIBUTED,
            K=inputs,
            N=outputs,
            bits=self.bits,
            block_size=self.block_size,
            accuracy_level=self.accuracy,
        )
        if bias:
            self.op("Add", result, bias, name=node.output[0])

    def _stored(self, name: str, turned: Array, way: str) -> list[str]:
        """Names of a weight's levels, scales and zero points, which several nodes may share."""
        from edge_assistant_quantize.onnx import blocks

        base = f"{name}/{way}_{self.bits}_bits"
        if base not in self.weights:
            levels, scales, zeros = blocks.by_range(turned, self.block_size, self.bits, symmetric=self.symmetric)
            self.constant(base, blocks.pack(levels, self.bits))
            self.constant(f"{base}/scale", scales)
            if zeros is not None:
                self.constant(f"{base}/zero", blocks.pack(zeros, self.bits))
        return [each for each in (base, f"{base}/scale", f"{base}/zero") if each in self.weights]

    def _rows(self, node: onnx.NodeProto) -> None:
        """Look up rows of a table in 8 bits, each with one scale, and scale them back."""
        import numpy as np

        weight = self._weight(node.input[0])
        name, given = node.input[0], node.output[0]
        base = f"{name}/rows_8_bits"
        if base not in self.weights:
            scales = np.maximum(np.abs(weight.astype(np.float64)).max(axis=1, keepdims=True) / 127, 1e-12)
            self.constant(f"{base}/scale", scales.astype(np.float32))
            self.constant(base, np.rint(weight / scales.astype(np.float32).astype(np.float64)).astype(np.int8))
        levels = self.op("Gather", base, node.input[1], name=f"{given}/levels", axis=0)
        steps = self.op("Gather", f"{base}/scale", node.input[1], name=f"{given}/scale", axis=0)
        self.op("Mul", self.op("Cast", levels, name=f"{given}/floats", to=_FLOAT), steps, name=given)


def half(model: onnx.ModelProto, excluded: Collection[str] = (), *, exact: bool = False) -> onnx.ModelProto:
    """Keep the float32 weights in half precision, but for those of the excluded nodes and those beyond its range.

    Args:
        model: float32.
        excluded: names of nodes whose weights stay as they are.
        exact: whether to take only weights that lose nothing by it; there may be none then.

    Raises:
        ModelCorrupt: there is no such node, or no weight.
    """
    from onnx import helper, numpy_helper

    ready = fold(model)
    check_nodes(ready, excluded)
    graph = ready.graph
    kept = {name for node in graph.node if node.name in excluded for name in node.input} | _inside(graph)
    kept |= {value.name for value in graph.output} | {value.name for value in graph.input}
    casts = []
    for tensor in graph.initializer:
        if tensor.name in kept or tensor.data_type != _FLOAT:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        if not _halves(values) or (exact and (values.astype("float16") != values).any()):
            continue
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}/half"))
        casts.append(helper.make_node("Cast", [f"{name}/half"], [name], name=name, to=_FLOAT))
    if not casts and not exact and not any(tensor.data_type == _HALF for tensor in graph.initializer):
        raise ModelCorrupt("the model has no float32 weights", "take the float model")
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return ready


def _inside(graph: onnx.GraphProto) -> set[str]:
    """All that graphs within nodes read."""
    names: set[str] = set()
    for node in graph.node:
        for inner in subgraphs(node):
            names |= {name for each in inner.node for name in each.input} | _inside(inner)
    return names


def _halves(values: Array) -> bool:
    """Whether a weight can be had in halves, and is worth it."""
    import numpy as np

    return values.size >= _FEWEST and bool(np.abs(values).max() <= _HALF_MOST)
