"""Static 8-bit quantization of an ONNX graph: the same integers wherever it is done, from ranges measured once.

Around each node that is computed in integers stand QuantizeLinear and DequantizeLinear, which ONNX Runtime fuses with
it (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). Activations are uint8 with one
scale and zero point each. Weights are int8 with a scale for each output channel, see `rounded.py`. Biases are int32 in
the scale of what they are added to.

Three kinds of nodes are quantized: those with weights (`Conv`, `Gemm`, `MatMul`); those between them that ONNX Runtime
has in integers, so that nothing turns back into floats on the way (`_COMPUTED`); and those that only move values
(`_MOVING`), which keep the scale of their input. A ReLU or a Clip behind a quantized node is done by the range of what
is stored. numpy and onnx only, and nothing is summed, so that every machine writes the same tensors.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.importers.folded import attributes, constants, drop_unused, folded, standard, uses
from edge_assistant_models.importers.rounded import by_channel

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    Array = NDArray[Any]

Ranges = Mapping[str, tuple[float, float]]

WEIGHT_BITS = 8
LEAST_OPSET = 13  # the first whose DequantizeLinear takes a scale for each channel
_LEVELS = 255  # between the least and the greatest uint8

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
_COMPUTED = frozenset({"Add", "Mul", "Concat", "LeakyRelu", "Sigmoid", "GlobalAveragePool", "AveragePool"})
_MOVING = frozenset({"MaxPool", "Resize", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"})
_CLIPPING = frozenset({"Relu", "Clip"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a folded graph is computed in integers.

    Attributes:
        nodes: names of the nodes.
        clipped: each ReLU and Clip that the range of its output does, by the name of the value before it.
        inputs: values that come as floats and are quantized for the nodes.
        outputs: values that the nodes give, quantized.
        moved: values that take the scale of another: its name by theirs.
    """

    nodes: frozenset[str]
    clipped: Mapping[str, onnx.NodeProto]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    moved: Mapping[str, str]

    @property
    def ranged(self) -> tuple[str, ...]:
        """The values whose ranges have to be known."""
        return tuple(name for name in (*self.inputs, *self.outputs) if name not in self.moved)

    @property
    def measurable(self) -> tuple[str, ...]:
        """The values whose ranges may have to be known, whatever more is excluded."""
        return (*dict.fromkeys((*self.inputs, *self.outputs, *self.clipped)),)


def plan(model: onnx.ModelProto, excluded: Collection[str] = ()) -> Plan:
    """Decide what is computed in integers.

    Args:
        model: as `folded` gives it.
        excluded: names of nodes that stay as they are.

    Raises:
        ModelCorrupt: there is no such node, or the model is older than per-channel scales.
    """
    opset = next((item.version for item in model.opset_import if item.domain in {"", "ai.onnx"}), 0)
    if opset < LEAST_OPSET:
        raise ModelCorrupt(f"the model is of operator set {opset}", f"export it with {LEAST_OPSET} or later")
    unknown = set(excluded) - {node.name for node in model.graph.node}
    if unknown:
        raise ModelCorrupt(f"the model has no node '{min(unknown)}'", "name the nodes as 'edge-quantize layers' does")
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

    def plan(self) -> Plan:
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
        said = attributes(node)
        plain = said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 and not said.get("transA", 0)
        return plain and (not bias or bias in self.known)

    def _between(self, node: onnx.NodeProto) -> bool:
        if node.name in self.excluded or node.op_type not in _COMPUTED | _MOVING:
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
        least, most = _limits(node, self.known)
        return least is not None and most is not None and least <= 0 <= most

    def _clips(self, node: onnx.NodeProto, chosen: set[str]) -> bool:
        before = self.made.get(node.input[0]) if node.op_type in _CLIPPING else None
        if before is None or before.name not in chosen or before.op_type in _MOVING:
            return False
        wanted = before.op_type not in {"Gemm", "MatMul"} or self._feeds(node.output[0], chosen)
        return wanted and self._absorbable(node)

    def _values(self, chosen: set[str], clipped: Mapping[str, onnx.NodeProto]) -> Plan:
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
            if node.op_type in _MOVING:
                moved[value] = moved.get(node.input[0], node.input[0])
        return Plan(frozenset(chosen), clipped, (*inputs,), (*outputs,), moved)


