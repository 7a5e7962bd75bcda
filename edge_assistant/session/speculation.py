"""Work that may be for nothing: it goes on as long as nothing else is wanted, and is stopped as soon as that is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_assistant.core.errors import EdgeAssistantError, Stopped
from edge_assistant.core.events import Event, Watch

if TYPE_CHECKING:
    from edge_assistant.session.assistant import Assistant


class Ahead:
    """Numbers what happens: what was begun for an earlier number is not wanted any more."""

    def __init__(self, assistant: Callable[[], Assistant]) -> None:
        """Be ready.

        Args:
            assistant: gives what computes; called in the thread that does.
        """
        self._assistant = assistant
        self._lock = threading.Lock()
        self._running: Assistant | None = None  # what works, and may be stopped
        self.number = 0  # of the last thing that happened

    @property
    def idle(self) -> bool:
        """Whether nothing is being done."""
        return self._running is None

    def renew(self) -> int:
        """Something else is wanted from now on; its number. From any thread; what is being done is stopped."""
        with self._lock:
            self.number += 1
            if self._running is not None:
                self._running.stop()
            return self.number

    def wanted(self, number: int) -> Watch:
        """Goes on with each event as long as nothing else is wanted: a stop is lost on what has not begun yet."""

        def watch(event: Event) -> None:
            if number != self.number:
                raise Stopped("it is not wanted any more", "say it again")

        return watch

    def do(self, number: int, work: Callable[[], object]) -> None:
        """Work in this thread as long as it is wanted; what goes wrong is told where it is for something."""
        try:
            assistant = self._assistant()
            with self._lock:
                if number != self.number:
                    return
                self._running = assistant
            work()
        except EdgeAssistantError:
            pass
        finally:
            with self._lock:  # a stop that comes now would stop what is done next
                self._running = None
