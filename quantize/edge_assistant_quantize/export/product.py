"""What makes an export one that a sense of the product opens, or why it is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from edge_assistant_models.schema import printable
from edge_assistant_quantize.candidate import Candidate, model_name
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.export import Done
from edge_assistant_quantize.gguf.checkpoint import json_of

_OUTPUT = "sentence_embedding"
_PLAIN = frozenset({"Transformer", "Pooling", "Normalize"})  # modules that the product's embedder stands for
_MULTILINGUAL_END = 50257  # number of <|endoftext|> in the vocabularies that know more than English


def as_candidate(done: Done, folder: Path, making: Path, name: str) -> Done:
    """Make an export a candidate for its role, if the sense gives and takes what the model was trained with.

    Args:
        done: what was exported; its role is "" where it is no candidate, and the note says why.
        folder: of the model.
        making: of the files.
        name: of the model.

    Raises:
        WeightsRefused: a configuration cannot be read.
    """
    files, options, unfit = {Path(file).stem: file for file in done.files}, {}, ""
    if done.role == "speech":
        from tokenizers import Tokenizer

        files |= {"tokenizer": "tokenizer.json", "config": "config.json"}
        end = Tokenizer.from_file(str(making / "tokenizer.json")).token_to_id("<|endoftext|>")
        options = {"multilingual": end == _MULTILINGUAL_END}
    elif done.role == "embedder":
        files["tokenizer"], unfit = "tokenizer.json", _fit_embedder(folder, making / files["model"])
    elif done.role == "detector":
        from edge_assistant.perception.detectors import RtDetr

        options, unfit = {"architecture": RtDetr.architecture}, unfit_detector(folder)
        if not unfit:
            _fix_size(folder, making / files["model"])
    if unfit:
        return replace(done, role="", note=f"the product's {done.role} {unfit}")
    if done.role:
        Candidate(model_name(name), done.role, making, files, options).write()
    return done


def _fit_embedder(folder: Path, path: Path) -> str:
    how = pooling(folder)
    if not path.with_name("tokenizer.json").is_file():
        return "needs tokenizer.json: copy that of the model that it was trained from into the folder"
    if how == "cls":
        take_first_token(path)
    return "" if how in {"mean", "cls"} else f"does not do {how}"


def pooling(folder: Path) -> str:
    """How a model makes one vector of a text's tokens, by what sentence-transformers wrote beside the weights.

    The product's embedder takes the mean of the tokens' vectors, unless the graph gives one vector itself.

    Returns:
        "mean" or "cls", else what the product does not do, in words; where nothing is written, the mean.

    Raises:
        WeightsRefused: what is written there cannot be read.
    """
    path = folder / "modules.json"
    modules = [("Pooling", "1_Pooling")] if (folder / "1_Pooling" / "config.json").is_file() else []
    if path.is_file():
        try:
            rows = json.loads(path.read_text("utf-8"))
            modules = [(str(row["type"]).rpartition(".")[2], Path(str(row["path"])).name) for row in rows]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise WeightsRefused(f"{path.name} cannot be read", "fetch the model again, or export it again") from None
    if odd := [kind for kind, _ in modules if kind not in _PLAIN]:
        return f"a module {printable(odd[0])} behind it"
    configs = [json_of(folder / place / "config.json") for kind, place in modules if kind == "Pooling"]
    if not configs:
        return "mean"
    modes = [name for name, on in configs[0].items() if name.startswith("pooling_mode_") and on is True]
    known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if len(modes) == 1 and modes[0] in known:
        return known[modes[0]]
    return " and ".join(printable(name.removeprefix("pooling_mode_")) for name in modes) or "no pooling"


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


def unfit_detector(folder: Path) -> str:
    """Why the product's detector cannot show pictures to an RT-DETR; empty if it can.

    Raises:
        WeightsRefused: a configuration cannot be read.
    """
    from edge_assistant.perception.detectors import LABELS

    names = json_of(folder / "config.json").get("id2label")
    ends = {str(at): LABELS[at] for at in (0, len(LABELS) - 1)}  # those between have other names in some checkpoints
    if not isinstance(names, dict) or len(names) != len(LABELS) or not names.items() >= ends.items():
        return "does not know other classes than the 80 of COCO"
    path = folder / "preprocessor_config.json"
    how = json_of(path) if path.is_file() else {}
    size = how.get("size")
    if not isinstance(size, dict) or not isinstance(size.get("height"), int) or size["height"] != size.get("width"):
        return "takes a square, and preprocessor_config.json names none"
    return "does not normalise pictures by channel" if how.get("do_normalize") or how.get("do_pad") else ""


def _fix_size(folder: Path, path: Path) -> None:
    """Let a graph take one picture of the size that preprocessor_config.json names."""
    import onnx
    from onnxruntime.tools.onnx_model_utils import make_input_shape_fixed

    side, model = json_of(folder / "preprocessor_config.json")["size"]["height"], onnx.load(path)
    make_input_shape_fixed(model.graph, model.graph.input[0].name, [1, 3, side, side])
    path.write_bytes(model.SerializeToString(deterministic=True))
