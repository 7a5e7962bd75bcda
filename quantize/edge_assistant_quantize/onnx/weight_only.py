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

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.onnx import blocks
from edge_assistant_quantize.onnx.builder import CONTRIBUTED, FLOAT, HALF, GraphBuilder
from edge_assistant_quantize.onnx.folding import (
    attributes,
    check_nodes,
    constants,
    fold,
    plain,
    replace,
    standard,
    subgraphs,
    uses,
)
from edge_assistant_quantize.onnx.methods import BLOCK_SIZES

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_FEWEST = 16 * 16  # smaller weights are not worth a node of their own
_HALF_MOST = 65504.0  # the greatest finite half


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
    writer = _Writer(ready.graph)
    replaced = {node.output[0] for node in candidates(ready, writer.known) if node.name not in excluded}
    if not replaced:
        raise ModelCorrupt("the model has no matrix product to quantize", "take another method, such as static-int8")
    for node in list(ready.graph.node):
        if node.output[0] not in replaced:
            writer.nodes.append(node)
        elif node.op_type == "Gather":
            writer.rows(node)
        else:
            writer.product(node, bits, block_size, symmetric, accuracy_level)
    writer.replace(ready)
    return ready


def candidates(model: onnx.ModelProto, known: Mapping[str, Array]) -> Iterator[onnx.NodeProto]:
    """The nodes of a folded model that `weights_only` replaces: products with weights and rows of tables.

    `known` are the model's `constants`.
    """

    def worth(name: str) -> bool:
        weight = known.get(name)
        return weight is not None and weight.dtype == "float32" and weight.ndim == 2 and weight.size >= _FEWEST

    for node in filter(standard, model.graph.node):
        if node.op_type in {"MatMul", "Gemm"}:
            if plain(node) and worth(node.input[1]) and node.input[0] not in known:
                yield node
        elif node.op_type == "Gather" and attributes(node).get("axis", 0) == 0 and worth(node.input[0]):
            yield node


class _Writer(GraphBuilder):
    """The nodes and weights that replace those of a graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        super().__init__()
        self.known = constants(graph)

    def _finite(self, name: str) -> Array:
        weight = self.known[name]
        if not np.isfinite(weight).all():
            raise ModelCorrupt(f"the weight '{name}' is not finite", "get the model again, or export it again")
        return weight

    def product(self, node: onnx.NodeProto, bits: int, block: int, symmetric: bool, accuracy: int) -> None:
        """Multiply by blocks; several nodes may share them."""
        transposed = bool(attributes(node).get("transB", 0))
        weight = self._finite(node.input[1])
        turned = weight if transposed else weight.T
        base = f"{node.input[1]}/by_{'row' if transposed else 'column'}_{bits}_bits"
        if base not in self.weights:
            levels, scales, zeros = blocks.by_range(turned, block, bits, symmetric=symmetric)
            self.constant(base, blocks.pack(levels, bits))
            self.constant(f"{base}/scale", scales)
            if zeros is not None:
                self.constant(f"{base}/zero", blocks.pack(zeros, bits))
        stored = [each for each in (base, f"{base}/scale", f"{base}/zero") if each in self.weights]
        bias = node.input[2] if len(node.input) > 2 else ""
        result = f"{node.output[0]}/product" if bias else node.output[0]
        outputs, inputs = turned.shape
        how = {"K": inputs, "N": outputs, "bits": bits, "block_size": block, "accuracy_level": accuracy}
        self.op("MatMulNBits", node.input[0], *stored, name=result, domain=CONTRIBUTED, **how)
        if bias:
            self.op("Add", result, bias, name=node.output[0])

    def rows(self, node: onnx.NodeProto) -> None:
        """Look up rows of a table in 8 bits, each with one scale, and scale them back."""
        name, given = node.input[0], node.output[0]
        weight = self._finite(name)
        base = f"{name}/rows_8_bits"
        if base not in self.weights:
            scales = np.maximum(np.abs(weight.astype(np.float64)).max(axis=1, keepdims=True) / 127, 1e-12)
            self.constant(f"{base}/scale", scales.astype(np.float32))
            self.constant(base, np.rint(weight / scales.astype(np.float32).astype(np.float64)).astype(np.int8))
        levels = self.op("Gather", base, node.input[1], name=f"{given}/levels", axis=0)
        steps = self.op("Gather", f"{base}/scale", node.input[1], name=f"{given}/scale", axis=0)
        self.op("Mul", self.op("Cast", levels, name=f"{given}/floats", to=FLOAT), steps, name=given)


def half(model: onnx.ModelProto, excluded: Collection[str] = (), *, exact: bool = False) -> onnx.ModelProto:
    """Keep the float32 weights in half precision, except those of excluded nodes and those beyond its range.

    If it has to be exact, only weights that lose nothing are taken, and there may be none.

    Raises:
        ModelCorrupt: there is no such node, or no weight.
    """
    from onnx import helper, numpy_helper

    ready = fold(model)
    check_nodes(ready, excluded)
    graph = ready.graph
    kept = {name for node in graph.node if node.name in excluded for name in node.input}
    kept |= {name for node in graph.node for inner in subgraphs(node) for name in uses(inner)}
    kept |= {value.name for value in (*graph.output, *graph.input)}
    casts = []
    for tensor in graph.initializer:
        if tensor.name in kept or tensor.data_type != FLOAT:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        if not fits_half(values, _FEWEST) or (exact and (values.astype("float16") != values).any()):
            continue
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}/half"))
        casts.append(helper.make_node("Cast", [f"{name}/half"], [name], name=name, to=FLOAT))
    if not casts and not exact and not any(tensor.data_type == HALF for tensor in graph.initializer):
        raise ModelCorrupt("the model has no float32 weights", "take the float model")
    replace(graph, [*casts, *graph.node])
    return ready


def fits_half(values: Array, fewest: int) -> bool:
    """Whether a weight has so many values, and all of them are within half precision."""
    return values.size >= fewest and bool(np.abs(values).max() <= _HALF_MOST)
