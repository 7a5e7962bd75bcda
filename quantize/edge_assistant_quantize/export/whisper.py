"""Whisper from Hugging Face's weights to the layout that the product's speech sense runs, without torch.

The sense wants the keys and values of cross attention once a sound and not once a token, a free time axis and the
attention of the heads that word times are read from (`edge_assistant_quantize.importers.whisper`); optimum's export has
none of these. So the weights are given the names that CTranslate2's converter gives them
(python/ctranslate2/converters/transformers.py, WhisperLoader), and that importer's graphs are built from them.
`work` runs them beside the model itself, in transformers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant.governance.offline import lock
from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.export import exporter
from edge_assistant_quantize.export.exporter import SEED, checked
from edge_assistant_quantize.gguf.checkpoint import FLOATS, Checkpoint, json_of
from edge_assistant_quantize.importers.whisper import WhisperGraph, write
from edge_assistant_quantize.progress import Watch, stage

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

FILES = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "tokenizer": "tokenizer.json", "config": "config.json"}

_LARGEST = 65504.0  # of half precision, in which the graphs keep the weights
_MULTILINGUAL_END = 50257  # number of <|endoftext|> in the vocabularies that know more than English
# Special tokens of letters, as those of languages are
_NO_LANGUAGES = frozenset({
    "endoftext", "startoftranscript", "translate", "transcribe", "startoflm", "startofprev", "nocaptions", "nospeech",
    "notimestamps",
})  # fmt: skip
# Names in a layer: CTranslate2's, and Hugging Face's of what is joined in it; only decoders have `attention`
_LAYER = {
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "ffn/layer_norm": ("final_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
# Of an output's largest value: half precision keeps 11 bits of a weight, which made 0.0015 of weights ten times wider
# than usual; a mask left out or two names exchanged make more than 0.1
MOST = 1e-2
_TOKENS = 8  # that the decoder reads


def convert(found: Checkpoint, output: Path) -> dict[str, object]:
    """Write the four `FILES` of a Whisper checkpoint into a folder; returns the options of its catalog entry.

    Raises:
        WeightsRefused: the tokenizer or a weight is missing, or a weight has another shape.
    """
    tokenizer = found.folder / FILES["tokenizer"]
    if not tokenizer.is_file():
        hint = "copy tokenizer.json of the Whisper that it was trained from into the folder"
        raise WeightsRefused(f"{found.folder.name} has no tokenizer.json", hint)
    if any(tensor.name == "proj_out.weight" for tensor in found.tensors):
        hint = "the product's decoder takes the embedding for it: train with tie_word_embeddings"
        raise WeightsRefused(f"{found.folder.name} has an output layer of its own", hint)
    tokens = _added_tokens(tokenizer)
    config = settings(found, tokens)
    try:
        heads = [(int(layer), int(head)) for layer, head in config["alignment_heads"]]
        write(dict(renamed(found.config, floats(found))), heads, output, WhisperGraph)
    except (KeyError, ValueError, TypeError) as error:
        what = f"{found.folder.name} is no whole Whisper ({printable(str(error))})"
        hint = "the weights are damaged, or of another variant of Whisper; export the model again"
        raise WeightsRefused(what, hint) from error
    shutil.copyfile(tokenizer, output / FILES["tokenizer"])
    (output / FILES["config"]).write_text(json.dumps(config), "utf-8")
    return {"multilingual": tokens.get("<|endoftext|>") == _MULTILINGUAL_END}


def renamed(config: Mapping[str, Any], weights: Weights) -> Iterator[tuple[str, Array]]:
    """Weights by the names of Hugging Face as CTranslate2 names and joins them."""
    for part in ("encoder", "decoder"):
        yield f"{part}/num_heads", np.array(config[f"{part}_attention_heads"], np.int16)
        yield f"{part}/position_encodings/encodings", weights[f"model.{part}.embed_positions.weight"]
        yield from _norm(f"{part}/layer_norm", [f"model.{part}.layer_norm"], weights)
        for layer in range(int(config[f"{part}_layers"])):
            name, source = f"{part}/layer_{layer}", f"model.{part}.layers.{layer}"
            for ours, theirs in _LAYER.items():
                if part == "decoder" or not ours.startswith("attention"):
                    add = _norm if ours.endswith("norm") else _product
                    yield from add(f"{name}/{ours}", [f"{source}.{each}" for each in theirs], weights)
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            yield f"encoder/{conv}/{kind}", weights[f"model.encoder.{conv}.{kind}"]
    yield "decoder/embeddings/weight", weights["model.decoder.embed_tokens.weight"]


def _product(name: str, sources: Sequence[str], weights: Weights) -> Iterator[tuple[str, Array]]:
    """Matrices one below another, and their biases; keys have none."""
    matrices = [weights[f"{source}.weight"] for source in sources]
    biases = [
        np.zeros(len(weight), np.float32) if source.endswith("k_proj") else weights[f"{source}.bias"]
        for source, weight in zip(sources, matrices, strict=True)
    ]
    yield f"{name}/weight", np.concatenate(matrices)
    yield f"{name}/bias", np.concatenate(biases)


def _norm(name: str, sources: Sequence[str], weights: Weights) -> Iterator[tuple[str, Array]]:
    yield f"{name}/gamma", weights[f"{sources[0]}.weight"]
    yield f"{name}/beta", weights[f"{sources[0]}.bias"]


def floats(found: Checkpoint) -> dict[str, Array]:
    """All weights of a checkpoint by name, f32; without those that are no floats of 16 bits or more.

    Raises:
        ValueError: one goes beyond half precision.
    """
    import ml_dtypes  # noqa: F401 - numpy knows bfloat16 once it is imported
    from safetensors import safe_open

    weights: dict[str, Array] = {}
    for path, tensors in found.weights.items():
        floating = [tensor.name for tensor in tensors if tensor.dtype in FLOATS]
        with safe_open(path, "numpy") as content:
            weights |= {name: content.get_tensor(name).astype(np.float32) for name in floating}
    for name, value in weights.items():
        if np.abs(value).max(initial=0.0) > _LARGEST:
            raise ValueError(f"{name} goes beyond half precision")
    return weights


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


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, dict[str, float]]:
    """Compare under the offline lock.

    Args:
        request: `folder` with config.json and *.safetensors; `output`, the folder of the graphs; `threads` to use.
        watch: receives the stage.

    Returns:
        By file and output, the largest difference as a share of the output's largest value.

    Raises:
        QuantizationFailed: one is larger than `MOST`.
        WeightsRefused: transformers does not load the weights.
    """
    lock.engage()
    with stage("comparing with the model", watch):
        import torch

        torch.set_num_threads(request["threads"])
        torch.manual_seed(SEED)
        model = exporter.load_model(Path(request["folder"]), None)
        model.set_attn_implementation("eager")  # which gives the attention that word times are read from
        mel = torch.randn(1, model.config.num_mel_bins, 2 * model.config.max_source_positions)
        tokens = torch.randint(0, model.config.vocab_size, (1, _TOKENS))
        with torch.inference_mode():
            said = model(mel, decoder_input_ids=tokens, output_attentions=True)
        output, runtime = Path(request["output"]), Runtime(request["threads"])
        heads = json.loads((output / FILES["config"]).read_text("utf-8"))["alignment_heads"]
        followed = [said.cross_attentions[layer][0, head] for layer, head in sorted(heads, key=lambda pair: pair[0])]
        heard = _run(runtime.session(output / FILES["encoder"]), {"mel": mel.numpy()})
        path = output / FILES["decoder"]
        made = _run(runtime.session(path), {"tokens": tokens[0].numpy(), **heard})
        wanted = {"logits": said.logits[0].numpy(), "alignment": torch.stack(followed).numpy()}
        return {path.name: {name: checked(path, name, made[name], right, MOST) for name, right in wanted.items()}}


def _run(session: Any, feeds: Mapping[str, Any]) -> dict[str, Array]:  # noqa: ANN401 - of a library imported late
    """What a graph makes, by the names of its outputs; a past that is not given is empty."""
    names = [item.name for item in session.get_outputs()]
    past = {
        item.name: np.zeros([size if isinstance(size, int) else 0 for size in item.shape], np.float32)
        for item in session.get_inputs()
        if item.name not in feeds
    }
    return dict(zip(names, session.run(names, {**past, **feeds}), strict=True))
