"""The app over its real worker, and on a real terminal, while a test plays it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import struct
import sys
import termios
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from terminals import Terminal
from textual.pilot import Pilot

from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import VARIABLE, Options
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import Entry, SignalList
from edge_assistant_tui.widgets.turn import Turn

PATIENCE = 60.0  # seconds until a test gives up; nothing is asserted on how long anything took
EXAMPLES = Path(__file__).parent.parent / "examples"


class Whole:
    """The app with its real worker."""

    def __init__(self, app: EdgeAssistant, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, so: Callable[[], Any], what: str) -> None:
        """Let the app go on until something is so."""
        end = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < end, f"waited in vain: {what}; {self.entries}"
            await self.pilot.pause(0.02)

    async def rest(self) -> None:
        """Until nothing is computed and all is shown."""
        await self.until(lambda: not self.app.work.running, "the worker's rest")
        for _ in range(3):
            await self.pilot.pause()

    async def attach(self, *paths: Path) -> None:
        """As if they were pasted, each; until they are perceived."""
        for path in paths:
            self.app.conversation.query_one(Prompt).put(str(path))
            await self.pilot.press("enter")
        await self.rest()

    async def ask(self, text: str) -> Turn:
        """Send a question, and wait until its turn is over."""
        self.app.conversation.query_one(Prompt).put(text)
        await self.pilot.press("enter")
        turn = self.turns[-1]
        await self.until(lambda: turn.over, text)
        await self.rest()
        return turn

    @property
    def turns(self) -> list[Turn]:
        """The turns on the screen."""
        return list(self.app.conversation.query(Turn))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The signals in the list."""
        return self.app.conversation.query_one(SignalList).entries

    def toasts(self) -> list[str]:
        """What was notified, title and text."""
        return [f"{toast.title} {toast.message}".strip() for toast in self.app._notifications]

    def shown(self, turn: Turn, selector: str) -> str:
        """The text of a part of a turn."""
        return str(turn.query_one(selector).render())


def play(story: Callable[[Whole], Awaitable[None]], size: tuple[int, int] = (100, 32), **options: Any) -> None:
    """Run a story over the app with the models of the profile `test`."""

    async def run() -> None:
        app = EdgeAssistant(Options(**{"profile": "test", "language": "en", **options}))
        async with app.run_test(size=size, notifications=True) as pilot:
            whole = Whole(app, pilot)
            await whole.rest()
            await story(whole)

    asyncio.run(run())


def resize(terminal: Terminal, columns: int, rows: int) -> None:
    """Give a terminal another size, as its window does."""
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def started(size: tuple[int, int] = (100, 30), **options: Any) -> Terminal:
    """The real app on a terminal of its own; it is drawn."""
    given = json.dumps({"profile": "test", "language": "en", **options})
    terminal = Terminal(
        sys.executable, "-m", "edge_assistant_tui", environment={VARIABLE: given, "COLORTERM": "truecolor"}
    )
    resize(terminal, *size)
    terminal.read_until(r"\x1b\[\?1049h.*Edge Assistant")
    return terminal


def process_of(terminal: Terminal) -> int:
    """The process in the foreground of a terminal."""
    return os.tcgetpgrp(terminal.master)
