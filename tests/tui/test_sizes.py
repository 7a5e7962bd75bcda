"""No size of the terminal ends the app, on any screen; and where a fault does, nothing of what was said is printed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, NOTE, VITALS, Stage, computed, conflict, play
from helpers.commands import Terminal
from helpers.evidence import Made, Viewing
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from textual.command import CommandList
from textual.widgets import Select

from edge_assistant.history.store import History
from edge_assistant.session import health
from edge_assistant.session.health import DoctorCheck
from edge_assistant_tui import exhibits, messages
from edge_assistant_tui.options import Options
from edge_assistant_tui.screens.choose import Choose
from edge_assistant_tui.screens.evidence import EvidenceScreen
from edge_assistant_tui.screens.place import places
from edge_assistant_tui.screens.signal import SignalScreen
from edge_assistant_tui.widgets.option_list import OptionList
from edge_assistant_tui.widgets.signals import SignalList

Size = tuple[int, int]
WIDEST, HIGHEST = 300, 100
EDGES: tuple[Size, ...] = ((1, 1), (31, 24), (WIDEST, 1), (1, HIGHEST), (34, 6), (12, 40), (WIDEST, HIGHEST), (60, 3))
SMALL: tuple[Size, ...] = ((100, 6), (59, 9), (31, 6), (100, 3), (3, 3))
PAGING = ("pagedown", "pageup", "home", "end")
SWEEP = pytest.mark.parametrize(  # `make bench` takes all sizes
    ("edges", "small"),
    [pytest.param(EDGES[::3], SMALL[::4], id="some"), pytest.param(EDGES, SMALL, id="all", marks=pytest.mark.bench)],
)
SWEEP_OF_SMALL = pytest.mark.parametrize(
    "small", [pytest.param(SMALL[::4], id="some"), pytest.param(SMALL, id="all", marks=pytest.mark.bench)]
)
SIZES = st.tuples(st.integers(1, WIDEST), st.integers(1, HIGHEST))


async def resized(stage: Stage | Viewing, sizes: Sequence[Size]) -> None:
    """Resize the terminal, and let each size be laid out and drawn."""
    for size in sizes:
        await stage.pilot.resize_terminal(*size)
        await stage.pilot.pause()


async def answered(sizes: list[Size]) -> None:
    """Resize the terminal while two questions are answered."""
    async with play() as stage:
        screen = stage.talk
        for taken in (FORM, NOTE, VITALS):
            screen.post_message(messages.Taken(taken))
            screen.post_message(says.sensed(taken.id, "all", conflict().evidence[:1] * 3, 0.4))
        for turn, answer in enumerate((conflict(), computed()), 1):
            await stage.type("what?")
            await stage.press("enter")
            screen.post_message(says.routed(turn, answer.route))
            for at, word in enumerate(answer.text.split()):
                if at % 3 == 0:
                    await resized(stage, sizes[at // 3 % len(sizes) :][:1])
                screen.post_message(says.said(turn, word))
            screen.post_message(says.ended(turn, answer))
            await stage.settle()
        await resized(stage, sizes)


@settings(
    max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(st.lists(SIZES, min_size=12, max_size=16))
@example(list(EDGES))
def test_no_size_ends_the_app_while_it_answers(sizes: list[Size]) -> None:
    asyncio.run(answered(sizes))


@SWEEP
async def test_no_size_ends_a_place_and_no_list_without_room(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, edges: tuple[Size, ...], small: tuple[Size, ...]
) -> None:
    monkeypatch.setattr(
        health, "checks", lambda profile: iter([DoctorCheck("a", True, "b"), DoctorCheck("d", None, "e", "f")])
    )
    for place in places():
        await resized(stage, [(80, 24)])
        stage.app.action_visit(place.NAME)
        await stage.settle()
        await resized(stage, edges)
        for listed in stage.screen.query(OptionList):
            if isinstance(listed, OptionList):  # a query goes by the name of the class, which Textual's has too
                listed.focus()
                await paged(stage, small)


@SWEEP
async def test_no_size_ends_the_palette_an_open_setting_or_a_list_without_room(
    stage: Stage, edges: tuple[Size, ...], small: tuple[Size, ...]
) -> None:
    await stage.press("ctrl+p", "a")
    found = stage.screen.query_one(CommandList)
    await stage.until(lambda: bool(found.option_count and found.size.height), "what it found")
    await resized(stage, ((6, 4), (6, 16), (3, 4), *edges))
    await stage.press("down")
    await paged(stage, small)
    await stage.press("escape")
    await resized(stage, [(80, 24)])
    stage.app.action_visit("settings")
    await stage.settle()
    stage.screen.query(Select).first().focus()
    await stage.press("enter", "down")
    await paged(stage, small)


async def paged(stage: Stage | Viewing, sizes: Sequence[Size]) -> None:
    """Page through what has the focus at small sizes."""
    for size in sizes:
        await resized(stage, [size])
        await stage.pilot.press(*PAGING)


@SWEEP_OF_SMALL
async def test_no_list_of_signals_sources_or_choices_without_room_ends_the_app(
    stage: Stage, small: tuple[Size, ...]
) -> None:
    screen = stage.talk
    screen.post_message(messages.Taken(FORM))
    screen.post_message(says.sensed(FORM.id, "all", conflict().evidence[:1], 0.4))
    await stage.type("what?")
    await stage.press("enter")
    screen.post_message(says.ended(1, conflict()))
    await stage.settle()
    for key in ("ctrl+l", "ctrl+g"):
        await stage.press(key)
        assert isinstance(stage.app.focused, OptionList)
        await paged(stage, small)
    await stage.app.push_screen(SignalScreen(screen.query_one(SignalList).entries[0]))
    await paged(stage, small)
    await stage.app.push_screen(Choose("which?", [("a", "b"), ("c", "d")]))
    await paged(stage, small)


@SWEEP
async def test_no_size_ends_the_evidence(
    viewing: Viewing, things: Made, edges: tuple[Size, ...], small: tuple[Size, ...]
) -> None:
    answer = things.answer()
    shown = exhibits.of_answer(answer, {signal.id: signal for signal in answer.signals})
    for id in ("E1", "E3", "E5", "E6"):  # each kind of view
        await viewing.show(EvidenceScreen(shown, id))
        for size in edges:
            await resized(viewing, [size])
            await viewing.settle()
        await paged(viewing, small)
        await viewing.press("escape")


FAULTY = """
import sys
from edge_assistant_tui.__main__ import main
from edge_assistant_tui.screens.conversation import ConversationScreen

async def faulty(self):
    said = {signal: "Allergies: penicillin" for signal in ("form", "note")}
    raise ValueError(f"no place for {said}")

ConversationScreen.action_check = faulty
sys.exit(main())
"""


def test_a_fault_prints_nothing_of_what_was_said_and_leaves_the_conversation_to_be_offered(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The dose is 5 mg.\n")
    options = Options(attach=(str(note),)).to_environment()
    terminal = Terminal(sys.executable, "-c", FAULTY, environment=options)
    try:
        terminal.read_until("note.txt.*ready")
        terminal.press("\x1b[18~")  # F7
        assert terminal.ended() == 70
    finally:
        terminal.close()
    assert "penicillin" not in terminal.seen
    assert "Traceback" not in terminal.seen
    left = terminal.seen.rpartition("\x1b[?1049l")[2]
    assert "error: a fault of ours (ValueError) - start the app again; it offers the conversation" in left
    saved = History().unfinished()
    assert saved is not None
    assert [kept.signal.name for kept in saved.signals] == ["note.txt"]
