"""How tokenizers split text, and what llama.cpp does not load."""

from __future__ import annotations

import json

import pytest
from helpers import tiny_llama

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.gguf import tokenization


def test_a_tokenizer_that_no_library_reads_has_no_tokens(tmp_path):
    assert tokenization.tokens(tmp_path, ["a text"]) is None
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
