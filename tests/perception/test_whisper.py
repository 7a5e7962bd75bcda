"""Whisper's parts: its spectrogram, drafts, loops, which hypotheses are believed, and when each word was said."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from helpers.sounds import recording
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception import decoding, whisper, words
from edge_assistant.perception.decoding import guess
from edge_assistant.perception.whisper import Hypothesis, Whisper
from edge_assistant_models.model import InstalledModel

FIRST = 100  # the least token that is a time


def test_filters_are_those_that_whisper_was_trained_with() -> None:
    """Values of openai/whisper's assets/mel_filters.npz, mel_80."""
    filters = whisper._filters(80)
    assert filters.shape == (80, 201)
    assert filters[0, 1] == pytest.approx(0.02486259, abs=1e-7)
    assert np.count_nonzero(filters[0]) == 1
    assert filters.sum(axis=1) == pytest.approx(np.full(80, 0.025), rel=0.2)


def test_as_faster_whisper_computes_it() -> None:
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = np.random.default_rng(0).standard_normal(70_100).astype(np.float32) * 0.1
    padded = np.pad(samples, (0, 600 * 160 - len(samples)))
    theirs = FeatureExtractor()(padded, padding=0)[:, :600]
    assert whisper.log_mel(samples, 600) == pytest.approx(theirs, abs=2e-4)
    blank = pad_or_trim(FeatureExtractor()(samples)[:, :-1], 1_000)
    assert whisper.log_mel(samples, 1_000, blank=True) == pytest.approx(blank, abs=2e-4)


@pytest.mark.parametrize(
    ("tokens", "draft", "guessed"),
    [
        ([], [100, 1, 2, 130], [100, 1, 2, 130]),
        ([], [], []),
        ([], list(range(40)), list(range(12))),
        ([100, 1], [100, 1, 2, 3], [2, 3]),
        ([100, 9, 2, 3], [100, 1, 2, 3, 4, 5], [4, 5]),
        ([100, 9, 8], [100, 1, 2, 3], []),
        ([7, 1, 2], [1, 2, 3, 1, 2, 4], [3, 1, 2, 4]),
        ([7, 7, 7, 7, 1, 2], [1, 2, 3, 1, 2, 4], [4]),
        ([100, 1, 2], [1, 2], []),
        ([100, 1, 130], [], [130]),
        ([100, 1, 130, 130], [], []),
        ([100], [], []),
        ([100, 1, 130], [1, 130, 140, 5], [140, 5]),
    ],
)
def test_what_is_guessed(tokens: list[int], draft: list[int], guessed: list[int]) -> None:
    assert guess(tokens, draft, FIRST) == guessed


def test_a_draft_saves_runs_and_changes_nothing(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, sound, runs = Whisper(models("speech"), Runtime(1)), recording("allergies.wav"), list[object]()
    seconds, original = len(sound) / 16_000, Whisper._run
    monkeypatch.setattr(Whisper, "_run", lambda *given: runs.append(given) or original(*given))
    heard = made._encode(made._encoder, sound, seconds + 2, False)

    def decoded(draft: tuple[int, ...] = ()) -> tuple[Hypothesis, int]:
        """The hypothesis, and how often the decoder ran."""
        runs.clear()
        return made._decode(heard, "en", seconds - 0.5, 0.0, (), draft), len(runs)

    plain, most = decoded()
    words = plain.tokens
    assert most >= len(words) - 2
    for draft, fewer in (
        (words, 4),
        ((*words[:6], 11, *words[7:]), 2),  # another word in the middle
        ((words[0], 11, 12, 13, *words[4:]), 2),  # another beginning
        (tuple(range(1000, 1040)), 1),
    ):
        found, count = decoded(draft)
        assert found.tokens == words
        assert found.log_probabilities == pytest.approx(plain.log_probabilities, abs=0.1)  # of 8 bits
        assert found.attention.shape == plain.attention.shape
        assert np.abs(found.attention - plain.attention).max() < 0.1
        assert count <= most // fewer


@pytest.mark.parametrize(
    ("said", "twice"),
    [
        ("We drove 203 kilometres and stopped. We drove 203 kilometres, and stopped.", True),
        ("The bus was late. So it all had to go. The bus was late.", False),
        ("No, no, no, no.", False),
        ("It is ten. It is ten.", False),
        ("", False),
    ],
)
def test_several_words_that_come_again_at_the_end_were_said_once(said: str, twice: bool) -> None:
    assert whisper._says_twice(said) is twice


def test_a_run_of_the_style_is_no_speech() -> None:
    style = tuple(range(20))
    assert whisper._echoes((90, 3, 4, 5, 6, 7, 91), style)
    assert not whisper._echoes((90, 3, 4, 5, 6, 91, 7, 8), style)
    assert not whisper._echoes((1, 2, 3), ())


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
