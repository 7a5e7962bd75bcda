"""Weights of an ONNX graph in fewer bits, each as a rule says: how what reads and hears is quantized.

Activations need no calibration here: where products are made in integers, each row of them (a token) is measured as it
comes. So a rule is only a pattern of weights' names and a form:

- `blockwise`, 8 or 4 bits with a scale for each block of inputs (MatMulNBits): for one row at a time, where reading the
  weights is what takes the time. Rows that are looked up in such a matrix are widened as they are read.
- `integer`, 8 bits with a scale for each output (see `rounding.py`), multiplied in integers: for many rows.
- `bytes`, 8 bits with a scale for each entry of the first axis, widened when the model is loaded: where no product is.
- `half`, 16 bits, widened when the model is loaded.

The methods `int8-weights` and `int4-weights` are one such rule for all products. onnxruntime's MatMulNBitsQuantizer
writes the same operators, but needs a package that onnxruntime does not bring (onnx_ir), leaves Gemm and rows in 8 bits
alone, and has no scales in half precision and no working GPTQ (`blocks.gptq`).

numpy and onnx only. Sums are made element by element in one order, so that every machine writes the same tensors.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.onnx import blocks, linear
from edge_assistant_quantize.onnx.builder import CONTRIBUTED, FLOAT, HALF, GraphBuilder
from edge_assistant_quantize.onnx.folding import attributes, constants, fold, plain, standard, widen
from edge_assistant_quantize.onnx.methods import WeightRule, parse_rules
from edge_assistant_quantize.onnx.rounding import by_channel

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_MOST = 65504.0  # the greatest finite half
_FEWEST = 64  # smaller weights are not worth a node of their own
_FEWEST_IN_BLOCKS = 16 * 16
_WIDEST = (256, 128, 64, 32)  # blocks of tables, whose 8 bits lose little


def apply(model: onnx.ModelProto, rules: Sequence[WeightRule]) -> onnx.ModelProto:
    """A copy of a model with its weights stored as rules say; a weight that none fits stays as it is.

    Products (`MatMul`, `Gemm`) and rows that are looked up (`Gather`) are made in the form of their matrix.

    Raises:
        ModelCorrupt: a weight is not finite, or a block does not divide a matrix's inputs.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = _Graph(copy.graph, rules)
    for node in list(copy.graph.node):
        graph.take(node)
    graph.narrow()
    del copy.graph.value_info[:]
    graph.replace(copy)
    return copy


def weights_only(
    model: onnx.ModelProto,
    bits: int,
    excluded: Collection[str] = (),
    *,
    block_size: int = 32,
    moments: Mapping[str, Array] = {},
) -> onnx.ModelProto:
    """A copy of a model with the weights of matrix products and embedding tables in blocks.

    Args:
        model: float32; half-precision weights behind a Cast are read.
        bits: 8 or 4; tables get 8, and so do products with them.
        excluded: names of nodes that stay as they are.
        block_size: inputs that share a scale; tables have the largest block that divides their rows.
        moments: of the inputs of products, by name, for GPTQ (see `blocks.gptq`); without, each is rounded alone.

    Raises:
        ModelCorrupt: a weight is not finite, or nothing can be quantized.
    """
    ready = widen(model)
    chosen = [node for node in candidates(ready) if node.name not in excluded]
    if not chosen:
        raise ModelCorrupt("the model has no matrix product to quantize", "take another method, such as static-int8")
    rule = {"weights": "*", "form": "blockwise", "bits": bits, "block": block_size}
    graph = _Graph(ready.graph, parse_rules([rule]))
    graph.has_zeros = True
    graph.tables = {node.input[0] for node in chosen if node.op_type == "Gather"}
    graph.moments = {node.input[1]: moments[node.input[0]] for node in chosen if node.input[0] in moments}
    replaced = {node.output[0] for node in chosen}
    for node in list(ready.graph.node):
        graph.take(node) if node.output[0] in replaced else graph.nodes.append(node)
    graph.replace(ready)
    return half(ready, exact=True)  # what was in half precision and is not replaced


