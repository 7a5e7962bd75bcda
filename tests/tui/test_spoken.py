"""Spoken answers: sentence by sentence, silent at once when a person speaks or presses a key, and half duplex."""

from __future__ import annotations

import shutil
import sys
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from captured import COUNTED, Senses, capture, status, until
from placed import Stage, play, toasts

from edge_assistant.core.errors import VoiceUnavailable
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui import messages
from edge_assistant_tui.widgets.meter import Meter
from edge_assistant_tui.widgets.prompt import Prompt

Models = Callable[[str], InstalledModel]
LONG = 5.0  # seconds of a sentence that has to be cut off


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Where what is spoken goes."""
    return tmp_path / "spoken.wav"


def spoken(
    story: Callable[[Stage, Senses], Awaitable[None]], models: Models, sound: Path, seconds: float = 0.3, **options: Any
) -> None:
    """Run a story with answers that are spoken into a file."""

    async def told(stage: Stage) -> None:
        senses = Senses(models, seconds)
        stage.work.assistant = lambda: senses  # type: ignore[method-assign, assignment, return-value]
        await stage.pilot.press("f12")
        await until(stage, lambda: status(stage)["voice"] == "on", "the voice")
        await story(stage, senses)

    play(told, speaker=f"file:{sound}", **options)


async def answer(stage: Stage, *sentences: str) -> None:
    """Ask, and let the worker answer sentence by sentence."""
    stage.app.conversation.query_one(Prompt).put("What?")
    await stage.pilot.press("enter")
    for sentence in sentences:
        stage.app.conversation.post_message(messages.TurnSaid(1, sentence))
    await stage.pilot.pause()


def seconds(path: Path) -> float:
    """How long a WAV is."""
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def test_sentences_are_spoken_in_order_as_they_come(models: Models, sound: Path) -> None:
    async def story(stage: Stage, senses: Senses) -> None:
        await answer(stage, "One [E1].", "Two.")
        await until(stage, lambda: capture(stage)._spoken.sounding, "the first sound, while the answer goes on")
        assert status(stage)["voice"] == "speaking"
        stage.app.conversation.post_message(messages.TurnSaid(1, "Three."))
        await until(stage, lambda: len(senses.said) == 3 and not capture(stage)._spoken.speaking, "all is said")
        assert senses.said == ["One [E1].", "Two.", "Three."]
        await until(stage, lambda: status(stage)["voice"] == "on", "it is over")
        assert seconds(sound) == pytest.approx(0.9, abs=0.1)

    spoken(story, models, sound)


def test_it_is_off_at_first_and_silent_when_switched_off(models: Models, sound: Path) -> None:
    async def silent(stage: Stage) -> None:
        assert status(stage)["voice"] == "off"
        await answer(stage, "One.")
        assert not capture(stage)._spoken.speaking

    play(silent, speaker=f"file:{sound}")
    assert not sound.exists()

    async def story(stage: Stage, senses: Senses) -> None:
        await answer(stage, "One.")
        await until(stage, lambda: capture(stage)._spoken.sounding, "sound")
        await stage.pilot.press("f12")
        assert status(stage)["voice"] == "off"
        await until(stage, lambda: capture(stage)._spoken._speaking is None, "the speaker is given back")
        assert seconds(sound) < LONG - 1

    spoken(story, models, sound, LONG)


@pytest.mark.parametrize("key", ["escape", "x", "up", "f3"])
def test_it_falls_silent_when_a_key_is_pressed(models: Models, sound: Path, key: str) -> None:
    async def story(stage: Stage, senses: Senses) -> None:
        await answer(stage, "One.", "Two.")
        await until(stage, lambda: capture(stage)._spoken.sounding, "sound")
        await stage.pilot.press(key)
        await until(stage, lambda: not capture(stage)._spoken.speaking, "silence")
        assert senses.said[:1] == ["One."]
        assert seconds(sound) < LONG - 1
        assert status(stage)["voice"] == "on"

    spoken(story, models, sound, LONG, microphone=f"file:{COUNTED}")


def test_escape_stops_speech_before_it_clears_what_was_typed(models: Models, sound: Path) -> None:
    async def story(stage: Stage, senses: Senses) -> None:
        await answer(stage, "One.")
        stage.app.conversation._live.clear()
        stage.app.conversation.query_one(Prompt).put("typed")
        await until(stage, lambda: capture(stage)._spoken.sounding, "sound")
        await stage.pilot.press("escape")
        assert stage.app.conversation.query_one(Prompt).text == "typed"
        await stage.pilot.press("escape")
        assert stage.app.conversation.query_one(Prompt).text == ""

    spoken(story, models, sound, LONG)


def test_a_person_who_speaks_interrupts_it(models: Models, sound: Path, tmp_path: Path) -> None:
    """The recording is loud, and the speaker is a file that the microphone does not hear: headphones."""
    late = tmp_path / "late.wav"
    with wave.open(str(COUNTED)) as file:
        rate, frames = file.getframerate(), file.readframes(file.getnframes())
    with wave.open(str(late), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * rate * 4) + frames)

    async def story(stage: Stage, senses: Senses) -> None:
        await stage.pilot.press("f4")
        await until(stage, lambda: status(stage)["microphone"] == "hands-free", "the microphone")
        await answer(stage, "One.", "Two.")
        meter = stage.app.conversation.query_one(Meter)
        await until(stage, lambda: "deaf" in meter.state, "deaf")
        await until(stage, lambda: not capture(stage)._spoken.speaking, "interrupted")
        assert senses.said == ["One."] or seconds(sound) < 2 * LONG - 1
        await until(stage, lambda: [final for _, final in stage.work.calls("hear") if final], "what the person says")

    spoken(story, models, sound, LONG, microphone=f"file:{late}")


def test_the_assistant_does_not_hear_itself(models: Models, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The microphone hears what the speaker plays: real speech, from the same moment on."""

    async def story(stage: Stage, senses: Senses) -> None:
        await answer(stage, "One.")
        await until(stage, lambda: capture(stage)._spoken.sounding, "sound")
        capture(stage)._listen("free", 0.8)
        capture(stage)._spoken.say("Two.")
        await until(stage, lambda: status(stage)["microphone"] == "off", "the recording is over")
        assert not stage.work.calls("hear")

    monkeypatch.setattr("edge_assistant_tui.spoken.Spoken.silence", lambda self: False)
    spoken(story, models, sound, 9.0, microphone=f"file:{COUNTED}")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (VoiceUnavailable("spoken answers need the program espeak-ng", "install it"), "espeak-ng"),
        (ZeroDivisionError(), "cannot be opened (ZeroDivisionError)"),
    ],
)
def test_without_a_voice_the_app_says_why(sound: Path, error: Exception, said: str) -> None:
    async def story(stage: Stage) -> None:
        class Mute:
            @property
            def models(self) -> Mute:
                return self

            def voice(self) -> None:
                raise error

        stage.work.assistant = Mute  # type: ignore[method-assign, assignment]
        await stage.pilot.press("f12")
        await until(stage, lambda: toasts(stage), "a message")
        assert any("The voice cannot be used" in toast and said in toast for toast in toasts(stage))
        assert status(stage)["voice"] == "off"

    play(story, speaker=f"file:{sound}")


