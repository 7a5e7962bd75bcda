"""The microphone: push-to-talk and hands-free, what is heard and corrected; lost and back, missing, half duplex."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.app import BOTTLES, COUNTED, Senses, Stage, play, whole

from edge_assistant.core.errors import ModelMissing
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.devices import chosen
from edge_assistant.devices.microphone import FileMicrophone
from edge_assistant_models.model import InstalledModel
from edge_assistant_tui import messages
from edge_assistant_tui.device_threads import Interruption
from edge_assistant_tui.widgets.meter import Meter
from edge_assistant_tui.widgets.status import OnAir

Models = Callable[[str], InstalledModel]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording is heard faster than it was spoken, where nobody presses a key in its midst."""
    monkeypatch.setattr(chosen, "microphone", lambda text: FileMicrophone(COUNTED, 6.0))


@asynccontextmanager
async def listen(models: Models) -> AsyncIterator[Stage]:
    """The app with a recording as the microphone."""
    async with play(microphone=f"file:{COUNTED}") as stage:
        stage.work.assistant = lambda: Senses(models)
        yield stage


@pytest.fixture
def stage(models: Models) -> AbstractAsyncContextManager[Stage]:
    """The app with counted bottles as the microphone."""
    return listen(models)


def heard(stage: Stage) -> list[int]:
    """Samples of each utterance that was handed over as complete."""
    return [len(samples) for samples, final in stage.work.calls("hear") if final]


@pytest.mark.usefixtures("lasting")
async def test_push_to_talk_ends_by_the_key_and_what_was_heard_waits_to_be_sent(stage: Stage) -> None:
    assert stage.devices["microphone"] == "off"
    await stage.pilot.press("f3")
    meter = stage.talk.query_one(Meter)
    await stage.until(lambda: meter.state == "speaking", "speech")
    assert stage.devices["microphone"] == "recording"
    assert meter.display
    assert meter.dbfs > -50
    await stage.until(lambda: stage.work.calls("hear"), "a partial transcript")
    assert not heard(stage)
    await stage.tell(messages.Heard("I counted", final=False))
    assert "I counted" in stage.said("Meter")
    await stage.pilot.press("f3")
    assert stage.devices["microphone"] == "off"
    await stage.until(lambda: heard(stage), "the utterance")
    assert meter.state == "writing it down"
    await stage.tell(messages.Heard("I counted six bottles.", final=True, recording=b"RIFF"))
    assert not meter.display
    assert stage.prompt.text == "I counted six bottles."
    assert not stage.work.calls("ask")
    await stage.press("enter")
    assert stage.work.calls("ask") == [(1, "I counted six bottles.", b"RIFF")]
    await stage.pilot.press("f3")
    await stage.until(lambda: meter.state == "speaking", "speech")
    utterances = len(heard(stage))
    await stage.pilot.press("escape")  # drops what is being said
    assert stage.devices["microphone"] == "off"
    await stage.until(lambda: stage.capture._listening._endpointer._turn.voiced == 0, "forgotten")
    assert len(heard(stage)) == utterances
    assert not meter.display
    assert stage.work.calls("expect")[-1] == (None,)


@pytest.mark.usefixtures("fast")
async def test_a_recording_that_is_over_switches_the_microphone_off_and_is_heard_to_its_end(stage) -> None:
    await stage.pilot.press("f3")
    await stage.until(lambda: heard(stage), "the utterance")
    assert stage.devices["microphone"] == "off"
    assert 3.5 * 16_000 < heard(stage)[0] < 6 * 16_000


@pytest.mark.usefixtures("fast")
async def test_hands_free_a_pause_ends_what_is_said_and_asks_it_at_once(stage: Stage) -> None:
    await stage.pilot.press("f4")
    await stage.until(lambda: heard(stage), "the utterance")
    assert stage.work.calls("begin_hearing")
    (expected,) = stage.work.calls("expect")[-1]
    (samples,) = [samples for samples, final in stage.work.calls("hear") if final]
    assert np.array_equal(expected, samples)
    await stage.tell(messages.Heard("How many bottles?", final=True, recording=b"RIFF"))
    assert stage.work.calls("ask") == [(1, "How many bottles?", b"RIFF")]
    assert stage.prompt.text == ""
    await stage.tell(messages.Heard("  ", final=True, recording=b"RIFF"))
    assert len(stage.work.calls("ask")) == 1
    await stage.type("wait")  # what a person is typing is not sent
    await stage.tell(messages.Heard("How many bottles?", final=True, recording=b"RIFF"))
    assert len(stage.work.calls("ask")) == 1
    assert stage.prompt.text == "wait How many bottles?"
    await stage.press("enter")
    assert stage.work.calls("ask")[1] == (2, "wait How many bottles?", None)


async def test_the_pause_can_be_made_longer_and_shorter(stage: Stage) -> None:
    taken = stage.capture
    for _ in range(25):
        stage.talk.change_pause(longer=True)
    assert stage.app.settings.pause_s == 5.0
    await stage.pilot.press("f4")
    for _ in range(25):
        stage.talk.change_pause(longer=False)
    assert stage.app.settings.pause_s == 0.4
    await stage.until(lambda: heard(stage), "the utterance")
    assert taken._listening._endpointer.pause_s == 0.4
    assert len(heard(stage)) >= 1


async def test_what_is_missing_is_said_and_the_app_works_on(stage, monkeypatch) -> None:
    def missing() -> Any:
        raise ModelMissing("silero-vad is not installed", "pull it")

    stage.work.assistant = missing
    await stage.pilot.press("f3")
    await stage.until(lambda: any("silero-vad is not installed" in toast for toast in stage.toasts), "a message")
    assert stage.devices["microphone"] == "off"
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    stage.app.configure(microphone=None)
    await stage.pilot.press("f3")
    said = "The microphone cannot be used"
    await stage.until(lambda: any(said in toast and "install" in toast for toast in stage.toasts[1:]), "a message")
    await stage.until(lambda: stage.devices["microphone"] == "off", "off")
    await stage.type("hi")
    await stage.press("enter")
    assert stage.work.calls("ask") == [(1, "hi", None)]


