"""Two hours of conversation, simulated: signals come, grow and go, questions are asked, and memory stays flat.

A person who asks every ten seconds asks 700 times in two hours; here nobody waits. What is measured is how many objects
Python's collector knows once all is collected, which is the same on every machine; a widget that stays is some hundred
of them. The long runs look at the memory of the process too.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import says
from helpers.app import COUNTED, HASH, TAKEN, IdleClock, Stage, Whole, app, computed, conflict
from textual import events
from textual._styles_cache import StylesCache
from textual.widget import Widget

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, Origin, Signal
from edge_assistant.devices import chosen
from edge_assistant.devices.microphone import FileMicrophone
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui import messages, roles
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.screens import conversation
from edge_assistant_tui.screens.visitor import Attract
from edge_assistant_tui.widgets.end_button import EndButton
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.status import memory_mib
from edge_assistant_tui.widgets.turn import Turn

TWO_HOURS = 700  # turns
FEW = 18
WARM = 10
ON_SCREEN = 4  # turns, here; so that a short run has turns leave the screen too
KIB = 1024
PLACES = ("f1", "f6", "f9", "f10")
ROUND = 8  # turns until all places were visited, one every second turn
VISITS = 6  # visitors until each did what visitors do, and left in each way
PLAIN = 3  # which of them only asks
# Of each turn there stay its question, which the arrow brings back, its id, and entries of Textual's bounded caches of
# regions, styles and selectors, which are still filling in a short run: 270 were seen. A turn that stayed has 1,500.
LEFT_BY_A_TURN = 500
LEFT_BY_A_VISITOR = 1000  # of 9 in a row, whose turns are fewer than fill the caches: 620 were seen
AT_ITS_END = 3  # threads that are not over yet
LEFT_WIDGETS = 0.1  # of each turn: none, but for the place that was left last
GROWN_MIB = 60  # of the process over two hours, which is recalled and kept by the allocator


class Held:
    """How much Python holds, from turn to turn."""

    def __init__(self) -> None:
        self._first: tuple[int, int, int, int, tuple[int, ...]] | None = None
        self.growth = self.widgets = 0.0  # objects and widgets a turn, since the first look
        self.grown_mib = 0
        self.opened = (0, 0, 0)  # descriptors, threads and files of the home, since the first look

    def look(self, turn: int) -> None:
        """Count; the first look is after the warm-up."""
        StylesCache.get_inner_outer.cache_clear()  # Textual's own holds 1,024 widgets that are gone, and no more
        gc.collect()
        held, mib = len(gc.get_objects()), memory_mib()
        widgets = sum(issubclass(type(thing), Widget) for thing in gc.get_objects())  # asks no property of a thing
        home = Path(os.environ["EDGE_ASSISTANT_HOME"])
        files = sum(file.is_file() for file in home.rglob("*"))
        opened = len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), files
        if self._first is None:
            self._first = turn, held, widgets, mib, opened
        else:
            self.growth = (held - self._first[1]) / (turn - self._first[0])
            self.widgets = (widgets - self._first[2]) / (turn - self._first[0])
            self.grown_mib = mib - self._first[3]
            self.opened = tuple(now - then for now, then in zip(opened, self._first[4], strict=True))


def held(play: Callable[[Held], Awaitable[None]]) -> Held:
    """What the turns of a run leave behind."""
    measured = Held()
    asyncio.run(play(measured))
    return measured


# the screens, over a scripted worker


def signal(number: int) -> Signal:
    """One of the signals that come and go."""
    kind = list(Kind)[number % 5]
    return Signal(f"{kind}:{number}", kind, Origin.CAMERA, f"picture {number}", "0" * 64, TAKEN, None, b"x" * KIB)


async def converse(stage: Stage, number: int) -> None:
    """A turn: a signal is perceived, what is old is removed or renewed, something is asked, seen, and left again."""
    screen, new = stage.talk, signal(number)
    evidence = tuple(replace(item, signal=new.id) for item in conflict().evidence) * 5
    told: list[messages.Message] = [messages.Taken(new)]
    told += [says.sensing(new.id, "writing", part / 10) for part in range(10)]
    told += [says.sensed(new.id, "writing", evidence, 0.2), says.noted(new.id, f"note {number}")]
    if number > 4:
        told.append(messages.Removed(signal(number - 4)))
    if number % 3 == 0:
        told += [messages.Taken(replace(new, sha256="1" * 64)), says.failed(new.id, "it is empty", "wait")]
    for message in told:
        screen.post_message(message)
    screen.query_one(Prompt).put(f"Question {number}?")
    await stage.pilot.press("enter")
    turn, answer = len(stage.work.calls("ask")), conflict() if number % 2 else computed()
    screen.post_message(says.routed(turn, answer.route))
    for verdict in answer.verdicts:
        screen.post_message(says.compared(turn, verdict))
    for word in range(5):
        screen.post_message(says.said(turn, f"Sentence {word} of {number} [E1]."))
    if number % 7 == 0:
        screen.post_message(messages.TurnStopped(turn))
    elif number % 11 == 0:
        screen.post_message(messages.TurnFailed(turn, "no signal is left", "attach one"))
    else:
        screen.post_message(says.ended(turn, answer))
    await stage.pilot.pause()
    if number % 2 == 0:
        await stage.pilot.press(PLACES[number // 2 % len(PLACES)])
        await stage.pilot.press("escape")


async def screens(measured: Held, turns: int, warm: int) -> None:
    made, _ = app()
    async with made.run_test(size=(100, 32)) as pilot:
        stage = Stage(pilot)
        await pilot.pause()
        for number in range(1, turns + 1):
            await converse(stage, number)
            made.clear_notifications()
            if number >= warm and (number - warm) % ROUND == 0:
                await pilot.pause()
                measured.look(number)
        assert len(made.conversation.query(Turn)) == ON_SCREEN


# the worker, over a plain language model


def csv(rows: int) -> bytes:
    return b"time,motor temperature [degC]\n" + b"".join(
        b"2025-03-14T14:%02d:00,%d\n" % (minute, 60 + minute) for minute in range(rows)
    )


async def worked(measured: Held, turns: int, warm: int) -> None:
    """Readings grow, remarks come and go, questions are answered by code and by the model, all of it is kept."""
    made = EdgeAssistant(Options(profile="test", language="en"))
    made.work._assistant = Assistant(Portfolio(), "test", runtime=Runtime(1))
    async with made.run_test(size=(100, 32)) as pilot:
        stage = Whole(pilot)
        await stage.rest()
        made.work.add(csv(10), Kind.READINGS, Origin.SENSOR, "motor")
        for number in range(1, turns + 1):
            made.work.renew("readings:1", csv(10 + number % 49))
            made.work.add(b"The belt squeaked %d times." % number, Kind.TEXT, Origin.USER, f"remark {number}")
            if number > 3:
                made.work.remove(f"text:{number - 3}")
            question = "Summarize the remarks." if number % 3 == 0 else "What was the highest temperature?"
            turn = await stage.answer(question)
            assert turn.answer is not None, stage.part(turn, ".failed")
            made.clear_notifications()
            if number >= warm and (number - warm) % ROUND == 0:
                measured.look(number)
        assert len(stage.entries) == 4
        kept = made.work.current
        assert kept is not None
        assert len(made.work.history.open(kept).turns) == turns


# visitors, each of whom finds nothing of the one before


async def visitors(measured: Held, turns: int, warm: int) -> None:
    """Each begins, puts a text aside, pastes, asks; some speak, some ask for an example; they end in any way."""
    made = EdgeAssistant(Options(profile="test", language="en"))
    made.work._assistant = Assistant(Portfolio(), "test", runtime=Runtime(1))
    clock = IdleClock()
    async with made.run_test(size=(100, 32), notifications=True) as pilot:
        stage = Whole(pilot)
        await stage.rest()
        for number in range(1, turns + 1):
            await stage.arrive()
            assert (stage.turns, stage.entries, stage.prompt.text, stage.prompt.inputs) == ([], (), "", ())
            assert stage.toasts == []
            await visit(stage, number)
            if number % 3 == 0:
                await stage.press("ctrl+n")
            elif number % 3 == 1:
                await pilot.click(EndButton)
            else:
                await clock.passes(stage, made.policy.idle_s)
            await stage.until(lambda: isinstance(stage.screen, Attract) and not made.conversation.leaving, "the end")
            await stage.rest()
            if number >= warm and (number - warm) % VISITS == 0:
                measured.look(number)
        assert made.work.history.ids() == []


async def visit(stage: Whole, number: int) -> None:
    """What a visitor does."""
    stage.prompt.put(f"My number is {number}.")
    await stage.press("escape")
    if number % 6 == 0:
        await stage.press("f6", "enter")
        await stage.press("ctrl+l", "enter", "escape")
        return  # while it is perceived
    stage.app.post_message(events.Paste("\n".join(f"Motor {line} has {number + line} degrees." for line in range(8))))
    await stage.until(lambda: len(stage.entries) == 1, "what is pasted")
    await stage.answer("Which motor has the most degrees?")
    if number % 6 == 1:
        await stage.pilot.press("f4")
        await stage.until(lambda: len(stage.turns) == 2, "a spoken question")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """Few turns stay on the screen, and the real small models are there."""
    monkeypatch.setattr(conversation, "MAX_TURNS", ON_SCREEN)
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


def test_the_screens_hold_nothing_of_what_is_gone() -> None:
    measured = held(lambda seen: screens(seen, FEW, WARM))
    assert measured.growth < LEFT_BY_A_TURN
    assert measured.widgets < LEFT_WIDGETS


def test_the_worker_holds_nothing_of_what_is_gone() -> None:
    measured = held(lambda seen: worked(seen, FEW, WARM))
    assert measured.growth < LEFT_BY_A_TURN
    assert measured.widgets < LEFT_WIDGETS


@pytest.fixture
def visited(hold: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Visitors may do what the story does, and nobody but it looks at the time."""
    hold(f'[roles]\npin = "{HASH}"\nvisitor = ["ask", "check", "examples", "attach", "microphone"]\n')
    monkeypatch.setattr(roles, "_LOOK_S", 3600.0)
    monkeypatch.setattr(chosen, "microphone", lambda text: FileMicrophone(COUNTED, 6.0))
    monkeypatch.setattr(EdgeAssistant, "NOTIFICATION_TIMEOUT", 0.2)  # asyncio holds a toast's timer until its time


