"""The button with which a visitor ends their session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Button

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface


class EndButton(Button, can_focus=False):
    """Erases the conversation at once, as its key does; hidden where nobody is a visitor."""

    app: AppInterface

    def __init__(self) -> None:
        super().__init__(action="screen.new")

    def on_mount(self) -> None:
        """Say what it does, and its key."""
        self.label = self.app.gettext("End and erase")
        self.border_subtitle = f"{self.app.gettext('Ctrl')}+N"
