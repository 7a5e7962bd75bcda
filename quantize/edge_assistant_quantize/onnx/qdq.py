"""Static 8-bit quantization of an ONNX graph: the same integers wherever it is done, from ranges measured once.

Around each node that is computed in integers stand QuantizeLinear and DequantizeLinear, which ONNX Runtime fuses with
it (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). Activations are uint8 with one
scale and zero point each. Weights are int8 with a scale for each output channel, see `rounding.py`. Biases are int32 in
the scale of what they are added to.

onnxruntime's own static quantizer leaves 2 to 11 dB more noise (docs/quantize-schemes.md), and the catalog pins what is
written here. `plan.py` says which nodes those are. numpy and onnx only, and nothing is summed in floats, so that every
machine writes the same tensors.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.onnx.builder import GraphBuilder
from edge_assistant_quantize.onnx.folding import attributes, constants, fold
from edge_assistant_quantize.onnx.plan import COMPUTED, WEIGHTED, IntegerPlan, limits, plan
from edge_assistant_quantize.onnx.rounding import by_channel, shift

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

Ranges = Mapping[str, tuple[float, float]]
Means = Mapping[str, Sequence[float]]

WEIGHT_BITS = 8
_LEVELS = 255  # between the least and the greatest uint8


def static_int8(
    model: onnx.ModelProto,
    ranges: Ranges,
    excluded: Collection[str] = (),
    *,
    means: Means | None = None,
    weight_bits: int = WEIGHT_BITS,
) -> onnx.ModelProto:
    """Quantize a model.

    Args:
        model: float32, operator set 13 or later; half-precision weights behind a Cast are read.
        ranges: least and greatest of each value of `plan(fold(model), excluded).ranged`; others are ignored.
        excluded: names of nodes that stay as they are; a node without a name is called as its first output.
        means: of each channel of values of `plan(fold(model)).averaged`, for biases that make up for rounded weights.
        weight_bits: 8 or fewer.

    Raises:
        ModelCorrupt: there is no such node, nothing can be quantized, or a range is missing or not finite.
    """
    if not 2 <= weight_bits <= 8:
        raise ModelCorrupt(f"a weight cannot have {weight_bits} bits here", "take 8 or fewer")
    ready = fold(model)
    planned = plan(ready, excluded)
    if not planned.nodes:
        raise ModelCorrupt("the model has no node to quantize", "take a model with Conv, Gemm or MatMul nodes")
    missing = [name for name in planned.ranged if name not in ranges]
    if missing:
        raise ModelCorrupt(f"the range of '{missing[0]}' is missing", "calibrate the model again")
    known = constants(ready.graph)
    between = {node.output[0]: limits(node, known) for node in planned.clipped.values()}
    scales = {name: _scale(name, *_within(ranges[name], between.get(name))) for name in planned.ranged}
    _Writer(ready, planned, scales, means or {}, weight_bits).rewrite()
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
    low, high = np.float64(min(least, 0.0)), np.float64(max(most, 0.0))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ModelCorrupt(f"the range of '{name}' is not finite", "calibrate the model again")
    step = np.float32(max((high - low) / _LEVELS, 1e-8))
    return _Scale(step, np.uint8(np.clip(np.rint(-low / np.float64(step)), 0, _LEVELS)))


class _Writer(GraphBuilder):
    """Writes one plan into its graph."""

    def __init__(
        self, model: onnx.ModelProto, plan: IntegerPlan, scales: Mapping[str, _Scale], means: Means, weight_bits: int
    ) -> None:
        super().__init__()
        self.model, self.plan, self.scales, self.means, self.weight_bits = model, plan, scales, means, weight_bits
        self.known = constants(model.graph)
        self.emitted: set[str] = set()

    def rewrite(self) -> None:
        waiting = set(self.plan.inputs)
        absorbed = {node.name for node in self.plan.clipped.values()}
        for node in list(self.model.graph.node):
            if node.name in absorbed:
                continue
            if node.name not in self.plan.nodes:
                self.nodes.append(node)
                continue
            for name in [name for name in node.input if name in waiting]:
                self._quantize(name, name, f"{name}/dequantized")
                waiting.discard(name)
            self._node(node)
        del self.model.graph.value_info[:]
        self.replace(self.model, domain="")

    def _node(self, node: onnx.NodeProto) -> None:
        """Let one node read integers and give some."""
        value = node.input[0]
        step = np.float32(1) if value in self.known else self._scale_of(value).step
        for place, name in enumerate(node.input):
            if name in self.plan.inputs:
                node.input[place] = f"{name}/dequantized"
        if node.op_type in WEIGHTED:
            self._weights(node, value, step)
        elif node.op_type in COMPUTED:
            self._constants(node)
        self.nodes.append(node)
        given = node.output[0]
        value = self.plan.clipped[given].output[0] if given in self.plan.clipped else given
        if value in self.plan.outputs:
            node.output[0] = f"{value}/exact"
            self._quantize(value, node.output[0], value)

    def _scale_of(self, value: str) -> _Scale:
        return self.scales[self.plan.moved.get(value, value)]

    def _quantize(self, value: str, source: str, result: str) -> None:
        """QuantizeLinear and DequantizeLinear with the scale of a value, from one name to another."""
        scale = self._scale_of(value)
        self._scaled("QuantizeLinear", source, value, scale.step, scale.zero, f"{value}/quantized")
        self._scaled("DequantizeLinear", f"{value}/quantized", value, scale.step, scale.zero, result)

    def _weights(self, node: onnx.NodeProto, value: str, step: Any) -> None:  # noqa: ANN401
        """Give a node its weight and bias in integers; `step` is the scale of the value that it reads."""
        weight = self.known[node.input[1]].astype(np.float64)
        axis = 0 if node.op_type == "Conv" or attributes(node).get("transB", 0) else 1
        channels = weight.shape[axis]
        bias_name = node.input[2] if len(node.input) > 2 else ""
        bias = np.zeros(channels)
        if bias_name:
            bias += self.known[bias_name].reshape(-1)
        group = attributes(node).get("group", 1)
        alone = node.op_type == "Conv" and weight.shape[1] == 1 and group == channels
        levels, scales = by_channel(weight, axis, bias, float(step), self.weight_bits, alone=alone)
        node.input[1] = self._dequantized(f"{node.name}/weight_int8", levels, scales, axis)
        averaged = value in self.means and value in self.plan.averaged and node.op_type != "MatMul"
        if averaged:
            bias -= self._shift(value, np.moveaxis(weight, axis, 0), np.moveaxis(levels, axis, 0), scales, group)
        if averaged or bias_name:
            steps = (np.float32(step) * scales).astype(np.float32)
            whole = np.clip(np.rint(bias / steps.astype(np.float64)), -(2.0**31), 2.0**31 - 1)
            del node.input[2:]
            node.input.append(self._dequantized(f"{node.name}/bias_int32", whole.astype(np.int32), steps, 0))

    def _shift(self, value: str, weight: Array, levels: Array, scales: Array, group: int) -> Array:
        """How far the rounding of a weight [channels, inputs, ...] moves the mean of each output."""
        means = np.array(self.means[value], np.float64)
        if means.shape != (weight.shape[1] * group,) or not np.isfinite(means).all():
            raise ModelCorrupt(f"the means of '{value}' are not those of its channels", "calibrate the model again")
        of_each = np.repeat(means.reshape(group, -1), len(weight) // group, axis=0)
        exact = weight / scales.astype(np.float64).reshape(-1, *[1] * (weight.ndim - 1))
        return shift(levels - exact, scales, of_each)

    def _constants(self, node: onnx.NodeProto) -> None:
        """Give an Add or Mul its constant operand in integers."""
        for place, name in enumerate(node.input):
            if name not in self.known:
                continue
            value = self.known[name].astype(np.float64)
            scale = _scale(name, float(value.min()), float(value.max()))
            levels = np.clip(np.rint(value / np.float64(scale.step)) + np.float64(scale.zero), 0, _LEVELS)
            node.input[place] = f"{name}/dequantized"
            stored = self.constant(f"{name}/quantized", levels.astype(np.uint8))
            self._scaled("DequantizeLinear", stored, name, scale.step, scale.zero, node.input[place])

    def _dequantized(self, name: str, levels: Array, scales: Array, axis: int) -> str:
        zeros, stored = np.zeros(len(scales), levels.dtype), self.constant(name, levels)
        return self._scaled("DequantizeLinear", stored, name, scales, zeros, f"{name}/dequantized", axis=axis)

    def _scaled(self, kind: str, source: str, name: str, scale: Any, zero: Any, result: str, **said: Any) -> str:  # noqa: ANN401
        """A node with the scale and zero point that are stored under a name, once for each result."""
        from onnx import helper

        if result not in self.emitted:
            self.emitted.add(result)
            given = [source, self.constant(f"{name}/scale", scale), self.constant(f"{name}/zero", zero)]
            self.nodes.append(helper.make_node(kind, given, [result], f"{result}/{kind}", **said))
        return result