def _limits(node: onnx.NodeProto, known: Mapping[str, Array]) -> tuple[float | None, float | None]:
    """Between what a ReLU or Clip lets values lie; None for a limit that is computed."""
    if node.op_type == "Relu":
        return 0.0, float("inf")
    found: list[float | None] = [float("-inf"), float("inf")]
    for place, name in enumerate(node.input[1:3]):
        if name:
            found[place] = float(known[name].item()) if name in known else None
    return found[0], found[1]


def static_int8(
    model: onnx.ModelProto, ranges: Ranges, excluded: Collection[str] = (), *, weight_bits: int = WEIGHT_BITS
) -> onnx.ModelProto:
    """Quantize a model.

    Args:
        model: float32, operator set 13 or later; half-precision weights behind a Cast are read.
        ranges: least and greatest of each value of `plan(folded(model), excluded).ranged`; others are ignored.
        excluded: names of nodes that stay as they are; a node without a name is called as its first output.
        weight_bits: 8 or fewer.

    Raises:
        ModelCorrupt: there is no such node, nothing can be quantized, or a range is missing or not finite.
    """
    if not 2 <= weight_bits <= 8:
        raise ModelCorrupt(f"a weight cannot have {weight_bits} bits here", "take 8 or fewer")
    ready = folded(model)
    planned = plan(ready, excluded)
    if not planned.nodes:
        raise ModelCorrupt("the model has no node to quantize", "take a model with Conv, Gemm or MatMul nodes")
    missing = [name for name in planned.ranged if name not in ranges]
    if missing:
        raise ModelCorrupt(f"the range of '{missing[0]}' is missing", "calibrate the model again")
    limits = {node.output[0]: _limits(node, constants(ready.graph)) for node in planned.clipped.values()}
    scales = {name: _scale(name, *_within(ranges[name], limits.get(name))) for name in planned.ranged}
    _Writer(ready, planned, scales, weight_bits).write()
    return ready


