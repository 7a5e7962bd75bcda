"""A folder of a model, before it is converted: what is accepted, and what is said of what is not."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    assert (found.architecture, found.values, found.largest) == ("LlamaForCausalLM", 24, 8)
    assert sorted(tensor.name for tensor in found.tensors) == sorted((LAYER, EMBEDDING, OUTPUT))
    done = []
    found.check_finite(done.append)
    assert done == sorted(done)
    assert done[-1] == found.bytes == sum(path.stat().st_size for path in sharded.glob("*.safetensors"))
    configure(sharded, architectures=["LlavaModel"], text_config={"architectures": ["Qwen2ForCausalLM"]})
    assert checkpoint.read(sharded).architecture == "Qwen2ForCausalLM"
    (sharded / SECOND).unlink()
    assert "model holds 1 of 2 parts of the weights - fetch the model again" in refused(sharded)
    weights(sharded / "model-00001-of-00003.safetensors", EMBEDDING)  # of another set
    assert "model holds 1 of 2 parts of the weights" in refused(sharded)
    (sharded / "model-00001-of-00003.safetensors").unlink()
    weights(sharded / SECOND, EMBEDDING, OUTPUT)
    weights(sharded / "model.safetensors", LAYER)
    assert len(checkpoint.read(sharded).weights) == 2
    (sharded / INDEX).unlink()
    assert [path.name for path in checkpoint.read(sharded).weights] == ["model.safetensors"]


def test_an_index_that_leads_elsewhere_is_not_followed(sharded, tmp_path):
    """transformers opens whatever file an index names, pickles too."""
    (sharded / INDEX).write_text(json.dumps({"weight_map": {LAYER: "../evil.bin"}}))
    staged = checkpoint.read(sharded).stage(tmp_path / "work")
    places = json.loads((staged / INDEX).read_text())["weight_map"]
    assert places == {LAYER: SECOND.replace("2-", "1-", 1), EMBEDDING: SECOND, OUTPUT: SECOND}


def test_a_tensor_that_the_index_names_and_no_part_has_is_said(sharded):
    """llama.cpp takes many tensors as optional: biases, norms of heads, the output layer."""
    weights(sharded / SECOND, EMBEDDING)
    assert f"the weights lack {OUTPUT}, which {INDEX} names - fetch the model again" in refused(sharded)
    for content, said in (('{"weight_map": ["a"]}', "says of no tensor where it is"), ("[", "cannot be read")):
        (sharded / INDEX).write_text(content)
        assert f"{INDEX} {said}" in refused(sharded)
    for part in (SECOND, SECOND.replace("2-", "1-", 1)):
        (sharded / part).unlink()
    weights(sharded / "model.safetensors", LAYER)  # one file needs no index
    assert checkpoint.read(sharded)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.PTH", "last.ckpt"])
def test_pickles_are_refused(folder, name):
    (folder / "model.safetensors").rename(folder / name)
    assert f"in {name} only: pickled weights can run code - ask for safetensors" in refused(folder)


def test_only_data_is_staged_and_nothing_in_it_asks_for_code(folder, tmp_path):
    for name in ("pytorch_model.bin", "training_args.bin", "modeling.py", "tokenizer.pkl"):
        (folder / name).write_bytes(b"not looked at")
    asks = {"auto_map": {"AutoConfig": "code.Config"}, "configuration_files": ["config.4.0.0.json"]}
    configure(folder, **asks, transformers_weights="other.safetensors.index.json", hidden_size=2)
    (folder / "tokenizer_config.json").write_text('{"auto_map": {}, "bos_token": "<s>"}')
    staged = checkpoint.read(folder).stage(tmp_path / "work")
    names = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", INDEX}
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


def test_a_lost_output_layer_is_said(folder):
    path = folder / "model.safetensors"
    weights(path, LAYER, EMBEDDING)
    for tied in ({}, {"tie_word_embeddings": True}, {"text_config": {"tie_word_embeddings": True}}):
        configure(folder, **tied)
        assert checkpoint.read(folder)
    for own in ({"tie_word_embeddings": False}, {"text_config": {"tie_word_embeddings": False}}):
        configure(folder, **own)
        assert "the output layer lm_head.weight is missing" in refused(folder)
    assert checkpoint.read(folder, language=False)
    for name in (OUTPUT, "language_model.lm_head.qweight", "embed_out.weight"):  # the last one of GPT-NeoX
        weights(path, LAYER, EMBEDDING, name)
        assert checkpoint.read(folder)


def test_a_lost_tokenizer_is_said(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text("{}")  # without its merges
    assert "model has no tokenizer - copy tokenizer.json" in refused(folder)
    (folder / "merges.txt").write_text("")
    assert checkpoint.read(folder)


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


def written(header, data):
    """A file of weights with any header."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def row(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 a zip of pickles", "header too large"),
        (written(b'{"a":' * 50_000, b""), "recursion limit exceeded"),
        (written({"a": row("F32", [1 << 30, 1 << 30, 1 << 30], 0, 4)}, bytes(4)), "overflow"),
        (written({"a": row("F32", [1], 0, 4), "b": row("F32", [1], 0, 4)}, bytes(4)), "invalid offset"),
        (written({"a": row("F32", [2], 0, 8)}, bytes(9)), "file not fully covered"),
    ],
    ids=str,
)
def test_a_header_that_is_unsound_is_refused(folder, content, said):
    (folder / "model.safetensors").write_bytes(content)
    told = refused(folder)
    assert told.startswith("model.safetensors cannot be used (")
    assert said in told


