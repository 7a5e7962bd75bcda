"""A folder of a language model, before it is converted: what is taken, and what is said of what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from edge_assistant_quantize.errors import InputMissing, WeightsRefused
from edge_assistant_quantize.gguf import checkpoint

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
INDEX = "model.safetensors.index.json"
LAYER, EMBEDDING, OUTPUT = "model.layers.0.mlp.up_proj.weight", "model.embed_tokens.weight", "lm_head.weight"


def weights(*names: str) -> dict[str, Any]:
    return {name: np.ones((4, 2), np.float32) for name in names}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model in one file."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    (made / "tokenizer.json").write_text("{}")
    save_file(weights(LAYER, EMBEDDING, OUTPUT), str(made / "model.safetensors"))
    return made


@pytest.fixture
def sharded(folder: Path) -> Path:
    """The same in two parts."""
    (folder / "model.safetensors").unlink()
    places = {}
    for number, names in enumerate(((LAYER,), (EMBEDDING, OUTPUT)), 1):
        part = f"model-0000{number}-of-00002.safetensors"
        save_file(weights(*names), str(folder / part))
        places |= dict.fromkeys(names, part)
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    return folder


def configure(folder: Path, **keys: object) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **keys}))


def refused(folder: Path, kind: type[Exception] = WeightsRefused) -> str:
    with pytest.raises(kind) as caught:
        checkpoint.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_is_read(folder: Path) -> None:
    found = checkpoint.read(folder)
    assert found.architecture == "LlamaForCausalLM"
    assert (found.values, found.largest, found.tied) == (24, 8, False)
    assert found.bytes == (folder / "model.safetensors").stat().st_size


def test_parts_are_read_together(sharded: Path) -> None:
    found = checkpoint.read(sharded)
    assert sorted(tensor.name for tensor in found.tensors) == sorted((LAYER, EMBEDDING, OUTPUT))
    assert found.bytes == sum(path.stat().st_size for path in sharded.glob("*.safetensors"))
    done: list[int] = []
    found.check_finite(done.append)
    assert done == sorted(done)
    assert done[-1] == found.bytes
    (sharded / INDEX).unlink()  # the names say how many there are, too
    assert len(checkpoint.read(sharded).weights) == 2


@pytest.mark.parametrize("indexed", [True, False])
def test_a_missing_part_is_named(sharded: Path, indexed: bool) -> None:
    (sharded / "model-00002-of-00002.safetensors").unlink()
    if not indexed:
        (sharded / INDEX).unlink()
    said = "model-00002-of-00002.safetensors, one of 2 parts" if indexed else "model has 1 of 2 parts of its weights"
    assert said in refused(sharded)


@pytest.mark.parametrize(
    "places",
    [
        {LAYER: "model-00002-of-00002.safetensors"},
        {"more": "model-00001-of-00002.safetensors"},
        {LAYER: 1},
        {},
        [],
        None,
    ],
    ids=str,
)
def test_an_index_that_does_not_fit_is_refused(sharded: Path, places: object) -> None:
    (sharded / INDEX).write_text(json.dumps({"weight_map": places}))
    assert "is not where" in (said := refused(sharded)) or "says of no tensor where it is" in said


def test_an_index_leads_nowhere_else(sharded: Path) -> None:
    save_file(weights(LAYER), str(sharded.parent / "outside.safetensors"))
    (sharded / INDEX).write_text(json.dumps({"weight_map": {LAYER: "../outside.safetensors"}}))
    assert "../outside.safetensors, one of 1 parts of the weights, is missing" in refused(sharded)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.PTH", "last.ckpt", "model.pkl"])
def test_pickles_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert f"in {name} only: pickled weights can run code - ask for safetensors" in refused(folder)
    assert "pickled weights can run code" in refused(folder / name)


def test_pickles_beside_safetensors_are_not_looked_at(folder: Path, tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "modeling.py", "tokenizer.pkl"):
        (folder / name).write_bytes(b"not looked at")
    staged = checkpoint.read(folder).stage(tmp_path / "work")
    assert {path.name for path in staged.iterdir()} == {"config.json", "tokenizer.json", "model.safetensors"}


def test_what_asks_for_code_is_not_handed_on(folder: Path, tmp_path: Path) -> None:
    asks = {"auto_map": {"AutoConfig": "code.Config"}, "configuration_files": ["config.4.0.0.json"]}
    configure(folder, **asks, transformers_weights="other.safetensors.index.json", hidden_size=2)
    (folder / "tokenizer_config.json").write_text('{"auto_map": {}, "bos_token": "<s>"}')
    staged = checkpoint.read(folder).stage(tmp_path / "work")
    assert json.loads((staged / "config.json").read_text()) == {**CONFIG, "hidden_size": 2}
    assert json.loads((staged / "tokenizer_config.json").read_text()) == {"bos_token": "<s>"}
    assert "auto_map" in (folder / "config.json").read_text()


def test_a_missing_tokenizer_is_said(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text("{}")  # without its merges
    assert "model has no tokenizer - copy tokenizer.json" in refused(folder)
    (folder / "merges.txt").write_text("")
    checkpoint.read(folder)


def test_tied_weights_are_fine_and_a_lost_output_layer_is_not(folder: Path) -> None:
    save_file(weights(LAYER, EMBEDDING), str(folder / "model.safetensors"))
    for tied in ({}, {"tie_word_embeddings": True}, {"text_config": {"tie_word_embeddings": True}}):
        configure(folder, **tied)
        assert checkpoint.read(folder).tied
    configure(folder, tie_word_embeddings=False)
    assert "the output layer lm_head.weight is missing" in refused(folder)


def test_what_is_no_model_is_missing(folder: Path, tmp_path: Path) -> None:
    assert "there is no folder nothing" in refused(tmp_path / "nothing", InputMissing)
    (folder / "model.safetensors").unlink()
    assert "model holds no model.safetensors" in refused(folder, InputMissing)
    save_file(weights(LAYER), str(folder / "adapter_model.safetensors"))
    assert "model is an adapter - merge it into its base model" in refused(folder)
    (folder / "config.json").unlink()
    assert "model holds no config.json" in refused(folder, InputMissing)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 100_000, '{"architectures": []}', '{"architectures": [1]}'])
def test_a_configuration_that_is_unsound_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    assert "config.json" in refused(folder)


def test_the_text_part_of_a_vision_model_decides(folder: Path) -> None:
    configure(folder, architectures=["LlavaModel"], text_config={"architectures": ["Qwen2ForCausalLM"]})
    assert checkpoint.read(folder).architecture == "Qwen2ForCausalLM"


def test_an_architecture_that_the_converter_does_not_know_is_named(folder: Path, converter: Path) -> None:
    for family in ("Llama", "Qwen2", "Qwen3", "SmolLM3", "Gemma3"):
        configure(folder, architectures=[f"{family}ForCausalLM"])
        checkpoint.check_architecture(checkpoint.read(folder), converter)
    configure(folder, architectures=["Odd\x1bForCausalLM"])
    with pytest.raises(WeightsRefused, match=r"architecture Odd\\x1bForCausalLM - it knows \d+, among them Llama"):
        checkpoint.check_architecture(checkpoint.read(folder), converter)
