"""Spoken answers: sentence by sentence, silent at once when a person speaks or presses a key, and half duplex."""

from __future__ import annotations

import shutil
import sys
import threading
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import says
from helpers.app import COUNTED, PATIENCE, Senses, Stage, play

from edge_assistant.core.errors import VoiceUnavailable
from edge_assistant.devices.speaker import FileOutput
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui.widgets.meter import Meter

Models = Callable[[str], InstalledModel]
LONG = 5.0  # seconds of a sentence that has to be cut off


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Where what is spoken goes."""
    return tmp_path / "spoken.wav"


@asynccontextmanager
async def spoken(models: Models, sound: Path, seconds: float = LONG, **options: Any) -> AsyncIterator[Stage]:
    """The app with answers that are spoken into a file, each sentence in so many seconds."""
    async with play(speaker=f"file:{sound}", **options) as stage:
        senses = Senses(models, seconds)
        stage.work.assistant = lambda: senses
        await voice(stage, "on")
        yield stage


async def voice(stage: Stage, state: str) -> None:
    """Press the key of the voice, and wait for what it leads to."""
    await stage.pilot.press("f12")
    await stage.until(lambda: stage.devices["voice"] == state, "the voice")


def said(stage: Stage) -> list[str]:
    """What was spoken."""
    return stage.work.assistant().said


async def answer(stage: Stage, *sentences: str) -> None:
    """Ask, and let the worker answer sentence by sentence."""
    stage.prompt.put("What?")
    await stage.pilot.press("enter")
    for sentence in sentences:
        stage.talk.post_message(says.said(1, sentence))
    await stage.pilot.pause()


def seconds(path: Path) -> float:
    """How long a WAV is."""
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


async def test_sentences_are_spoken_in_order_as_they_come(models: Models, sound: Path, monkeypatch) -> None:
    looked, write = threading.Event(), FileOutput.write
    monkeypatch.setattr(FileOutput, "write", lambda output, part: looked.wait(PATIENCE) and write(output, part))
    async with spoken(models, sound, 0.3) as stage:
        await answer(stage, "One [E1].", "Two.")
        await stage.until(lambda: stage.capture._spoken.sounding, "the first sound, while the answer goes on")
        assert stage.devices["voice"] == "speaking"
        looked.set()
        stage.talk.post_message(says.said(1, "Three."))
        await stage.until(lambda: len(said(stage)) == 3 and not stage.capture._spoken.speaking, "all is said")
        assert said(stage) == ["One [E1].", "Two.", "Three."]
        await stage.until(lambda: stage.devices["voice"] == "on", "it is over")
        assert seconds(sound) == pytest.approx(0.9, abs=0.1)


async def test_it_is_off_at_first_and_silent_when_switched_off(models: Models, sound: Path) -> None:
    async with play(speaker=f"file:{sound}") as stage:
        assert stage.devices["voice"] == "off"
        await answer(stage, "One.")
        assert not stage.capture._spoken.speaking
    assert not sound.exists()
    async with spoken(models, sound) as stage:
        await answer(stage, "One.")
        await stage.until(lambda: stage.capture._spoken.sounding, "sound")
        await stage.pilot.press("f12")
        assert stage.devices["voice"] == "off"
        await stage.until(lambda: stage.capture._spoken._speaking is None, "the speaker is given back")
        assert seconds(sound) < LONG - 1


@pytest.mark.parametrize("key", ["escape", "x", "f3"])
async def test_it_falls_silent_when_a_key_is_pressed(models: Models, sound: Path, key: str) -> None:
    async with spoken(models, sound, microphone=f"file:{COUNTED}") as stage:
        await answer(stage, "One.", "Two.")
        await stage.until(lambda: stage.capture._spoken.sounding, "sound")
        await stage.pilot.press(key)
        await stage.until(lambda: not stage.capture._spoken.speaking, "silence")
        assert said(stage)[:1] == ["One."]
        assert seconds(sound) < LONG - 1
        assert stage.devices["voice"] == "on"


async def test_escape_stops_speech_before_it_clears_what_was_typed(models: Models, sound: Path) -> None:
    async with spoken(models, sound) as stage:
        await answer(stage, "One.")
        stage.talk._live.clear()
        stage.prompt.put("typed")
        await stage.until(lambda: stage.capture._spoken.sounding, "sound")
        await stage.pilot.press("escape")
        assert stage.prompt.text == "typed"
        await stage.pilot.press("escape")
        assert stage.prompt.text == ""


async def test_a_person_who_speaks_interrupts_it(models: Models, sound: Path, tmp_path: Path) -> None:
    """The recording is loud, and the speaker is a file that the microphone does not hear: headphones."""
    late = tmp_path / "late.wav"
    with wave.open(str(COUNTED)) as file:
        rate, frames = file.getframerate(), file.readframes(file.getnframes())
    with wave.open(str(late), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * rate * 4) + frames)
    async with spoken(models, sound, microphone=f"file:{late}") as stage:
        await stage.pilot.press("f4")
        await stage.until(lambda: stage.devices["microphone"] == "hands-free", "the microphone")
        await answer(stage, "One.", "Two.")
        meter = stage.talk.query_one(Meter)
        await stage.until(lambda: "deaf" in meter.state, "deaf")
        await stage.until(lambda: not stage.capture._spoken.speaking, "interrupted")
        assert said(stage) == ["One."] or seconds(sound) < 2 * LONG - 1
        await stage.until(lambda: [final for _, final in stage.work.calls("hear") if final], "what the person says")


async def test_the_assistant_does_not_hear_itself(models: Models, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The microphone hears what the speaker plays: real speech, from the same moment on."""
    monkeypatch.setattr("edge_assistant_tui.answer_speaker.AnswerSpeaker.silence", lambda self: False)
    async with spoken(models, sound, 9.0, microphone=f"file:{COUNTED}") as stage:
        await answer(stage, "One.")
        await stage.until(lambda: stage.capture._spoken.sounding, "sound")
        stage.capture._listen("free", 0.8)
        stage.capture._spoken.say("Two.")
        await stage.until(lambda: stage.devices["microphone"] == "off", "the recording is over")
        assert not stage.work.calls("hear")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (VoiceUnavailable("spoken answers need the program espeak-ng", "install it"), "espeak-ng"),
        (ZeroDivisionError(), "cannot be opened (ZeroDivisionError)"),
    ],
)
async def test_without_a_voice_the_app_says_why(sound: Path, error: Exception, said: str) -> None:
    def refuse() -> None:
        raise error

    async with play(speaker=f"file:{sound}") as stage:
        stage.work.assistant = lambda: SimpleNamespace(models=SimpleNamespace(voice=refuse))
        await stage.pilot.press("f12")
        await stage.until(lambda: stage.toasts, "a message")
        assert any("The voice cannot be used" in toast and said in toast for toast in stage.toasts)
        assert stage.devices["voice"] == "off"


