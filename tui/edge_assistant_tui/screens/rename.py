"""Another name for a conversation of the history."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from edge_assistant_tui.screens.once import Once


class Rename(ModalScreen[str | None], Once[str | None]):
    """Asks for a name; gives None where it stays as it is."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]

    def __init__(self, name: str) -> None:
        """Prepare with the present name."""
        super().__init__()
        self._present = name

    def compose(self) -> ComposeResult:
        """A line to type in, two buttons."""
        with Vertical(id="box"):
            yield Static(Content.styled("Rename the conversation to", "bold"))
            yield Input(self._present, id="name")
            with Horizontal(id="buttons"):
                yield Button("Back (Esc)", id="no")
                yield Button("Rename (Enter)", id="yes", variant="primary")

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def _told_wanted(self) -> None:
        name = self.query_one("#name", Input).value.strip()
        self.dismiss(name if name and name != self._present else None)

    @on(Button.Pressed, "#no")
    def action_leave(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)
