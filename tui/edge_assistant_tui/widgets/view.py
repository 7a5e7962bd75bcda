"""One way of looking at an exhibit; adding one is adding a widget and a line to `screens/evidence.py`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.message import Message

if TYPE_CHECKING:
    from edge_assistant_tui.exhibits import Exhibit
    from edge_assistant_tui.rendering.loader import Job
    from edge_assistant_tui.terminal import Terminal


class View(Vertical):
    """Shows an exhibit; what it needs is made ready by a job in another thread, and comes back to `show`.

    Attributes:
        exhibit: what is shown.
        terminal: what can be drawn.
    """

    @dataclass
    class Wants(Message):
        """A job is to be done for a view, and its result to be shown."""

        view: View
        job: Job

    @dataclass
    class Plays(Message):
        """Seconds of the exhibit's signal are to be heard, or to be silent if they are."""

        seconds: tuple[float, float]

    def __init__(self, exhibit: Exhibit, terminal: Terminal) -> None:
        super().__init__(classes="view")
        self.exhibit = exhibit
        self.terminal = terminal

    def want(self, job: Job) -> None:
        """Have a job done."""
        self.post_message(self.Wants(self, job))

    @abstractmethod
    async def show(self, made: object) -> None:
        """Show what a job made."""
