"""How much each node of a model hurts, by measurement: the noise in the outputs where it alone is quantized.

The measure is the signal to quantization noise ratio (SQNR) of each output in decibels, in float64 over calibration
feeds (https://arxiv.org/abs/2106.08295, section 4), negated so that larger is worse. Of several outputs the noise
shares are averaged before the logarithm, so that none drowns another by its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.onnx import folding, graphs, quantize, rules
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import FP16, INT4, INT8, STATIC
from edge_assistant_quantize.onnx.plan import WEIGHTED, plan
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore
from edge_assistant_quantize.record import Layer

if TYPE_CHECKING:
    import onnx

NamedValue = tuple[str, NDArray[Any]]

MEASURE = "noise of the outputs where only this node is quantized, dB of the signal"
FEEDS = 8  # that each node is tried with: which node is worse than another hardly changes with more
SILENT_DB = -200.0  # where there is no noise at all


def rank(
    model: Path,
    method: str,
    *,
    calibration: Calibration | None,
    threads: int,
    watch: Watch,
    options: Mapping[str, object] = {},
) -> list[Layer]:
    """Quantize each node alone, and measure how much the outputs lose. The arguments are those of `quantize`.

    Returns:
        The nodes that the method quantizes, worst first; `file` is empty.

    Raises:
        CalibrationInvalid: there are no feeds.
        EdgeAssistantError: see `quantize`.
    """
    if not calibration:
        raise CalibrationInvalid("there is nothing to compare over", "give calibration data")
    graph = graphs.load(model)
    ready = quantize.prepared(graph, method, options, calibration, threads=threads, watch=watch)
    feeds = calibration[:: max(len(calibration) // FEEDS, 1)][:FEEDS]
    nodes = quantizable(graph, method)
    names = [value.name for value in graph.graph.output]
    how: dict[str, Any] = {"names": names, "feeds": feeds, "threads": threads, "watch": ignore, "what": ""}
    exact = list(graphs.values(graph, **how))
    layers = []
    watch(ProgressStep("sensitivity", 0, len(nodes)))
    for number, node in enumerate(nodes, 1):
        others = [other.name for other in nodes if other.name != node.name]
        found = graphs.values(quantize.transformed(graph, method, ready, others), **how)
        layers.append(Layer(node.name, node.op_type, "", noise_db(exact, found), MEASURE))
        watch(ProgressStep("sensitivity", number, len(nodes)))
    return sorted(layers, key=lambda layer: (-layer.loss, layer.node))


def quantizable(graph: onnx.ModelProto, method: str) -> list[onnx.NodeProto]:
    """The nodes with weights that a method quantizes, in order; named as `fold` names them."""
    ready = folding.fold(graph)
    known = folding.constants(ready.graph)
    if method == STATIC:
        chosen = plan(ready).nodes
        return [node for node in ready.graph.node if node.name in chosen and node.op_type in WEIGHTED]
    if method in {INT8, INT4}:
        return list(rules.candidates(ready))
    kinds = WEIGHTED | {"Gather"} if method == FP16 else WEIGHTED
    return [
        node
        for node in ready.graph.node
        if node.op_type in kinds and folding.standard(node) and any(name in known for name in node.input[:2])
    ]


def noise_db(exact: Iterable[NamedValue], found: Iterable[NamedValue]) -> float:
    """The noise of outputs over several feeds, in decibels of the signal; both have them in one order."""
    signal, noise = Counter[str](), Counter[str]()
    for (name, right), (_, other) in zip(exact, found, strict=True):
        if right.dtype.kind != "f":
            continue
        one = right.astype(np.float64)
        signal[name] += np.square(one).sum()
        same = right.shape == other.shape  # not so where a threshold of the graph itself lets other things through
        noise[name] += np.square(one - other.astype(np.float64)).sum() if same else np.square(one).sum()
    shares = [noise[name] / total for name, total in signal.items() if total > 0]
    if not np.isfinite(shares).all():
        return -SILENT_DB
    mean = float(np.mean(shares)) if shares else 0.0
    return max(10 * float(np.log10(mean)), SILENT_DB) if mean > 0 else SILENT_DB
