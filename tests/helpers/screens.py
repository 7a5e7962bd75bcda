"""Golden screens: what a screen shows, as text with its colours, that `cat` shows again in a terminal."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

from helpers.app import Stage
from rich.console import Console
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.pilot import Pilot

Story = Callable[[Stage], Awaitable[None]]
Golden = Callable[[App[Any], tuple[int, int], Story], None]
_PICTURES, _BETWEEN_S = 60, 0.05  # at most, of a screen that goes on changing


class Screens(SingleFileSnapshotExtension):
    """One file for each screen; `pytest --snapshot-update` takes what is there as right, once it was looked at."""

    file_extension = "ansi"
    _write_mode = WriteMode.TEXT


def drawn(app: App[Any], size: tuple[int, int], story: Story) -> str:
    """The screen after a story, row by row, each change of colour or style as a terminal's escape sequence."""

    async def run() -> str:
        app.NOTIFICATION_TIMEOUT = 3600.0  # seconds; a slow machine draws them, too
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await story(Stage(pilot))
            await pilot.pause()
            await pilot.wait_for_scheduled_animations()
            fields = (field for screen in app.screen_stack for field in screen.query("Input, TextArea"))
            for field in fields:  # under a box, too
                setattr(field, "cursor_blink", False)  # noqa: B010 - both have it; a cursor is drawn as it stands
            return await _at_rest(pilot)

    return asyncio.run(run())


async def _at_rest(pilot: Pilot[Any]) -> str:
    """The screen once it no longer changes: three pictures in a row are the same."""
    same, picture = 1, _exported(pilot.app)
    for _ in range(_PICTURES):
        await pilot.pause(_BETWEEN_S)
        before, picture = picture, _exported(pilot.app)
        same = same + 1 if picture == before else 1
        if same == 3:
            break
    return picture


def _exported(app: App[Any]) -> str:
    """As Textual's `export_screenshot` renders, which has no other form than SVG."""
    console = Console(
        width=app.size.width,
        height=app.size.height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True))
    return "\n".join(row.rstrip() for row in console.export_text(styles=True).splitlines()) + "\n"
