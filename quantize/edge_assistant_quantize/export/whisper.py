"""Whisper of transformers in the layout that the product's speech sense runs.

The sense wants the keys and values of cross attention once a sound and not once a token, a free time axis and the
attention of the heads that word times are read from (`edge_assistant_quantize.importers.whisper`); optimum's export has
none of these. So the weights are given the names that CTranslate2's converter gives them
(python/ctranslate2/converters/transformers.py, WhisperLoader), and that importer's graphs are built from them.
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
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.importers.whisper import WhisperGraph, write

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
Pairs = Mapping[str, tuple[Array, Array]]

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
# Of an output's largest value: half precision keeps 11 bits of a weight, which made 0.0015 of weights ten times wider
# than usual; a mask left out or two names exchanged make more than 0.1
MOST = 1e-2
_TOKENS = 8  # that the decoder reads
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


def convert(model: Any, folder: Path, output: Path) -> None:  # noqa: ANN401 - a class of a library imported late
    """Write `encoder.onnx`, `decoder.onnx`, `tokenizer.json` and `config.json` of a WhisperForConditionalGeneration.

    config.json is CTranslate2's, as its converter makes it: heads that follow the sound, what must never be said. A
    model that names no such heads has those of the upper half of the layers.

    Raises:
        WeightsRefused: its folder has no tokenizer.json.
    """
    from tokenizers import Tokenizer
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    if not (folder / "tokenizer.json").is_file():
        hint = "copy tokenizer.json of the Whisper that it was trained from into the folder"
        raise WeightsRefused(f"{folder.name} has no tokenizer.json", hint)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    layers, heads, how = model.config.decoder_layers, model.config.decoder_attention_heads, model.generation_config
    upper = [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]
    languages = (tokenizer.token_to_id(f"<|{language}|>") for language in LANGUAGES)
    followed = getattr(how, "alignment_heads", None) or upper
    config = {
        "alignment_heads": followed,
        "lang_ids": sorted(number for number in languages if number is not None),
        "suppress_ids": how.suppress_tokens or [],
        "suppress_ids_begin": how.begin_suppress_tokens or [],
    }
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    write(dict(renamed(model.config, weights)), followed, output, WhisperGraph)
    shutil.copyfile(folder / "tokenizer.json", output / "tokenizer.json")
    (output / "config.json").write_text(json.dumps(config), "utf-8")


def renamed(config: Any, weights: Weights) -> Iterator[tuple[str, Array]]:  # noqa: ANN401 - of a library imported late
    """Weights by the names of Hugging Face as CTranslate2 names and joins them."""
    for part in ("encoder", "decoder"):
        yield f"{part}/num_heads", np.array(getattr(config, f"{part}_attention_heads"), np.int16)
        yield f"{part}/position_encodings/encodings", weights[f"model.{part}.embed_positions.weight"]
        yield from _norm(f"{part}/layer_norm", [f"model.{part}.layer_norm"], weights)
        for layer in range(getattr(config, f"{part}_layers")):
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
    matrices = {source: weights[f"{source}.weight"] for source in sources}
    biases = [weights.get(f"{source}.bias", np.zeros(len(each), np.float32)) for source, each in matrices.items()]
    yield f"{name}/weight", np.concatenate([*matrices.values()])
    yield f"{name}/bias", np.concatenate(biases)


def _norm(name: str, sources: Sequence[str], weights: Weights) -> Iterator[tuple[str, Array]]:
    yield f"{name}/gamma", weights[f"{sources[0]}.weight"]
    yield f"{name}/beta", weights[f"{sources[0]}.bias"]


def beside(model: Any, output: Path, runtime: Runtime) -> Pairs:  # noqa: ANN401 - a class of a library imported late
    """What both graphs together, and the model itself, make of the same sound and tokens, by output of the decoder."""
    import torch

    model.set_attn_implementation("eager")  # which gives the attention that word times are read from
    mel = torch.randn(1, model.config.num_mel_bins, 2 * model.config.max_source_positions)
    tokens = torch.randint(0, model.config.vocab_size, (1, _TOKENS))
    with torch.inference_mode():
        said = model(mel, decoder_input_ids=tokens, output_attentions=True)
    heads = json.loads((output / "config.json").read_text("utf-8"))["alignment_heads"]
    followed = [said.cross_attentions[layer][0, head] for layer, head in sorted(heads, key=lambda pair: pair[0])]
    heard = _run(runtime.session(output / ENCODER), {"mel": mel.numpy()})
    made = _run(runtime.session(output / DECODER), {"tokens": tokens[0].numpy(), **heard})
    wanted = {"logits": said.logits[0].numpy(), "alignment": torch.stack(followed).numpy()}
    return {name: (made[name], right) for name, right in wanted.items()}


def _run(session: Any, feeds: Mapping[str, Any]) -> dict[str, Array]:  # noqa: ANN401 - of a library imported late
    """What a graph makes, by the names of its outputs; a past that is not given is empty."""
    names = [item.name for item in session.get_outputs()]
    past = {
        item.name: np.zeros([size if isinstance(size, int) else 0 for size in item.shape], np.float32)
        for item in session.get_inputs()
        if item.name not in feeds
    }
    return dict(zip(names, session.run(names, {**past, **feeds}), strict=True))
