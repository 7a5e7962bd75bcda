"""Keys and clicks of a burst do what they do one by one, whatever screens they open and close."""

from __future__ import annotations

import asyncio
import random
import sys
from contextlib import closing

import pytest
from helpers.app import PATIENCE, PIN, POLL_S, Stage, play
from helpers.commands import Terminal
from textual import events
from textual.widgets import Button, Input

from edge_assistant_tui import input_order
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.conversation import ConversationScreen
from edge_assistant_tui.screens.help import Help
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.widgets.end_button import EndButton

PLACES = ["f1", "f6", "f8", "f10", "question_mark", "ctrl+t"]
KEYS = [*"abc", *PLACES, *3 * ["escape"], "enter", "tab", "backspace", "left", "ctrl+n", "ctrl+l", "ctrl+z"]


def shown(stage: Stage) -> object:
    """What keys can change: screens, what has the focus, texts, what the worker is asked."""
    stack = [type(screen).__name__ for screen in stage.app.screen_stack]
    texts = [field.value for screen in stage.app.screen_stack for field in screen.query(Input)]
    asked = [call for call in stage.work.asked if call[0] not in ("typing", "expect")]
    return stack, type(stage.app.focused).__name__, stage.prompt.text, texts, asked


async def after(keys: list[str], *, together: bool) -> object:
    async with play() as stage:
        if together:
            await stage.burst(*keys)
        else:
            for key in keys:
                await stage.burst(key)
        return shown(stage)


@pytest.mark.parametrize("visitor", [False, True], ids=["one person", "visitor"])
@pytest.mark.parametrize("seed", range(2))
async def test_a_burst_does_what_its_keys_do_one_by_one(hold, request, seed: int, visitor: bool) -> None:
    if visitor:
        request.getfixturevalue("kiosk")
    keys = random.Random(seed).choices(KEYS, k=16)
    assert await after(keys, together=True) == await after(keys, together=False)


@pytest.mark.parametrize("key", ["f8", "ctrl+p"])
async def test_letters_behind_the_key_of_a_screen_go_into_its_line(stage: Stage, key: str) -> None:
    await stage.burst(key, *"penicillin")
    assert stage.screen.query_one(Input).value == "penicillin"
    assert stage.prompt.text == ""


@pytest.mark.usefixtures("kiosk")
async def test_a_pin_that_is_typed_at_once_is_never_shown_nor_asked(stage: Stage) -> None:
    await stage.burst("ctrl+t", *PIN, "enter")
    await stage.until(lambda: not isinstance(stage.screen, Operator), "that it was tried")
    assert (stage.app.policy.unlocked, stage.prompt.text, stage.work.calls("ask")) == (True, "", [])


def click(stage: Stage, x: int, y: int) -> None:
    """Have a button of the mouse pressed and released, as a terminal tells that."""
    for event in (events.MouseDown, events.MouseUp):
        stage.app.post_message(event(None, x, y, 0, 0, 1, False, False, False, x, y))


async def test_a_second_click_does_what_it_does_once_the_first_one_closed_something(stage: Stage) -> None:
    answers: list[bool | None] = []
    await stage.app.push_screen(Confirm("Leave it?", "No"), answers.append)
    await stage.app.push_screen(Confirm("Delete it?", "Delete"), answers.append)
    await stage.settle()
    no = stage.screen.query_one("#no", Button).region.center
    click(stage, *no)
    stage.post_keys("y", "f1")
    await stage.settle()
    assert (answers, type(stage.screen)) == ([False, True], Help)


@pytest.mark.usefixtures("kiosk")
async def test_what_is_typed_behind_a_click_that_ends_a_session_is_of_the_next(stage: Stage) -> None:
    await stage.type("my allergies")
    click(stage, *stage.talk.query_one(EndButton).region.center)
    stage.post_keys("x", *"hello")
    await stage.settle()
    assert isinstance(stage.screen, ConversationScreen)
    assert stage.prompt.text == "hello"


async def test_a_widget_that_hangs_holds_nothing_up_for_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_order, "_PATIENCE_S", 0.1)
    await stage.type("my")
    hangs = asyncio.Event()
    stage.prompt.call_later(hangs.wait)
    stage.post_keys("left", "escape")
    try:
        async with asyncio.timeout(PATIENCE):
            while stage.prompt.text:
                await asyncio.sleep(POLL_S)
    finally:
        hangs.set()
        await stage.settle()


def test_bytes_that_come_at_once_are_keys_in_their_order() -> None:
    with closing(Terminal(sys.executable, "-m", "edge_assistant_tui")) as terminal:
        terminal.read_until("F1 or")
        terminal.press("\x1b[19~peni\x7f\x7fcil")
        terminal.read_until("pecil")
        assert "History" in terminal.seen
