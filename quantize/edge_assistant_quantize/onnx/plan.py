"""Which nodes of an ONNX graph are computed in 8 bits, and which values have to be quantized for it.

Three kinds of nodes are: those with weights (`Conv`, `Gemm`, `MatMul`); those between them that ONNX Runtime has in
integers, so that nothing turns back into floats on the way (`COMPUTED`); and those that only move values (`MOVING`),
which keep the scale of their input. A ReLU or a Clip behind such a node is done by the range of what is stored.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.onnx.folding import LEAST_OPSET, constants, opset, plain, standard, uses

if TYPE_CHECKING:
    import onnx

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
COMPUTED = frozenset({"Add", "Mul", "Concat", "LeakyRelu", "Sigmoid", "GlobalAveragePool", "AveragePool"})
MOVING = frozenset({"MaxPool", "Resize", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"})
_PRODUCTS = frozenset({"Gemm", "MatMul"})
_CLIPPING = frozenset({"Relu", "Clip"})


class IntegerPlan:
    """What of a graph is computed in integers.

    Attributes:
        known: values that never change, by name.
        nodes: names of the nodes.
        clipped: each ReLU and Clip that the range of its output does, by the name of the value before it.
        inputs: values that come as floats and are quantized for the nodes.
        outputs: values that the nodes give, quantized.
        moved: values that take the scale of another: its name by theirs.
        averaged: values whose channels, on the second axis, weights and a bias are applied to.
    """

    def __init__(self, model: onnx.ModelProto, excluded: Collection[str] = ()) -> None:
        """Plan for a graph, as `fold` gives it; excluded nodes stay as they are.

        Raises:
            QuantizationFailed: the model is older than per-channel scales.
        """
        if opset(model) < LEAST_OPSET:
            what = f"the model is of operator set {opset(model)}"
            raise QuantizationFailed(what, f"export it with {LEAST_OPSET} or later")
        graph = model.graph
        self.known = constants(graph)
        self._excluded = excluded
        self._read, self._given = uses(graph), {value.name for value in graph.output}
        nodes = [node for node in graph.node if standard(node)]
        self._made = {name: node for node in nodes for name in node.output if name}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in nodes:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self.nodes = {node.name for node in nodes if self._weighted(node) or self._between(node)}
        while drop := {node.name for node in nodes if node.name in self.nodes and not self._holds(node)}:
            self.nodes -= drop
        self.clipped = {node.input[0]: node for node in nodes if self._clips(node)}
        self.inputs: dict[str, None] = {}
        self.outputs: dict[str, None] = {}
        self.moved: dict[str, str] = {}
        self.averaged: dict[str, None] = {}
        for node in nodes:
            if node.name in self.nodes:
                self._add(node)

    @property
    def ranged(self) -> list[str]:
        """The values whose ranges have to be known."""
        return [name for name in (*self.inputs, *self.outputs) if name not in self.moved]

    @property
    def measurable(self) -> list[str]:
        """The values whose ranges may have to be known, whatever more is excluded."""
        return list(dict.fromkeys((*self.inputs, *self.outputs, *self.clipped)))

    def given_by(self, node: onnx.NodeProto) -> str:
        """The value that a node gives once the ReLU or Clip behind it is done by its range."""
        value = node.output[0]
        return str(self.clipped[value].output[0] if value in self.clipped else value)

    def _weighted(self, node: onnx.NodeProto) -> bool:
        """Whether it multiplies by a weight that is known."""
        if node.op_type not in WEIGHTED or node.name in self._excluded:
            return False
        weight = self.known.get(node.input[1])
        if weight is None or weight.dtype.kind != "f" or node.input[0] in self.known:
            return False
        if node.op_type == "MatMul":
            return weight.ndim == 2
        return plain(node) and all(name in self.known for name in node.input[2:] if name)

    def _between(self, node: onnx.NodeProto) -> bool:
        if node.name in self._excluded or node.op_type not in COMPUTED | MOVING:
            return False
        if node.op_type == "Concat":
            return not any(name in self.known for name in node.input)
        if node.op_type == "MaxPool":
            return len(node.output) == 1
        return self._values_of(node) != []

    def _values_of(self, node: onnx.NodeProto) -> list[str]:
        """The inputs that a node computes with, which are not constants."""
        names = node.input if node.op_type in {"Add", "Mul", "Concat"} else node.input[:1]
        return [name for name in names if name not in self.known]

    def _holds(self, node: onnx.NodeProto) -> bool:
        """Whether a node between the weighted ones gets all from integers and gives to some."""
        if node.op_type in WEIGHTED:
            return True
        from_integers = all(self._source(value) in self.nodes for value in self._values_of(node))
        return from_integers and self._feeds(node.output[0])

    def _source(self, value: str) -> str:
        """Name of the node that gives a value, looking through a ReLU or Clip that its range can do."""
        node = self._made.get(value)
        if node is not None and node.op_type in _CLIPPING and self._absorbable(node):
            node = self._made.get(node.input[0])
        return node.name if node is not None else ""

    def _feeds(self, value: str) -> bool:
        """Whether a node that computes in integers reads a value, or what a ReLU or Clip makes of it."""
        for node in self._readers.get(value, []):
            if node.name in self.nodes and value in self._values_of(node):
                return True
            if node.op_type in _CLIPPING and self._absorbable(node) and self._feeds(node.output[0]):
                return True
        return False

    def _absorbable(self, node: onnx.NodeProto) -> bool:
        """Whether a ReLU or Clip alone reads its input, and has limits that are known and around zero."""
        if node.name in self._excluded or self._read[node.input[0]] != 1 or node.input[0] in self._given:
            return False
        least, most = self.limits(node)
        return least <= 0 <= most

    def _clips(self, node: onnx.NodeProto) -> bool:
        before = self._made.get(node.input[0]) if node.op_type in _CLIPPING else None
        if before is None or before.name not in self.nodes or before.op_type in MOVING:
            return False
        wanted = before.op_type not in _PRODUCTS or self._feeds(node.output[0])
        return wanted and self._absorbable(node)

    def _add(self, node: onnx.NodeProto) -> None:
        """Note the values of a node that is computed in integers."""
        self.inputs.update((name, None) for name in self._values_of(node) if name not in self.outputs)
        if node.op_type in {"Conv", "Gemm"}:
            self.averaged[node.input[0]] = None
        given = node.output[0]
        if node.op_type in _PRODUCTS and given not in self.clipped and not self._feeds(given):
            return  # ONNX Runtime gives the floats at once
        value = self.given_by(node)
        self.outputs[value] = None
        if node.op_type in MOVING:
            self.moved[value] = self.moved.get(node.input[0], node.input[0])

    def limits(self, node: onnx.NodeProto) -> tuple[float, float]:
        """Between what a ReLU or Clip lets values lie; NaN for a limit that is computed."""
        found = [0.0 if node.op_type == "Relu" else -math.inf, math.inf]
        for place, name in enumerate(node.input[1:3]):
            if name:
                found[place] = float(self.known[name].item()) if name in self.known else math.nan
        return found[0], found[1]
