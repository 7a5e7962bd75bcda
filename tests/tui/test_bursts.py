"""Keys that arrive at once, as of a key that is held: a screen closes itself once and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.app import Stage
from textual import events
from textual.command import CommandList
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


async def test_several_enters_close_one_screen(stage: Stage) -> None:
    await stage.app.push_screen(Help())
    choice = Choose("which?", [("a", "b"), ("c", "d")])
    for over in (Confirm("Delete it?", "Delete"), choice, Rename("a name"), Examples()):
        await stage.app.push_screen(over)
        await stage.settle()
        await enters(stage)
        assert isinstance(stage.screen, Help), over


async def test_several_enters_attach_a_file_once(stage: Stage, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The dose is 5 mg.\n")
    await stage.app.push_screen(Help())
    await stage.app.push_screen(Attach())
    path = stage.screen.query_one("#path", Input)
    path.value = str(note)
    path.focus()
    await stage.settle()
    await enters(stage)
    assert isinstance(stage.screen, Help)
    assert len(stage.work.calls("attach")) == 1


@pytest.mark.parametrize("theme", [False, True])
async def test_several_enters_in_the_palette_run_one_command(stage: Stage, theme: bool) -> None:
    await stage.app.push_screen(Help())
    for _ in range(2):
        stage.app.search_themes() if theme else stage.app.action_command_palette()
        await stage.settle()
        await stage.type("light" if theme else "new")
        assert isinstance(stage.screen, Palette)
        found = stage.screen.query_one(CommandList)
        await stage.until(lambda found=found: bool(found.option_count), "what it found")
        await enters(stage)
        await enters(stage)
        assert isinstance(stage.screen, Help)
    assert len(stage.work.calls("begin")) == (0 if theme else 2)
