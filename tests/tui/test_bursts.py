"""Keys that arrive at once, as of a key that is held: a screen closes itself once and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captured import until
from placed import Stage, play
from textual import events
from textual.command import CommandList
from textual.screen import Screen
from textual.widgets import Input

from edge_assistant_tui.screens.attach import Attach
from edge_assistant_tui.screens.choose import Choose
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.examples import Examples
from edge_assistant_tui.screens.help import Help
from edge_assistant_tui.screens.palette import Palette
from edge_assistant_tui.screens.rename import Rename


async def enters(stage: Stage) -> None:
    """Have Enter arrive several times before the first one is handled."""
    for _ in range(4):
        stage.app.post_message(events.Key("enter", "\r"))
    await stage.settle()


@pytest.mark.parametrize(
    "over",
    [
        lambda: Confirm("Delete it?", "Delete"),
        lambda: Choose("which?", [("a", "b"), ("c", "d")]),
        lambda: Rename("a name"),
        Examples,
    ],
    ids=["confirm", "choose", "rename", "examples"],
)
def test_several_enters_close_one_screen(over: Callable[[], Screen[Any]]) -> None:
    async def story(stage: Stage) -> None:
        await stage.app.push_screen(Help())
        await stage.app.push_screen(over())
        await stage.settle()
        await enters(stage)
        assert isinstance(stage.app.screen, Help)

    play(story)


def test_several_enters_attach_a_file_once(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The dose is 5 mg.\n")

    async def story(stage: Stage) -> None:
        await stage.app.push_screen(Help())
        await stage.app.push_screen(Attach())
        path = stage.app.screen.query_one("#path", Input)
        path.value = str(note)
        path.focus()
        await stage.settle()
        await enters(stage)
        assert isinstance(stage.app.screen, Help)
        assert len(stage.work.calls("attach")) == 1

    play(story)


@pytest.mark.parametrize("theme", [False, True])
def test_several_enters_in_the_palette_run_one_command(theme: bool) -> None:
    async def story(stage: Stage) -> None:
        await stage.app.push_screen(Help())
        for _ in range(2):
            stage.app.search_themes() if theme else stage.app.action_command_palette()
            await stage.settle()
            await stage.type("light" if theme else "new")
            assert isinstance(stage.app.screen, Palette)
            found = stage.app.screen.query_one(CommandList)
            await until(stage, lambda found=found: bool(found.option_count), "what it found")
            await enters(stage)
            await enters(stage)
            assert isinstance(stage.app.screen, Help)
        assert len(stage.work.calls("begin")) == (0 if theme else 2)

    play(story)
