"""Whisper from Hugging Face's weights to the layout that the product's speech sense runs, without torch.

The sense wants the keys and values of cross attention once a sound and not once a token, a free time axis and the
attention of the heads that word times are read from (`edge_assistant_quantize.importers.whisper`); optimum's export has
none of these. So the weights are given the names that CTranslate2's converter gives them
(python/ctranslate2/converters/transformers.py, WhisperLoader), and that importer's graphs are built from them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.gguf.checkpoint import Checkpoint, json_of
from edge_assistant_quantize.importers.safetensors_file import floats
from edge_assistant_quantize.importers.whisper import HALVES, OPSET, write

if TYPE_CHECKING:
    from edge_assistant_quantize.gguf.safetensors import Tensor

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
Get = Callable[[str], Array]

__all__ = ["FILES", "OPSET", "convert"]

FILES = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "tokenizer": "tokenizer.json", "config": "config.json"}

_LARGEST = 65504.0  # of half precision, in which the graphs keep the weights
_MULTILINGUAL_END = 50257  # number of <|endoftext|> in the vocabularies that know more than English
# Special tokens of letters, as those of languages are
_NO_LANGUAGES = frozenset({
    "endoftext", "startoftranscript", "translate", "transcribe", "startoflm", "startofprev", "nocaptions", "nospeech",
    "notimestamps",
})  # fmt: skip
_LATER = "the weights are damaged, or of another variant of Whisper; export the model again"


def convert(found: Checkpoint, output: Path) -> dict[str, object]:
    """Write `encoder.onnx`, `decoder.onnx`, `tokenizer.json` and `config.json` into a folder.

    Args:
        found: a checkpoint of WhisperForConditionalGeneration.
        output: an existing folder.

    Returns:
        The options of such a model in the catalog.

    Raises:
        WeightsRefused: the tokenizer or a weight is missing, or a weight has another shape.
    """
    tokenizer = found.folder / FILES["tokenizer"]
    if not tokenizer.is_file():
        hint = "copy tokenizer.json of the Whisper that it was trained from into the folder"
        raise WeightsRefused(f"{found.folder.name} has no tokenizer.json", hint)
    if any(tensor.name == "proj_out.weight" for tensor in found.tensors):
        hint = "the product's decoder takes the embedding for it: export with --layout optimum"
        raise WeightsRefused(f"{found.folder.name} has an output layer of its own", hint)
    tokens = _added_tokens(tokenizer)
    config = settings(found, tokens)
    try:
        heads = [(int(layer), int(head)) for layer, head in config["alignment_heads"]]
        write(dict(renamed(found.config, _reader(found))), heads, output, HALVES)
    except (KeyError, ValueError, TypeError) as error:
        what = f"{found.folder.name} is no whole Whisper ({printable(str(error))})"
        raise WeightsRefused(what, _LATER) from error
    shutil.copyfile(tokenizer, output / FILES["tokenizer"])
    (output / FILES["config"]).write_text(json.dumps(config), "utf-8")
    return {"multilingual": tokens.get("<|endoftext|>") == _MULTILINGUAL_END}


def renamed(config: Mapping[str, Any], get: Get) -> Iterator[tuple[str, Array]]:
    """The weights as CTranslate2 names and joins them.

    Args:
        config: Hugging Face's config.json.
        get: gives a weight by its name there, f32.
    """
    for part, layers in (("encoder", int(config["encoder_layers"])), ("decoder", int(config["decoder_layers"]))):
        yield f"{part}/num_heads", np.array(config[f"{part}_attention_heads"], np.int16)
        yield f"{part}/position_encodings/encodings", get(f"model.{part}.embed_positions.weight")
        yield from _norm(f"{part}/layer_norm", f"model.{part}.layer_norm", get)
        for layer in range(layers):
            yield from _layer(f"{part}/layer_{layer}", f"model.{part}.layers.{layer}", part == "decoder", get)
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            yield f"encoder/{conv}/{kind}", get(f"model.encoder.{conv}.{kind}")
    yield "decoder/embeddings/weight", get("model.decoder.embed_tokens.weight")


def _layer(name: str, source: str, crosses: bool, get: Get) -> Iterator[tuple[str, Array]]:
    yield from _attention(f"{name}/self_attention", f"{source}.self_attn", ("qkv",), get)
    yield from _norm(f"{name}/self_attention/layer_norm", f"{source}.self_attn_layer_norm", get)
    if crosses:
        yield from _attention(f"{name}/attention", f"{source}.encoder_attn", ("q", "kv"), get)
        yield from _norm(f"{name}/attention/layer_norm", f"{source}.encoder_attn_layer_norm", get)
    yield from _norm(f"{name}/ffn/layer_norm", f"{source}.final_layer_norm", get)
    for number, linear in enumerate(("fc1", "fc2")):
        for kind in ("weight", "bias"):
            yield f"{name}/ffn/linear_{number}/{kind}", get(f"{source}.{linear}.{kind}")


def _attention(name: str, source: str, joined: tuple[str, ...], get: Get) -> Iterator[tuple[str, Array]]:
    """Query, key and value one below another where they are joined, then the output; keys have no bias."""

    def bias(part: str) -> Array:
        query = get(f"{source}.q_proj.bias")
        return np.zeros_like(query) if part == "k" else get(f"{source}.{part}_proj.bias")

    for number, parts in enumerate(joined):
        yield f"{name}/linear_{number}/weight", np.concatenate([get(f"{source}.{part}_proj.weight") for part in parts])
        yield f"{name}/linear_{number}/bias", np.concatenate([bias(part) for part in parts])
    for kind in ("weight", "bias"):
        yield f"{name}/linear_{len(joined)}/{kind}", get(f"{source}.out_proj.{kind}")


def _norm(name: str, source: str, get: Get) -> Iterator[tuple[str, Array]]:
    yield f"{name}/gamma", get(f"{source}.weight")
    yield f"{name}/beta", get(f"{source}.bias")


def _reader(found: Checkpoint) -> Get:
    """What gives a weight by its name as f32."""
    places: dict[str, tuple[Path, Tensor]] = {
        tensor.name: (path, tensor) for path, tensors in found.weights.items() for tensor in tensors
    }

    def get(name: str) -> Array:
        value = floats(*places[name])
        if np.abs(value).max(initial=0.0) > _LARGEST:
            raise ValueError(f"{name} goes beyond half precision")
        return value

    return get


def settings(found: Checkpoint, tokens: Mapping[str, int]) -> dict[str, Any]:
    """CTranslate2's config.json, as its converter makes it: heads that follow the sound, what must never be said.

    Without alignment heads those of the upper half of the layers are taken.
    """
    path = found.folder / "generation_config.json"
    made = json_of(path) if path.is_file() else {}
    layers, heads = int(found.config["decoder_layers"]), int(found.config["decoder_attention_heads"])
    upper = [[layer, head] for layer in range(layers // 2, layers) for head in range(heads)]
    languages = made.get("lang_to_id") or {
        name: number for name, number in tokens.items() if name[2:-2] not in _NO_LANGUAGES and name[2:-2].isalpha()
    }
    return {
        "alignment_heads": made.get("alignment_heads") or upper,
        "lang_ids": sorted(languages.values()),
        "suppress_ids": made.get("suppress_tokens") or found.config.get("suppress_tokens") or [],
        "suppress_ids_begin": made.get("begin_suppress_tokens") or found.config.get("begin_suppress_tokens") or [],
    }


def _added_tokens(path: Path) -> dict[str, int]:
    """Numbers of the special tokens by their text."""
    added = json_of(path).get("added_tokens")
    if not isinstance(added, list):
        hint = "copy the one of the Whisper that it was trained from"
        raise WeightsRefused(f"{path.name} has no special tokens", hint)
    return {str(token["content"]): int(token["id"]) for token in added if isinstance(token, dict)}
