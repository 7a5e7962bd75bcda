"""A folder of a model, before it is converted: what is accepted, and what is said of what is not."""

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
INDEX, SECOND = "model.safetensors.index.json", "model-00002-of-00002.safetensors"
LAYER, EMBEDDING, OUTPUT = "model.layers.0.mlp.up_proj.weight", "model.embed_tokens.weight", "lm_head.weight"


def weights(path: Path, *names: str) -> None:
    save_file({name: np.ones((4, 2), np.float32) for name in names}, str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model in one file."""
    made = tmp_path / "model"
    made.mkdir()
    configure(made)
    (made / "tokenizer.json").write_text("{}")
    weights(made / "model.safetensors", LAYER, EMBEDDING, OUTPUT)
    return made


@pytest.fixture
def sharded(folder: Path) -> Path:
    """The same in two parts."""
    (folder / "model.safetensors").unlink()
    places: dict[str, str] = {}
    for part, names in {SECOND.replace("2-", "1-", 1): (LAYER,), SECOND: (EMBEDDING, OUTPUT)}.items():
        weights(folder / part, *names)
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
    configure(folder, architectures=["LlavaModel"], text_config={"architectures": ["Qwen2ForCausalLM"]})
    assert checkpoint.read(folder).architecture == "Qwen2ForCausalLM"


def test_parts_are_read_together(sharded: Path) -> None:
    found = checkpoint.read(sharded)
    assert sorted(tensor.name for tensor in found.tensors) == sorted((LAYER, EMBEDDING, OUTPUT))
    done: list[int] = []
    found.check_finite(done.append)
    assert done == sorted(done)
    assert done[-1] == found.bytes == sum(path.stat().st_size for path in sharded.glob("*.safetensors"))
    (sharded / INDEX).unlink()  # the names say how many there are, too
    assert len(checkpoint.read(sharded).weights) == 2
    (sharded / SECOND).unlink()
    assert "model has 1 of 2 parts of its weights" in refused(sharded)


PLACES = [{LAYER: SECOND}, {"more": SECOND}, {LAYER: 1}, {LAYER: "../outside.safetensors"}, {}, [], None]


@pytest.mark.parametrize("places", PLACES, ids=str)
def test_an_index_that_does_not_fit_is_refused(sharded: Path, places: object) -> None:
    weights(sharded.parent / "outside.safetensors", LAYER)
    (sharded / INDEX).write_text(json.dumps({"weight_map": places}))
    said = refused(sharded)
    assert any(
        why in said for why in ("is not where", "says of no tensor where it is", "outside.safetensors, one of 1")
    )


def test_a_missing_part_is_named(sharded: Path) -> None:
    (sharded / SECOND).unlink()
    assert f"{SECOND}, one of 2 parts" in refused(sharded)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.PTH", "last.ckpt", "model.pkl"])
def test_pickles_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert f"in {name} only: pickled weights can run code - ask for safetensors" in refused(folder)
    assert "pickled weights can run code" in refused(folder / name)


def test_only_data_is_staged_and_nothing_in_it_asks_for_code(folder: Path, tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "modeling.py", "tokenizer.pkl"):
        (folder / name).write_bytes(b"not looked at")
    asks = {"auto_map": {"AutoConfig": "code.Config"}, "configuration_files": ["config.4.0.0.json"]}
    configure(folder, **asks, transformers_weights="other.safetensors.index.json", hidden_size=2)
    (folder / "tokenizer_config.json").write_text('{"auto_map": {}, "bos_token": "<s>"}')
    staged = checkpoint.read(folder).stage(tmp_path / "work")
    names = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert {path.name for path in staged.iterdir()} == names
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
    weights(folder / "model.safetensors", LAYER, EMBEDDING)
    configs: list[dict[str, Any]] = [{}, {"tie_word_embeddings": True}, {"text_config": {"tie_word_embeddings": True}}]
    for tied in configs:
        configure(folder, **tied)
        assert checkpoint.read(folder).tied
    configure(folder, tie_word_embeddings=False)
    assert "the output layer lm_head.weight is missing" in refused(folder)


def test_what_is_no_model_is_missing(folder: Path, tmp_path: Path) -> None:
    assert "there is no folder nothing" in refused(tmp_path / "nothing", InputMissing)
    (folder / "model.safetensors").unlink()
    assert "model holds no model.safetensors" in refused(folder, InputMissing)
    weights(folder / "adapter_model.safetensors", LAYER)
    assert "model is an adapter - merge it into its base model" in refused(folder)
    (folder / "config.json").unlink()
    assert "model holds no config.json" in refused(folder, InputMissing)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 100_000, '{"architectures": []}', '{"architectures": [1]}'])
def test_a_configuration_that_is_unsound_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    assert "config.json" in refused(folder)


def test_an_architecture_that_the_converter_does_not_know_is_named(folder: Path, converter: Path) -> None:
    for family in ("Llama", "Qwen2", "Qwen3", "SmolLM3", "Gemma3"):
        configure(folder, architectures=[f"{family}ForCausalLM"])
        checkpoint.check_architecture(checkpoint.read(folder), converter)
    configure(folder, architectures=["Odd\x1bForCausalLM"])
    with pytest.raises(WeightsRefused, match=r"architecture Odd\\x1bForCausalLM - it knows \d+, among them Llama"):
        checkpoint.check_architecture(checkpoint.read(folder), converter)
