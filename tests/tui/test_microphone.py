"""The microphone: push-to-talk and hands-free, what is heard and corrected; lost and back, missing, half duplex."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captured import BOTTLES, COUNTED, PATIENCE, Senses, capture, status, until
from placed import Stage, play, toasts

from edge_assistant.core.signals import Kind, Origin
from edge_assistant.devices import chosen
from edge_assistant.devices.microphone import FileMicrophone
from edge_assistant_models.installed import InstalledModel
from edge_assistant_tui import messages
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.interrupting import Interruption
from edge_assistant_tui.options import Options
from edge_assistant_tui.widgets.capture import Capture
from edge_assistant_tui.widgets.meter import Meter, bar
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.status import OnAir
from edge_assistant_tui.widgets.turn import Turn

Models = Callable[[str], InstalledModel]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording is heard faster than it was spoken, where nobody presses a key in its midst."""
    monkeypatch.setattr(chosen, "microphone", lambda text: FileMicrophone(COUNTED, 6.0))


def listen(story: Callable[[Stage], Awaitable[None]], models: Models, file: Path = COUNTED, **options: Any) -> None:
    """Run a story with a recording as the microphone."""

    async def told(stage: Stage) -> None:
        stage.work.assistant = lambda: Senses(models)  # type: ignore[method-assign, assignment, return-value]
        await story(stage)

    play(told, microphone=f"file:{file}", **options)


def heard(stage: Stage) -> list[int]:
    """Samples of each utterance that was handed over as complete."""
    return [len(samples) for samples, final in stage.work.calls("hear") if final]


async def tell(stage: Stage, *told: Any) -> None:
    """What the worker tells."""
    for message in told:
        stage.app.conversation.post_message(message)
    await stage.settle()


def test_push_to_talk_ends_by_the_key_and_what_was_heard_waits_to_be_sent(models: Models) -> None:
    async def story(stage: Stage) -> None:
        assert status(stage)["microphone"] == "off"
        await stage.pilot.press("f3")
        meter = stage.app.conversation.query_one(Meter)
        await until(stage, lambda: meter.state == "speaking", "speech")
        assert status(stage)["microphone"] == "recording"
        assert meter.display
        assert meter.dbfs > -50
        await until(stage, lambda: stage.work.calls("hear"), "a partial transcript")
        assert not heard(stage)
        await tell(stage, messages.Heard("I counted", final=False))
        assert "I counted" in stage.said("Meter")
        await stage.pilot.press("f3")
        assert status(stage)["microphone"] == "off"
        await until(stage, lambda: heard(stage), "the utterance")
        assert meter.state == "writing it down"
        await tell(stage, messages.Heard("I counted six bottles.", final=True, recording=b"RIFF"))
        assert not meter.display
        assert stage.app.conversation.query_one(Prompt).text == "I counted six bottles."
        assert not stage.work.calls("ask")
        await stage.press("enter")
        assert stage.work.calls("ask") == [(1, "I counted six bottles.", b"RIFF")]

    listen(story, models)