@pytest.mark.usefixtures("visited")
def test_nothing_is_held_of_visitors_who_are_gone() -> None:
    measured = held(lambda seen: visitors(seen, VISITS + PLAIN, PLAIN))
    assert measured.growth < LEFT_BY_A_VISITOR
    assert measured.widgets < 3  # toasts and what was shown last are held for a moment; a turn has more
    assert max(measured.opened) <= AT_ITS_END


@pytest.mark.bench
@pytest.mark.usefixtures("visited")
def test_a_hundred_visitors() -> None:
    measured = held(lambda seen: visitors(seen, 20 * VISITS + PLAIN, 3 * VISITS + PLAIN))
    each = f"{measured.growth:.0f} objects, {measured.widgets:.2f} widgets a visitor"
    print(f"{each}; {measured.opened} descriptors, threads and files, {measured.grown_mib} MiB over 102 visitors")
    assert measured.growth < LEFT_BY_A_TURN / 2
    assert measured.widgets < 1  # 0 to 0.5 were seen, by what the last one saw; a turn that stayed has more
    assert max(measured.opened) <= AT_ITS_END
    assert measured.grown_mib < GROWN_MIB


@pytest.mark.bench
@pytest.mark.parametrize("story", [screens, worked])
def test_two_hours(story: Callable[[Held, int, int], Awaitable[None]]) -> None:
    measured = held(lambda seen: story(seen, TWO_HOURS, 100))
    figures = f"{measured.growth:.0f} objects, {measured.widgets:.2f} widgets a turn; {measured.grown_mib} MiB"
    print(f"{story.__name__}: {figures} over {TWO_HOURS} turns")
    assert measured.growth < LEFT_BY_A_TURN / 2  # the caches are full by then
    assert measured.widgets < LEFT_WIDGETS
    assert measured.grown_mib < GROWN_MIB
