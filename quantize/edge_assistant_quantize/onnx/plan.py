"""Which nodes of an ONNX graph are computed in 8 bits, and which values have to be quantized for it.

Three kinds of nodes are: those with weights (`Conv`, `Gemm`, `MatMul`); those between them that ONNX Runtime has in
integers, so that nothing turns back into floats on the way (`COMPUTED`); and those that only move values (`MOVING`),
which keep the scale of their input. A ReLU or a Clip behind such a node is done by the range of what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.onnx.folding import LEAST_OPSET, constants, opset, plain, standard, uses

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
COMPUTED = frozenset({"Add", "Mul", "Concat", "LeakyRelu", "Sigmoid", "GlobalAveragePool", "AveragePool"})
MOVING = frozenset({"MaxPool", "Resize", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"})
_CLIPPING = frozenset({"Relu", "Clip"})


@dataclass(frozen=True, slots=True)
class IntegerPlan:
    """What of a folded graph is computed in integers."""

    nodes: frozenset[str]  # names of the nodes
    # Each ReLU and Clip that the range of its output does, by the name of the value before it
    clipped: Mapping[str, onnx.NodeProto]
    inputs: tuple[str, ...]  # values that come as floats and are quantized for the nodes
    outputs: tuple[str, ...]  # values that the nodes give, quantized
    moved: Mapping[str, str]  # values that take the scale of another: its name by theirs
    averaged: tuple[str, ...]  # values whose channels, on the second axis, weights and a bias are applied to

    @property
    def ranged(self) -> tuple[str, ...]:
        """The values whose ranges have to be known."""
        return tuple(name for name in (*self.inputs, *self.outputs) if name not in self.moved)

    @property
    def measurable(self) -> tuple[str, ...]:
        """The values whose ranges may have to be known, whatever more is excluded."""
        return (*dict.fromkeys((*self.inputs, *self.outputs, *self.clipped)),)


def plan(model: onnx.ModelProto, excluded: Collection[str] = ()) -> IntegerPlan:
    """Decide what of a graph, as `fold` gives it, is computed in integers; excluded nodes are not.

    Raises:
        ModelCorrupt: the model is older than per-channel scales.
    """
    if opset(model) < LEAST_OPSET:
        raise ModelCorrupt(f"the model is of operator set {opset(model)}", f"export it with {LEAST_OPSET} or later")
    return _Planner(model.graph, frozenset(excluded)).plan()


class _Planner:
    """Looks at one graph."""

    def __init__(self, graph: onnx.GraphProto, excluded: frozenset[str]) -> None:
        self.nodes = [node for node in graph.node if standard(node)]
        self.named = {node.name: node for node in self.nodes}
        self.known = constants(graph)
        self.read = uses(graph)
        self.made = {name: node for node in self.nodes for name in node.output if name}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.given = {value.name for value in graph.output}
        self.excluded = excluded

    def plan(self) -> IntegerPlan:
        chosen = {node.name for node in self.nodes if self._weighted(node)}
        chosen |= {node.name for node in self.nodes if self._between(node)}
        while drop := {name for name in chosen if not self._holds(name, chosen)}:
            chosen -= drop
        clipped = {node.input[0]: node for node in self.nodes if self._clips(node, chosen)}
        return self._values(chosen, clipped)

    def _weighted(self, node: onnx.NodeProto) -> bool:
        """Whether it multiplies by a weight that is known."""
        if node.op_type not in WEIGHTED or node.name in self.excluded:
            return False
        weight = self.known.get(node.input[1])
        if weight is None or weight.dtype.kind != "f" or node.input[0] in self.known:
            return False
        if node.op_type == "MatMul":
            return weight.ndim == 2
        bias = node.input[2] if len(node.input) > 2 else ""
        return plain(node) and (not bias or bias in self.known)

    def _between(self, node: onnx.NodeProto) -> bool:
        if node.name in self.excluded or node.op_type not in COMPUTED | MOVING:
            return False
        if node.op_type == "Concat":
            return not any(name in self.known for name in node.input)
        if node.op_type == "MaxPool":
            return len(node.output) == 1
        return self._values_of(node) != []

    def _values_of(self, node: onnx.NodeProto) -> list[str]:
        """The inputs that a node computes with, which are not constants."""
        several = node.op_type in {"Add", "Mul", "Concat"}
        names = list(node.input) if several else list(node.input[:1])
        return [name for name in names if name not in self.known]

    def _holds(self, name: str, chosen: set[str]) -> bool:
        """Whether a node between the weighted ones gets all from integers and gives to some."""
        node = self.named[name]
        if node.op_type in WEIGHTED:
            return True
        from_integers = all(self._source(value) in chosen for value in self._values_of(node))
        return from_integers and self._feeds(node.output[0], chosen)

    def _source(self, value: str) -> str:
        """Name of the node that gives a value, looking through a ReLU or Clip that its range can do."""
        node = self.made.get(value)
        if node is not None and node.op_type in _CLIPPING and self._absorbable(node):
            node = self.made.get(node.input[0])
        return node.name if node is not None else ""

    def _feeds(self, value: str, chosen: set[str]) -> bool:
        for node in self.readers.get(value, []):
            if node.name in chosen and value in self._values_of(node):
                return True
            if node.op_type in _CLIPPING and self._absorbable(node) and self._feeds(node.output[0], chosen):
                return True
        return False

    def _absorbable(self, node: onnx.NodeProto) -> bool:
        """Whether a ReLU or Clip alone reads its input, and has limits that are known and around zero."""
        if node.name in self.excluded or self.read[node.input[0]] != 1 or node.input[0] in self.given:
            return False
        least, most = limits(node, self.known)
        return least is not None and most is not None and least <= 0 <= most

    def _clips(self, node: onnx.NodeProto, chosen: set[str]) -> bool:
        before = self.made.get(node.input[0]) if node.op_type in _CLIPPING else None
        if before is None or before.name not in chosen or before.op_type in MOVING:
            return False
        wanted = before.op_type not in {"Gemm", "MatMul"} or self._feeds(node.output[0], chosen)
        return wanted and self._absorbable(node)

    def _values(self, chosen: set[str], clipped: Mapping[str, onnx.NodeProto]) -> IntegerPlan:
        inputs: dict[str, None] = {}
        outputs: dict[str, None] = {}
        moved: dict[str, str] = {}
        for node in self.nodes:
            if node.name not in chosen:
                continue
            inputs.update(dict.fromkeys(name for name in self._values_of(node) if name not in outputs))
            given = node.output[0]
            if node.op_type in {"Gemm", "MatMul"} and given not in clipped and not self._feeds(given, chosen):
                continue  # ONNX Runtime gives the floats at once
            value = clipped[given].output[0] if given in clipped else given
            outputs[value] = None
            if node.op_type in MOVING:
                moved[value] = moved.get(node.input[0], node.input[0])
        biased = (node for node in self.nodes if node.name in chosen and node.op_type in {"Conv", "Gemm"})
        averaged = (*dict.fromkeys(node.input[0] for node in biased),)
        return IntegerPlan(frozenset(chosen), clipped, (*inputs,), (*outputs,), moved, averaged)


def limits(node: onnx.NodeProto, known: Mapping[str, Array]) -> tuple[float | None, float | None]:
    """Between what a ReLU or Clip lets values lie; None for a limit that is computed."""
    if node.op_type == "Relu":
        return 0.0, float("inf")
    found: list[float | None] = [float("-inf"), float("inf")]
    for place, name in enumerate(node.input[1:3]):
        if name:
            found[place] = float(known[name].item()) if name in known else None
    return found[0], found[1]
