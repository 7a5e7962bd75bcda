"""The conversation as it looks in each state, at both sizes: pictures that were looked at, kept beside this file."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import says
from helpers.app import FORM, NOTE, TAKEN, VITALS, Stage, app, conflict, signal
from helpers.screens import Golden, Story
from textual.widgets._toast import Toast

from edge_assistant.core.answer import Answer, Told
from edge_assistant.core.errors import DeviceMissing
from edge_assistant.core.events import Reading
from edge_assistant.core.signals import Signal
from edge_assistant.devices import chosen
from edge_assistant.history.store import Saved, SavedSignal, SavedState, SavedTurn
from edge_assistant_tui import messages
from edge_assistant_tui.widgets.figures import Figures
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.sources import Sources

pytestmark = pytest.mark.usefixtures("still")
SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
QUESTION = "What is the patient allergic to?"
MODELS = ("qwen2.5-coder-1.5b-instruct-q4_k_m", "whisper-base", "silero-vad", "pp-ocrv6-small")
LONG = signal("image:1", "2026-03-14 intake form of the emergency department, second copy (scanned).jpeg")
WIDE = signal("audio:12", "診察室の録音_二〇二六年三月十四日_アレルギーについて.wav")
FLOW = signal("readings:1", "monitor-bed-12-vitals-export-2026-03-14T09-30-00.csv")


async def attached(stage: Stage, *signals: Signal) -> None:
    """Signals that are perceived."""
    for given in signals or (FORM, NOTE, VITALS):
        count = 11 if given.kind == "image" else 3
        found = conflict().evidence[:1] * count
        await stage.tell(messages.Taken(given), says.sensed(given.id, "all", found, 0.4))


async def empty(stage: Stage) -> None:
    await stage.tell(messages.Ready(()))


async def first_run(stage: Stage) -> None:
    await stage.tell(messages.Ready(MODELS))


async def perceiving(stage: Stage) -> None:
    await stage.tell(*(messages.Taken(given) for given in (FORM, NOTE, VITALS)))
    await stage.tell(
        says.sensed("image:1", "objects", (), 0.2),
        says.sensing("image:1", "writing", 0.45),
        says.sensing("audio:1", "speech", 0.0),
    )


async def failed(stage: Stage) -> None:
    await attached(stage, FORM, VITALS)
    await stage.tell(
        says.noted("image:1", "form.jpg: only the first of 3 pages was looked at"),
        messages.Taken(NOTE),
        says.failed("audio:1", "note.wav is damaged: it breaks off after 1.2 s", "copy or export it again"),
    )
    stage.screen.query_one(SignalList).focus()
    await stage.pilot.press("end")


async def streaming(stage: Stage) -> None:
    await attached(stage)
    await stage.ask(QUESTION)
    answer = conflict()
    await stage.tell(says.routed(1, answer.route), says.said(1, answer.text.partition(";")[0] + "."))
    await stage.tell(messages.TurnTold(1, Reading("audio:1")))


async def contradicted(stage: Stage) -> None:
    await attached(stage)
    await stage.ask(QUESTION)
    await stage.tell(says.routed(1, conflict().route), says.said(1, conflict().text))
    await stage.tell(says.ended(1, conflict()))


async def opened(stage: Stage) -> None:
    """All of the answer is looked at: the figures unfolded, a source chosen."""
    await contradicted(stage)
    stage.screen.query_one(Figures).action_unfold()
    stage.screen.query_one(Sources).focus()
    await stage.pilot.press("down")


async def stopped(stage: Stage) -> None:
    await streaming(stage)
    await stage.pilot.press("escape")
    await stage.tell(messages.TurnStopped(1))


async def no_models(stage: Stage) -> None:
    await stage.tell(messages.Ready(MODELS[:1]))
    await attached(stage, FORM)
    await stage.ask(QUESTION)
    missing = f"the model {MODELS[0]} is not in the store"
    await stage.tell(messages.TurnFailed(1, missing, f"press F9, or run 'edge-assistant models pull {MODELS[0]}'"))


async def no_devices(stage: Stage) -> None:
    for number, key in enumerate(("f5", "f3"), 1):
        await stage.pilot.press(key)
        await stage.until(lambda number=number: len(stage.screen.query(Toast)) == number)
        await stage.until(lambda: set(stage.devices.values()) == {"off"}, "both are off again")
    await stage.settle()


async def long_names(stage: Stage) -> None:
    await attached(stage, LONG, WIDE, FLOW)
    await stage.tell(says.noted("image:1", f"{LONG.name}: only the first frame was looked at"))
    stage.screen.query_one(SignalList).follow("readings:1", "following, but the file is gone")
    await stage.ask(f"{QUESTION} And does the recording say the same as the form, as far as it can be understood?")
    await stage.tell(says.ended(1, long_answer()))


async def offered(stage: Stage) -> None:
    saved = Saved(
        "0" * 16,
        QUESTION,
        TAKEN,
        (SavedSignal(FORM, SavedState.READY, removed=False), SavedSignal(NOTE, SavedState.GONE, removed=False)),
        (SavedTurn(TAKEN, conflict().to_json()),),
    )
    await stage.tell(messages.Ready(()), messages.Unfinished(saved))


def long_answer() -> Answer:
    """An answer whose names and values are long."""
    answer = conflict()
    first, second = answer.evidence
    told = Told("none known; asked twice, by the nurse and by the physician on duty", ("E1",))
    verdict = replace(answer.verdicts[0], subject="the patient of bed 12", values=(told, answer.verdicts[0].values[1]))
    return replace(
        answer,
        signals=(LONG, WIDE, FLOW),
        evidence=(first, replace(second, signal="audio:12", text=f"{second.text} " * 4)),
        verdicts=(verdict, replace(verdict, attribute="date of birth", status=verdict.status)),
    )


STATES: dict[str, Story] = {
    "empty": empty,
    "first-run": first_run,
    "perceiving": perceiving,
    "failed-signal": failed,
    "streaming": streaming,
    "conflict": contradicted,
    "conflict-opened": opened,
    "stopped": stopped,
    "no-models": no_models,
    "no-devices": no_devices,
    "long-names": long_names,
    "offered": offered,
}


class Absent:
    """A device that is not there."""

    def __init__(self, name: str, hint: str) -> None:
        self.name, self._hint = name, hint

    def open(self) -> None:
        raise DeviceMissing(f"there is no {self.name}", self._hint)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has neither camera nor microphone."""
    microphone = Absent("microphone", "plug one in, or see that the sound server runs")
    monkeypatch.setattr(chosen, "camera", lambda _: Absent("camera", "plug one in"))
    monkeypatch.setattr(chosen, "microphone", lambda _: microphone)


def shown(story: Story) -> Story:
    """What is done before the picture is taken; the cursor does not blink."""

    async def before(stage: Stage) -> None:
        await stage.pilot.pause()
        stage.prompt.cursor_blink = False
        await story(stage)
        await stage.pilot.pause()

    return before


@SIZES
@pytest.mark.parametrize("state", STATES)
def test_a_state(golden: Golden, state: str, size: tuple[int, int]) -> None:
    golden(app()[0], size, shown(STATES[state]))


@pytest.mark.parametrize("theme", ["light", "high-contrast"])
def test_a_theme(golden: Golden, theme: str) -> None:
    made, _ = app()
    made.theme = theme
    golden(made, (100, 30), shown(opened))
