"""The real voice: what it says is heard again by the real Whisper; how sound comes, and what goes wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelCorrupt, Stopped, VoiceUnavailable
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception.sense import Request
from edge_assistant.perception.senses.speech import SpeechSense
from edge_assistant.voice import phonemes
from edge_assistant.voice.piper import MAX_TEXT, Voice
from edge_assistant_models.model import InstalledModel

Models = Callable[[str], InstalledModel]
ESPEAK = shutil.which("espeak-ng")
needs_espeak = pytest.mark.skipif(ESPEAK is None, reason="the program espeak-ng is not installed")


@pytest.fixture(scope="module")
def voice(models: Models) -> Voice:
    if ESPEAK is None:
        pytest.skip("the program espeak-ng is not installed")
    import onnxruntime

    onnxruntime.set_seed(7)  # the network draws its noise from a generator that is seeded when a session is made
    return Voice(models("voice"), Runtime(2))


@pytest.fixture(scope="module")
def hear(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Callable[[np.ndarray, int], str]:
    sense = SpeechSense({role: models(role) for role in SpeechSense.roles}, Runtime(2))

    path = tmp_path_factory.mktemp("heard") / "said.wav"

    def hear(samples: np.ndarray, rate: int) -> str:
        with wave.open(str(path), "wb") as sink:
            sink.setnchannels(1)
            sink.setsampwidth(2)
            sink.setframerate(rate)
            sink.writeframes((samples * 32767).astype("<i2").tobytes())
        evidence = sense.perceive(take_file(path, Kind.AUDIO, 1), Request()).evidence
        return " ".join(item.text for item in evidence)

    return hear


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower().replace(",", ""))


def missed(said: Sequence[str], heard: Sequence[str]) -> float:
    """Share of words that were not heard, in order (longest common subsequence)."""
    row = [0] * (len(heard) + 1)
    for one in said:
        before = 0
        for place, other in enumerate(heard, 1):
            kept = row[place]
            row[place] = before + 1 if one == other else max(kept, row[place - 1])
            before = kept
    return 1 - row[-1] / len(said)


def test_what_is_said_is_heard(voice: Voice, hear: Callable[[np.ndarray, int], str]) -> None:
    text = (
        "**Nothing** that was given says who signed the form [E3]. "
        "The pressure in the second boiler is 4.5 bar, and the temperature is 85 °C [C1][E5]. "
        "The first text says twelve; the second one says thirteen [E8, E13]."
    )
    said = (
        "nothing that was given says who signed the form the pressure in the second boiler is 4.5 bar and the "
        "temperature is 85 degrees celsius the first text says 12 the second one says 13"
    )
    heard = hear(np.concatenate(list(voice.speak(text))), voice.rate)
    assert missed(words(said), words(heard)) <= 0.15, heard
    assert not re.search(r"\be ?\d|\bc ?\d|bracket|asterisk", heard.lower())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("The total is $60.30 on 2024-03-05.", ["60", "30", "March"]),
        ("Her weight is 72.5 kg.", ["72.5", "kilo|kg"]),
        ("It was 128/82 mmHg.", ["128", "82", "mercury"]),
    ],
)
def test_figures_are_heard_as_they_are_meant(
    voice: Voice, hear: Callable[[np.ndarray, int], str], text: str, parts: list[str]
) -> None:
    heard = hear(np.concatenate(list(voice.speak(text))), voice.rate)
    assert all(re.search(part, heard) for part in parts), heard


def test_sound_is_loud_clean_and_as_long_as_speech(voice: Voice) -> None:
    sounds = list(voice.speak("The pressure in the second boiler is four bar. Is it?"))
    assert len(sounds) == 2
    for sound in sounds:
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert 0.5 <= float(np.abs(sound).max()) <= 0.81
        assert -26 < 20 * np.log10(np.sqrt(np.mean(sound[np.abs(sound) > 0.005] ** 2))) < -14
        assert (sound[-round(0.15 * voice.rate) :] == 0).all()
        assert abs(float(sound.mean())) < 0.01
    assert voice.rate == 22_050
    assert 2 < len(sounds[0]) / voice.rate < 5


def test_the_first_sentence_comes_before_the_second_is_made(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Sequence[str]] = []
    original = phonemes.phonemes

    def watched(clauses: Sequence[str], language: str) -> list[str]:
        made.append(clauses)
        return original(clauses, language)

    monkeypatch.setattr(phonemes, "phonemes", watched)
    sounds = voice.speak("One. Two. Three.")
    assert made == []
    assert len(next(sounds))
    assert made == [["One"]]
    sounds.close()
    assert len(made) == 1


@pytest.mark.parametrize("text", ["", "  \n", "[E1]", "漢字", "\x00\x1b[", "..."])
def test_nothing_to_say_makes_no_sound(voice: Voice, text: str) -> None:
    assert list(voice.speak(text)) == []


class Deaf:
    """A network that makes no sound and remembers what it is given."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []

    def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert feed["input"].shape == (1, int(feed["input_lengths"][0]))
        self.rows.append(feed["input"][0].tolist())
        return [np.zeros((1, 1, 1, 100), np.float32)]


