"""A picture on the terminal: pixels where it draws them, half blocks elsewhere."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from edge_assistant_tui.terminal import Graphics, Terminal

if TYPE_CHECKING:
    from edge_assistant_tui.rendering.pictures import Drawn

_CELL = ("TEXTUAL_CELL_WIDTH", "TEXTUAL_CELL_HEIGHT")  # by which textual-image is told where it may not ask


class Picture(Widget):
    """Shows one picture after the other, in the middle of the room that there is."""

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; align: center middle; overflow: hidden; }
    """

    def __init__(self, terminal: Terminal, id: str | None = None) -> None:
        super().__init__(id=id)
        self._terminal = terminal
        self._drawn: Drawn | None = None

    async def show(self, drawn: Drawn | None) -> None:
        """Show a picture that was made for this size; None clears."""
        self._drawn = drawn
        await self.remove_children()
        if drawn is not None and drawn.image is not None:
            pixels = _pixels(drawn, self._terminal)
            await self.mount(pixels)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of half blocks, or of nothing."""
        blank = self.visual_style.rich_style
        width, height = self.size
        drawn = self._drawn
        if drawn is None or not drawn.strips:
            return Strip.blank(width, blank)
        columns, rows = drawn.size
        left, top = max(0, (width - columns) // 2), max(0, (height - rows) // 2)
        if not top <= y < top + len(drawn.strips):
            return Strip.blank(width, blank)
        line = Strip.join([Strip.blank(left, blank), drawn.strips[y - top]])
        return line.adjust_cell_length(width, blank)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All that there is."""
        return container.width


def prepare(terminal: Terminal) -> None:
    """Load what draws pixels; away from the interface, for it takes a while."""
    if terminal.graphics is not Graphics.CELLS:
        _library(terminal)


def _pixels(drawn: Drawn, terminal: Terminal) -> Widget:
    """A widget that draws pixels."""
    library = _library(terminal)
    kind = library.TGPImage if terminal.graphics is Graphics.KITTY else library.SixelImage
    widget = kind(drawn.image)
    widget.styles.width, widget.styles.height = drawn.size
    return widget  # type: ignore[no-any-return]


def _library(terminal: Terminal):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a module
    """textual-image, loaded without its questions to the terminal, whose answers would be taken for keys by now.

    It asks where its output is a terminal; for the moment of loading it is none, and the environment has the answer.
    """
    if "textual_image.widget" not in sys.modules:
        told = dict(zip(_CELL, map(str, terminal.cell), strict=True))
        os.environ.update(told)
        output, sys.__stdout__ = sys.__stdout__, io.StringIO()  # type: ignore[misc, assignment]
        try:
            import textual_image.widget
        finally:
            sys.__stdout__ = output  # type: ignore[misc]
            for name in told:
                del os.environ[name]
    import textual_image.widget

    return textual_image.widget
