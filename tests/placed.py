"""The app over a scripted worker while a test plays it, for the places beside the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app_fakes import ScriptedWork, app
from textual.pilot import Pilot
from textual.widgets import Static

from edge_assistant_tui.app import EdgeAssistant


@dataclass
class Stage:
    """The app, its worker and the pilot that presses keys."""

    app: EdgeAssistant
    work: ScriptedWork
    pilot: Pilot[int]

    async def press(self, *keys: str) -> None:
        """Press keys and wait until what they began in threads is shown."""
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if character == " " else character for character in text))

    async def settle(self) -> None:
        """Wait for what goes on in threads, and until what it told is shown."""
        for _ in range(200):
            await self.pilot.pause()
            if not any(worker.is_running and worker._thread_worker for worker in self.app.workers):
                break
            await asyncio.sleep(0.02)
        await self.pilot.pause()

    def said(self, selector: str) -> str:
        """The text of a widget of the screen on top."""
        return str(self.app.screen.query_one(selector, Static).render())


def play(
    story: Callable[[Stage], Awaitable[None]],
    size: tuple[int, int] = (80, 24),
    notifications: bool = True,
    **options: Any,
) -> None:
    """Run a story over the app."""

    async def run() -> None:
        made, work = app(**options)
        async with made.run_test(size=size, notifications=notifications) as pilot:
            await pilot.pause()
            stage = Stage(made, work, pilot)
            await story(stage)

    asyncio.run(run())


def toasts(stage: Stage) -> list[str]:
    """What was notified, title and text."""
    return [f"{toast.title} {toast.message}".strip() for toast in stage.app._notifications]