def test_what_was_heard_goes_behind_what_was_typed_and_is_no_recording_then(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.type("see here")
        await tell(stage, messages.Heard("how many are there?", final=True, recording=b"RIFF"))
        await stage.press("enter")
        assert stage.work.calls("ask") == [(1, "see here how many are there?", None)]

    listen(story, models)


def test_escape_drops_what_is_being_said(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f3")
        meter = stage.app.conversation.query_one(Meter)
        await until(stage, lambda: meter.state == "speaking", "speech")
        await stage.pilot.press("escape")
        assert status(stage)["microphone"] == "off"
        await until(stage, lambda: capture(stage)._listening._endpointer._turn.voiced == 0, "forgotten")  # type: ignore[union-attr]
        assert not heard(stage)
        assert not meter.display
        assert stage.work.calls("expect")[-1] == (None,)

    listen(story, models)


@pytest.mark.usefixtures("fast")
def test_hands_free_what_the_pause_expects_is_what_its_end_hears(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f4")
        await until(stage, lambda: heard(stage), "the utterance")
        assert stage.work.calls("begin_hearing")
        (expected,) = stage.work.calls("expect")[-1]
        (samples,) = [samples for samples, final in stage.work.calls("hear") if final]
        assert np.array_equal(expected, samples)

    listen(story, models)


@pytest.mark.usefixtures("fast")
def test_a_recording_that_is_over_switches_the_microphone_off_and_is_heard_to_its_end(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f3")
        await until(stage, lambda: heard(stage), "the utterance")
        assert status(stage)["microphone"] == "off"
        assert 3.5 * 16_000 < heard(stage)[0] < 6 * 16_000

    listen(story, models)


@pytest.mark.usefixtures("fast")
def test_hands_free_a_pause_ends_what_is_said_and_asks_it_at_once(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f4")
        await until(stage, lambda: heard(stage), "the utterance")
        await tell(stage, messages.Heard("How many bottles?", final=True, recording=b"RIFF"))
        assert stage.work.calls("ask") == [(1, "How many bottles?", b"RIFF")]
        assert stage.app.conversation.query_one(Prompt).text == ""
        await tell(stage, messages.Heard("  ", final=True, recording=b"RIFF"))
        assert len(stage.work.calls("ask")) == 1

    listen(story, models)


@pytest.mark.usefixtures("fast")
def test_hands_free_does_not_send_what_a_person_is_typing(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f4")
        await stage.type("wait")
        await until(stage, lambda: heard(stage), "the utterance")
        await tell(stage, messages.Heard("How many bottles?", final=True, recording=b"RIFF"))
        assert not stage.work.calls("ask")
        assert stage.app.conversation.query_one(Prompt).text == "wait How many bottles?"

    listen(story, models)


def test_the_pause_can_be_made_longer_and_shorter(models: Models) -> None:
    async def story(stage: Stage) -> None:
        taken = capture(stage)
        for _ in range(25):
            stage.app.conversation.change_pause(longer=True)
        assert stage.app.settings.pause_s == 5.0
        await stage.pilot.press("f4")
        for _ in range(25):
            stage.app.conversation.change_pause(longer=False)
        assert stage.app.settings.pause_s == 0.4
        await until(stage, lambda: heard(stage), "the utterance")
        assert taken._listening._endpointer.pause_s == 0.4  # type: ignore[union-attr]
        assert len(heard(stage)) >= 1

    listen(story, models)


def test_one_that_is_lost_is_shown_as_lost_and_comes_back_by_itself(models: Models, tmp_path: Path) -> None:
    recording = shutil.copy(COUNTED, tmp_path / "said.wav")

    async def story(stage: Stage) -> None:
        await stage.pilot.press("f4")
        await until(stage, lambda: status(stage)["microphone"] == "hands-free", "on")
        recording.rename(tmp_path / "away.wav")
        await until(stage, lambda: status(stage)["microphone"] == "lost", "lost")
        await until(stage, lambda: any("The microphone is lost" in toast for toast in toasts(stage)), "it is said")
        (tmp_path / "away.wav").rename(recording)
        await until(stage, lambda: status(stage)["microphone"] == "hands-free", "back")
        await until(stage, lambda: heard(stage), "heard again")

    listen(story, models, recording)


def test_without_a_library_for_sound_the_app_says_what_to_install_and_works_on(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)

    async def story(stage: Stage) -> None:
        await stage.pilot.press("f3")
        await until(stage, lambda: toasts(stage), "a message")
        assert any("The microphone cannot be used" in toast and "install" in toast for toast in toasts(stage))
        await until(stage, lambda: status(stage)["microphone"] == "off", "off")
        await stage.type("hi")
        await stage.press("enter")
        assert stage.work.calls("ask") == [(1, "hi", None)]

    play(story)


def test_a_model_that_is_missing_is_said_and_the_microphone_is_off() -> None:
    async def story(stage: Stage) -> None:
        from edge_assistant.core.errors import ModelMissing

        def missing() -> Any:
            raise ModelMissing("silero-vad is not installed", "pull it")

        stage.work.assistant = missing  # type: ignore[method-assign]
        await stage.pilot.press("f3")
        await until(stage, lambda: toasts(stage), "a message")
        assert any("silero-vad is not installed" in toast for toast in toasts(stage))
        assert status(stage)["microphone"] == "off"

    play(story, microphone=f"file:{COUNTED}")


@pytest.mark.usefixtures("fast")
def test_nothing_is_heard_while_the_assistant_speaks(models: Models) -> None:
    async def story(stage: Stage) -> None:
        listening = capture(stage)._listening
        listening._speaking = lambda: True
        await stage.pilot.press("f4")
        await until(stage, lambda: status(stage)["microphone"] == "off", "the recording is over")
        assert not stage.work.calls("hear")

    listen(story, models)


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


def test_what_was_heard_and_is_not_sent_as_it_was_is_forgotten(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await tell(stage, messages.Heard("How many?", final=True, recording=b"one"))
        await stage.press("enter")
        assert not stage.work.calls("forget")
        await tell(stage, messages.Heard("How many?", final=True, recording=b"two"))
        await stage.press("!", "enter")
        assert stage.work.calls("forget") == [(b"two",)]
        await tell(stage, messages.Heard("How many?", final=True, recording=b"three"))
        stage.app.conversation._live.clear()
        await stage.press("escape")
        assert stage.app.conversation.query_one(Prompt).text == ""
        assert stage.work.calls("forget") == [(b"two",), (b"three",)]

    listen(story, models)


def test_that_it_is_on_is_said_on_every_screen(models: Models) -> None:
    async def story(stage: Stage) -> None:
        await stage.pilot.press("f4")
        await until(stage, lambda: status(stage)["microphone"] == "hands-free", "on")
        for key in ("f1", "f11"):
            await stage.pilot.press(key)
            await until(stage, lambda: stage.app.screen.query(OnAir), "said")
            assert "mic hands-free" in stage.said("OnAir")
        await until(stage, lambda: not stage.app.screen.query_one(OnAir).display, "off at the recording's end")
        await stage.pilot.press("escape")
        assert not stage.app.screen.query(OnAir)

    listen(story, models)


@pytest.mark.parametrize("dbfs", [-90.0, -60.0, -33.3, -6.0, 0.0])
def test_the_bar_is_always_as_wide(dbfs: float) -> None:
    assert len(bar(dbfs)) == 22


def test_an_utterance_over_a_picture_is_answered_with_both(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way with real models: a shot, a question over it hands-free, an answer that cites both."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))

    async def run() -> None:
        options = Options(profile="test", camera=f"file:{BOTTLES}", microphone=f"file:{COUNTED}", language="en")
        app = EdgeAssistant(options)
        async with app.run_test(size=(120, 40)) as pilot:
            stage = Stage(app, app.work, pilot)  # type: ignore[arg-type]
            await pilot.pause()
            await pilot.press("f5")
            await until(stage, lambda: capture(stage)._looking.frame is not None, "a picture")
            await pilot.press("space")
            await until(stage, lambda: capture(stage)._shot is not None, "the picture is taken")
            await pilot.press("enter", "f4")
            await until(stage, lambda: app.screen.query(Turn), "the question")
            turn = app.screen.query(Turn).first()
            await until(stage, lambda: turn.answer is not None, "the answer")
            answer = turn.answer
            assert answer is not None
            assert answer.status == "conflict"
            cited = {item.signal for item in answer.evidence if item.id in answer.citations}
            assert cited == {"image:1", "audio:1"}
            signals = app.conversation.query_one(SignalList).entries
            assert [(entry.signal.kind, entry.signal.origin, entry.state) for entry in signals] == [
                (Kind.IMAGE, Origin.CAMERA, "ready"),
                (Kind.AUDIO, Origin.MICROPHONE, "ready"),
            ]

    asyncio.run(asyncio.wait_for(run(), 6 * PATIENCE))


def test_it_is_off_when_the_app_has_ended(models: Models) -> None:
    kept: list[Capture] = []

    async def story(stage: Stage) -> None:
        await stage.pilot.press("f4")
        await until(stage, lambda: status(stage)["microphone"] == "hands-free", "on")
        kept.append(capture(stage))

    listen(story, models)
    kept[0]._jobs.shutdown(wait=True)
    assert kept[0]._listening._keeper is None
