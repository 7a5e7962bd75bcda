"""BlazeFace (back camera) from its TensorFlow.js form; source and licence: https://github.com/google/mediapipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_assistant_quantize.importers import tfjs

INPUTS = tfjs.INPUTS

_OUTPUTS = {
    "Identity": "scores_16",
    "Identity_1": "scores_32",
    "Identity_2": "boxes_16",
    "Identity_3": "boxes_32",
}


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """Write `model.onnx`: image f32 [1, 256, 256, 3]; scores [1, 512, 1] and [1, 384, 1], boxes [.., 16] likewise.

    Args:
        inputs: `graph` (model.json) and `weights` (its weight file).
        output: an existing folder.
        quantization: of what it writes, by name.

    Raises:
        ModelCorrupt: the source is damaged.
        CatalogInvalid: there is no such quantization of it.
    """
    tfjs.convert(inputs, output, quantization, name="blazeface", take={"input": "image"}, give=_OUTPUTS)
