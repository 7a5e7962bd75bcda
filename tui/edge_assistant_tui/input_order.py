"""Keys, clicks and pastes one after the other: each is acted on before the next one is handed on.

Textual hands each to what has the focus as it comes. A key that a widget does not take goes up to the app, from widget
to widget, and only there does what it is bound to. The keys behind it in a burst were handed on by then: to a widget
that is hidden meanwhile, or to a screen that is not composed yet, where they are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from textual import errors, events
from textual.app import ScreenStackError

if TYPE_CHECKING:
    from textual.message_pump import MessagePump
    from textual.widget import Widget

    from edge_assistant_tui.interface import AppInterface

Input = events.InputEvent | events.Paste
_ACTED_ON = (events.Key, events.MouseDown, events.MouseUp, events.Paste)  # moving and scrolling open nothing
_ROUNDS = 2  # of the event itself, and of what the widget tells others then, such as that a button is pressed
_PATIENCE_S = 5.0  # a widget takes its time; Escape has to reach the app


class InputOrder:
    """Holds back what comes while something is acted on."""

    def __init__(self, app: AppInterface, hand_on: Callable[[Input], Awaitable[None]]) -> None:
        """Prepare.

        Args:
            app: whose widgets act.
            hand_on: gives an event to what has the focus, or lies under the mouse.
        """
        self._app, self._hand_on = app, hand_on
        self._waiting: asyncio.Queue[Input] = asyncio.Queue()
        self._free = True  # nothing waits or is acted on

    async def take(self, event: Input) -> None:
        """Have an event handed on, once those before it are acted on."""
        if self._free and self._is_text(event):
            await self._hand_on(event)
        else:
            self._free = False
            self._waiting.put_nowait(event)

    async def run(self) -> None:
        """Hand events on, as long as the app runs."""
        while True:
            event = await self._waiting.get()
            with suppress(TimeoutError, ScreenStackError):  # the latter at the end of the app
                async with asyncio.timeout(_PATIENCE_S):
                    await self._act(event)
            self._waiting.task_done()
            self._free = self._waiting.empty()

    async def _act(self, event: Input) -> None:
        text = False

        async def hand_on() -> None:
            nonlocal text
            text = self._is_text(event)
            await self._hand_on(event)

        await _passed(self._app, hand_on)
        if not isinstance(event, _ACTED_ON) or text:
            return
        drawn = None
        while drawn is not self._app.screen:  # one that was opened has to be composed
            drawn = self._app.screen
            for _ in range(_ROUNDS):
                for node in self._target(event).ancestors_with_self:
                    await _passed(node)

    def _is_text(self, event: Input) -> bool:
        """Whether it is a letter for what has the focus, which takes all of them in their order."""
        widget = self._app.focused
        return isinstance(event, events.Key) and bool(widget and widget.check_consume_key(event.key, event.character))

    def _target(self, event: Input) -> Widget:
        """What an event is given to."""
        if isinstance(event, events.MouseEvent):
            with suppress(errors.NoWidget):
                return self._app.mouse_captured or self._app.screen.get_widget_at(event.x, event.y)[0]
            return self._app.screen
        return self._app.focused or self._app.screen


async def _passed(node: MessagePump, act: Callable[[], Awaitable[None]] | None = None) -> None:
    """Wait until a widget has done what it was told before, and act there then; one that is closed does nothing."""
    done = asyncio.Event()

    async def do() -> None:
        try:
            if act is not None:
                await act()
        finally:
            done.set()

    if node.call_later(do):
        await done.wait()
