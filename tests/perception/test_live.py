"""When somebody speaks and has finished: the real Silero over recordings, and scripted probabilities for the bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from helpers.sounds import RATE, noise, recording, silence
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception import live
from edge_assistant.perception.live import MAX_UTTERANCE, Endpointer, Heard, Level, Started, dbfs

from edge_assistant.perception.live import Ended, Paused, Pending, Resumed  # isort: skip
from edge_assistant.perception.vad import MIN_SPEECH, WINDOW
from edge_assistant_models.model import InstalledModel


@pytest.fixture(scope="module")
def endpointer(models: Callable[[str], InstalledModel]) -> Endpointer:
    return Endpointer(models("vad"), Runtime(1))


@pytest.fixture
def fresh(endpointer: Endpointer) -> Endpointer:
    endpointer.pause_s = 0.8
    endpointer.reset()
    return endpointer


def heard(endpointer: Endpointer, sound: np.ndarray, size: int = WINDOW) -> list[tuple[int, Heard]]:
    """What happened but the levels, each with the sample after which it did."""
    found: list[tuple[int, Heard]] = []
    for at in range(0, len(sound), size):
        end = min(len(sound), at + size)
        found += [(end, one) for one in endpointer.feed(sound[at:end]) if not isinstance(one, Level)]
    return found


def kinds(found: Iterable[tuple[int, Heard]]) -> list[str]:
    return [type(one).__name__ for _, one in found if not isinstance(one, Pending | Paused | Resumed)]


CLICK = np.concatenate([silence(1), noise(0.025, 0.5), silence(2)])
PRESSURE = recording("pressure.wav")  # silent for a second, speaks from 1.0 s to 3.6 s


def test_an_utterance_starts_pauses_and_ends_with_a_little_before_and_after(fresh: Endpointer) -> None:
    sound = np.concatenate([PRESSURE, silence(1)])
    found = heard(fresh, sound)
    started, *between, (ended, last) = found
    pending = [one.samples for _, one in between if isinstance(one, Pending)]
    ((paused, pause),) = [(at, one) for at, one in between if isinstance(one, Paused)]
    assert kinds(found) == ["Started", "Ended"]
    assert 1.0 < started[0] / RATE < 1.5
    assert 4.2 < ended / RATE < 4.7  # the pause of 0.8 s after 3.6 s
    assert 0.45 < (ended - paused) / RATE < 0.55
    assert len(pending) == 3
    assert np.all(np.diff([len(samples) for samples in pending]) > 0.7 * RATE)
    assert isinstance(last, Ended)
    utterance = last.samples
    assert np.array_equal(pause.samples, utterance)
    assert 2.5 < len(utterance) / RATE < 3.5
    begin = next(at for at in range(0, len(sound), WINDOW) if np.array_equal(sound[at : at + 9_000], utterance[:9_000]))
    for samples in [utterance, *pending]:
        assert np.array_equal(samples, sound[begin : begin + len(samples)])
    spoken = np.flatnonzero(np.abs(sound) > 0.02)
    assert 0.15 < (spoken[0] - begin) / RATE < 0.5
    assert 0.0 < (begin + len(utterance) - spoken[-1]) / RATE < 0.6


def test_where_speech_goes_on_that_is_told_and_the_next_pause_has_it_all(fresh: Endpointer) -> None:
    said = PRESSURE[: round(3.7 * RATE)]
    found = heard(fresh, np.concatenate([said, silence(0.5), said[RATE:], silence(2)]))
    told = [one for _, one in found if isinstance(one, Paused | Resumed | Ended)]
    assert [type(one) for one in told] == [Paused, Resumed, Paused, Ended]
    first, _, second, ended = told
    assert len(first.samples) < len(second.samples)  # type: ignore[union-attr]
    assert np.array_equal(second.samples, ended.samples)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "sound",
    [silence(4), noise(4, 0.02), noise(4, 0.3), np.ones(4 * RATE, np.float32), CLICK],
    ids=["silence", "noise", "loud", "constant", "click"],
)
def test_silence_and_noise_start_nothing(fresh: Endpointer, sound: np.ndarray) -> None:
    assert heard(fresh, sound) == []
    assert fresh.finish() is None


@pytest.mark.parametrize("size", [1, 511, 513, 100_000])
def test_the_size_of_blocks_does_not_matter(fresh: Endpointer, size: int) -> None:
    sound = np.concatenate([PRESSURE, silence(1)])[: (5 * RATE if size > 1 else 3 * RATE)]
    blocks = [one for _, one in heard(fresh, sound)]
    fresh.reset()
    others = [one for _, one in heard(fresh, sound, size)]
    assert [type(one) for one in others] == [type(one) for one in blocks]
    for one, other in zip(blocks, others, strict=True):
        if not isinstance(one, Started | Resumed):
            assert np.array_equal(one.samples, other.samples)  # type: ignore[union-attr]


def test_every_window_has_its_level(fresh: Endpointer) -> None:
    levels = [one for one in fresh.feed(PRESSURE) if isinstance(one, Level)]
    assert len(levels) == len(PRESSURE) // WINDOW
    assert all(live.FLOOR_DBFS <= level.dbfs <= 0 for level in levels)
    assert (dbfs(np.ones(WINDOW, np.float32)), dbfs(np.full(WINDOW, 1e-9, np.float32))) == (0, live.FLOOR_DBFS)
    assert not any(level.speaking for level in levels[: RATE // WINDOW])
    assert levels[2 * RATE // WINDOW].speaking
    assert max(level.dbfs for level in levels) > -25


def test_push_to_talk_ends_with_the_release_only(fresh: Endpointer) -> None:
    fresh.pause_s = math.inf
    found = heard(fresh, np.concatenate([PRESSURE, silence(3), PRESSURE[: 3 * RATE]]))
    assert kinds(found) == ["Started"]
    ended = fresh.finish()
    assert ended is not None
    assert 9.5 < len(ended.samples) / RATE < 10.1
    assert fresh.finish() is None
    assert heard(fresh, silence(1)) == []


def test_what_is_no_number_is_silence(fresh: Endpointer) -> None:
    broken = np.full(3 * RATE, np.nan, np.float32)
    broken[::3] = np.inf
    fresh.feed(np.concatenate([PRESSURE[: 3 * RATE], broken]))
    fresh.reset()  # what was being said is forgotten
    assert heard(fresh, silence(2)) == []
    assert kinds(heard(fresh, np.concatenate([PRESSURE, silence(1)]))) == ["Started", "Ended"]


class Scripted:
    """Says what it is told."""

    def __init__(self) -> None:
        self.probabilities: Iterator[float] = iter(())

    def reset(self) -> None:
        pass

    def probability(self, window: np.ndarray) -> float:
        return next(self.probabilities)


@pytest.fixture(scope="module")
def scripted(models: Callable[[str], InstalledModel]) -> Endpointer:
    made = Endpointer(models("vad"), Runtime(1))
    made._vad = Scripted()  # type: ignore[assignment]
    return made


def play(endpointer: Endpointer, probabilities: list[float], pause_s: float) -> list[tuple[int, Heard]]:
    """Windows of which each holds its number, with these probabilities; and the release at the end."""
    endpointer.reset()
    endpointer.pause_s = pause_s
    endpointer._vad.probabilities = iter(probabilities)  # type: ignore[attr-defined]
    found = []
    for number in range(len(probabilities)):
        block = np.full(WINDOW, number / 100_000, np.float32)
        found += [(number, one) for one in endpointer.feed(block) if not isinstance(one, Level)]
    ended = endpointer.finish()
    return found + ([(len(probabilities), ended)] if ended else [])


def numbers(samples: np.ndarray) -> list[int]:
    return [round(float(value) * 100_000) for value in samples[::WINDOW]]


RUNS = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), st.integers(1, 900)), max_size=12)


@settings(max_examples=12)
@given(RUNS, st.sampled_from([0.1, 0.3, 0.8, 3.0, math.inf]))
def test_utterances_are_short_in_order_and_lose_no_speech(
    scripted: Endpointer, runs: list[tuple[float, int]], pause_s: float
) -> None:
    probabilities = [level for level, count in runs for _ in range(count)]
    found = play(scripted, probabilities, pause_s)
    assert kinds(found) == ["Started", "Ended"] * (len(kinds(found)) // 2)
    covered: list[int] = []
    begun = 0
    paused = False
    for _, one in found:
        if isinstance(one, Paused | Resumed):
            assert isinstance(one, Resumed) is paused
        paused = isinstance(one, Paused)
        if isinstance(one, Started | Resumed):
            continue
        assert len(one.samples) <= MAX_UTTERANCE
        held = numbers(one.samples)
        assert held == list(range(held[0], held[0] + len(held)))
        if isinstance(one, Ended):
            assert held[0] >= begun
            begun = held[-1] + 1
            covered += held
    missed = sorted({at for at, level in enumerate(probabilities) if level >= 0.5} - set(covered))
    runs_missed = np.split(missed, np.flatnonzero(np.diff(missed) > 1) + 1)
    assert all(len(run) < MIN_SPEECH for run in runs_missed)


def test_speech_without_a_pause_is_cut_where_it_is_quietest(scripted: Endpointer) -> None:
    probabilities = [0.9] * 2_500
    probabilities[1_700] = 0.6
    found = play(scripted, probabilities, 0.8)
    assert kinds(found) == ["Started", "Ended", "Started", "Ended"]
    first, second = [numbers(one.samples) for _, one in found if isinstance(one, Ended)]
    assert first == list(range(1_701))
    assert second == list(range(1_701, 2_500))


def test_three_minutes_of_murmur_are_held_in_bounded_memory(scripted: Endpointer) -> None:
    scripted.reset()
    scripted.pause_s = math.inf
    random = np.random.default_rng(0)
    levels = np.repeat(random.choice([0.05, 0.4, 0.95], 150), 40).tolist()
    scripted._vad.probabilities = iter(levels)  # type: ignore[attr-defined]
    most = 0
    for _ in levels:
        scripted.feed(np.zeros(WINDOW, np.float32))
        most = max(most, len(scripted._turn.windows))
    assert most * WINDOW <= MAX_UTTERANCE
