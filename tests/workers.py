"""The app's worker in a test, without the app."""

from __future__ import annotations

import threading

from textual.message import Message

from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work

PATIENCE = 60.0


class Told(list[Message]):
    """What the worker posts."""

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self if isinstance(message, kind)]


def started() -> tuple[Work, Told]:
    told = Told()
    work = Work(told.append, Options(profile="test"))
    work.start()
    return work, told


def wait(work: Work, rounds: int = 2) -> None:
    """Until what was asked of it so far is done, and with the second round what that asked for."""
    for _ in range(rounds):
        done = threading.Event()
        work._jobs.put(done.set, late=True)
        assert done.wait(PATIENCE)
