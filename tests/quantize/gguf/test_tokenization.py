"""How tokenizers split text, and what llama.cpp does not load."""

from __future__ import annotations

import json

import pytest
from helpers import tiny_llama

from edge_assistant.language import llama
from edge_assistant_quantize.errors import QuantizationFailed, WeightsRefused
from edge_assistant_quantize.gguf import tokenization


@pytest.fixture(autouse=True)
def log():
    """What llama.cpp says is dropped again: the check is one of a process that ends with it."""
    yield
    llama.silence.cache_clear()
    llama.silence()


def test_the_tokens_are_compared_with_those_of_the_folder_if_it_has_a_tokenizer(tmp_path, monkeypatch):
    path = tiny_llama.write(tmp_path / "model.gguf")
    tokenization.check(tmp_path, str(path), "my.gguf")
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    monkeypatch.setattr(tokenization, "TEXTS", ["ab"])
    with pytest.raises(WeightsRefused, match=r"splits the text ab into other tokens.*put tokenizer\.model"):
        tokenization.check(tmp_path, str(path), "my.gguf")


def test_what_llama_cpp_does_not_load_has_its_reason(tmp_path, monkeypatch):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"no model")
    with pytest.raises(QuantizationFailed, match=r"does not load my\.gguf \(.* from my\.gguf\)"):
        tokenization.check(tmp_path, str(path), "my.gguf")
    shapes = tiny_llama._shapes
    monkeypatch.setattr(tiny_llama, "_shapes", lambda experts, tokens: shapes(experts, tokens + 8))
    tiny_llama.write(path)
    with pytest.raises(QuantizationFailed, match=r"token_embd\.weight.* - the tokenizer does not fit the model"):
        tokenization.check(tmp_path, str(path), "my.gguf")
