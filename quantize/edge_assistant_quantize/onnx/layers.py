"""Two models layer by layer: where the values of one begin to differ from those of the other.

Every value that both graphs have by the same name is compared; static quantization keeps the names. onnxruntime's
`quantization.qdq_loss_debug` holds the values of all feeds at once, and gives the ratio of signal to noise only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.onnx import folding, graphs
from edge_assistant_quantize.progress import Watch, ignore

if TYPE_CHECKING:
    import onnx

FEEDS = 8  # of data of the command line; more make no other picture


@dataclass(frozen=True, slots=True)
class Difference:
    """How one value of two models differs over feeds."""

    value: str  # its name, which is the node's too where that has none
    kind: str  # operator of the node that gives it in the reference
    place: int  # of that node among the nodes of the reference
    snr_db: float  # signal to noise


def compare(
    reference: Path, candidate: Path, feeds: Sequence[Mapping[str, Any]], *, threads: int, watch: Watch = ignore
) -> list[Difference]:
    """Compare every value that both models, ONNX files with the same inputs, have; worst first.

    Raises:
        CalibrationInvalid: there are no feeds, or a model does not take them.
        QuantizationFailed: they have no values in common, or ONNX Runtime cannot run one.
    """
    first, second = graphs.load(reference), graphs.load(candidate)
    in_second = set(_values(second.graph))
    places = {name: place for name, place in _values(first.graph).items() if name in in_second}
    if not places:
        hint = "compare a model with what was made from it"
        raise QuantizationFailed(f"{reference.name} and {candidate.name} have no values in common", hint)
    how: dict[str, Any] = {"names": list(places), "feeds": feeds, "threads": threads, "what": "layers"}
    pairs = zip(graphs.values(first, **how, watch=watch), graphs.values(second, **how, watch=ignore), strict=True)
    signal, noise = Counter[str](), Counter[str]()
    for (name, one), (_, two) in pairs:
        if one.dtype.kind == "f" and one.shape == two.shape and one.size:
            finite = np.isfinite(one) & np.isfinite(two)  # masks hold infinities
            right = one[finite].astype(np.float64)
            signal[name] += right @ right
            noise[name] += np.square(right - two[finite]).sum()
    kinds = [node.op_type for node in first.graph.node]
    found = [
        Difference(name, kinds[place], place, _decibels(signal[name], noise[name]))
        for name, place in places.items()
        if name in signal
    ]
    return sorted(found, key=lambda item: (item.snr_db, item.place))


def _decibels(signal: float, noise: float) -> float:
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _values(graph: onnx.GraphProto) -> dict[str, int]:
    """What nodes compute, in order, with the place of the node; what never changes is left out."""
    known = folding.constants(graph)
    return {
        name: place
        for place, node in enumerate(graph.node)
        for name in node.output
        if name and name not in known and node.op_type not in {"QuantizeLinear", "Constant"}
    }
