"""Between what each value of a graph lies: measured by running it over calibration feeds.

- `mse`: the clipped range with the least mean squared error of rounding and clipping, an end on each side of zero
  (https://arxiv.org/abs/2106.08295, section 3.1), from a histogram between the least and greatest value.
- `min-max`: the least and greatest value seen.

onnxruntime's calibrators have no least error, choose values by operator instead of by name, and take all memory where a
later feed has values many times greater. Percentile and entropy lost to these two on each model that was tried
(docs/quantize-schemes.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.onnx import folding
from edge_assistant_quantize.onnx.calibration import Calibration

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Range = tuple[float, float]

BINS = 2048
_LEVELS = 256  # of uint8
_PARTS = np.geomspace(1, 1 / 32, 61)  # the clipped ranges that are compared, as shares of the whole


def measure(
    model: onnx.ModelProto, values: Sequence[str], calibration: Calibration, calibrator: str = "mse"
) -> dict[str, Range]:
    """Measure ranges of float32 values, inputs among them, by name.

    Raises:
        CalibrationInvalid: there are no feeds, the graph does not take them, or gives what is not finite.
    """
    ends: dict[str, Range] = {}
    for name, value in _finite(model, values, calibration, "ranges of values"):
        low, high = ends.get(name, (np.inf, -np.inf))
        ends[name] = min(low, float(value.min())), max(high, float(value.max()))
    ends = {name: ends.get(name, (0.0, 0.0)) for name in values}
    if calibrator == "min-max":
        return ends
    edges = {name: np.linspace(low, high if high > low else low + 1.0, BINS + 1) for name, (low, high) in ends.items()}
    counted = {name: np.zeros(BINS) for name in values}
    for name, value in _finite(model, values, calibration, "histograms of values"):
        # In float64: the edges of a narrow range far from zero fall together in float32
        limits = edges[name][0], edges[name][-1]
        counted[name] += np.histogram(np.asarray(value, np.float64), BINS, limits)[0]
    slopes = _slopes(model.graph)
    return {name: _mse(counted[name], edges[name], ends[name], slopes.get(name, 1.0)) for name in values}


def means(model: onnx.ModelProto, values: Sequence[str], calibration: Calibration) -> dict[str, list[float]]:
    """The mean of each channel over all feeds, by the names of values; channels are on the second axis."""
    sums = dict.fromkeys(values, np.zeros(()))
    for name, value in _finite(model, values, calibration, "means of channels"):
        others = tuple(axis for axis in range(value.ndim) if axis != 1)
        sums[name] = sums[name] + value.mean(axis=others, dtype=np.float64)
    return {name: (total / len(calibration.feeds)).tolist() for name, total in sums.items()}


def moments(model: onnx.ModelProto, values: Sequence[str], calibration: Calibration) -> dict[str, Array]:
    """The mean of x xT over the rows x of each value [..., n], f64 [n, n]: what GPTQ knows of a product's inputs.

    Raises:
        CalibrationInvalid: see `measure`.
    """
    sums: dict[str, Array] = {}
    rows = dict.fromkeys(values, 0)
    for name, value in _finite(model, values, calibration, "inputs of products"):
        flat = value.reshape(-1, value.shape[-1])
        sums[name] = sums.get(name, 0.0) + (flat.T @ flat).astype(np.float64)
        rows[name] += len(flat)
    return {name: total / rows[name] for name, total in sums.items()}


def _finite(
    model: onnx.ModelProto, values: Sequence[str], calibration: Calibration, what: str
) -> Iterator[tuple[str, Array]]:
    """The values of each run that hold anything, with their names."""
    for name, value in calibration.values(model, values, what) if values else ():
        if not np.isfinite(value).all():
            hint = "give data that the model is made for"
            raise CalibrationInvalid(f"'{name}' becomes infinite over this data", hint)
        if value.size:
            yield name, value


def _slopes(graph: onnx.GraphProto) -> dict[str, float]:
    """Of each value that only a leaky ReLU reads, its factor for negative numbers, by which errors of these count."""
    read = folding.uses(graph)
    return {
        node.input[0]: float(folding.attributes(node).get("alpha", 0.01))
        for node in graph.node
        if node.op_type == "LeakyRelu" and read[node.input[0]] == 1
    }


def _mse(counted: Array, edges: Array, ends: Range, slope: float) -> Range:
    """Of ranges that shrink towards zero, each end at its own rate, the one with the least squared error.

    Rounding is taken to err evenly within a step, but for exact zeros, which have no error: the bin around zero counts
    for no more than its fuller neighbour.
    """
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    centres = (edges[:-1] + edges[1:]) / 2
    weighed = counted * np.where(centres < 0, slope * slope, 1.0)
    below = np.array([(weighed * np.square(np.minimum(centres - low * part, 0))).sum() for part in _PARTS])
    above = np.array([(weighed * np.square(np.maximum(centres - high * part, 0))).sum() for part in _PARTS])
    zero = int(np.searchsorted(edges, 0.0, side="right")) - 1
    if 0 <= zero < BINS:
        weighed[zero] = min(weighed[zero], np.sort(weighed[max(zero - 1, 0) : zero + 2])[-2])
    steps = (high * _PARTS - low * _PARTS[:, None]) / (_LEVELS - 1)
    lost = below[:, None] + above + weighed.sum() * np.square(steps) / 12
    first, last = np.unravel_index(lost.argmin(), lost.shape)
    return float(low * _PARTS[first]), float(high * _PARTS[last])