def test_the_voice_is_not_on_without_a_library_for_sound(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)

    async def story(stage: Stage) -> None:
        senses = Senses(models)
        stage.work.assistant = lambda: senses  # type: ignore[method-assign, assignment, return-value]
        await stage.pilot.press("f12")
        await until(stage, lambda: toasts(stage), "a message")
        assert any("The voice cannot be used" in toast and "install" in toast for toast in toasts(stage))
        assert status(stage)["voice"] == "off"
        await answer(stage, "One.")
        assert senses.said == []

    play(story)


def test_a_speaker_that_is_lost_is_said_once(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr("edge_assistant.devices.speaker.Player.find", lambda self: None)  # it was there at first

    async def story(stage: Stage) -> None:
        stage.work.assistant = lambda: Senses(models)  # type: ignore[method-assign, assignment, return-value]
        await stage.pilot.press("f12")
        await until(stage, lambda: status(stage)["voice"] == "on", "the voice")
        await answer(stage, "One.")
        await until(stage, lambda: toasts(stage), "a message")
        assert any("The voice is lost" in toast and "install" in toast for toast in toasts(stage))
        assert status(stage)["voice"] == "lost"
        told = len(toasts(stage))
        await answer(stage, "Two.")
        await until(stage, lambda: not capture(stage)._spoken.speaking, "that is lost too")
        assert len(toasts(stage)) == told, "it is said once"

    play(story)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the program espeak-ng is not installed")
def test_the_real_voice_speaks_an_answer(store: Path, sound: Path) -> None:
    assistant = Assistant(Portfolio(store), "test")

    async def story(stage: Stage) -> None:
        stage.work.assistant = lambda: assistant  # type: ignore[method-assign]
        await stage.pilot.press("f12")
        await until(stage, lambda: status(stage)["voice"] == "on", "the voice")
        await answer(stage, "It is 38.4 degC [E1].")
        await until(stage, lambda: capture(stage)._spoken.sounding, "sound")
        assistant.stop()
        await until(stage, lambda: not capture(stage)._spoken.speaking, "all is said")
        assert seconds(sound) > 1.0

    play(story, speaker=f"file:{sound}")
