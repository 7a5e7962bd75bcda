"""By which rules a tokenizer splits text, and how it does."""

from __future__ import annotations

import json

import pytest
from helpers import tiny_llama
from helpers.tiny_language_models import LLAMA3, QWEN2
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.gguf import tokenization

WORDS = {"type": "ByteLevel", "add_prefix_space": False}
BYTES = {**WORDS, "trim_offsets": True, "use_regex": False}
DIGITS = {"type": "Digits", "individual_digits": True}


def split(pattern, **more):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False, **more}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        (sequence(split(QWEN2), BYTES), "qwen2"),
        (sequence(split(LLAMA3), BYTES), "llama-bpe"),
        (sequence(DIGITS, WORDS), "smollm"),
        (WORDS, "gpt-2"),
        (sequence(split(QWEN2), WORDS), None),
        (sequence(split(QWEN2, invert=True), BYTES), None),
        (sequence(split(QWEN2, behavior="Removed"), BYTES), None),
        (sequence({"type": "Digits", "individual_digits": False}, WORDS), None),
        ({"type": "ByteLevel", "add_prefix_space": True}, None),
        (None, None),
        ({"type": "Sequence", "pretokenizers": 3}, None),
    ],
)
def test_the_rules_of_a_family_are_recognised(tmp_path, rules, name):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": rules}))
    assert tokenization.family(tmp_path) == name


JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["Split", "ByteLevel", "Sequence", "Isolated"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "pattern", "Regex", "pretokenizers", "behavior"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_rules_are_those_of_a_family_or_not(tmp_path_factory, rules):
    folder = tmp_path_factory.getbasetemp()
    (folder / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": rules}))
    assert tokenization.family(folder) in {None, "gpt-2", "smollm"}


def test_a_tokenizer_that_no_library_reads_has_no_tokens(tmp_path):
    assert tokenization.tokens(tmp_path, ["a text"]) is tokenization.family(tmp_path) is None
    (tmp_path / "tokenizer.model").write_bytes(b"no pieces")
    assert tokenization.tokens(tmp_path, ["a text"]) is None
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    for prefix, read in ((None, True), ("##", False)):  # over the second the library panics
        table = {"version": "1.0", "added_tokens": [], "model": {**model, "continuing_subword_prefix": prefix}}
        (tmp_path / "tokenizer.json").write_text(json.dumps(table))
        assert (tokenization.tokens(tmp_path, ["ab"]) == [[2]]) is read


def test_what_llama_cpp_does_not_load_has_its_reason(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"no model")
    said = r"does not load my\.gguf \(.* from my\.gguf\)"
    with path.open("rb") as file, pytest.raises(QuantizationFailed, match=said):
        tokenization.load(file.fileno(), "my.gguf", [])


def test_a_tokenizer_of_another_number_of_tokens_is_named_with_what_helps(tmp_path, monkeypatch):
    shapes = tiny_llama._shapes
    monkeypatch.setattr(tiny_llama, "_shapes", lambda experts, tokens: shapes(experts, tokens + 8))
    path = tiny_llama.write(tmp_path / "model.gguf")
    said = r"token_embd\.weight.* - the tokenizer does not fit the model.*put tokenizer\.json"
    with path.open("rb") as file, pytest.raises(QuantizationFailed, match=said):
        tokenization.load(file.fileno(), "my.gguf", [])
