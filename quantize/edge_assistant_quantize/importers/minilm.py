"""MiniLM's sentence embeddings, a small BERT, from safetensors to ONNX, with numpy and onnx alone.

`model.onnx`: `input_ids` and `attention_mask` i64 [batch, tokens] -> `last_hidden_state` f32 [batch, tokens, width];
its user takes the mean over the tokens. The type of all tokens is 0, and its embedding is added to those of the
positions.

Architecture: Devlin et al. 2018, "BERT", and transformers' modeling_bert.py, after whose state dictionary the weights
are named; query, key and value are one product here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.onnx.builder import GraphBuilder

INPUTS = ("weights", "tokenizer")
_EPSILON = 1e-12  # of every layer normalisation (config.json: layer_norm_eps)
_HEAD = 32  # dimensions of an attention head of MiniLM (config.json: hidden_size / num_attention_heads)
_MASKED = -1e9  # added to a score that must not count


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """Write `model.onnx` in float32 and `tokenizer.json` from model.safetensors and tokenizer.json; see the package."""
    from onnx import TensorProto
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    source = inputs["weights"]
    try:
        graph = _Graph(load_file(source))
        width = graph.build()
    except (KeyError, ValueError, TypeError, SafetensorError) as error:
        raise ModelCorrupt(f"{source.name} is not MiniLM ({error})", "pull the model again") from error
    names = ("input_ids", "attention_mask")
    outputs = {"last_hidden_state": ("batch", "tokens", width)}
    kinds = dict.fromkeys(names, TensorProto.INT64)
    graph.write(output / "model.onnx", "minilm", dict.fromkeys(names, ("batch", "tokens")), outputs, kinds=kinds)
    quantizations.apply(quantization, output)
    shutil.copyfile(inputs["tokenizer"], output / "tokenizer.json")


class _Graph(GraphBuilder):
    """The network under construction."""

    def __init__(self, source: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        self.source = source

    def build(self) -> int:
        """Add the whole network; returns its width."""
        value = self.embedded()
        mask = self.mask()
        layers = {int(found[1]) for name in self.source if (found := re.match(r"encoder\.layer\.(\d+)\.", name))}
        for layer in range(1 + max(layers)):
            value = self.layer(value, mask, f"encoder.layer.{layer}")
        self.op("Identity", value, name="last_hidden_state")
        return int(self.source["embeddings.word_embeddings.weight"].shape[1])

    def number(self, name: str, value: float) -> str:
        """Add f32 [1], once."""
        return self.constant(name, np.array([value], np.float32))

    def own(self, name: str) -> str:
        """Add a weight of the source as it is."""
        return self.constant(name, self.source[name])

    def linear(self, value: str, name: str, parts: tuple[str, ...] = ("",)) -> str:
        """A product with one matrix, or with several beside each other, and the bias."""
        matrix = np.concatenate([self.source[f"{name}{part}.weight"] for part in parts]).T
        bias = np.concatenate([self.source[f"{name}{part}.bias"] for part in parts])
        product = self.op("MatMul", value, self.constant(f"{name}.weight", matrix), name=f"{name}.product")
        return self.op("Add", product, self.constant(f"{name}.bias", bias), name=name)

    def norm(self, value: str, name: str) -> str:
        weights = self.own(f"{name}.weight"), self.own(f"{name}.bias")
        return self.op("LayerNormalization", value, *weights, name=name, axis=-1, epsilon=_EPSILON)

    def embedded(self) -> str:
        words = self.op("Gather", self.own("embeddings.word_embeddings.weight"), "input_ids", name="words", axis=0)
        kind = self.source["embeddings.token_type_embeddings.weight"][0]
        table = self.source["embeddings.position_embeddings.weight"] + kind
        places = self.constant("embeddings.position_embeddings.weight", table)
        length = self.op("Shape", "input_ids", name="length", start=1, end=2)
        rows = self.op("Slice", places, self.constant("zero", [0]), length, name="places")
        return self.norm(self.op("Add", words, rows, name="embedded"), "embeddings.LayerNorm")

    def mask(self) -> str:
        """[batch, 1, 1, tokens]: 0 at a token, `_MASKED` elsewhere."""
        present = self.op("Cast", "attention_mask", name="present", to=1)
        absent = self.op("Sub", self.number("one", 1), present, name="absent")
        far = self.op("Mul", absent, self.number("masked", _MASKED), name="far")
        return self.op("Unsqueeze", far, self.constant("middle_axes", [1, 2]), name="mask")

    def layer(self, value: str, mask: str, name: str) -> str:
        seen = self.linear(self.attend(value, mask, f"{name}.attention.self."), f"{name}.attention.output.dense")
        value = self.norm(self.op("Add", value, seen, name=f"{name}.seen"), f"{name}.attention.output.LayerNorm")
        hidden = self.gelu(self.linear(value, f"{name}.intermediate.dense"), name)
        thought = self.linear(hidden, f"{name}.output.dense")
        return self.norm(self.op("Add", value, thought, name=f"{name}.thought"), f"{name}.output.LayerNorm")

    def attend(self, value: str, mask: str, name: str) -> str:
        """Scaled dot-product attention over the tokens that there are."""
        fused = self.linear(value, name, ("query", "key", "value"))
        named = [f"{name}parts", f"{name}parts:1", f"{name}parts:2"]
        parts = self.ops("Split", [fused], named, axis=-1, num_outputs=3)
        split = self.constant("heads", [0, 0, -1, _HEAD])
        orders = {"query": [0, 2, 1, 3], "key": [0, 2, 3, 1], "value": [0, 2, 1, 3]}
        heads = []
        for part, (key, order) in zip(parts, orders.items(), strict=True):
            cut = self.op("Reshape", part, split, name=f"{name}{key}.heads")
            heads.append(self.op("Transpose", cut, name=f"{name}{key}", perm=order))
        scale = self.number("query_scale", _HEAD**-0.5)
        scaled = self.op("Mul", heads[0], scale, name=f"{name}scaled")
        scores = self.op("MatMul", scaled, heads[1], name=f"{name}scores")
        shares = self.op("Softmax", self.op("Add", scores, mask, name=f"{name}masked"), name=f"{name}shares", axis=-1)
        seen = self.op("MatMul", shares, heads[2], name=f"{name}seen")
        turned = self.op("Transpose", seen, name=f"{name}turned", perm=[0, 2, 1, 3])
        return self.op("Reshape", turned, self.constant("joined", [0, 0, -1]), name=f"{name}joined")

    def gelu(self, value: str, name: str) -> str:
        """The Gaussian error linear unit by the error function, in the form that ONNX Runtime fuses."""
        ratio = self.op("Div", value, self.number("root_2", 2**0.5), name=f"{name}.ratio")
        error = self.op("Erf", ratio, name=f"{name}.erf")
        share = self.op("Add", error, self.number("one", 1), name=f"{name}.share")
        product = self.op("Mul", value, share, name=f"{name}.double")
        return self.op("Mul", product, self.number("half", 0.5), name=f"{name}.gelu")
