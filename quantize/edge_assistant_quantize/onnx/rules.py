"""Weights of an ONNX graph in fewer bits, each as a rule says: how what reads and hears is quantized.

Activations need no calibration here: where products are made in integers, each row of them (a token) is measured as it
comes. So a rule is only a pattern of weights' names and a form:

- `blockwise`, 8 or 4 bits with a scale for each block of inputs (MatMulNBits): for one row at a time, where reading the
  weights is what takes the time. Rows that are looked up in such a matrix are widened as they are read.
- `integer`, 8 bits with a scale for each output (see `rounding.py`), multiplied in integers: for many rows.
- `bytes`, 8 bits with a scale for each entry of the first axis, widened when the model is loaded: where no product is.
- `half`, 16 bits, widened when the model is loaded.

The methods `int8-weights` and `int4-weights` are one such rule for all products, and `fp16` is one for all weights.
onnxruntime's MatMulNBitsQuantizer writes the same operators, but needs a package that onnxruntime does not bring
(onnx_ir), leaves Gemm and rows in 8 bits alone, and has no scales in half precision and no working GPTQ
(`blocks.gptq`).

numpy and onnx only. Sums are made element by element in one order, so that every machine writes the same tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import QuantizationFailed, WeightsRefused
from edge_assistant_quantize.onnx import blocks, linear
from edge_assistant_quantize.onnx.builder import FLOAT, HALF, GraphBuilder
from edge_assistant_quantize.onnx.folding import attributes, constants, fold, plain, standard
from edge_assistant_quantize.onnx.methods import WeightRule
from edge_assistant_quantize.onnx.rounding import by_channel

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_MOST = 65504.0  # the greatest finite half
_FEWEST = 64  # smaller weights are not worth a node of their own
_FEWEST_IN_BLOCKS = 16 * 16
_WIDEST = (256, 128, 64, 32)  # blocks of tables, whose 8 bits lose little
_PRODUCTS = frozenset({"MatMul", "Gemm"})
_RENAMING = frozenset({"Cast", "Identity"})  # what is cast is the same weight by another name


def apply(model: onnx.ModelProto, rules: Sequence[WeightRule]) -> onnx.ModelProto:
    """A copy of a model with its weights stored as rules say; a weight that none fits stays as it is.

    Products (`MatMul`, `Gemm`) and rows that are looked up (`Gather`) are made in the form of their matrix.

    Raises:
        WeightsRefused: a weight is not finite.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return _Graph(copy, lambda name: next((rule for rule in rules if fnmatchcase(name, rule.weights)), None)).rewrite()


def in_blocks(
    model: onnx.ModelProto,
    bits: int,
    block: int,
    excluded: Collection[str] = (),
    moments: Mapping[str, Array] | None = None,
) -> onnx.ModelProto:
    """A copy of a model with the weights of matrix products and embedding tables in blocks.

    Args:
        model: float32; half-precision weights behind a Cast are read.
        bits: 8 or 4, then with zero points; tables get 8, and so do products with them.
        block: inputs that share a scale; tables have the largest block that divides their rows.
        excluded: names of nodes that stay as they are.
        moments: of the inputs of products, by name, for GPTQ (see `blocks.gptq`); without, each is rounded alone.

    Raises:
        QuantizationFailed: nothing can be quantized.
        WeightsRefused: a weight is not finite.
    """
    ready = fold(model)
    chosen = [node for node in candidates(ready) if node.name not in excluded]
    if not chosen:
        hint = "take another method, such as static-int8"
        raise QuantizationFailed("the model has no matrix product to quantize", hint)
    found: dict[str, WeightRule] = {}
    graph = _Graph(ready, found.get, excluded, zeros=True)
    for node in chosen:
        source, width = graph.sources[_matrix(node)], graph.known[_matrix(node)].shape[1]
        if node.op_type == "Gather":
            widest = next((each for each in _WIDEST if width % each == 0), block)
            found[source] = WeightRule(source, "blockwise", 8, widest)  # type: ignore[arg-type]
        else:
            found.setdefault(source, WeightRule(source, "blockwise", bits, block))  # type: ignore[arg-type]
            graph.moments |= {source: moments[node.input[0]]} if moments else {}
    return graph.rewrite()