async def test_a_speaker_that_is_lost_is_said_once(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr("edge_assistant.devices.speaker.Player.find", lambda self: None)  # it was there at first
    async with play() as stage:
        stage.work.assistant = lambda: Senses(models)
        await stage.pilot.press("f12")
        await stage.until(lambda: stage.devices["voice"] == "on", "the voice")
        await answer(stage, "One.")
        await stage.until(lambda: stage.toasts, "a message")
        assert any("The voice is lost" in toast and "install" in toast for toast in stage.toasts)
        assert stage.devices["voice"] == "lost"
        told = len(stage.toasts)
        await answer(stage, "Two.")
        await stage.until(lambda: not stage.capture._spoken.speaking, "that is lost too")
        assert len(stage.toasts) == told, "it is said once"


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the program espeak-ng is not installed")
async def test_the_real_voice_speaks_an_answer(store: Path, sound: Path) -> None:
    assistant = Assistant(Portfolio(store), "test")
    async with play(speaker=f"file:{sound}") as stage:
        stage.work.assistant = lambda: assistant
        await stage.pilot.press("f12")
        await stage.until(lambda: stage.devices["voice"] == "on", "the voice")
        await answer(stage, "It is 38.4 degC [E1].")
        await stage.until(lambda: stage.capture._spoken.sounding, "sound")
        assistant.stop()
        await stage.until(lambda: not stage.capture._spoken.speaking, "all is said")
        assert seconds(sound) > 1.0
