"""Which hypotheses of Whisper are believed, and when each of their words was said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.perception import decoding, words
from edge_assistant.perception.whisper import Hypothesis


def hypothesis(**changes: object) -> Hypothesis:
    values = {"tokens": (1, 2), "log_probabilities": (-0.2, -0.4), "attention": np.zeros((3, 1, 1), np.float32),
              "no_speech": 0.1, "looped": False, "compression": 1.0}  # fmt: skip
    return Hypothesis(**(values | changes))


def test_which_hypotheses_are_believed() -> None:
    assert hypothesis().confidence == pytest.approx(-0.3)
    assert hypothesis().good(-1.0)
    assert not hypothesis(looped=True).good(-1.0)
    assert not hypothesis(compression=3.0).good(-1.0)
    assert not hypothesis(log_probabilities=(-2.0, -2.0)).good(-1.0)
    assert hypothesis(log_probabilities=(-2.0, -2.0), no_speech=0.9).silent
    assert not hypothesis(no_speech=0.9).silent


@pytest.mark.parametrize(
    ("tokens", "loops"),
    [([1] * 12, True), ([1] * 4, False), ([9, *[1, 2, 3, 4] * 3], True), ([1, 2, 3, 4] * 2, False), ([], False)],
)
def test_loops_are_seen(tokens: list[int], loops: bool) -> None:
    assert decoding.loops(tokens) is loops


@given(st.integers(1, 8), st.integers(0, 20), st.integers(0, 2**31))
def test_alignment_is_monotone_and_begins_at_the_beginning(rows: int, more: int, seed: int) -> None:
    cost = np.random.default_rng(seed).standard_normal((rows, rows + more)).astype(np.float32)
    first = words.first_positions(cost)
    assert first[0] == 0
    assert first == sorted(first)
    assert len(first) == rows
    assert first[-1] < rows + more
    assert {type(position) for position in first} == {int}


@given(st.integers(1, 7), st.integers(1, 20), st.integers(0, 2**31))
def test_alignment_is_the_cheapest_of_all(rows: int, columns: int, seed: int) -> None:
    cost = np.random.default_rng(seed).integers(-3, 4, (rows, columns)).astype(np.float32)
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for i in range(rows):
        for j in range(columns):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    first = words.first_positions(cost)
    way = cost[-1, first[-1] :].sum()
    for row, (start, then) in enumerate(pairwise(first)):
        way += cost[row, start] if start == then else cost[row, start:then].sum() + min(0, cost[row, then])
    assert way == total[rows, columns]


@given(st.integers(1, 5), st.integers(4, 30), st.integers(0, 2**31))
def test_the_median_of_seven_is_that_of_numpy(rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    padded = np.pad(values, ((0, 0), (3, 3)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1)
    assert np.array_equal(words._median(values), np.median(windows, axis=-1))


def test_words_are_moved_out_of_silence() -> None:
    regions = [(1.0, 2.0), (5.0, 6.0)]
    assert words._into_speech(0.2, 1.5, regions) == (1.0, 1.5)
    assert words._into_speech(1.5, 4.0, regions) == (1.5, 2.0)
    assert words._into_speech(3.0, 5.5, regions) == (5.0, 5.5)
    assert words._into_speech(7.0, 8.0, regions)[0] <= 8.0
