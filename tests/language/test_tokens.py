"""Texts as tokens; of prompts what two share, and where one is cut."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.language import llama
from edge_assistant.language.tokens import BATCH, TokenizedPrompt, Tokenizer, shared


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_what_two_sequences_share(a: list[int], b: list[int]) -> None:
    length = shared(a, b)
    assert a[:length] == b[:length]
    assert length == min(len(a), len(b)) or a[length] != b[length]


@given(st.lists(st.integers(1, 700), max_size=3), st.integers(1, 700))
def test_a_prompt_is_cut_where_it_may_be_left_and_into_batches(steps: list[int], rest: int) -> None:
    stable = tuple(sum(steps[: i + 1]) for i in range(len(steps)))
    prompt = TokenizedPrompt((0,) * (sum(steps) + rest), stable)
    cuts = (0, *prompt.cuts)
    assert all(0 < b - a <= BATCH for a, b in pairwise(cuts))
    assert {*stable, len(prompt.tokens)} <= set(cuts)
    for end in stable:
        assert prompt.beginning(end).cuts == tuple(cut for cut in prompt.cuts if cut <= end)


def test_a_text_of_more_tokens_than_bytes_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a vocabulary without its sign for a space, which then is three bytes."""

    def tokenize(_: object, data: bytes, length: int, tokens: ctypes.Array[ctypes.c_int], room: int, *__: bool) -> int:
        wanted = 3 * length
        if room < wanted:
            return -wanted
        tokens[:wanted] = [*range(wanted)]
        return wanted

    library = SimpleNamespace(
        llama_token=ctypes.c_int, llama_model_get_vocab=lambda model: None, llama_tokenize=tokenize
    )
    monkeypatch.setattr(llama, "library", lambda: library)
    assert Tokenizer(None).tokens(" " * 40) == [*range(120)]
