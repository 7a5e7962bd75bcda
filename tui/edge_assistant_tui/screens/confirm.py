"""A question before something that cannot be undone; what is safe has the focus."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from edge_assistant_tui.screens.once import Once

QUIET_S = 0.7  # without a key, after which nobody types on


class Confirm(ModalScreen[bool], Once[bool]):
    """Asks for yes or no; gives True for yes."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,right", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, question: str, yes: str, no: str = "Keep it", *, unasked: bool = False) -> None:
        """Prepare.

        Args:
            question: what is going to happen.
            yes: what the button says that does it.
            no: what the other one says.
            unasked: it comes by itself, maybe while somebody types: only a key after a pause is meant for it.
        """
        super().__init__()
        self._question, self._yes, self._no = question, yes, no
        self._unasked, self._last = unasked, monotonic()

    def overhears(self, event: events.Key) -> bool:
        """Whether a key is of somebody who goes on typing; Escape is the safe answer, and always taken."""
        last, self._last = self._last, monotonic()
        return self._unasked and event.key != "escape" and self._last - last < QUIET_S

    def compose(self) -> ComposeResult:
        """A question and two buttons."""
        with Vertical(id="box"):
            yield Static(Content(self._question))
            with Horizontal(id="buttons"):
                yield Button(Content(f"{self._no} (n)"), id="no")
                yield Button(Content(f"{self._yes} (y)"), id="yes", variant="error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One was chosen."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """By a key."""
        self.dismiss(yes)