@pytest.mark.usefixtures("fast")
async def test_nothing_is_heard_while_the_assistant_speaks(stage: Stage) -> None:
    listening = stage.capture._listening
    listening._speaking = lambda: True
    await stage.pilot.press("f4")
    await stage.until(lambda: stage.devices["microphone"] == "off", "the recording is over")
    assert not stage.work.calls("hear")


def test_only_what_is_louder_than_the_assistant_for_a_while_interrupts_it() -> None:
    def interrupted(own: float, person: float, windows: int = 20) -> bool:
        interruption = Interruption()
        assert not any(interruption.hears(-10.0, sounding=False) for _ in range(50)), "it is not heard yet"
        assert not any(interruption.hears(own, sounding=True) for _ in range(200)), "it hears itself"
        return any(interruption.hears(person, sounding=True) for _ in range(windows))

    assert interrupted(-30.0, -20.0)
    assert interrupted(-90.0, -35.0), "headphones"
    assert not interrupted(-30.0, -26.0)
    assert not interrupted(-90.0, -50.0), "a rustle"
    assert not interrupted(-30.0, -10.0, windows=4), "a click"


async def test_what_was_heard_and_is_not_sent_as_it_was_is_forgotten(stage: Stage) -> None:
    await stage.tell(messages.Heard("How many?", final=True, recording=b"one"))
    await stage.press("enter")
    assert not stage.work.calls("forget")
    await stage.tell(messages.Heard("How many?", final=True, recording=b"two"))
    await stage.press("!", "enter")
    assert stage.work.calls("forget") == [(b"two",)]
    await stage.tell(messages.Heard("How many?", final=True, recording=b"three"))
    stage.talk._live.clear()
    await stage.press("escape")
    assert stage.prompt.text == ""
    assert stage.work.calls("forget") == [(b"two",), (b"three",)]


async def test_the_meter_says_what_is_so_while_something_is_written_down(stage: Stage, monkeypatch) -> None:
    async def state(*told: messages.Loud | messages.SpeechEnded) -> str:
        for message in told:
            stage.capture.post_message(message)
        await stage.settle()
        return stage.talk.query_one(Meter).state

    stage.capture._mode = "free"
    assert await state(messages.SpeechEnded(), messages.Loud(-30.0, False)) == "writing it down"
    with monkeypatch.context() as patched:
        patched.setattr(type(stage.capture._spoken), "speaking", True)
        assert await state(messages.Loud(-30.0, False)) == "deaf while the assistant speaks"
    assert await state(messages.Loud(-50.0, False)) == "writing it down"
    assert await state(messages.Loud(-20.0, True)) == "speaking"
    assert await state(messages.Loud(-50.0, False)) == "writing it down"
    await stage.tell(messages.Heard("How many?", final=True, recording=b"RIFF"))
    assert await state() == "listening, hands-free"


async def test_that_it_is_on_is_said_on_every_screen(stage: Stage, lasting: threading.Event) -> None:
    await stage.pilot.press("f4")
    await stage.until(lambda: stage.devices["microphone"] == "hands-free", "on")
    for key in ("f1", "f11"):
        await stage.pilot.press(key)
        await stage.until(lambda: stage.screen.query(OnAir) and "mic hands-free" in stage.said("OnAir"), "said")
    lasting.set()
    await stage.until(lambda: not stage.screen.query_one(OnAir).display, "off at the recording's end")
    await stage.pilot.press("escape")
    assert not stage.screen.query(OnAir)


async def test_an_utterance_over_a_picture_is_answered_with_both(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way with real models: a shot, a question over it hands-free, an answer that cites both."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    async with whole((120, 40), camera=f"file:{BOTTLES}", microphone=f"file:{COUNTED}") as stage:
        await stage.pilot.press("f5")
        await stage.until(lambda: stage.capture._looking.frame is not None, "a picture")
        await stage.pilot.press("space")
        await stage.until(lambda: stage.capture._shot is not None, "the picture is taken")
        await stage.pilot.press("enter", "f4")
        await stage.until(lambda: stage.turns and stage.turns[0].answer is not None, "the answer")
        answer = stage.turns[0].answer
        assert answer.status == "conflict"
        assert {item.signal for item in answer.evidence if item.id in answer.citations} == {"image:1", "audio:1"}
        assert [(entry.signal.kind, entry.signal.origin, entry.state) for entry in stage.entries] == [
            (Kind.IMAGE, Origin.CAMERA, "ready"),
            (Kind.AUDIO, Origin.MICROPHONE, "ready"),
        ]


async def test_it_is_off_when_the_app_has_ended(models: Models) -> None:
    async with listen(models) as stage:
        await stage.pilot.press("f4")
        await stage.until(lambda: stage.devices["microphone"] == "hands-free", "on")
        capture = stage.capture
    capture._jobs.shutdown(wait=True)
    assert capture._listening._keeper is None


@pytest.mark.usefixtures("fast")
async def test_who_has_left_is_not_heard_while_a_driver_takes_its_time(stage: Stage, monkeypatch) -> None:
    await stage.pilot.press("f4")
    await stage.until(lambda: stage.work.calls("begin_hearing"), "speech")
    monkeypatch.setattr(stage.capture._jobs, "submit", lambda *_: None)
    keeper = stage.capture._listening._keeper
    stage.capture.leave()
    await stage.until(lambda: not keeper.running, "the end of the recording")
    assert not heard(stage)
