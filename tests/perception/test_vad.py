"""Where somebody speaks, and how a stream is cut into chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from helpers.sounds import RATE, recording, silence
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception import vad
from edge_assistant.perception.vad import MAX_CHUNK, WINDOW, SileroVad, SpeechChunk, chunks, rest
from edge_assistant_models.model import InstalledModel


class Scripted(SileroVad):
    """Says what it is told, and remembers the most that anybody kept."""

    def __init__(self, probabilities: Iterator[float]) -> None:
        self.probabilities = probabilities

    def reset(self) -> None:
        pass

    def probability(self, window: np.ndarray) -> float:
        return next(self.probabilities)


def cut(probabilities: list[float]) -> list[SpeechChunk]:
    blocks = (np.full(WINDOW, at % 1000, np.float32) for at in range(len(probabilities)))
    return list(chunks(blocks, Scripted(iter(probabilities))))


@pytest.fixture(scope="module")
def silero(models: Callable[[str], InstalledModel]) -> SileroVad:
    return SileroVad(Runtime.detect().session(models("vad").files["model"], threads=1))


def test_speech_is_found_where_it_is(silero: SileroVad) -> None:
    (chunk,) = chunks([recording("pressure.wav")], silero)
    start = (chunk.start + chunk.regions[0][0]) / RATE
    end = (chunk.start + chunk.regions[-1][1]) / RATE
    assert start == pytest.approx(1.0, abs=0.25)
    assert end == pytest.approx(3.6, abs=0.35)


def test_a_long_pause_ends_a_chunk_and_the_size_of_blocks_does_not_matter(silero: SileroVad) -> None:
    spoken = recording("pressure.wav")
    sound = np.concatenate([spoken, silence(5), spoken])
    whole = list(chunks([sound], silero))
    pieces = list(chunks(np.array_split(sound, 97), silero))
    assert len(whole) == 2
    assert whole[1].start - whole[0].start == pytest.approx(len(spoken) + 5 * RATE, abs=RATE / 4)
    assert [(one.start, one.regions) for one in pieces] == [(one.start, one.regions) for one in whole]
    for chunk in whole:
        assert (chunk.samples == sound[chunk.start : chunk.start + len(chunk.samples)]).all()


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    probabilities = [0.9] * 4_000
    probabilities[700] = 0.6
    found = cut(probabilities)
    assert len(found) > 4
    assert found[0].start + found[0].regions[-1][1] == 700 * WINDOW


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), st.integers(1, 900)), max_size=12))
def test_chunks_are_short_in_order_and_lose_no_speech(runs: list[tuple[float, int]]) -> None:
    probabilities = [level for level, count in runs for _ in range(count)]
    found = cut(probabilities)
    covered = np.zeros(len(probabilities) + 1, bool)
    before = 0
    for chunk in found:
        assert 0 < len(chunk.samples) <= MAX_CHUNK
        assert chunk.regions[0][0] >= 0
        assert chunk.regions[-1][1] <= len(chunk.samples)
        assert chunk.start + chunk.regions[0][0] >= before
        for a, b in chunk.regions:
            assert a < b
            covered[(chunk.start + a) // WINDOW : (chunk.start + b) // WINDOW] = True
            before = chunk.start + b
        first = chunk.start // WINDOW + 1
        assert chunk.samples[-chunk.start % WINDOW] == first % 1000 or chunk.start % WINDOW == 0
    spoken = np.array([level >= 0.5 for level in probabilities] + [False])
    missed = spoken & ~covered
    runs_missed = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], missed, [0]]))))[::2]
    assert all(run < vad.MIN_SPEECH for run in runs_missed)


def test_ten_minutes_are_held_in_bounded_memory() -> None:
    cutter, held, found = vad._Cutter(), 0, 0
    for level in np.repeat(np.random.default_rng(0).choice([0.05, 0.4, 0.95], 600 * RATE // WINDOW // 40), 40):
        found += len(list(cutter.push(np.zeros(WINDOW, np.float32), level)))
        held = max(held, len(cutter.windows))
    assert found > 15
    assert held * WINDOW / RATE < 65


def test_what_comes_after_a_second_keeps_its_place_and_is_nothing_without_speech() -> None:
    sound = np.arange(10 * RATE, dtype=np.float32)
    chunk = SpeechChunk(700, sound, ((0, 3 * RATE), (4 * RATE, 9 * RATE)))
    after = rest(chunk, 5.0)
    assert after is not None
    assert (after.start, after.regions) == (700 + 5 * RATE, ((0, 4 * RATE),))
    assert np.array_equal(after.samples, sound[5 * RATE :])
    later = rest(chunk, 2.5)
    assert later is not None
    assert later.regions == ((0, RATE // 2), (3 * RATE // 2, 13 * RATE // 2))
    assert rest(chunk, 7.5) is None
    assert rest(chunk, 20.0) is None
