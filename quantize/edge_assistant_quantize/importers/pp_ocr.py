"""PP-OCR as rapidocr packs it, in ONNX already; source and licence: https://github.com/PaddlePaddle/PaddleOCR.

`detection.onnx`, `recognition.onnx` and `classification.onnx` as they are, or quantized.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from edge_assistant_quantize.importers import quantizations

INPUTS = ("detection", "recognition", "classification")


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """See `conversion.Importer.convert`."""
    for key in INPUTS:
        shutil.copyfile(inputs[key], output / f"{key}.onnx")
    quantizations.apply(quantization, output)
