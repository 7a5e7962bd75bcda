"""Weights of an ONNX graph in half precision, while it computes in floats.

The initializers are halves, and a Cast, which ONNX Runtime does once when it loads the model, widens them. Graphs that
compute in halves are slow on CPUs, which have no such units, or convert at every node; so
onnxruntime.transformers.float16 is not used.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.onnx.builder import FLOAT, HALF
from edge_assistant_quantize.onnx.folding import check_nodes, fold, replace, subgraphs, uses

if TYPE_CHECKING:
    import onnx

_FEWEST = 16 * 16  # smaller weights are not worth a node of their own
_MOST = 65504.0  # the greatest finite half


def half(model: onnx.ModelProto, excluded: Collection[str] = (), *, exact: bool = False) -> onnx.ModelProto:
    """Keep the float32 weights in half precision, except those of excluded nodes and those beyond its range.

    If it has to be exact, only weights that lose nothing are taken, and there may be none.

    Raises:
        ModelCorrupt: there is no such node, or no weight.
    """
    from onnx import helper, numpy_helper

    ready = fold(model)
    check_nodes(ready, excluded)
    graph = ready.graph
    kept = {name for node in graph.node if node.name in excluded for name in node.input}
    kept |= {name for node in graph.node for inner in subgraphs(node) for name in uses(inner)}
    kept |= {value.name for value in (*graph.output, *graph.input)}
    casts = []
    for tensor in graph.initializer:
        if tensor.name in kept or tensor.data_type != FLOAT:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        if not fits_half(values, _FEWEST) or (exact and (values.astype("float16") != values).any()):
            continue
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}/half"))
        casts.append(helper.make_node("Cast", [f"{name}/half"], [name], name=name, to=FLOAT))
    if not casts and not exact and not any(tensor.data_type == HALF for tensor in graph.initializer):
        raise ModelCorrupt("the model has no float32 weights", "take the float model")
    replace(graph, [*casts, *graph.node])
    return ready


def fits_half(values: NDArray[Any], fewest: int) -> bool:
    """Whether a weight has so many values, and all of them are within half precision."""
    return values.size >= fewest and bool(np.abs(values).max() <= _MOST)