def test_a_header_has_a_limit(folder, monkeypatch):
    """The library takes 100 MB, of which a million tensors are made and 1.7 GB of memory."""
    monkeypatch.setattr(checkpoint, "MAX_HEADER_BYTES", 100)
    assert "model.safetensors cannot be used (header too large)" in refused(folder)


KEYS = st.sampled_from(["a", "dtype", "shape", "data_offsets", "F32"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(JSON | st.binary(max_size=200), st.binary(max_size=50))
def test_anything_is_read_or_refused_and_nothing_else(tmp_path_factory, header, data):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    for content in (written(header, data), data):
        path.write_bytes(content)
        try:
            found = checkpoint._stored(path)
        except WeightsRefused:
            continue
        assert all(tensor.values >= 0 for tensor in found)


# Bits of the largest negative number, and of what is none
BITS = {
    "F16": (0xFBFF, [0x7C00, 0xFC00, 0x7E01]),
    "BF16": (0xFF7F, [0x7F80, 0xFF80, 0x7FC1]),
    "F32": (0xFF7F_FFFF, [0x7F80_0000, 0xFF80_0000, 0x7FC0_0001]),
    "F64": ((0xFFF0 << 48) - 1, [0x7FF0 << 48, 0xFFF0 << 48, (0x7FF8 << 48) + 1]),
}


@pytest.mark.parametrize("dtype", BITS)
def test_nan_and_infinity_are_found_and_nothing_else(folder, dtype):
    path, size = folder / "model.safetensors", int(dtype.strip("BF")) // 8

    def of_bits(*bits):
        data = b"".join(value.to_bytes(size, "little") for value in bits)
        header = {"first": row("I32", [1], 0, 4), "w": row(dtype, [len(bits)], 4, 4 + len(data))}
        path.write_bytes(written(header, b"\xff" * 4 + data))
        return checkpoint.read(folder)

    (largest, not_finite), seen = BITS[dtype], []
    finite = [0, 1, largest, largest ^ 1 << 8 * size - 1] * 9
    of_bits(*finite).check_finite(seen.append)
    assert seen[-1] == path.stat().st_size
    for value in not_finite:
        for place in (0, 17, len(finite)):
            found = of_bits(*finite[:place], value, *finite[place:])
            with pytest.raises(WeightsRefused, match=r"the tensor w in model\.safetensors holds NaN or infinity"):
                found.check_finite(seen.append)