def half(model: onnx.ModelProto, excluded: Collection[str] = ()) -> onnx.ModelProto:
    """A copy of a model with the float32 weights in half precision, but for those of excluded nodes.

    A Cast, which ONNX Runtime does once when it loads the model, widens them. Graphs that compute in halves are slow on
    CPUs, which have no such units, or convert at every node; so onnxruntime.transformers.float16 is not used.

    Raises:
        QuantizationFailed: there is no weight.
    """
    made = _Graph(fold(model), lambda name: WeightRule(name, "half"), excluded).rewrite()
    if not any(tensor.data_type == HALF for tensor in made.graph.initializer):
        raise QuantizationFailed("the model has no float32 weights", "take the float model")
    return made


def candidates(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes of a folded model that `in_blocks` replaces: products with weights, and rows of tables."""
    known = constants(model.graph)
    matrices = {name for name, value in known.items() if value.dtype == "float32" and value.ndim == 2}
    return [
        node
        for node in model.graph.node
        if (name := _matrix(node)) in matrices
        and known[name].size >= _FEWEST_IN_BLOCKS
        and (node.op_type == "Gather" or node.input[0] not in known)
    ]


def _matrix(node: onnx.NodeProto) -> str:
    """The name of the matrix that a plain product multiplies by, or in which rows are looked up; else empty."""
    if standard(node) and node.op_type in _PRODUCTS and plain(node):
        return str(node.input[1])
    rows = standard(node) and node.op_type == "Gather" and not attributes(node).get("axis", 0)
    return str(node.input[0]) if rows else ""


class _Graph(GraphBuilder):
    """The nodes and weights that replace those of a graph; each method that adds a node returns its value's name.

    Attributes:
        known: values that never change, by name.
        sources: of each of these, the name of the one that it is cast from, or its own.
        moments: of what a matrix is multiplied by, by the matrix's name, for GPTQ.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        rule_of: Callable[[str], WeightRule | None],
        excluded: Collection[str] = (),
        *,
        zeros: bool = False,
    ) -> None:
        """Take a model, the rule for each source by name, nodes that stay, and whether 4 bits have zero points."""
        super().__init__()
        self.model, self.rule_of, self.excluded, self.zeros = model, rule_of, excluded, zeros
        self.known = constants(model.graph)
        self.sources = {name: name for name in self.known}
        for node in model.graph.node:
            if node.op_type in _RENAMING and node.output[0] in self.known:
                self.sources[node.output[0]] = self.sources[node.input[0]]
        names = {*self.known, *(name for node in model.graph.node for name in node.output)}
        self.prefix = "compact"
        while any(name.startswith(self.prefix) for name in names):
            self.prefix += "_again"
        self.moments: dict[str, Array] = {}
        self.importance = self._importance()
        self.stored: dict[str, list[str]] = {}  # levels, scales and zero points of matrices in blocks, by name
        self.by_row: dict[str, bool] = {}  # whether the blocks of that name are of rows as they are stored

    def _importance(self) -> dict[str, Any]:
        """The mean square of each input of a matrix that a layer normalisation gives.

        Its output has mean 0 and variance 1 before its scale and shift, so this needs no data.
        """
        norms = {node.output[0]: node for node in self.model.graph.node if node.op_type == "LayerNormalization"}
        found = {}
        for node in self.model.graph.node:
            if node.op_type in _PRODUCTS and node.input[0] in norms and node.input[1] in self.sources:
                parts = [self.known[name] for name in norms[node.input[0]].input[1:] if name in self.known]
                if parts:
                    found[self.sources[node.input[1]]] = sum(np.square(each.astype(np.float32)) for each in parts)
        return found

    def unnamed(self, kind: str) -> str:
        """The name of the next node, which the old graph does not have."""
        return f"{self.prefix}_{len(self.nodes)}_{kind}"

    def constant(self, name: str, value: Any) -> str:  # noqa: ANN401 - array or numpy scalar
        """Add a weight, once, by a name that the old graph does not have."""
        return super().constant(f"{self.prefix}/{name}", value)

    def rewrite(self) -> onnx.ModelProto:
        """Replace the nodes of the model, which is given back."""
        for node in self.model.graph.node:
            rule = None if node.name in self.excluded else self._rule(_matrix(node))
            if rule and self._replaced(node, rule):
                self.nodes[-1].output[0] = node.output[0]
            else:
                self.nodes.append(node)
        self._narrow()
        del self.model.graph.value_info[:]
        self.replace(self.model)
        return self.model

    def _rule(self, value: str) -> WeightRule | None:
        """The rule for what a node reads, if that is a weight."""
        return self.rule_of(self.sources[value]) if value in self.sources else None

    def _replaced(self, node: onnx.NodeProto, rule: WeightRule) -> str | None:
        """The value that replaces a node's; None if the node stays."""
        name, looked_up = _matrix(node), node.op_type == "Gather"
        if rule.form in {"bytes", "half"} or (looked_up and rule.form == "integer"):
            return None
        weight, by_row = self.known[name], looked_up or bool(attributes(node).get("transB", 0))
        if weight.ndim != 2 or not np.isfinite(weight).all():
            raise WeightsRefused(f"the weight '{name}' is no matrix, or is not finite", "get the model again")
        source = self.sources[name]
        # Products and rows that read a matrix alike share it
        called = source if self.by_row.setdefault(source, by_row) == by_row else f"{source}/turned"
        matrix = weight if by_row else weight.T
        if looked_up:
            return self._rows(node.input[1], called, matrix, rule)
        multiply = self._blockwise if rule.form == "blockwise" else self._integer
        product = multiply(node.input[0], called, matrix, rule)
        return self.op("Add", product, node.input[2]) if len(node.input) > 2 else product

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
            if rule.bits == 4 and name in self.moments:
                levels, halves, *zeros = blocks.gptq(whole, rule.block, np.pad(self.moments[name], (0, more)))
            elif rule.bits == 4 and self.zeros:
                levels, halves, *zeros = blocks.by_limits(whole, rule.block)
            else:
                counts = np.pad(self.importance.get(name, np.ones(weight.shape[1], np.float32)), (0, more))
                levels, halves, *zeros = blocks.by_error(whole, rule.block, rule.bits, counts)
            scales = f"{name}/scales_of_{rule.bits}_bits"
            self.op("Cast", self.constant(f"{name}/scales", halves), name=scales, to=FLOAT)
            points = [self.constant(f"{name}/zeros", blocks.pack(each, 4)) for each in zeros]
            self.stored[base] = [self.constant(base, blocks.pack(levels, rule.bits)), scales, *points]
        return self.stored[base]

    def _blockwise(self, value: str, name: str, weight: Array, rule: WeightRule) -> str:
        """Multiply by blocks."""
        stored = self._blocks(name, weight, rule)
        return linear.blockwise_product(self, value, stored, weight.shape, rule.bits, rule.block)

    def _integer(self, value: str, name: str, weight: Array, _: WeightRule) -> str:
        """Multiply by integers of 8 bits."""
        turned = weight.T.astype(np.float64)
        levels, scales = by_channel(turned, 1, np.zeros(turned.shape[1]), 1.0, alone=False)
        stored = self.constant(f"{name}/8_bits", levels), self.constant(f"{name}/steps", scales)
        return linear.integer_product(self, value, *stored)

    def _narrow(self) -> None:
        """Store weights that no product took in the form of their rule, and widen them before the first node."""
        nodes, self.nodes = self.nodes, []
        stays = {name for node in nodes if node.name in self.excluded for name in node.input}
        read = {name for node in nodes if node.op_type not in _RENAMING for name in node.input}
        wide = set()
        for name in sorted((read - stays) & self.known.keys()):
            rule, value = self._rule(name), self.known[name]
            if rule is not None and value.dtype == "float32" and value.size >= _FEWEST and np.abs(value).max() <= _MOST:
                self._widened(name, value, rule)
                wide.add(name)
        self.nodes += [node for node in nodes if node.output[0] not in wide]
        left = [tensor for tensor in self.model.graph.initializer if tensor.name not in wide]
        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(left)

    def _widened(self, name: str, value: Array, rule: WeightRule) -> None:
        if rule.form == "half" or value.ndim == 1:
            self.op("Cast", self.constant(f"{name}/half", value.astype(np.float16)), name=name, to=FLOAT)
            return
        scale = np.abs(value).max(axis=tuple(range(1, value.ndim)), keepdims=True).astype(np.float32) / np.float32(127)
        scale = np.where(scale == 0, np.float32(1), scale)
        levels = self.constant(f"{name}/bytes", np.rint(value.astype(np.float32) / scale).astype(np.int8))
        self.op("Mul", self.op("Cast", levels, to=FLOAT), self.constant(f"{name}/scale", scale), name=name)
