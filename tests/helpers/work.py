"""The app's worker in a test, without the app."""

from __future__ import annotations

import threading
from typing import TypeVar

from textual.message import Message

from edge_assistant.core.events import Answered
from edge_assistant_tui.messages import Notice, SignalTold, TurnTold
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work

PATIENCE = 60.0
Kind = TypeVar("Kind")


class Worker(Work):
    """A worker that runs.

    Attributes:
        told: what it posts.
    """

    def __init__(self) -> None:
        self.told: list[Message] = []
        super().__init__(self.told.append, Options(profile="test"))
        self.start()

    def of(self, kind: type[Kind]) -> list[Kind]:
        """What it posted of one kind, messages or events in them."""
        events = (message.event for message in self.told if isinstance(message, SignalTold | TurnTold))
        return [told for told in (*self.told, *events) if isinstance(told, kind)]

    @property
    def faults(self) -> list[Notice]:
        """Faults of ours that were told."""
        return [told for told in self.of(Notice) if told.message.startswith("A fault of ours")]

    def ended(self) -> list[int]:
        """The turns that were answered."""
        return [told.turn for told in self.told if isinstance(told, TurnTold) and isinstance(told.event, Answered)]

    def wait(self, rounds: int = 2) -> None:
        """Until what was asked of it so far is done, and with the second round what that asked for."""
        for _ in range(rounds):
            done = threading.Event()
            self._jobs.put(done.set, late=True)
            assert done.wait(PATIENCE)

    def finish(self) -> None:
        """Wait until all that was asked of it so far is done, and end it."""
        self.wait(1)
        self.close()
