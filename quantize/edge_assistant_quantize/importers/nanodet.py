"""NanoDet for COCO-80 from its TensorFlow.js form; source and licence: https://github.com/RangiLyu/nanodet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_assistant_quantize.importers import tfjs

INPUTS = tfjs.INPUTS

_OUTPUTS = {
    "Identity": "scores_8",
    "Identity_1": "scores_16",
    "Identity_2": "scores_32",
    "Identity_3": "boxes_8",
    "Identity_4": "boxes_16",
    "Identity_5": "boxes_32",
}


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """Write `model.onnx`: image f32 [1, 3, 416, 416]; for strides 8, 16, 32 scores [1, n, 80] and boxes [1, n, 44].

    Args:
        inputs: `graph` (model.json) and `weights` (its weight file).
        output: an existing folder.
        quantization: of what it writes, by name.

    Raises:
        ModelCorrupt: the source is damaged.
        CatalogInvalid: there is no such quantization of it.
    """
    tfjs.convert(inputs, output, quantization, name="nanodet", take={"input_1": "image"}, give=_OUTPUTS)