def half(model: onnx.ModelProto, excluded: Collection[str] = (), *, exact: bool = False) -> onnx.ModelProto:
    """A copy of a model with the float32 weights in half precision, but for those of excluded nodes.

    A Cast, which ONNX Runtime does once when it loads the model, widens them. Graphs that compute in halves are slow on
    CPUs, which have no such units, or convert at every node; so onnxruntime.transformers.float16 is not used. If it has
    to be exact, only weights that lose nothing are taken, and there may be none.

    Raises:
        ModelCorrupt: there is no weight.
    """
    ready = fold(model)
    graph = _Graph(ready.graph, parse_rules([{"weights": "*", "form": "half"}]))
    kept = {name for node in ready.graph.node if node.name in excluded for name in node.input}
    if exact:
        floats = {name: value for name, value in graph.known.items() if value.dtype == "float32"}
        with np.errstate(over="ignore"):
            kept |= {name for name, value in floats.items() if (value.astype("float16") != value).any()}
    graph.sources = {name: name for name, source in graph.sources.items() if name == source and name not in kept}
    graph.nodes = list(ready.graph.node)
    graph.narrow()
    graph.replace(ready, domain="")
    if not exact and not any(tensor.data_type == HALF for tensor in ready.graph.initializer):
        raise ModelCorrupt("the model has no float32 weights", "take the float model")
    return ready


