"""Quantize to accept: leave the worst nodes as they are until the model is accepted, and no more of them.

Nodes are ranked by `layers`. Bisection finds how many of the worst have to stay, as if more excluded nodes were never
worse; then those of them that hurt least are quantized again, one by one, if the model is still accepted. Of all
accepted tries the smallest file is taken. onnxruntime and optimum have no such search.

An interrupted search begins anew: the same forms are made again, and a recipe knows what it has measured of them.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import graphs, layers
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import Method, Rules
from edge_assistant_quantize.onnx.quantize import calibrated, quantize
from edge_assistant_quantize.progress import ProgressStep
from edge_assistant_quantize.record import Layer

TRIES = 12  # at most; bisection over 100 nodes needs 7 or 8


@dataclass(frozen=True, slots=True)
class Try:
    """One form that was looked at."""

    excluded: list[str]  # the nodes that were left as they are
    bytes: int  # size of the file
    accepted: bool  # whether it was


@dataclass(slots=True)
class NodeSearch:
    """What a search has found.

    Attributes:
        layers: the ranking; empty if the model was accepted with every node quantized.
        tries: all forms that were tried, in order.
    """

    layers: list[Layer] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)

    @property
    def taken(self) -> Try | None:
        """The smallest accepted form, if there is one."""
        accepted = [each for each in self.tries if each.accepted]
        return min(accepted, key=lambda each: (each.bytes, len(each.excluded), each.excluded), default=None)


def quantize_to_accept(
    model: Path,
    output: Path,
    method: Method,
    calibration: Calibration,
    *,
    accepts: Callable[[Path], bool],
    most: int,
    tries: int = TRIES,
) -> NodeSearch:
    """Quantize a model as far as it is accepted; `output` is written only if a form is.

    At most `tries` forms are tried, with up to `most` nodes left as they are; `accepts` decides over a file, which is
    removed afterwards. The other arguments are those of `quantize`.

    Raises:
        UsageError: the method excludes no nodes.
        EdgeAssistantError: see `quantize` and `layers.rank`.
    """
    if most and isinstance(method, Rules):
        what = "rules name weights, and no nodes are excluded"
        raise UsageError(what, "put a rule for what is to stay before the others")
    ready = calibrated(graphs.load(model), method, calibration)
    found = NodeSearch()

    def accepted(excluded: list[str]) -> bool:
        """Whether a form is accepted, which is tried once; what there is no try left for is not."""
        known = next((each for each in found.tries if {*each.excluded} == {*excluded}), None)
        if known or len(found.tries) >= tries:
            return known is not None and known.accepted
        calibration.watch(ProgressStep("tries", len(found.tries), tries))
        with tempfile.TemporaryDirectory(prefix="edge-quantize-") as made:
            path = Path(made) / "model.onnx"
            write(path, excluded)
            found.tries.append(Try(excluded, path.stat().st_size, bool(accepts(path))))
        return found.tries[-1].accepted

    def write(path: Path, excluded: list[str]) -> None:
        quantize(model, path, replace(ready, excluded=tuple(excluded)), threads=calibration.threads)

    if not accepted([]) and most:
        found.layers = layers.rank(model, ready, calibration)
        _narrow([layer.node for layer in found.layers[:-1][:most]], accepted)  # something has to be quantized
    if found.taken:
        write(output, found.taken.excluded)
    return found


def _narrow(worst: list[str], accepted: Callable[[list[str]], bool]) -> None:
    """Find how many of the worst have to stay, and quantize of these again what hurts least, one by one."""
    more = range(len(worst))  # nodes excluded besides the worst
    found = bisect_left(more, True, key=lambda count: accepted(worst[: count + 1]))
    if found == len(worst):
        return  # not even with all of them excluded
    excluded = worst[: found + 1]
    for node in reversed(excluded):
        fewer = [name for name in excluded if name != node]
        excluded = fewer if fewer and accepted(fewer) else excluded
