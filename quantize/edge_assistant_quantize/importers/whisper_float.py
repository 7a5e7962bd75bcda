"""Whisper from CTranslate2's model.bin to ONNX as `importers.whisper` lays it out, with the weights as they are.

They stay in half precision in the files and are widened when the model is loaded, so nothing is lost: what is
quantized is compared with this, and made from this.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.importers import whisper
from edge_assistant_quantize.importers.whisper import Graph, Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = whisper.INPUTS
_FLOAT = 1  # onnx.TensorProto.FLOAT


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """Write what `importers.whisper.convert` writes, in half precision; same input, same bytes.

    Args:
        inputs: `model` (model.bin), `tokenizer` (tokenizer.json), `config` (config.json with `alignment_heads`).
        output: an existing folder.
        quantization: of what it writes, by name.

    Raises:
        ModelCorrupt: the input is no Whisper model of CTranslate2, or is damaged.
        CatalogInvalid: there is no such quantization of it.
    """
    whisper.convert_as(HALVES, inputs, output, quantization)


def _half(graph: Graph, name: str, weight: NDArray[Any]) -> str:
    """A weight that is widened once, when the model is loaded."""
    wide = f"{name}/float32"
    if name not in graph.weights:
        graph.op("Cast", graph.constant(name, weight.astype("float16")), name=wide, to=_FLOAT)
    return wide


def _linear(graph: Graph, value: str, name: str, weight: NDArray[Any]) -> str:
    return graph.op("MatMul", value, _half(graph, name, weight.T))


def _scores(graph: Graph, value: str, name: str, weight: NDArray[Any]) -> str:
    return graph.op("Gemm", value, _half(graph, name, weight), transB=1)


def _rows(graph: Graph, tokens: str, name: str, weight: NDArray[Any]) -> str:
    return graph.op("Gather", _half(graph, name, weight), tokens, axis=0)


def _mask(graph: Graph, length: int) -> str:
    """Computed once, when the model is loaded: 0 up to the diagonal and the mask above it."""
    import numpy as np
    import onnx

    masked = onnx.numpy_helper.from_array(np.array([whisper.MASKED], np.float32))
    square = graph.op("ConstantOfShape", graph.integers(length, length), value=masked)
    return graph.op("Trilu", square, graph.constant("above", np.array(1)), upper=1)


HALVES = Stored(_half, _linear, _linear, _scores, _rows, _mask)
