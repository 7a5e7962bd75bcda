"""Textual's list of options, also where the terminal leaves it no room."""

from __future__ import annotations

from typing import Literal

from textual import widgets
from textual.geometry import Size


class OptionList(widgets.OptionList):
    """A list that may have no columns and no lines; Textual 8.2 raises ValueError and KeyError then."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The height of all options, as of one column where there is none."""
        padding = self.get_component_styles("option-list--option").padding.width
        return super().get_content_height(container, viewport, max(width, padding + 1))

    def _move_page(self, direction: Literal[-1, 1]) -> None:
        if self._lines:
            super()._move_page(direction)
