"""By which rules a tokenizer splits text, and how it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny_language_models
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.gguf import tokenization

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
WORDS = {"type": "ByteLevel", "add_prefix_space": False}
DIGITS = {"type": "Digits", "individual_digits": True}


def split(pattern: str, **more: object) -> dict[str, object]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False, **more}


def sequence(*parts: object) -> dict[str, object]:
    return {"type": "Sequence", "pretokenizers": list(parts)}


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        (sequence(split(tiny_language_models.QWEN2), BYTES), "qwen2"),
        (sequence(split(tiny_language_models.LLAMA3), BYTES), "llama-bpe"),
        (sequence(DIGITS, WORDS), "smollm"),
        (WORDS, "gpt-2"),
        (sequence(split(tiny_language_models.QWEN2), WORDS), None),
        (sequence(split(tiny_language_models.QWEN2, invert=True), BYTES), None),
        (sequence(split(tiny_language_models.QWEN2, behavior="Removed"), BYTES), None),
        (sequence(split(tiny_language_models.QWEN2 + "|x"), BYTES), None),
        (sequence({"type": "Digits", "individual_digits": False}, WORDS), None),
        ({"type": "ByteLevel", "add_prefix_space": True}, None),
        (None, None),
        (sequence(), None),
        ({"type": "Sequence", "pretokenizers": 3}, None),
    ],
)
def test_the_rules_of_a_family_are_recognised(tmp_path: Path, rules: object, name: str | None) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": rules}))
    assert tokenization.family(tmp_path) == name


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["Split", "ByteLevel", "Sequence", "Isolated"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "pattern", "Regex", "pretokenizers", "behavior"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_rules_are_those_of_a_family_or_not(tmp_path_factory: pytest.TempPathFactory, rules: object) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": rules}))
    assert tokenization.family(folder) in {None, "gpt-2", "smollm"}


def test_a_tokenizer_that_no_library_reads_has_no_tokens(tmp_path: Path) -> None:
    assert tokenization.tokens(tmp_path, ["a text"]) is None
    assert tokenization.family(tmp_path) is None
    (tmp_path / "tokenizer.model").write_bytes(b"no pieces")
    assert tokenization.tokens(tmp_path, ["a text"]) is None
    (tmp_path / "tokenizer.json").write_text("{}")
    assert tokenization.tokens(tmp_path, ["a text"]) is None


def test_a_tokenizer_over_which_the_library_panics_is_none_that_it_reads(tmp_path: Path) -> None:
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    file = tmp_path / "tokenizer.json"
    for prefix, read in ((None, True), ("##", False)):
        table = {"version": "1.0", "added_tokens": [], "model": {**model, "continuing_subword_prefix": prefix}}
        file.write_text(json.dumps(table))
        assert (tokenization.tokens(tmp_path, ["ab"]) == [[2]]) is read


def test_what_llama_cpp_does_not_load_has_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"no model")
    with (
        path.open("rb") as file,
        pytest.raises(QuantizationFailed, match=r"does not load my\.gguf \(.* from my\.gguf\)"),
    ):
        tokenization.load(file.fileno(), "my.gguf", [])
