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

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import QuantizationFailed, WeightsRefused
from edge_assistant_quantize.onnx.builder import GraphBuilder
from edge_assistant_quantize.onnx.folding import attributes, fold
from edge_assistant_quantize.onnx.plan import COMPUTED, WEIGHTED, IntegerPlan
from edge_assistant_quantize.onnx.rounding import by_channel, exact_sums

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Scale = tuple[Any, Any]  # of a value in uint8: the step np.float32 and the zero point np.uint8

Ranges = Mapping[str, tuple[float, float]]
Means = Mapping[str, Sequence[float]]

_LEVELS = 255  # between the least and the greatest uint8
_AGAIN = "calibrate the model again"


def static_int8(
    model: onnx.ModelProto, ranges: Ranges, excluded: Collection[str] = (), means: Means | None = None
) -> onnx.ModelProto:
    """Quantize a model.

    Args:
        model: float32, operator set 13 or later; half-precision weights behind a Cast are read.
        ranges: least and greatest of each value of `IntegerPlan(fold(model), excluded).ranged`; others are ignored.
        excluded: names of nodes that stay as they are; a node without a name is called as its first output.
        means: of each channel of values of `IntegerPlan.averaged`, for biases that make up for rounded weights.

    Raises:
        QuantizationFailed: nothing can be quantized, or a range or mean is missing.
        WeightsRefused: a weight or a range is not finite.
    """
    ready = fold(model)
    plan = IntegerPlan(ready, excluded)
    if not plan.nodes:
        raise QuantizationFailed("the model has no node to quantize", "take a model with Conv, Gemm or MatMul nodes")
    missing = [name for name in plan.ranged if name not in ranges]
    if missing:
        raise QuantizationFailed(f"the range of '{missing[0]}' is missing", _AGAIN)
    between = {node.output[0]: plan.limits(node) for node in plan.clipped.values()}
    scales = {}
    for name in plan.ranged:
        # No wider than a ReLU or Clip lets values be, which then needs not be computed
        (low, high), (least, most) = ranges[name], between.get(name, (-math.inf, math.inf))
        scales[name] = _scale(name, max(low, least), min(high, most))
    return _Writer(ready, plan, scales, means or {}).rewrite()


def _scale(name: str, least: float, most: float) -> Scale:
    """The scale of a range, widened to hold zero, which every such scale gives exactly."""
    low, high = np.float64(min(least, 0.0)), np.float64(max(most, 0.0))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise WeightsRefused(f"the range of '{name}' is not finite", _AGAIN)
    step = np.float32(max((high - low) / _LEVELS, 1e-8))
    return step, np.uint8(np.clip(np.rint(-low / np.float64(step)), 0, _LEVELS))


class _Writer(GraphBuilder):
    """Writes one plan into its graph."""

    def __init__(self, model: onnx.ModelProto, plan: IntegerPlan, scales: Mapping[str, Scale], means: Means) -> None:
        super().__init__()
        self.model, self.plan, self.scales, self.means = model, plan, scales, means
        self.emitted: set[str] = set()

    def rewrite(self) -> onnx.ModelProto:
        """Replace the nodes of the model, which is given back."""
        absorbed = {node.name for node in self.plan.clipped.values()}
        for node in list(self.model.graph.node):
            if node.name in self.plan.nodes:
                self._node(node)
            elif node.name not in absorbed:
                self.nodes.append(node)
        del self.model.graph.value_info[:]
        self.replace(self.model, domain="")
        return self.model

    def _node(self, node: onnx.NodeProto) -> None:
        """Let one node read integers and give some."""
        value = node.input[0]
        for place, name in enumerate(node.input):
            if name in self.plan.inputs:
                node.input[place] = self._quantized(name, name, f"{name}/dequantized")
        if node.op_type in WEIGHTED:
            self._weights(node, value)
        elif node.op_type in COMPUTED:
            self._constants(node)
        self.nodes.append(node)
        given = self.plan.given_by(node)
        if given in self.plan.outputs:
            node.output[0] = f"{given}/exact"
            self._quantized(given, node.output[0], given)

    def _scale_of(self, value: str) -> Scale:
        return self.scales[self.plan.moved.get(value, value)]

    def _quantized(self, value: str, source: str, result: str) -> str:
        """QuantizeLinear and DequantizeLinear with the scale of a value, from one name to another."""
        scale = self._scale_of(value)
        self._scaled("QuantizeLinear", source, value, scale, f"{value}/quantized")
        return self._scaled("DequantizeLinear", f"{value}/quantized", value, scale, result)

    def _weights(self, node: onnx.NodeProto, value: str) -> None:
        """Give a node its weight and bias in integers; `value` is what it reads."""
        weight, step = self.plan.known[node.input[1]].astype(np.float64), self._scale_of(value)[0]
        axis = 0 if node.op_type == "Conv" or attributes(node).get("transB", 0) else 1
        channels = weight.shape[axis]
        bias_name = node.input[2] if len(node.input) > 2 else ""
        bias = np.zeros(channels)
        if bias_name:
            bias += self.plan.known[bias_name].reshape(-1)
        group = attributes(node).get("group", 1)
        alone = node.op_type == "Conv" and weight.shape[1] == 1 and group == channels
        levels, scales = by_channel(weight, axis, bias, float(step), alone=alone)
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
        """How far the rounding of a weight [channels, inputs, ...] moves the mean of each output, f64 [channels].

        That is its errors times the means of what they are multiplied by, to be taken from the bias
        (https://arxiv.org/abs/1906.04721, section 4.2).
        """
        means = np.array(self.means[value], np.float64)
        if means.shape != (weight.shape[1] * group,) or not np.isfinite(means).all():
            raise QuantizationFailed(f"the means of '{value}' are not those of its channels", _AGAIN)
        wide = scales.astype(np.float64)
        of_each = np.repeat(means.reshape(group, -1), len(weight) // group, axis=0)
        errors = (levels - weight / wide.reshape(-1, *[1] * (weight.ndim - 1))).reshape(*of_each.shape, -1)
        return exact_sums(errors * of_each[..., None]) * wide

    def _constants(self, node: onnx.NodeProto) -> None:
        """Give an Add or Mul its constant operand in integers."""
        for place, name in enumerate(node.input):
            if name not in self.plan.known:
                continue
            value = self.plan.known[name].astype(np.float64)
            step, zero = scale = _scale(name, float(value.min()), float(value.max()))
            levels = np.clip(np.rint(value / np.float64(step)) + np.float64(zero), 0, _LEVELS)
            stored = self.constant(f"{name}/quantized", levels.astype(np.uint8))
            node.input[place] = self._scaled("DequantizeLinear", stored, name, scale, f"{name}/dequantized")

    def _dequantized(self, name: str, levels: Array, scales: Array, axis: int) -> str:
        scale, stored = (scales, np.zeros(len(scales), levels.dtype)), self.constant(name, levels)
        return self._scaled("DequantizeLinear", stored, name, scale, f"{name}/dequantized", axis=axis)

    def _scaled(self, kind: str, source: str, name: str, scale: Scale, result: str, **said: Any) -> str:  # noqa: ANN401
        """A node with the scale and zero point that are stored under a name, once for each result."""
        from onnx import helper

        if result not in self.emitted:
            self.emitted.add(result)
            given = [source, self.constant(f"{name}/scale", scale[0]), self.constant(f"{name}/zero", scale[1])]
            self.nodes.append(helper.make_node(kind, given, [result], f"{result}/{kind}", **said))
        return result
