"""Two models layer by layer: where the values of one begin to differ from those of the other.

Every value that both graphs have by the same name is compared; static quantization keeps the names. onnxruntime's
`quantization.qdq_loss_debug` holds the values of all feeds at once, and gives the ratio of signal to noise only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.onnx import folding, graphs
from edge_assistant_quantize.progress import Watch, ignore

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

FEEDS = 8  # of data of the command line; more make no other picture


@dataclass(frozen=True, slots=True)
class Difference:
    """How one value of two models differs over feeds."""

    value: str  # its name, which is the node's too where that has none
    kind: str  # operator of the node that gives it in the reference
    place: int  # of that node among the nodes of the reference
    max_abs: float  # the largest difference
    relative_l2: float  # of the difference to the reference, by Euclidean norm
    snr_db: float  # the same as signal to noise, in decibels
    cosine: float  # of the angle between both


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
    sums = {name: _Sums() for name in places}
    how: dict[str, Any] = {"names": list(places), "feeds": feeds, "threads": threads, "what": "layers"}
    pairs = zip(graphs.values(first, **how, watch=watch), graphs.values(second, **how, watch=ignore), strict=True)
    for (name, one), (_, two) in pairs:
        sums[name].add(one, two)
    kinds = [node.op_type for node in first.graph.node]
    found = [sums[name].difference(name, kinds[place], place) for name, place in places.items() if sums[name].count]
    return sorted(found, key=lambda item: (-item.relative_l2, item.place))


def _values(graph: onnx.GraphProto) -> dict[str, int]:
    """What nodes compute, in order, with the place of the node; what never changes is left out."""
    known = folding.constants(graph)
    return {
        name: place
        for place, node in enumerate(graph.node)
        for name in node.output
        if name and name not in known and node.op_type not in {"QuantizeLinear", "Constant"}
    }


class _Sums:
    """Sums over the feeds of one value."""

    def __init__(self) -> None:
        self.most = 0.0
        self.squares = np.zeros(4)  # of the reference, the other and their difference; the product of both
        self.count = 0

    def add(self, one: Array, two: Array) -> None:
        """Add one feed; values that are no floats, or not of one shape, are ignored."""
        if one.dtype.kind != "f" or one.shape != two.shape or not one.size:
            return
        finite = np.isfinite(one) & np.isfinite(two)  # masks hold infinities
        right, found = one[finite].astype(np.float64), two[finite].astype(np.float64)
        noise = right - found
        self.count += 1
        self.most = max(self.most, float(np.abs(noise).max(initial=0.0)))
        self.squares += right @ right, found @ found, noise @ noise, right @ found

    def difference(self, value: str, kind: str, place: int) -> Difference:
        """The figures."""
        signal, other, noise, product = self.squares.tolist()
        if not noise:
            return Difference(value, kind, place, 0.0, 0.0, math.inf, 1.0)
        relative = math.sqrt(noise / signal) if signal else math.inf
        snr = -20 * math.log10(relative) if signal else -math.inf
        norms = math.sqrt(signal * other)
        return Difference(value, kind, place, self.most, relative, snr, product / norms if norms else 0.0)
