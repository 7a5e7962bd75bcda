"""Prompts as tokens: what two share, and where one is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.language.tokens import BATCH, TokenizedPrompt, shared


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
