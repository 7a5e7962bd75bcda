"""Textual's command palette, which runs one command however often Enter is pressed."""

from __future__ import annotations

from textual import on
from textual.command import CommandList, CommandPalette
from textual.widgets import Input, OptionList

from edge_assistant_tui.screens.once import Once


class Palette(CommandPalette, Once[None]):
    """The palette; what comes after its command was chosen is ignored, and paging while its list has no room."""

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _ignore_when_closed(self, event: Input.Submitted | OptionList.OptionSelected) -> None:
        """Keep a second Enter from Textual's handlers."""
        if self.app.screen is not self:
            event.stop()
            event.prevent_default()

    def _action_command_list(self, action: str) -> None:
        """Textual's list raises KeyError where it has no lines to page through."""
        if not action.startswith("page") or self.query_one(CommandList)._lines:
            super()._action_command_list(action)
