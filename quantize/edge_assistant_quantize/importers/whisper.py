"""Whisper from CTranslate2's model.bin to ONNX, with numpy and onnx alone.

Two graphs, laid out for short utterances on a CPU:

- `encoder.onnx`: `mel` f32 [1, mels, frames], any even number of frames up to 3000 -> for each decoder layer N
  `cross_key_N` f32 [heads, size, frames / 2] and `cross_value_N` f32 [heads, frames / 2, size]. Keys and values of
  cross attention are computed here once and not at each token; four seconds of sound cost four seconds, not thirty.
- `decoder.onnx`: `tokens` i64 [n], per layer `past_key_N` and `past_value_N` f32 [heads, past, size], and the encoder's
  outputs -> `logits` f32 [n, vocabulary], per layer `key_N` and `value_N` (past and new), and `alignment`
  f32 [alignment heads, n, frames / 2], the attention weights from which word times are read.

Architecture: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", and openai/whisper's
model.py. Names of the weights: CTranslate2, python/ctranslate2/specs (whisper, transformer, attention); query, key and
value of self attention are fused in `linear_0`, key and value of cross attention in `linear_1`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.importers.ctranslate2_file import read_variables
from edge_assistant_quantize.onnx import linear
from edge_assistant_quantize.onnx.builder import CONTRIBUTED, GraphBuilder

Matrix = NDArray[Any]
Weights = Mapping[str, Matrix]

INPUTS = ("model", "tokenizer", "config")
OPSET = 20  # the first with Gelu
_FILE: dict[str, Any] = {"opsets": {"": OPSET, CONTRIBUTED: 1}, "ir_version": 9}  # the version that came with opset 20
_EPSILON = 1e-5  # of every layer normalisation
_MASKED = -1e9  # added to a score that must not count

Shapes = dict[str, Sequence[int | str | None]]


def convert_as(
    kind: type[WhisperGraph], inputs: Mapping[str, Path], output: Path, quantization: str | None = None
) -> None:
    """Write `encoder.onnx`, `decoder.onnx`, `tokenizer.json` and `config.json`; see the package.

    The inputs are model.bin, tokenizer.json and config.json with `alignment_heads`; `kind` says how weights are stored.
    """
    weights = read_variables(inputs["model"], "WhisperSpec")
    try:
        # The attention heads that follow the sound, as openai/whisper's _ALIGNMENT_HEADS
        named = json.loads(inputs["config"].read_text("utf-8"))["alignment_heads"]
        write(weights, [(int(layer), int(head)) for layer, head in named], output, kind)
    except (KeyError, ValueError, TypeError) as error:
        what = f"{inputs['model'].name} lacks a weight, or {inputs['config'].name} names no alignment heads"
        raise ModelCorrupt(f"{what} ({error})", "pull the model again") from error
    quantizations.apply(quantization, output)
    shutil.copyfile(inputs["tokenizer"], output / "tokenizer.json")
    shutil.copyfile(inputs["config"], output / "config.json")


def write(weights: Weights, heads: Sequence[tuple[int, int]], output: Path, kind: type[WhisperGraph]) -> None:
    """Write `encoder.onnx` and `decoder.onnx` into a folder.

    Weights are by CTranslate2's names; heads are layer and head of each attention head that follows the sound.

    Raises:
        KeyError, ValueError, TypeError: a weight is missing, or has another shape.
    """
    _encoder(kind(weights, "encoder"), output / "encoder.onnx")
    _decoder(kind(weights, "decoder"), heads, output / "decoder.onnx")


class WhisperGraph(GraphBuilder):
    """The encoder or the decoder under construction, with weights in half precision, as they are.

    They are widened once, when the model is loaded. Subclasses store them, and multiply by them, in another way.
    """

    def __init__(self, source: Weights, part: str) -> None:
        super().__init__()
        self.source = source
        self.part = part
        self.heads = int(source[f"{part}/num_heads"])

    def stored(self, name: str, weight: Matrix) -> str:
        """Add a weight that is no matrix."""
        return self.weight(name, weight.astype("float16"))

    def product(self, value: str, name: str, weight: Matrix) -> str:
        """Multiply rows f32 [n, inputs] by a matrix [outputs, inputs]."""
        return self.op("MatMul", value, self.stored(name, weight.T))

    def scores(self, value: str, name: str, weight: Matrix) -> str:
        """Multiply rows by the embeddings, which gives the logits."""
        return self.op("Gemm", value, self.stored(name, weight), transB=1)

    def rows(self, numbers: str, name: str, weight: Matrix) -> str:
        """Rows of the embeddings by token."""
        return self.op("Gather", self.stored(name, weight), numbers, axis=0)

    def mask(self, length: int) -> str:
        """[length, length], added to the scores of later tokens: 0 up to the diagonal, `_MASKED` above it."""
        from onnx import numpy_helper

        masked = numpy_helper.from_array(np.array([_MASKED], np.float32))
        square = self.op("ConstantOfShape", self.integers(length, length), value=masked)
        return self.op("Trilu", square, self.constant("above", np.array(1)), upper=1)

    def split(self, value: str, parts: int) -> Sequence[str]:
        """Equal parts along the last axis."""
        names = [f"Split_{len(self.nodes)}_{part}" for part in range(parts)]
        return self.ops("Split", [value], names, axis=-1, num_outputs=parts)

    def integers(self, *values: int) -> str:
        """Add a list of whole numbers, such as a shape."""
        return self.constant("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def own(self, name: str) -> str:
        """Add a weight of the source that is no matrix."""
        return self.stored(name, self.source[name])

    def norm(self, value: str, name: str) -> str:
        """Layer normalisation over the width."""
        scale, shift = self.own(f"{name}/gamma"), self.own(f"{name}/beta")
        return self.op("LayerNormalization", value, scale, shift, axis=-1, epsilon=_EPSILON)

    def linear(self, value: str, name: str) -> str:
        """A product with a matrix of the source, and its bias."""
        product = self.product(value, f"{name}/weight", self.source[f"{name}/weight"])
        return self.op("Add", product, self.own(f"{name}/bias"))

    def to_heads(self, value: str, order: Sequence[int] = (1, 0, 2), name: str = "") -> str:
        """[n, width] -> [heads, n, size], or as another order of (n, heads, size)."""
        parts = self.op("Reshape", value, self.integers(0, self.heads, -1))
        return self.op("Transpose", parts, name=name, perm=list(order))

    def attend(self, query: str, key: str, value: str, mask: str = "") -> tuple[str, str]:
        """Scaled dot-product attention.

        Args:
            query: [n, width].
            key: [heads, size, m].
            value: [heads, m, size].
            mask: [n, m], added to the scores.

        Returns:
            The result [n, width] and the attention weights [heads, n, m].
        """
        size = self.source["decoder/position_encodings/encodings"].shape[1] // self.heads
        scaled = self.op("Mul", query, self.constant("query_scale", np.float32(size**-0.5)))
        scores = self.op("MatMul", self.to_heads(scaled), key)
        attention = self.op("Softmax", self.op("Add", scores, mask) if mask else scores, axis=-1)
        joined = self.op("Transpose", self.op("MatMul", attention, value), perm=[1, 0, 2])
        return self.op("Reshape", joined, self.integers(0, -1)), attention

    def feed_forward(self, value: str, name: str) -> str:
        """Norm, two products with GELU between, and what came in."""
        hidden = self.op("Gelu", self.linear(self.norm(value, f"{name}/layer_norm"), f"{name}/linear_0"))
        return self.op("Add", value, self.linear(hidden, f"{name}/linear_1"))


def _layers(weights: Weights, part: str) -> range:
    return range(1 + max(int(found[1]) for name in weights if (found := re.match(rf"{part}/layer_(\d+)/", name))))


def _encoder(graph: WhisperGraph, path: Path) -> None:
    weights = graph.source
    width, mels, _ = weights["encoder/conv1/weight"].shape
    value = "mel"
    for number, stride in ((1, 1), (2, 2)):
        kernel, bias = (graph.own(f"encoder/conv{number}/{part}") for part in ("weight", "bias"))
        value = graph.op("Gelu", graph.op("Conv", value, kernel, bias, kernel_shape=[3], pads=[1, 1], strides=[stride]))
    value = graph.op("Transpose", graph.op("Squeeze", value, graph.integers(0)), perm=[1, 0])
    length = graph.op("Shape", value, start=0, end=1)
    table = graph.own("encoder/position_encodings/encodings")
    value = graph.op("Add", value, graph.op("Slice", table, graph.integers(0), length))
    for layer in _layers(weights, "encoder"):
        name = f"encoder/layer_{layer}/self_attention"
        query, key, values = graph.split(graph.linear(graph.norm(value, f"{name}/layer_norm"), f"{name}/linear_0"), 3)
        seen, _ = graph.attend(query, graph.to_heads(key, (1, 2, 0)), graph.to_heads(values))
        value = graph.op("Add", value, graph.linear(seen, f"{name}/linear_1"))
        value = graph.feed_forward(value, f"encoder/layer_{layer}/ffn")
    value = graph.norm(value, "encoder/layer_norm")
    for layer in _layers(weights, "decoder"):
        key, values = graph.split(graph.linear(value, f"decoder/layer_{layer}/attention/linear_1"), 2)
        graph.to_heads(key, (1, 2, 0), f"cross_key_{layer}")
        graph.to_heads(values, name=f"cross_value_{layer}")
    outputs = _crossed(len(_layers(weights, "decoder")), graph.heads, width // graph.heads)
    graph.write(path, "whisper_encoder", {"mel": (1, mels, "frames")}, outputs, **_FILE)


def _decoder(graph: WhisperGraph, alignment: Sequence[tuple[int, int]], path: Path) -> None:
    from onnx import TensorProto

    weights = graph.source
    embeddings = weights["decoder/embeddings/weight"]
    vocabulary, width = embeddings.shape
    layers, size = _layers(weights, "decoder"), width // graph.heads
    value, mask = _embedded(graph, embeddings)
    followed = []
    for layer in layers:
        name = f"decoder/layer_{layer}/self_attention"
        query, key, values = graph.split(graph.linear(graph.norm(value, f"{name}/layer_norm"), f"{name}/linear_0"), 3)
        keys = graph.op("Concat", f"past_key_{layer}", graph.to_heads(key), axis=1, name=f"key_{layer}")
        values = graph.op("Concat", f"past_value_{layer}", graph.to_heads(values), axis=1, name=f"value_{layer}")
        seen, _ = graph.attend(query, graph.op("Transpose", keys, perm=[0, 2, 1]), values, mask)
        value = graph.op("Add", value, graph.linear(seen, f"{name}/linear_1"))
        name = f"decoder/layer_{layer}/attention"
        query = graph.linear(graph.norm(value, f"{name}/layer_norm"), f"{name}/linear_0")
        seen, attention = graph.attend(query, f"cross_key_{layer}", f"cross_value_{layer}")
        value = graph.op("Add", value, graph.linear(seen, f"{name}/linear_2"))
        value = graph.feed_forward(value, f"decoder/layer_{layer}/ffn")
        if heads := [head for at, head in alignment if at == layer]:
            followed.append(graph.op("Gather", attention, graph.integers(*heads), axis=0))
    graph.op("Concat", *followed, axis=0, name="alignment")
    scores = graph.scores(graph.norm(value, "decoder/layer_norm"), "decoder/embeddings/weight", embeddings)
    graph.op("Identity", scores, name="logits")
    inputs: Shapes = {"tokens": ("n",)}
    outputs: Shapes = {"logits": ("n", vocabulary), "alignment": (len(alignment), "n", "positions")}
    for layer in layers:
        for part in ("key", "value"):
            inputs[f"past_{part}_{layer}"] = (graph.heads, "past", size)
            outputs[f"{part}_{layer}"] = (graph.heads, "total", size)
    inputs |= _crossed(len(layers), graph.heads, size)
    graph.write(path, "whisper_decoder", inputs, outputs, kinds={"tokens": TensorProto.INT64}, **_FILE)


def _embedded(graph: WhisperGraph, embeddings: Matrix) -> tuple[str, str]:
    """Embedded tokens with their positions [n, width], and the mask that hides later tokens [n, total]."""
    count = graph.op("Shape", "tokens", start=0, end=1)
    past = graph.op("Shape", "past_key_0", start=1, end=2)
    total = graph.op("Add", past, count)
    positions = graph.op("Slice", graph.own("decoder/position_encodings/encodings"), past, total)
    rows = graph.rows("tokens", "decoder/embeddings/weight", embeddings)
    value = graph.op("Add", rows, positions)
    triangle = graph.mask(len(graph.source["decoder/position_encodings/encodings"]))
    rows = graph.op("Slice", triangle, past, total, graph.integers(0))
    return value, graph.op("Slice", rows, graph.integers(0), total, graph.integers(1))


def _crossed(layers: int, heads: int, size: int) -> Shapes:
    """Shapes of the cross attention's keys and values."""
    shapes: Shapes = {}
    for layer in range(layers):
        shapes[f"cross_key_{layer}"] = (heads, size, "positions")
        shapes[f"cross_value_{layer}"] = (heads, "positions", size)
    return shapes


class _EightBits(WhisperGraph):
    """Matrices of 8 bits, the rest in float32."""

    def stored(self, name: str, weight: Matrix) -> str:
        return self.weight(name, weight.astype("float32"))

    def product(self, value: str, name: str, weight: Matrix) -> str:
        """In the encoder multiply in integers, except in the first layer, where it costs 0.8 points of word error.

        A few channels of what enters that layer are so loud that the steps of 8 bits swallow the others.
        """
        if self.part == "decoder":
            return linear.blockwise(self, value, name, weight)
        if name.startswith("encoder/layer_0/"):
            return self.op("MatMul", value, self.stored(name, weight.T))
        return linear.integer(self, value, name, weight)

    scores = linear.blockwise
    rows = linear.blockwise_rows

    def mask(self, length: int) -> str:
        return self.constant("causal_mask", np.triu(np.full((length, length), _MASKED, np.float32), 1))


convert = partial(convert_as, _EightBits)
