"""What makes a graph of RT-DETR one that the product's detector opens: pictures of one size, and COCO's 80 classes."""

from __future__ import annotations

from pathlib import Path

from edge_assistant.perception.detectors import LABELS, RtDetr
from edge_assistant_quantize.gguf.checkpoint import json_of

OPTIONS = {"architecture": RtDetr.architecture}  # of the catalog entry


def unfit(folder: Path) -> str:
    """Why the product's detector cannot show pictures to such a model; empty if it can.

    Raises:
        WeightsRefused: a configuration cannot be read.
    """
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


def fix(folder: Path, path: Path) -> None:
    """Let a graph take one picture of the size that preprocessor_config.json names."""
    import onnx
    from onnxruntime.tools.onnx_model_utils import make_input_shape_fixed

    side, model = json_of(folder / "preprocessor_config.json")["size"]["height"], onnx.load(path)
    make_input_shape_fixed(model.graph, model.graph.input[0].name, [1, 3, side, side])
    path.write_bytes(model.SerializeToString(deterministic=True))
