"""A folder of a model, before it is converted: what is accepted, and what is said of what is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from edge_assistant_quantize.errors import InputMissing, WeightsRefused
from edge_assistant_quantize.gguf import checkpoint

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
INDEX, SECOND = "model.safetensors.index.json", "model-00002-of-00002.safetensors"
LAYER, EMBEDDING, OUTPUT = "model.layers.0.mlp.up_proj.weight", "model.embed_tokens.weight", "lm_head.weight"


def weights(path, *names):
    save_file({name: np.ones((4, 2), np.float32) for name in names}, str(path))


def configure(folder, **keys):
    (folder / "config.json").write_text(json.dumps({**CONFIG, **keys}))


@pytest.fixture
def folder(tmp_path):
    """A whole model in one file."""
    made = tmp_path / "model"
    made.mkdir()
    configure(made)
    (made / "tokenizer.json").write_text("{}")
    weights(made / "model.safetensors", LAYER, EMBEDDING, OUTPUT)
    return made


@pytest.fixture
def sharded(folder):
    """The same in two parts."""
    (folder / "model.safetensors").unlink()
    places = {}
    for part, names in {SECOND.replace("2-", "1-", 1): (LAYER,), SECOND: (EMBEDDING, OUTPUT)}.items():
        weights(folder / part, *names)
        places |= dict.fromkeys(names, part)
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    return folder


def refused(folder, kind=WeightsRefused):
    with pytest.raises(kind) as caught:
        checkpoint.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_is_read_whole_or_in_parts(sharded):
    found = checkpoint.read(sharded)
    assert (found.architecture, found.values, found.largest, found.tied) == ("LlamaForCausalLM", 24, 8, False)
    assert sorted(tensor.name for tensor in found.tensors) == sorted((LAYER, EMBEDDING, OUTPUT))
    done = []
    found.check_finite(done.append)
    assert done == sorted(done)
    assert done[-1] == found.bytes == sum(path.stat().st_size for path in sharded.glob("*.safetensors"))
    configure(sharded, architectures=["LlavaModel"], text_config={"architectures": ["Qwen2ForCausalLM"]})
    assert checkpoint.read(sharded).architecture == "Qwen2ForCausalLM"
    (sharded / SECOND).unlink()
    assert f"{SECOND}, one of 2 parts" in refused(sharded)
    (sharded / INDEX).unlink()  # the names say how many there are, too
    assert f"{SECOND}, one of 2 parts" in refused(sharded)
    weights(sharded / SECOND, EMBEDDING)
    assert len(checkpoint.read(sharded).weights) == 2


PLACES = [{LAYER: SECOND}, {"more": SECOND}, {LAYER: 1}, {LAYER: "../outside.safetensors"}, {}, [], None]


@pytest.mark.parametrize("places", PLACES, ids=str)
def test_an_index_that_does_not_fit_is_refused(sharded, places):
    weights(sharded.parent / "outside.safetensors", LAYER)
    (sharded / INDEX).write_text(json.dumps({"weight_map": places}))
    said, reasons = refused(sharded), ("is not where", "says of no tensor where it is", "outside.safetensors, one of 1")
    assert any(reason in said for reason in reasons)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.PTH", "last.ckpt"])
def test_pickles_are_refused(folder, name):
    (folder / "model.safetensors").rename(folder / name)
    assert f"in {name} only: pickled weights can run code - ask for safetensors" in refused(folder)
    assert "pickled weights can run code" in refused(folder / name)


def test_only_data_is_staged_and_nothing_in_it_asks_for_code(folder, tmp_path):
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


def test_a_list_named_like_a_configuration_is_data_and_what_cannot_be_read_is_refused(folder, tmp_path):
    """sentence-transformers/all-MiniLM-L6-v2 has its training data in data_config.json: a list of tables."""
    path = folder / "data_config.json"
    path.write_text('[{"name": "a.jsonl.gz", "lines": 3, "weight": 1}]')
    found = checkpoint.read(folder)
    assert (found.stage(tmp_path / "work") / path.name).read_text() == path.read_text()
    for content in ("{", "[" * 100_000):
        path.write_text(content)
        with pytest.raises(WeightsRefused, match=r"data_config\.json cannot be read"):
            found.stage(tmp_path / f"work {len(content)}")


def test_a_lost_tokenizer_or_output_layer_is_said(folder):
    weights(folder / "model.safetensors", LAYER, EMBEDDING)
    for tied in ({}, {"tie_word_embeddings": True}, {"text_config": {"tie_word_embeddings": True}}):
        configure(folder, **tied)
        assert checkpoint.read(folder).tied
    configure(folder, tie_word_embeddings=False)
    assert "the output layer lm_head.weight is missing" in refused(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text("{}")  # without its merges
    assert "model has no tokenizer - copy tokenizer.json" in refused(folder)
    (folder / "merges.txt").write_text("")
    assert "the output layer" in refused(folder), "the tokenizer is found"


def test_what_is_no_model_is_missing(folder, tmp_path):
    assert "there is no folder nothing" in refused(tmp_path / "nothing", InputMissing)
    (folder / "model.safetensors").unlink()
    assert "model holds no model.safetensors" in refused(folder, InputMissing)
    weights(folder / "adapter_model.safetensors", LAYER)
    assert "model is an adapter - merge it into its base model" in refused(folder)
    for content in ("[]", "{", "[" * 100_000, '{"architectures": []}', '{"architectures": [1]}'):
        weights(folder / "model.safetensors", LAYER)
        (folder / "config.json").write_text(content)
        assert "config.json" in refused(folder)
    (folder / "config.json").unlink()
    assert "model holds no config.json" in refused(folder, InputMissing)
