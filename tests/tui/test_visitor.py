"""A visitor's session: how it begins, ends at a button or after a while, what holds that up, and what is left of it."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import says
from helpers.app import COUNTED, FORM, HASH, KIOSK, PATIENCE, IdleClock, Senses, Stage, app, conflict, play
from helpers.commands import Terminal
from helpers.screens import Golden
from helpers.sounds import silence, wav
from textual import events
from textual.widgets import Static

from edge_assistant.core.errors import DeviceLost, StorageFull
from edge_assistant.history.store import History
from edge_assistant.storage.settings import Settings
from edge_assistant_tui import messages
from edge_assistant_tui.screens.help import Help
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.screens.visitor import AnyKey, Attract, Countdown
from edge_assistant_tui.widgets.end_button import EndButton

SPEAKING = f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "microphone", "voice"]\n'
IDLE_S = 300.0


def begin(stage: Stage) -> str:
    """What is said of how to begin; nothing until it is drawn."""
    return "".join(str(line.render()) for line in stage.screen.query("#begin").results(Static))


# How it begins


@pytest.mark.usefixtures("kiosk")
async def test_any_key_or_click_begins_and_does_nothing_else() -> None:
    async with play(arrived=False) as stage:
        assert isinstance(stage.screen, Attract)
        for key in ("x", "enter", "escape", "f10", "ctrl+q", "ctrl+p"):
            await stage.press(key)
            assert stage.screen is stage.talk, key
            assert (stage.prompt.text, stage.toasts) == ("", []), key
            await stage.app.roles.end()
            await stage.settle()
        assert isinstance(stage.screen, Attract)
        await stage.pilot.click(offset=(70, 22))  # where the button is, below
        await stage.settle()
        assert stage.screen is stage.talk
        await stage.app.roles.end()
        await stage.press("ctrl+t")
        assert isinstance(stage.screen, Operator), "the operator need not press it twice"


async def test_without_roles_nobody_is_waited_for_and_nothing_ends(stage: Stage, clock: IdleClock) -> None:
    assert not isinstance(stage.screen, AnyKey)
    assert not stage.talk.query_one(EndButton).display
    await clock.passes(stage, 10 * IDLE_S)
    assert stage.screen is stage.talk


@pytest.mark.parametrize("wanted", [True, False])
async def test_speaking_begins_where_that_is_set(hold, models, wanted: bool) -> None:
    hold(SPEAKING)
    made, work = app(microphone=f"file:{COUNTED}")
    made.settings = Settings(listen=wanted)
    work.assistant = lambda: Senses(models)
    async with made.run_test(size=(80, 24)) as pilot:
        stage = Stage(pilot)
        if not wanted:
            await stage.settle()
            assert (stage.devices["microphone"], "speak" in begin(stage)) == ("off", False)
            return
        await stage.until(lambda: stage.screen is stage.talk, "speech")
        await stage.until(lambda: any(final for _, final in stage.work.calls("hear")), "what was said")


async def test_who_presses_a_key_is_not_listened_to(hold, models, tmp_path: Path) -> None:
    hold(SPEAKING)
    (tmp_path / "quiet.wav").write_bytes(wav(silence(60.0)))
    made, work = app(microphone=f"file:{tmp_path / 'quiet.wav'}")
    made.settings = Settings(listen=True)
    work.assistant = lambda: Senses(models)
    async with made.run_test(size=(80, 24)) as pilot:
        stage = Stage(pilot)
        await stage.until(lambda: "or speak to begin" in begin(stage), "the microphone")
        await stage.press("x")
        assert stage.devices["microphone"] == "off"


# How it ends


@pytest.mark.usefixtures("kiosk")
@pytest.mark.parametrize("way", ["button", "key", "sends before", "spoke before"])
async def test_the_button_and_its_key_erase_at_once(stage: Stage, way: str) -> None:
    await stage.tell(messages.Taken(FORM), messages.Removed(FORM))
    await stage.ask("What is written here?")
    stage.app.copy_to_clipboard("penicillin")
    await stage.type("and my")
    stage.app.notify("form.jpg is changed")
    if way == "button":
        await stage.pilot.click(EndButton)
        await stage.settle()
    elif way == "spoke before":
        stage.capture._hears.append(True)
        stage.talk.post_message(messages.Heard("my allergies", True, b""))
    await stage.burst(*(["enter"] if way == "sends before" else []), *(["ctrl+n"] if way != "button" else []))
    assert isinstance(stage.screen, Attract)
    assert stage.work.asked[-2:] == [("stop", ()), ("begin", ())]
    assert (stage.turns, stage.entries, stage.prompt.text, stage.prompt.inputs) == ([], (), "", ())
    assert (stage.app.clipboard, stage.toasts) == ("", [])
    await stage.arrive()
    await stage.press("ctrl+z")
    assert not stage.work.calls("restore")


@pytest.mark.usefixtures("kiosk")
async def test_the_operator_has_no_such_button(stage: Stage) -> None:
    assert stage.talk.query_one(EndButton).display
    await stage.unlock()
    assert not stage.talk.query_one(EndButton).display
    await stage.press("ctrl+n")
    assert stage.screen is stage.talk


@pytest.mark.usefixtures("kiosk")
async def test_what_workers_tell_late_is_no_next_visitors(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.work, "begin", lambda: None)  # it still has something to do
    await stage.press("ctrl+n", "enter")
    late = messages.Taken(FORM), messages.Removed(FORM), messages.Heard("my allergies", True, b"")
    await stage.tell(*late)
    assert (stage.entries, stage.prompt.text, stage.toasts) == ((), "", [])
    await stage.tell(messages.Notice("diagnosis.pdf cannot be read", "it is damaged"))
    assert stage.toasts == []
    await stage.tell(messages.ConversationClosed(), messages.Taken(FORM), messages.Notice("a.pdf", "is damaged"))
    assert (len(stage.entries), stage.toasts) == (1, ["a.pdf is damaged"])


@pytest.mark.usefixtures("kiosk")
@pytest.mark.parametrize("seed", range(3))
async def test_keys_in_a_burst_while_an_answer_is_said_end_the_session_and_not_the_app(seed: int) -> None:
    chance = random.Random(seed)
    async with play() as stage:

        def press(*keys: str) -> None:
            for key in keys:
                stage.app.post_message(events.Key(key, None))

        async def moment() -> None:
            for _ in range(chance.randrange(20)):
                await asyncio.sleep(0)

        for turn in range(1, 13):
            while stage.screen is not stage.talk:
                press("enter")
                await asyncio.sleep(0.02)
            await stage.talk.ask("What?")
            for _ in range(chance.randrange(8)):
                stage.talk.post_message(says.said(turn, "It is [E1]. " * 5))
            if chance.random() < 0.5:
                stage.talk.post_message(says.ended(turn, conflict()))
            await moment()
            press(*chance.choice([("ctrl+n",), ("ctrl+n", "x"), ("ctrl+n", "x", "ctrl+n")]))
            stage.talk.post_message(says.said(turn, "It is not."))
            stage.talk.post_message(messages.TurnStopped(turn))
            await moment()
            assert stage.app._running
        await asyncio.sleep(0.2)
        assert stage.app.fault is None


@pytest.mark.usefixtures("kiosk")
async def test_the_countdown_is_shown_and_ends_in_nothing_left(stage: Stage, clock: IdleClock) -> None:
    await stage.type("my")
    await clock.passes(stage, IDLE_S - 21.5)
    assert stage.screen is stage.talk
    await clock.passes(stage, 2.0)
    assert isinstance(stage.screen, Countdown)
    assert stage.said("#left") == "This conversation is erased in 20 s."
    await clock.passes(stage, 12.0)
    assert stage.said("#left") == "This conversation is erased in 8 s."
    await clock.passes(stage, 8.0)
    assert isinstance(stage.screen, Attract)
    assert stage.prompt.text == ""
    asked = len(stage.work.asked)
    await clock.passes(stage, 2 * IDLE_S)
    assert len(stage.work.asked) == asked, "nobody is there"


@pytest.mark.usefixtures("kiosk")
@pytest.mark.parametrize("way", ["x", "enter", "escape", "click", "began", "went on", "answering"])
async def test_a_countdown_is_stopped(stage: Stage, clock: IdleClock, way: str) -> None:
    await stage.type("my")
    await stage.press("f1")
    await clock.passes(stage, IDLE_S - 5.0)
    assert isinstance(stage.screen, Countdown)
    if way == "click":
        await stage.pilot.click(offset=(70, 22))
        await stage.settle()
    elif way in ("began", "went on"):
        await stage.tell(messages.SpeechBegan() if way == "began" else messages.SpeechWentOn())
    elif way == "answering":
        await stage.talk.ask("What?")
    else:
        await stage.press(way)
    await clock.passes(stage, IDLE_S - 21.0)
    assert isinstance(stage.screen, Help), "where they were"
    assert stage.prompt.text == "my"
    await clock.passes(stage, 3.0 if way != "answering" else 0.0)
    assert isinstance(stage.screen, Countdown) == (way != "answering")


@pytest.mark.usefixtures("kiosk")
@pytest.mark.parametrize("way", ["types", "scrolls", "speaks", "dictates", "asked", "is spoken to"])
async def test_nothing_ends_while_somebody(stage: Stage, clock: IdleClock, monkeypatch, way: str) -> None:
    await stage.type("my")
    if way == "dictates":
        stage.capture._hears.append(False)
    elif way == "asked":
        await stage.ask("What is written here?")
    elif way == "is spoken to":
        monkeypatch.setattr(type(stage.capture._spoken), "speaking", True)
    for _ in range(5):
        await clock.passes(stage, IDLE_S - 30.0)
        if way == "types":
            await stage.press("x")
        elif way == "scrolls":
            stage.app.post_message(events.MouseScrollDown(None, 40, 8, 0, 0, 0, False, False, False))
            await stage.settle()
        elif way == "speaks":
            await stage.tell(messages.SpeechWentOn())
        assert stage.screen is stage.talk
    if way == "dictates":
        stage.capture._hears.clear()
    elif way == "asked":
        await stage.tell(says.ended(1, conflict()))
    elif way == "is spoken to":
        monkeypatch.setattr(type(stage.capture._spoken), "speaking", False)
    await clock.passes(stage, IDLE_S + 1.0)
    assert isinstance(stage.screen, Attract), "it does end then"


async def test_a_microphone_that_is_pulled_out_holds_nothing_up(hold, models, tmp_path, clock, monkeypatch) -> None:
    def gone() -> None:
        raise DeviceLost("the microphone is gone", "plug it in again")

    hold(SPEAKING)
    (tmp_path / "quiet.wav").write_bytes(wav(silence(60.0)))
    async with play(microphone=f"file:{tmp_path / 'quiet.wav'}") as stage:
        stage.work.assistant = lambda: Senses(models)
        await stage.press("f3")
        await stage.until(lambda: stage.devices["microphone"] == "recording", "the microphone")
        monkeypatch.setattr(stage.capture._listening._keeper.device, "read", gone)
        await stage.until(lambda: stage.devices["microphone"] == "lost", "the loss")
        await stage.press("f3")
        await stage.until(lambda: not stage.capture.engaged, "that nothing was said")
        await clock.passes(stage, IDLE_S + 1.0)
        assert (type(stage.screen), stage.toasts) == (Attract, [])


@pytest.mark.usefixtures("kiosk")
async def test_a_full_disk_keeps_nobody_in(stage: Stage, clock: IdleClock) -> None:
    def full(what: object) -> None:
        raise StorageFull("the disk is full", "free some space")

    await stage.unlock()
    stage.app.policy.record = full
    await clock.passes(stage, IDLE_S - 5.0)
    assert stage.said("#left") == "The app is locked and this conversation closed in 5 s."
    await clock.passes(stage, 6.0)
    assert (isinstance(stage.screen, Attract), stage.role) == (True, "visitor")
    assert stage.toasts == ["the disk is full free some space"]


async def test_the_next_visitor_hears_no_voice_that_the_last_one_wanted(hold, monkeypatch) -> None:
    hold(SPEAKING)
    async with play() as stage:
        monkeypatch.setattr(stage.capture._spoken, "start", lambda chosen: None)  # a speaker that is there
        await stage.press("f12")
        assert stage.capture._voiced
        await stage.press("ctrl+n")
        assert not stage.capture._voiced


@pytest.mark.usefixtures("kiosk")
async def test_no_size_ends_what_stands_around_a_session(stage: Stage, clock: IdleClock) -> None:
    await clock.passes(stage, IDLE_S - 5.0)
    for screen in (Countdown, Attract):
        assert isinstance(stage.screen, screen)
        for size in ((1, 1), (31, 24), (300, 1), (34, 6), (80, 24)):
            await stage.pilot.resize_terminal(*size)
            await stage.settle()
        await clock.passes(stage, 6.0)


@pytest.mark.usefixtures("kiosk")
async def test_speech_keeps_no_operator_in(stage: Stage, clock: IdleClock) -> None:
    await stage.unlock()
    await clock.passes(stage, IDLE_S - 10.0)
    await stage.tell(messages.SpeechWentOn())
    assert isinstance(stage.screen, Countdown)
    await clock.passes(stage, 11.0)
    assert (isinstance(stage.screen, Attract), stage.app.policy.unlocked) == (True, False)


# What is left of it


@pytest.mark.parametrize("visitor", [True, False])
def test_after_a_crash_there_is_nothing_of_a_visitors(hold: Callable[[str], Path], visitor: bool) -> None:
    hold(KIOSK if visitor else "")
    terminal = Terminal(sys.executable, "-m", "edge_assistant_tui")
    try:
        if visitor:
            terminal.read_until("to begin")
            terminal.press(" ")
        terminal.read_until("F1 or")
        terminal.press("my allergies")
        terminal.read_until("allergies")
        end = time.monotonic() + (3.0 if visitor else PATIENCE)  # what is typed is kept after half a second
        while not History().ids() and time.monotonic() < end:
            terminal._read(0.1)
        terminal.process.send_signal(signal.SIGKILL)
    finally:
        terminal.close()
    assert (History().ids() == []) == visitor


# As it looks


async def attract(stage: Stage) -> None:
    assert isinstance(stage.screen, Attract)


async def countdown(stage: Stage) -> None:
    await stage.arrive()
    await stage.type("Which allergies are on my form?")
    await IdleClock().passes(stage, IDLE_S - 17.0)


async def arrived(stage: Stage) -> None:
    await stage.arrive()


@pytest.mark.usefixtures("still", "kiosk", "clock")
@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("story", [attract, countdown, arrived], ids=lambda story: story.__name__)
def test_a_session_looks_as_it_did(golden: Golden, story, size: tuple[int, int]) -> None:
    golden(app()[0], size, story)
