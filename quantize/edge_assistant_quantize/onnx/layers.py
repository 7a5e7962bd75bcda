"""Where quantization hurts, by measurement: each node of a model quantized alone, and two models value by value.

The measure is the signal to quantization noise ratio (SQNR) in decibels, in float64 over calibration feeds
(https://arxiv.org/abs/2106.08295, section 4). onnxruntime's `quantization.qdq_loss_debug` holds the values of all feeds
at once, and looks at no node alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.onnx import folding, graphs, rules
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import Fp16, Int8Weights, Method, StaticInt8
from edge_assistant_quantize.onnx.plan import WEIGHTED, IntegerPlan
from edge_assistant_quantize.onnx.quantize import calibrated, rewritten
from edge_assistant_quantize.progress import ProgressStep, ignore
from edge_assistant_quantize.record import Layer

if TYPE_CHECKING:
    import onnx

NamedValue = tuple[str, NDArray[Any]]

MEASURE = "noise of the outputs where only this node is quantized, dB of the signal"
FEEDS = 8  # that models are compared over: which node is worse than another hardly changes with more
SILENT_DB = -200.0  # where there is no noise at all


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """How one value of two models differs over feeds."""

    value: str  # its name, which is the node's too where that has none
    kind: str  # operator of the node that gives it in the reference
    place: int  # of that node among the nodes of the reference
    snr_db: float  # signal to noise


def compare(reference: Path, candidate: Path, calibration: Calibration) -> list[Difference]:
    """Compare every value that two ONNX files with the same inputs have by the same name; worst first.

    Static quantization keeps the names.

    Raises:
        CalibrationInvalid: there are no feeds, or a model does not take them.
        QuantizationFailed: they have no values in common, or ONNX Runtime cannot run one.
    """
    first, second = graphs.load(reference), graphs.load(candidate)
    in_second = _values(second.graph)
    places = {name: place for name, place in _values(first.graph).items() if name in in_second}
    if not places:
        hint = "compare a model with what was made from it"
        raise QuantizationFailed(f"{reference.name} and {candidate.name} have no values in common", hint)
    few = dataclasses.replace(calibration, feeds=calibration.feeds[:FEEDS])
    names, kinds = list(places), [node.op_type for node in first.graph.node]
    sums = _sums(few.values(first, names, "layers"), dataclasses.replace(few, watch=ignore).values(second, names, ""))
    found = [Difference(name, kinds[places[name]], places[name], _decibels(*each)) for name, each in sums.items()]
    return sorted(found, key=lambda item: (item.snr_db, item.place))


def _values(graph: onnx.GraphProto) -> dict[str, int]:
    """What nodes compute, in order, with the place of the node; what never changes is left out."""
    known = folding.constants(graph)
    return {
        name: place
        for place, node in enumerate(graph.node)
        for name in node.output
        if name and name not in known and node.op_type not in {"QuantizeLinear", "Constant"}
    }


def rank(model: Path, method: Method, calibration: Calibration) -> list[Layer]:
    """Quantize each node alone, and measure how much the outputs lose; larger is worse.

    Of several outputs the noise shares are averaged before the logarithm, so that none drowns another by its size.

    Returns:
        The nodes that the method quantizes, worst first; `file` is empty.

    Raises:
        CalibrationInvalid: there are no feeds.
        EdgeAssistantError: see `quantize`.
    """
    graph = graphs.load(model)
    method = calibrated(graph, method, calibration)
    feeds = calibration.feeds[:: max(len(calibration.feeds) // FEEDS, 1)][:FEEDS]
    few = dataclasses.replace(calibration, feeds=feeds, watch=ignore)
    nodes, names = _quantized(graph, method), [value.name for value in graph.graph.output]
    exact, layers = list(few.values(graph, names, "")), []
    calibration.watch(ProgressStep("sensitivity", 0, len(nodes)))
    for number, node in enumerate(nodes, 1):
        others = tuple(other.name for other in nodes if other.name != node.name)
        alone = rewritten(graph, replace(method, excluded=others))
        sums = _sums(exact, few.values(alone, names, "")).values()
        share = float(np.mean([noise / signal for signal, noise in sums if signal > 0] or [0.0]))
        loss = min(max(-_decibels(1.0, share), SILENT_DB), -SILENT_DB)
        layers.append(Layer(node.name, node.op_type, "", loss, MEASURE))
        calibration.watch(ProgressStep("sensitivity", number, len(nodes)))
    return sorted(layers, key=lambda layer: (-layer.loss, layer.node))


def _quantized(model: onnx.ModelProto, method: Method) -> list[onnx.NodeProto]:
    """The nodes with weights that a method quantizes, in order; named as `fold` names them."""
    ready = folding.fold(model)
    if isinstance(method, Int8Weights):
        return rules.candidates(ready)
    known = folding.constants(ready.graph)
    chosen = IntegerPlan(ready).nodes if isinstance(method, StaticInt8) else None
    kinds = WEIGHTED | {"Gather"} if isinstance(method, Fp16) else WEIGHTED
    return [
        node
        for node in ready.graph.node
        if node.op_type in kinds and folding.standard(node) and any(name in known for name in node.input[:2])
        if chosen is None or node.name in chosen
    ]


def _sums(exact: Iterable[NamedValue], found: Iterable[NamedValue]) -> Mapping[str, tuple[float, float]]:
    """Squares of signal and noise over all runs, by the name of each float value; both have these in one order.

    Where a value is infinite, as masks are, it is not compared.
    """
    signal, noise = Counter[str](), Counter[str]()
    for (name, right), (_, other) in zip(exact, found, strict=True):
        if right.dtype.kind != "f" or not right.size:
            continue
        finite = np.isfinite(right)
        one = right[finite].astype(np.float64)
        signal[name] += np.square(one).sum()
        same = right.shape == other.shape  # not so where a threshold of the graph itself lets other things through
        noise[name] += np.square(one - other[finite]).sum() if same else np.square(one).sum()
    return {name: (total, noise[name]) for name, total in signal.items()}


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 and math.isfinite(noise) else -math.inf
