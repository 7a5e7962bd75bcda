"""Between what each value of a graph lies: measured by running it over calibration feeds.

- `mse`: the clipped range with the least mean squared error of rounding and clipping, an end on each side of zero
  (https://arxiv.org/abs/2106.08295, section 3.1). Histograms have 2048 bins between the least and greatest value, so
  that memory does not grow with the feeds; values come group by group, as many at once as fit a bound.
- `min-max`: the least and greatest value seen.

onnxruntime's calibrators have no least error, and choose values by operator instead of by name. Percentile and entropy
lost to these two on each model that was tried (docs/quantize-schemes.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.onnx.builder import GraphBuilder
from edge_assistant_quantize.onnx.folding import opset
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Histogram = NDArray[np.int64]
Feeds = Sequence[Mapping[str, Any]]
Range = tuple[float, float]

DEFAULT = "mse"
BINS = 2048
_LEVELS = 256  # of uint8
_PARTS = np.geomspace(1, 1 / 32, 61)  # the clipped ranges that are compared, as shares of the whole
_GROUP_BYTES = 256 << 20  # of values that are held at once


def measure(
    model: onnx.ModelProto,
    values: Sequence[str],
    feeds: Feeds,
    *,
    calibrator: str = DEFAULT,
    slopes: Mapping[str, float] = {},
    threads: int,
    watch: Watch,
) -> dict[str, Range]:
    """Measure ranges.

    Args:
        model: that computes the values.
        values: names of float32 values in it, inputs among them.
        feeds: inputs of the model, one for each run.
        calibrator: one of `methods.CALIBRATORS`.
        slopes: of `mse`, for values that only a leaky ReLU reads: its factor for negative numbers.
        threads: of each run.
        watch: receives each run.

    Raises:
        CalibrationInvalid: there are no feeds, the graph does not take them, or gives what is not finite.
    """
    if not feeds:
        raise CalibrationInvalid("there is nothing to calibrate with", "give calibration data")
    runs = _Runs(model, feeds, threads, watch)
    ends, sizes = _ends(runs, values)
    if calibrator == "min-max":
        return ends
    counted = _histograms(runs, ends, sizes)
    return {name: _mse(counted[name], ends[name], slopes.get(name, 1.0)) for name in values}


def means(
    model: onnx.ModelProto, values: Mapping[str, int], feeds: Feeds, *, threads: int, watch: Watch
) -> dict[str, list[float]]:
    """The mean of each channel over all feeds; `values` are names and their number of axes, channels the second."""
    if not values:
        return {}
    added = GraphBuilder()
    for place, (name, rank) in enumerate(values.items()):
        axes, mean = [axis for axis in range(rank) if axis != 1], f"mean/{place}"
        if opset(model) < 18:
            added.op("ReduceMean", name, name=mean, keepdims=0, axes=axes)
        else:  # axes are an input from there on
            added.op("ReduceMean", name, added.constant(f"{mean}/axes", np.array(axes)), name=mean, keepdims=0)
    sums = [np.zeros(())] * len(values)
    for results in _Runs(model, feeds, threads, watch).reduced(added, "means of channels"):
        sums = [before + result.astype(np.float64) for before, result in zip(sums, results, strict=True)]
    return {name: (total / len(feeds)).ravel().tolist() for name, total in zip(values, sums, strict=True)}


def moments(
    model: onnx.ModelProto, values: Sequence[str], feeds: Feeds, *, threads: int, watch: Watch
) -> dict[str, Array]:
    """The mean of x xT over the rows x of each value [..., n], f64 [n, n]: what GPTQ knows of a product's inputs.

    Raises:
        CalibrationInvalid: see `measure`.
    """
    if not feeds:
        raise CalibrationInvalid("there is nothing to calibrate with", "give calibration data")
    sums: dict[str, Array] = {}
    rows = dict.fromkeys(values, 0)
    for results in _Runs(model, feeds, threads, watch).values(values, "inputs of products"):
        for name, result in zip(values, results, strict=True):
            flat = result.reshape(-1, result.shape[-1])
            sums[name] = sums.get(name, 0.0) + (flat.T @ flat).astype(np.float64)
            rows[name] += len(flat)
    for name, total in sums.items():
        if not np.isfinite(total).all():
            raise CalibrationInvalid(
                f"'{name}' becomes infinite over this data", "give data that the model is made for"
            )
    return {name: total / max(rows[name], 1) for name, total in sums.items()}


@dataclass(frozen=True, slots=True)
class _Runs:
    """A model that runs over feeds."""

    model: onnx.ModelProto
    feeds: Feeds
    threads: int
    watch: Watch

    def reduced(self, added: GraphBuilder, what: str) -> Iterator[list[Any]]:
        """The results of added nodes for each feed."""
        return self.values([node.name for node in added.nodes], what, added)

    def values(self, asked: Sequence[str], what: str, added: GraphBuilder | None = None) -> Iterator[list[Any]]:
        """Values by name for each feed."""
        shown = graphs.with_outputs(self.model, asked, added)
        session = graphs.session(shown, threads=self.threads, hint="export the model again with standard operators")
        self.watch(ProgressStep(what, 0, len(self.feeds)))
        for number, feed in enumerate(self.feeds, 1):
            yield graphs.run(session, asked, feed)
            self.watch(ProgressStep(what, number, len(self.feeds)))


def _ends(runs: _Runs, values: Sequence[str]) -> tuple[dict[str, Range], dict[str, int]]:
    """The least and the greatest number of each value, and its largest size."""
    added = GraphBuilder()
    for kind in ("ReduceMin", "ReduceMax"):
        for place, name in enumerate(values):
            added.op(kind, name, name=f"{kind}/{place}", keepdims=0)
    for place, name in enumerate(values):
        added.op("Size", name, name=f"Size/{place}")
    low, high = np.full(len(values), np.inf), np.full(len(values), -np.inf)
    most = np.zeros(len(values), np.int64)
    for results in runs.reduced(added, "ranges of values"):
        by_kind = np.array([float(value) for value in results]).reshape(3, -1)
        filled = by_kind[2] > 0
        if not np.isfinite(by_kind[:, filled]).all():
            wrong = values[int(np.flatnonzero(~np.isfinite(by_kind).all(axis=0) & filled)[0])]
            what = f"'{wrong}' becomes infinite over this data"
            raise CalibrationInvalid(what, "give data that the model is made for")
        low[filled] = np.minimum(low, by_kind[0])[filled]
        high[filled] = np.maximum(high, by_kind[1])[filled]
        most = np.maximum(most, by_kind[2].astype(np.int64))
    low, high = np.where(most > 0, low, 0.0), np.where(most > 0, high, 0.0)
    ends = dict(zip(values, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    return ends, dict(zip(values, most.tolist(), strict=True))


def _histograms(runs: _Runs, ends: Mapping[str, Range], sizes: Mapping[str, int]) -> dict[str, Histogram]:
    """How many numbers of each value lie in each of `BINS` parts of its range."""
    counted = {name: np.zeros(BINS, np.int64) for name in ends}
    inputs = {value.name for value in runs.model.graph.input}
    for number, group in enumerate(_groups({name: sizes[name] for name in sizes if name not in inputs}), 1):
        for given in runs.values(group, f"histograms, part {number}"):
            for name, value in zip(group, given, strict=True):
                counted[name] += _histogram(value, ends[name])
    for name in inputs & set(ends):
        for feed in runs.feeds:
            counted[name] += _histogram(feed[name], ends[name])
    return counted


def _histogram(value: Array, ends: Range) -> Histogram:
    """Counted in float64: the edges of a narrow range far from zero fall together in float32."""
    edges = _edges(ends)
    return np.histogram(np.asarray(value, np.float64), BINS, (edges[0], edges[-1]))[0].astype(np.int64)


def _edges(ends: Range) -> Array:
    return np.linspace(ends[0], ends[1] if ends[1] > ends[0] else ends[0] + 1.0, BINS + 1)


def _groups(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Values that may be held at once."""
    group: list[str] = []
    held = 0
    for name, size in sizes.items():
        if group and held + 4 * size > _GROUP_BYTES:
            yield group
            group, held = [], 0
        group.append(name)
        held += 4 * size
    if group:
        yield group


