"""Drafts of what is said: guesses, and that words are the same with and without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception import audio
from edge_assistant.perception.drafts import guess
from edge_assistant.perception.whisper import Hypothesis, Whisper
from edge_assistant_models.installed import InstalledModel

RECORDING = Path(__file__).parents[1] / "fixtures" / "speech" / "allergies.wav"
FIRST = 100  # the least token that is a time


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


@pytest.fixture(scope="module")
def whisper(models: Callable[[str], InstalledModel]) -> Whisper:
    return Whisper(models("speech"), Runtime(1))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    with audio.listen(take_file(RECORDING, Kind.AUDIO, 1)) as (_, blocks):
        return np.concatenate(list(blocks))


def decoded(
    whisper: Whisper, sound: np.ndarray, monkeypatch: pytest.MonkeyPatch, *given: tuple[int, ...]
) -> tuple[Hypothesis, int]:
    """The hypothesis, and how often the decoder ran."""
    runs = 0
    original = Whisper._run

    def counted(self: Whisper, *given: object) -> object:
        nonlocal runs
        runs += 1
        return original(self, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Whisper, "_run", counted)
        seconds = len(sound) / 16_000
        heard = whisper._encode(whisper._encoder, sound, seconds + 2, False)
        return whisper._decode(heard, "en", seconds - 0.5, 0.0, *given), runs


def test_a_draft_saves_runs_and_changes_nothing(
    whisper: Whisper, sound: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, runs = decoded(whisper, sound, monkeypatch)
    assert runs >= len(plain.tokens) - 2
    words = plain.tokens
    drafts = {
        "the same": words,
        "another word in the middle": (*words[:6], 11, *words[7:]),
        "another beginning": (words[0], 11, 12, 13, *words[4:]),
        "nonsense": tuple(range(1000, 1040)),
    }
    counts = {}
    for name, draft in drafts.items():
        found, counts[name] = decoded(whisper, sound, monkeypatch, (), draft)
        assert found.tokens == plain.tokens, name
        assert found.log_probabilities == pytest.approx(plain.log_probabilities, abs=0.1), name  # of 8 bits
        assert found.attention.shape == plain.attention.shape, name
        assert np.abs(found.attention - plain.attention).max() < 0.1, name
    assert counts["the same"] <= runs // 4
    assert counts["another word in the middle"] <= runs // 2
    assert counts["another beginning"] <= runs // 2
    assert counts["nonsense"] <= runs