def candidates(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a folded model that `weights_only` replaces: products with weights, and rows of tables."""
    known = constants(model.graph)

    def worth(name: str) -> bool:
        weight = known.get(name)
        if weight is None or weight.dtype != "float32":
            return False
        return weight.ndim == 2 and weight.size >= _FEWEST_IN_BLOCKS

    for node in filter(standard, model.graph.node):
        if node.op_type in {"MatMul", "Gemm"}:
            if plain(node) and worth(node.input[1]) and node.input[0] not in known:
                yield node
        elif node.op_type == "Gather" and attributes(node).get("axis", 0) == 0 and worth(node.input[0]):
            yield node


class _Graph(GraphBuilder):
    """The nodes and weights that replace those of a graph; each method that adds a node returns its value's name."""

    def __init__(self, graph: onnx.GraphProto, rules: Sequence[WeightRule]) -> None:
        super().__init__()
        self.known = constants(graph)
        stored = {tensor.name for tensor in graph.initializer} & self.known.keys()
        casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast" and standard(node)}
        wide = {wide: name for wide, name in casts.items() if name in stored and wide in self.known}
        self.sources = {name: name for name in stored} | wide
        self.graph = graph
        self.rules = rules
        self.has_zeros = False  # whether 4 bits are of `by_limits`
        self.tables: Collection[str] = ()  # names of matrices that have 8 bits whatever the rule says
        self.moments: Mapping[str, Array] = {}  # of what matrices are multiplied by, by their name
        self.importance = self._importance()
        self.stored: dict[str, list[str]] = {}  # levels, scales and zero points of matrices in blocks, by name
        self.by_row: dict[str, bool] = {}  # whether the blocks of that name are of rows as they are stored

    def _importance(self) -> dict[str, Array]:
        """The mean square of each input of a matrix that a layer normalisation gives.

        Its output has mean 0 and variance 1 before its scale and shift, so this needs no data.
        """
        norms = {node.output[0]: node for node in self.graph.node if node.op_type == "LayerNormalization"}
        found = {}
        for node in self.graph.node:
            if node.op_type in {"MatMul", "Gemm"} and node.input[0] in norms and node.input[1] in self.sources:
                scale, shift = (self.known[name] for name in norms[node.input[0]].input[1:3])
                found[self.sources[node.input[1]]] = scale.astype("float32") ** 2 + shift.astype("float32") ** 2
        return found

    def unnamed(self, kind: str) -> str:
        """The name of the next node, which the old graph does not have."""
        return f"compact_{len(self.nodes)}_{kind}"

    def constant(self, name: str, value: Any) -> str:  # noqa: ANN401 - array or numpy scalar
        """Add a weight, once, by a name that the old graph does not have."""
        return super().constant(f"compact/{name}", value)

    def rule(self, value: str) -> WeightRule | None:
        """The first rule for the weight that a node reads under some name."""
        source = self.sources.get(value)
        rule = next((rule for rule in self.rules if source is not None and fnmatchcase(source, rule.weights)), None)
        if rule is None or source not in self.tables:
            return rule
        width = self.known[value].shape[1]
        return msgspec.structs.replace(rule, bits=8, block=next((s for s in _WIDEST if width % s == 0), rule.block))

    def take(self, node: onnx.NodeProto) -> None:
        """Add a node of the old graph, or nodes that compute the same from weights in fewer bits."""
        place = 0 if node.op_type == "Gather" else 1
        rule = self.rule(node.input[place]) if len(node.input) > place and standard(node) else None
        if rule and self._replaced(node, rule):
            self.nodes[-1].output[0] = node.output[0]
        else:
            self.nodes.append(node)

    def _replaced(self, node: onnx.NodeProto, rule: WeightRule) -> str | None:
        """The value that replaces a node's; None if the node stays."""
        said = attributes(node)
        if node.op_type == "Gather" and rule.form == "blockwise" and not said.get("axis", 0):
            name = node.input[0]
            return self._rows(node.input[1], self._called(name, True), self._checked(self.known[name], name), rule)
        if node.op_type not in {"MatMul", "Gemm"} or not plain(node) or rule.form not in _PRODUCTS:
            return None
        weight = self.known[node.input[1]]
        by_row = bool(said.get("transB", 0))
        matrix = self._checked(weight if by_row else weight.T, node.input[1])
        product = _PRODUCTS[rule.form](self, node.input[0], self._called(node.input[1], by_row), matrix, rule)
        return self.op("Add", product, node.input[2]) if len(node.input) > 2 else product

    def _called(self, name: str, by_row: bool) -> str:
        """The name under which a matrix is stored; products and rows that read it alike share it."""
        source = self.sources[name]
        return source if self.by_row.setdefault(source, by_row) == by_row else f"{source}/turned"

    def _checked(self, weight: Array, name: str) -> Array:
        if weight.ndim != 2 or not np.isfinite(weight).all():
            raise ModelCorrupt(f"the weight '{name}' is no matrix, or is not finite", "get the model again")
        return weight

    def _rows(self, numbers: str, name: str, weight: Array, rule: WeightRule) -> str:
        """Rows of a matrix in blocks, widened: i64 [...] -> f32 [..., inputs]."""
        levels, scales = self._blocks(name, weight, rule)
        flat = self.op("Reshape", numbers, self.constant("flat", np.array([-1])))
        found = self.op("Gather", levels, flat, axis=0)
        found = self._unpacked(found) if rule.bits == 4 else found
        middle = self.constant(f"middle_{rule.bits}", np.float32(1 << rule.bits - 1))
        centred = self.op("Sub", self.op("Cast", found, to=FLOAT), middle)
        parts = self.op("Reshape", centred, self.constant(f"blocks_{rule.block}", np.array([0, -1, rule.block])))
        steps = self.op("Gather", scales, flat, axis=0)
        rows = self.op("Mul", parts, self.op("Unsqueeze", steps, self.constant("last_axis", np.array([-1]))))
        width = self.constant(f"width_{weight.shape[1]}", np.array([weight.shape[1]]))
        if weight.shape[1] % rule.block:
            rows = self.op("Reshape", rows, self.constant("whole_rows", np.array([0, -1])))
            begin, one = self.constant("begin", np.array([0])), self.constant("second_axis", np.array([1]))
            rows = self.op("Slice", rows, begin, width, one)
        return self.op("Reshape", rows, self.op("Concat", self.op("Shape", numbers), width, axis=0))

    def _unpacked(self, value: str) -> str:
        """Two levels from each byte: u8 [..., n] -> u8 [..., n, 2]."""
        last = self.constant("last_axis", np.array([-1]))
        low = self.op("BitwiseAnd", value, self.constant("low_half", np.uint8(15)))
        high = self.op("BitShift", value, self.constant("four", np.uint8(4)), direction="RIGHT")
        return self.op("Concat", self.op("Unsqueeze", low, last), self.op("Unsqueeze", high, last), axis=-1)

    def _blocks(self, name: str, weight: Array, rule: WeightRule) -> list[str]:
        """Levels as MatMulNBits has them, scales, and zero points if they are not the middle, as names of values."""
        base = f"{name}/{rule.bits}_bits"
        if base not in self.stored:
            whole = blocks.padded(weight, rule.block)
            more = whole.shape[1] - weight.shape[1]
            zeros: list[Array] = []
            if rule.bits == 4 and name in self.moments:
                levels, halves, *zeros = blocks.gptq(whole, rule.block, np.pad(self.moments[name], (0, more)))
            elif rule.bits == 4 and self.has_zeros:
                levels, halves, *zeros = blocks.by_limits(whole, rule.block)
            else:
                importance = self.importance.get(name)
                counts = None if importance is None else np.pad(importance, (0, more))
                levels, halves = blocks.by_error(whole, rule.block, rule.bits, counts)
            scales = f"{name}/scales_of_{rule.bits}_bits"
            self.op("Cast", self.constant(f"{name}/scales", halves), name=scales, to=FLOAT)
            points = [self.constant(f"{name}/zeros", blocks.pack(each, 4)) for each in zeros]
            self.stored[base] = [self.constant(base, blocks.pack(levels, rule.bits)), scales, *points]
        return self.stored[base]

    def blockwise(self, value: str, name: str, weight: Array, rule: WeightRule) -> str:
        """Multiply by blocks."""
        stored = self._blocks(name, weight, rule)
        how = {"K": weight.shape[1], "N": weight.shape[0], "bits": rule.bits, "block_size": rule.block}
        how["accuracy_level"] = 4  # activations are rounded to 8 bits too
        return self.op("MatMulNBits", value, *stored, domain=CONTRIBUTED, **how)

    def integer(self, value: str, name: str, weight: Array, _: WeightRule) -> str:
        """Multiply by integers of 8 bits."""
        turned = weight.T.astype(np.float64)
        levels, scales = by_channel(turned, 1, np.zeros(turned.shape[1]), 1.0, 8, alone=False)
        stored = self.constant(f"{name}/8_bits", levels), self.constant(f"{name}/steps", scales)
        return linear.integer_product(self, value, *stored)

    def narrow(self) -> None:
        """Store weights that no product took in the form of their rule, and widen them before the first node."""
        nodes, self.nodes = self.nodes, []
        read = {name for node in nodes if node.op_type != "Cast" for name in node.input} & self.sources.keys()
        wide = set()
        for name in sorted(read):
            rule, value = self.rule(name), self.known[name]
            if rule is not None and value.dtype == "float32" and value.size >= _FEWEST and np.abs(value).max() <= _MOST:
                self._widened(name, value, rule)
                wide.add(name)
        self.nodes += [node for node in nodes if node.output[0] not in wide]
        left = [tensor for tensor in self.graph.initializer if tensor.name not in wide]
        del self.graph.initializer[:]
        self.graph.initializer.extend(left)

    def _widened(self, name: str, value: Array, rule: WeightRule) -> None:
        if rule.form == "half" or value.ndim == 1:
            self.op("Cast", self.constant(f"{name}/half", value.astype(np.float16)), name=name, to=FLOAT)
            return
        scale = np.abs(value).max(axis=tuple(range(1, value.ndim)), keepdims=True).astype(np.float32) / np.float32(127)
        scale = np.where(scale == 0, np.float32(1), scale)
        levels = self.constant(f"{name}/bytes", np.rint(value.astype(np.float32) / scale).astype(np.int8))
        self.op("Mul", self.op("Cast", levels, to=FLOAT), self.constant(f"{name}/scale", scale), name=name)


_PRODUCTS = {"blockwise": _Graph.blockwise, "integer": _Graph.integer}
