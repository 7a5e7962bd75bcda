"""How an embedder makes one vector of a text's tokens: what sentence-transformers wrote beside the weights.

The product's embedder takes the mean of the tokens' vectors, unless the graph gives one vector itself; what differs
goes into the graph, or the model is no embedder for the product.
"""

from __future__ import annotations

import json
from pathlib import Path

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.gguf.checkpoint import json_of

_OUTPUT = "sentence_embedding"
_PLAIN = frozenset({"Transformer", "Pooling", "Normalize"})  # modules that the product's embedder stands for


def mode(folder: Path) -> str:
    """What it does: "mean" or "cls", else what the product does not do, in words; where nothing is written, the mean.

    Raises:
        WeightsRefused: what is written there cannot be read.
    """
    modules = _modules(folder)
    if odd := [kind for kind, _ in modules if kind not in _PLAIN]:
        return f"a module {printable(odd[0])} behind it"
    places = [folder / place / "config.json" for kind, place in modules if kind == "Pooling"]
    if not places:
        return "mean"
    config = json_of(places[0])
    modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on is True]
    known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if len(modes) == 1 and modes[0] in known:
        return known[modes[0]]
    return " and ".join(printable(name.removeprefix("pooling_mode_")) for name in modes) or "no pooling"


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The class of each module and its folder, in order."""
    path = folder / "modules.json"
    if not path.is_file():
        return [("Pooling", "1_Pooling")] if (folder / "1_Pooling" / "config.json").is_file() else []
    try:
        rows = json.loads(path.read_text("utf-8"))
        return [(str(row["type"]).rpartition(".")[2], Path(str(row["path"])).name) for row in rows]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise WeightsRefused(f"{path.name} cannot be read", "fetch the model again, or export it again") from None


def take_first_token(path: Path) -> None:
    """Let a graph give the first token's vector, f32 [batch, width], in the place of all tokens' [batch, n, width]."""
    import numpy as np
    import onnx

    model = onnx.load(path)
    graph = model.graph
    batch, _, width = graph.output[0].type.tensor_type.shape.dim
    first = onnx.numpy_helper.from_array(np.array(0, np.int64), "first_token")
    graph.initializer.append(first)
    graph.node.append(onnx.helper.make_node("Gather", [graph.output[0].name, first.name], [_OUTPUT], _OUTPUT, axis=1))
    shape = [batch.dim_param or batch.dim_value, width.dim_param or width.dim_value]
    made = onnx.helper.make_tensor_value_info(_OUTPUT, onnx.TensorProto.FLOAT, shape)
    del graph.output[:]
    graph.output.append(made)
    path.write_bytes(model.SerializeToString(deterministic=True))
