"""Speech written down ahead: what may be all is there when it is, is dropped when it is not, and holds nothing up."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.engines import scripted

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelMissing, Stopped
from edge_assistant.core.events import Watch
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.senses.speech import SpeechSense
from edge_assistant.session.assistant import Assistant
from edge_assistant.session.dictation import Dictation, Job, Written, forget, written
from edge_assistant.session.model_pool import ModelPool
from edge_assistant_models.portfolio import Portfolio

PRESSURE = Path(__file__).parents[1] / "fixtures" / "speech" / "pressure.wav"


def sound() -> np.ndarray:
    """f32 [n] at 16 kHz."""
    with wave.open(str(PRESSURE)) as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    at = np.arange(0, len(samples), rate / 16_000)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


class Desk:
    """A dictation whose jobs are done when the test says so, over the real models.

    Attributes:
        told: what was understood.
        heard: how often a recording was really listened to.
        ahead: called when there is time to work ahead.
    """

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.jobs: list[Job] = []
        self.told: list[Written] = []
        self.heard = 0
        self.ahead: Callable[[Watch], object] = lambda watch: None
        self.dictation = Dictation(
            lambda: assistant, self.jobs.append, self.told.append, ahead=lambda watch: self.ahead(watch)
        )

    def work(self) -> None:
        """Do all that waits."""
        while self.jobs:
            self.jobs.pop(0)()


@pytest.fixture
def desk(store: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(Assistant(Portfolio(store, home / "catalog"), "test", runtime=Runtime(1)))
    original = SpeechSense.perceive

    def counted(self: SpeechSense, *given: object) -> object:
        made.heard += 1
        return original(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(SpeechSense, "perceive", counted)
    yield made
    made.work()
    assert made.dictation._happened.idle


SOUND = sound()
TEXT = "pressure in the second boiler is"


def test_what_was_written_down_in_the_pause_is_there_when_it_is_over(desk: Desk) -> None:
    desk.dictation.begin()
    desk.dictation.expect(SOUND)
    desk.work()
    assert [(one.final, TEXT in one.text) for one in desk.told] == [(False, True)]
    desk.dictation.hear(SOUND.copy(), final=True)
    desk.work()
    assert desk.heard == 1
    assert [one.final for one in desk.told] == [False, True]
    assert desk.told[1].text == desk.told[0].text
    recording = desk.told[1].recording
    assert recording is not None
    assert recording == written(desk.assistant, SOUND, None)[1]
    assert desk.heard == 1, "it stays recalled, as the recording may become a signal"
    assert desk.assistant.recall.bytes > 0
    forget(desk.assistant, recording)
    assert desk.assistant.recall.bytes == 0


def test_where_speech_goes_on_what_was_written_down_is_forgotten(desk: Desk) -> None:
    desk.dictation.expect(SOUND[:40_000])
    desk.work()
    desk.dictation.expect(None)
    assert not desk.assistant.runtime.halt.asked, "a stop that comes late stops nothing else"
    desk.work()
    assert desk.assistant.recall.bytes == 0
    desk.ahead = lambda watch: pytest.fail("the end waits for this")
    desk.dictation.expect(SOUND)
    desk.dictation.hear(SOUND, final=True)
    desk.work()
    assert desk.heard == 2
    assert [one.final for one in desk.told] == [False, True]
    assert TEXT in desk.told[-1].text


def test_what_is_said_on_stops_the_writing_down_of_the_pause(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    original = SpeechSense.perceive

    def resumed(self: SpeechSense, *given: object) -> object:
        desk.dictation.expect(None)  # as the microphone's thread does in the midst of it
        return original(self, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(SpeechSense, "perceive", resumed)
        desk.dictation.expect(SOUND)
        desk.work()
    assert desk.told == []
    assert desk.assistant.recall.bytes == 0
    desk.dictation.hear(SOUND, final=True)
    desk.work()
    assert TEXT in desk.told[-1].text


def test_work_ahead_is_stopped_when_there_is_something_to_write_down(desk: Desk) -> None:
    halt = desk.assistant.runtime.halt
    stopped: list[str] = []

    def ahead(cause: str, happens: Callable[[], object]) -> Callable[[Watch], object]:
        def work(watch: Watch) -> None:
            halt.clear()
            happens()
            try:
                halt.check()
            except Stopped:
                stopped.append(cause)
                raise

        return work

    desk.ahead = ahead("pause", lambda: desk.dictation.expect(SOUND))
    desk.dictation.begin()
    desk.jobs.pop(0)()
    desk.ahead = ahead("end", lambda: desk.dictation.hear(SOUND, final=True))
    desk.work()
    assert stopped == ["pause", "end"]
    assert [one.final for one in desk.told] == [False, True]
    assert desk.heard == 1


@pytest.mark.parametrize("begun", [True, False], ids=["while somebody speaks", "in a pause"])
def test_a_stop_that_comes_just_before_work_ahead_begins_is_not_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """`Assistant.prefill` lets go of earlier wishes to stop when it begins."""
    engine, halt = scripted(), desk.assistant.runtime.halt
    monkeypatch.setattr(desk.assistant.models, "_open_engine", lambda model, runtime: engine)
    note = take_bytes(b"The belt squeaked after the break.", Kind.TEXT, 1, origin=Origin.USER, name="note")

    def ahead(watch: Watch) -> None:
        desk.dictation.expect(None)  # as the microphone's thread does in the midst of it
        assert halt.asked
        desk.assistant.prefill([note], watch)

    desk.ahead = lambda watch: desk.assistant.prefill([note], watch)
    desk.dictation.begin()
    desk.work()
    assert engine.prefilled
    engine.prefilled.clear()
    desk.ahead = ahead
    if begun:
        desk.dictation.begin()
    else:
        desk.dictation.expect(SOUND)
    desk.work()
    assert engine.prefilled == []


def test_what_is_wrong_is_told_of_all_that_was_said_and_of_nothing_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(models: ModelPool, role: str, **_: object) -> None:
        raise ModelMissing(f"{role} is missing", "pull it")

    monkeypatch.setattr(ModelPool, "model", missing)
    desk.dictation.begin()
    desk.work()
    desk.dictation.hear(SOUND, final=False)
    desk.dictation.expect(SOUND)
    desk.work()
    assert desk.told == []
    desk.dictation.hear(SOUND, final=True)
    with pytest.raises(ModelMissing):
        desk.work()
    assert desk.told[-1] == Written("", final=True)


def test_a_part_of_what_is_said_is_dropped_while_there_is_other_work(desk: Desk) -> None:
    desk.dictation.hear(SOUND[:40_000], final=False)
    desk.dictation.hear(SOUND, final=False)
    desk.work()
    assert desk.heard == 1
    assert [(one.final, one.recording) for one in desk.told] == [(False, None)]
    assert desk.assistant.recall.bytes == 0


@pytest.mark.parametrize("final", [False, True])
def test_a_part_of_what_is_said_does_not_hold_up_what_may_be_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, final: bool
) -> None:
    original = SpeechSense.perceive

    def goes_on(self: SpeechSense, *given: object) -> object:
        if final:
            desk.dictation.hear(SOUND, final=True)
        else:
            desk.dictation.expect(SOUND)
        return original(self, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(SpeechSense, "perceive", goes_on)
        desk.dictation.hear(SOUND[:40_000], final=False)
        desk.jobs.pop(0)()
    assert desk.told == []
    assert desk.assistant.recall.bytes == 0
    desk.work()
    assert [(one.final, TEXT in one.text) for one in desk.told] == [(final, True)]