def _within(measured: tuple[float, float], limits: tuple[float | None, float | None] | None) -> tuple[float, float]:
    """A range, no wider than a ReLU or Clip lets values be, which then needs not be computed."""
    least, most = limits or (None, None)
    low = measured[0] if least is None else max(measured[0], least)
    return low, measured[1] if most is None else min(measured[1], most)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Of a value in uint8."""

    step: Any  # np.float32
    zero: Any  # np.uint8


def _scale(name: str, least: float, most: float) -> _Scale:
    """The scale of a range, widened to hold zero, which every such scale gives exactly."""
    import numpy as np

    low, high = np.float64(min(least, 0.0)), np.float64(max(most, 0.0))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ModelCorrupt(f"the range of '{name}' is not finite", "calibrate the model again")
    step = np.float32(max((high - low) / _LEVELS, 1e-8))
    return _Scale(step, np.uint8(np.clip(np.rint(-low / np.float64(step)), 0, _LEVELS)))


@dataclass(slots=True)
class _Writer:
    """Writes one plan into its graph."""

    model: onnx.ModelProto
    plan: Plan
    scales: dict[str, _Scale]
    weight_bits: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: dict[str, Array] = field(default_factory=dict)
    emitted: set[str] = field(default_factory=set)
    known: Mapping[str, Array] = field(default_factory=dict)

    def write(self) -> None:
        from onnx import numpy_helper

        graph = self.model.graph
        self.known = constants(graph)
        waiting = set(self.plan.inputs)
        absorbed = {node.name for node in self.plan.clipped.values()}
        for node in list(graph.node):
            if node.name in absorbed:
                continue
            if node.name in self.plan.nodes:
                for name in [name for name in node.input if name in waiting]:
                    self._quantize(name, name, f"{name}/dequantized")
                    waiting.discard(name)
                self._node(node)
            else:
                self.nodes.append(node)
        del graph.node[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in self.tensors.items())
        del graph.value_info[:]
        drop_unused(graph)

    def _node(self, node: onnx.NodeProto) -> None:
        """Let one node read integers and give some."""
        step = self._step_of(node.input[0])
        for place, name in enumerate(node.input):
            if name in self.plan.inputs:
                node.input[place] = f"{name}/dequantized"
        if node.op_type in WEIGHTED:
            self._weights(node, step)
        elif node.op_type in _COMPUTED:
            self._constants(node)
        self.nodes.append(node)
        given = node.output[0]
        value = self.plan.clipped[given].output[0] if given in self.plan.clipped else given
        if value in self.plan.outputs:
            node.output[0] = f"{value}/exact"
            self._quantize(value, node.output[0], value)

    def _scale_of(self, value: str) -> _Scale:
        return self.scales[self.plan.moved.get(value, value)]

    def _step_of(self, value: str) -> Any:  # noqa: ANN401 - np.float32
        import numpy as np

        return np.float32(1) if value in self.known else self._scale_of(value).step

    def _quantize(self, value: str, source: str, result: str) -> None:
        """QuantizeLinear and DequantizeLinear with the scale of a value, from one name to another."""
        scale = self._scale_of(value)
        names = [self._tensor(f"{value}/scale", scale.step), self._tensor(f"{value}/zero", scale.zero)]
        self._emit("QuantizeLinear", [source, *names], f"{value}/quantized")
        self._emit("DequantizeLinear", [f"{value}/quantized", *names], result)

    def _weights(self, node: onnx.NodeProto, step: Any) -> None:  # noqa: ANN401
        """Give a node its weight and bias in integers; `step` is that of its input."""
        import numpy as np

        weight = self.known[node.input[1]].astype(np.float64)
        axis = 0 if node.op_type == "Conv" or attributes(node).get("transB", 0) else 1
        bias_name = node.input[2] if len(node.input) > 2 else ""
        channels = weight.shape[axis]
        bias = np.zeros(channels) if not bias_name else np.broadcast_to(self.known[bias_name].reshape(-1), (channels,))
        alone = node.op_type == "Conv" and weight.shape[1] == 1 and attributes(node).get("group", 1) == channels
        bias = bias.astype(np.float64)
        levels, scales = by_channel(weight, axis, bias, float(step), self.weight_bits, alone=alone)
        node.input[1] = self._dequantized(f"{node.name}/weight_int8", levels, scales, axis)
        if bias_name:
            steps = (np.float32(step) * scales).astype(np.float32)
            whole = np.clip(np.rint(bias / steps.astype(np.float64)), -(2.0**31), 2.0**31 - 1)
            node.input[2] = self._dequantized(f"{node.name}/bias_int32", whole.astype(np.int32), steps, 0)

    def _constants(self, node: onnx.NodeProto) -> None:
        """Give an Add or Mul its constant operand in integers."""
        import numpy as np

        for place, name in enumerate(node.input):
            if name not in self.known:
                continue
            value = self.known[name].astype(np.float64)
            scale = _scale(name, float(value.min()), float(value.max()))
            levels = np.clip(np.rint(value / np.float64(scale.step)) + np.float64(scale.zero), 0, _LEVELS)
            names = [self._tensor(f"{name}/scale", scale.step), self._tensor(f"{name}/zero", scale.zero)]
            stored = self._tensor(f"{name}/quantized", levels.astype(np.uint8))
            node.input[place] = f"{name}/dequantized"
            self._emit("DequantizeLinear", [stored, *names], node.input[place])

    def _dequantized(self, name: str, levels: Array, scales: Array, axis: int) -> str:
        import numpy as np

        zeros = np.zeros(len(scales), levels.dtype)
        names = [self._tensor(name, levels), self._tensor(f"{name}/scale", scales), self._tensor(f"{name}/zero", zeros)]
        self._emit("DequantizeLinear", names, f"{name}/dequantized", axis=axis)
        return f"{name}/dequantized"

    def _tensor(self, name: str, value: Any) -> str:  # noqa: ANN401 - array or numpy scalar
        import numpy as np

        self.tensors[name] = np.ascontiguousarray(value).reshape(np.shape(value))
        return name

    def _emit(self, kind: str, inputs: list[str], output: str, **said: Any) -> None:  # noqa: ANN401 - as make_node takes them
        from onnx import helper

        if output not in self.emitted:
            self.emitted.add(output)
            self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **said))