@pytest.fixture
def deaf(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> Deaf:
    network = Deaf()
    monkeypatch.setattr(voice, "_session", network)
    return network


@pytest.mark.parametrize("part", ["a", "Why? ", "-f /etc/passwd\n", "\x1b[2J", "[[h@l@U]]", "9,"])
def test_a_text_without_end_is_spoken_within_bounds(
    voice: Voice, deaf: Deaf, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100,000 characters and more; espeak-ng is asked for the first and the last sentences only, to save time."""
    texts: list[str] = []
    original = phonemes.phonemes

    def some(clauses: Sequence[str], language: str) -> list[str]:
        texts.extend(clauses)
        return original(clauses, language) if len(texts) < 10 else ["a"] * len(clauses)

    monkeypatch.setattr(phonemes, "phonemes", some)
    for _ in voice.speak(part * 100_000):
        pass
    assert sum(map(len, texts)) <= 3 * MAX_TEXT
    assert all(len(text) <= 200 for text in texts)
    assert deaf.rows
    assert all(len(row) <= 2_010 for row in deaf.rows)


def test_phonemes_stand_between_blanks(
    voice: Voice, deaf: Deaf, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phonemes, "phonemes", lambda clauses, language: ["ab\u4e00"] * len(clauses))
    assert len(list(voice.speak("One, two."))) == 1
    (row,) = deaf.rows
    ids = json.loads(models("voice").files["config"].read_text("utf-8"))["phoneme_id_map"]
    spoken = [ids[symbol][0] for symbol in "ab, ab."]
    assert row == [1, 0, *(number for symbol in spoken for number in (symbol, 0)), 2]
    monkeypatch.setattr(phonemes, "phonemes", lambda clauses, language: ["a", "b", "c"])  # divided otherwise
    assert len(list(voice.speak("One, two?"))) == 1
    assert len(deaf.rows[1]) == 2 + 2 * len("a, b, c?") + 1


@needs_espeak
def test_espeak_killed_in_the_middle_is_started_again(
    voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, program = tmp_path / "mark", tmp_path / "espeak-ng"
    sounds = voice.speak("This is the first. And this is the second.")
    first = next(sounds)
    program.write_text(f'#!/bin/sh\nif [ ! -e "{mark}" ]; then touch "{mark}"; kill -9 $$; fi\nexec "{ESPEAK}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (second,) = sounds
    assert mark.exists()
    assert min(len(first), len(second)) > voice.rate / 2
    sounds = voice.speak("This is the first. And this is the second.")
    next(sounds)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(VoiceUnavailable, match="espeak-ng"):
        next(sounds)
    assert next(sounds, None) is None


def test_without_espeak_there_is_no_voice(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceUnavailable, match="install it"):
        Voice(models("voice"), Runtime(1))


def changed(model: InstalledModel, folder: Path, key: str, content: bytes) -> InstalledModel:
    path = folder / f"{key}.file"
    path.write_bytes(content)
    return InstalledModel(model.name, model.sha256, {**model.files, key: path})


@needs_espeak
@pytest.mark.parametrize(
    "change",
    [
        lambda config: b"",
        lambda config: b"\xff{}",
        lambda config: b"[" * 100_000,
        lambda config: b"[]",
        lambda config: json.dumps({**config, "audio": {"sample_rate": 1}}).encode(),
        lambda config: json.dumps({**config, "audio": "x"}).encode(),
        lambda config: json.dumps({**config, "phoneme_id_map": {"a": [14]}}).encode(),
        lambda config: json.dumps({**config, "phoneme_id_map": {"a": 14}}).encode(),
        lambda config: json.dumps({**config, "inference": {}}).encode(),
    ],
)
def test_a_configuration_that_is_none_is_told(
    models: Models, tmp_path: Path, change: Callable[[dict[str, Any]], bytes]
) -> None:
    config = json.loads(models("voice").files["config"].read_text("utf-8"))
    with pytest.raises(ModelCorrupt):
        Voice(changed(models("voice"), tmp_path, "config", change(config)), Runtime(1))
    with pytest.raises(ModelCorrupt):
        Voice(changed(models("voice"), tmp_path, "model", b"no network"), Runtime(1))


def test_stop_ends_what_is_being_made_and_the_next_text_is_spoken(voice: Voice) -> None:
    sounds = voice.speak("This is the first. And this is the second.")
    assert len(next(sounds))
    voice.stop()
    with pytest.raises(Stopped):
        next(sounds)
    assert len(list(voice.speak("This is another one."))) == 1
