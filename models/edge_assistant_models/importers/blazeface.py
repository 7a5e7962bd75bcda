"""BlazeFace (back camera) from its TensorFlow.js form; source and licence: https://github.com/google/mediapipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_assistant_models.importers import tfjs

_OUTPUTS = {
    "Identity": "scores_16",
    "Identity_1": "scores_32",
    "Identity_2": "boxes_16",
    "Identity_3": "boxes_32",
}


def convert(inputs: Mapping[str, Path], output: Path) -> None:
    """Write `model.onnx`: image f32 [1, 256, 256, 3]; scores [1, 512, 1] and [1, 384, 1], boxes [.., 16] likewise.

    Args:
        inputs: `graph` (model.json) and `weights` (its weight file).
        output: an existing folder.

    Raises:
        ModelCorrupt: the source is damaged.
    """
    tfjs.convert(inputs, output, name="blazeface", take={"input": "image"}, give=_OUTPUTS)