def _without_zeros(counted: Histogram, edges: Array) -> Histogram:
    """A histogram whose bin around zero holds no more than its fuller neighbour."""
    place = int(np.searchsorted(edges, 0.0, side="right")) - 1
    if not 0 <= place < BINS:
        return counted
    around = [counted[other] for other in (place - 1, place + 1) if 0 <= other < BINS]
    changed = counted.copy()
    changed[place] = min(counted[place], max(around))
    return changed


def _mse(counted: Histogram, ends: Range, slope: float) -> Range:
    """Of ranges that shrink towards zero, each end at its own rate, the one with the least squared error.

    Rounding is taken to err evenly within a step, but for exact zeros, which have no error.
    """
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    edges = _edges(ends)
    centres = (edges[:-1] + edges[1:]) / 2
    share = np.where(centres < 0, slope * slope, 1.0)
    below = {part: float((share * counted * np.square(np.minimum(centres - low * part, 0))).sum()) for part in _PARTS}
    above = {part: float((counted * np.square(np.maximum(centres - high * part, 0))).sum()) for part in _PARTS}
    rounded = float((share * _without_zeros(counted, edges)).sum())
    best, least = (low, high), np.inf
    for first in _PARTS if low < 0 else _PARTS[:1]:
        for last in _PARTS if high > 0 else _PARTS[:1]:
            step = (high * last - low * first) / (_LEVELS - 1)
            lost = below[first] + above[last] + rounded * step * step / 12
            if lost < least:
                best, least = (float(low * first), float(high * last)), lost
    return best
