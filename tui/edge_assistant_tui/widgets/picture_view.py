"""A picture, a page of a document or a frame of a video, cut out around the box that is cited."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from edge_assistant_tui.widgets import picture
from edge_assistant_tui.widgets.view import View

if TYPE_CHECKING:
    from edge_assistant_tui.exhibits import Exhibit
    from edge_assistant_tui.rendering.decoder import Decoded
    from edge_assistant_tui.rendering.pictures import Drawn, PictureRequest
    from edge_assistant_tui.terminal import Terminal

_ZOOM = 1.5  # a step
_MOST = 1.5**8
_SHIFT = 0.25  # of what is seen, a step


class PictureView(View, can_focus=True):
    """The picture, the box drawn on it; larger, smaller, moved about, or the whole page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "whole", "Whole/part"),
        Binding("plus,equals_sign", "zoom(1)", "Larger", key_display="+"),
        Binding("minus", "zoom(-1)", "Smaller", key_display="-"),
        Binding("h,shift+left", "move(-1, 0)", "Move", key_display="hjkl"),
        Binding("j,shift+down,down", "move(0, 1)", "Down", show=False),
        Binding("k,shift+up,up", "move(0, -1)", "Up", show=False),
        Binding("l,shift+right", "move(1, 0)", "Right", show=False),
        Binding("0", "reset", "As it was", show=False),
        Binding("space", "play", "Play"),
    ]

    def __init__(self, exhibit: Exhibit, terminal: Terminal) -> None:
        super().__init__(exhibit, terminal)
        self.whole = exhibit.place.box is None
        self.zoom = 1.0
        self.shift = (0.0, 0.0)
        self._wanted: PictureRequest | None = None

    def compose(self) -> ComposeResult:
        """The picture, and in words what part of it is seen."""
        yield picture.Picture(self.terminal)
        yield Static("", classes="seen")

    def on_resize(self) -> None:
        """It is made for the room that there is."""
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A still picture makes no sound."""
        return action != "play" or self.exhibit.place.seconds is not None

    def action_whole(self) -> None:
        """The whole page, or what is around the box."""
        self.whole, self.zoom, self.shift = not self.whole, 1.0, (0.0, 0.0)
        self._draw()

    def action_zoom(self, step: int) -> None:
        """Larger or smaller."""
        self.zoom = min(_MOST, max(1.0, self.zoom * _ZOOM**step))
        self._draw()

    def action_move(self, right: int, down: int) -> None:
        """See what is beside it."""
        self.shift = self.shift[0] + right * _SHIFT, self.shift[1] + down * _SHIFT
        self._draw()

    def action_reset(self) -> None:
        """As it was at first."""
        self.whole, self.zoom, self.shift = self.exhibit.place.box is None, 1.0, (0.0, 0.0)
        self._draw()

    def action_play(self) -> None:
        """Hear what was to be heard meanwhile."""
        if self.exhibit.place.seconds is not None:
            self.post_message(self.Plays(self.exhibit.place.seconds))

    async def show(self, made: object) -> None:
        """A picture that is ready."""
        from edge_assistant_tui.rendering.pictures import Drawn

        if isinstance(made, Drawn):
            if made.wanted is self._wanted:
                self.shift = made.shift  # beyond the edge there is nothing
            await self.query_one(picture.Picture).show(made)
            self.query_one(".seen", Static).update(_seen(made, whole=self.whole, zoom=self.zoom))

    def _draw(self) -> None:
        room = self.query_one(picture.Picture).size
        signal = self.exhibit.signal
        if signal is None or not room.width or not room.height:
            return
        from edge_assistant_tui.rendering.pictures import PictureRequest, drawn

        self._wanted = wanted = PictureRequest(room.width, room.height, self.whole, self.zoom, self.shift)
        place, terminal = self.exhibit.place, self.terminal

        def job(decoded: Decoded) -> Drawn:
            picture.prepare(terminal)
            if place.seconds is not None:
                page = decoded.frame(signal, place.seconds)
            else:
                page = decoded.page(signal, place.page)
            return drawn(page, place.box, wanted, terminal)

        self.want(job)


def _seen(drawn: Drawn, *, whole: bool, zoom: float) -> Content:
    """What part of the picture is seen."""
    x, y, width, height = drawn.region
    of = f"{drawn.of[0]} x {drawn.of[1]} pixels"
    part = f"the whole of {of}" if (width, height) == drawn.of else f"{width} x {height} at {x}, {y} of {of}"
    larger = f", {zoom:.1f} times larger" if zoom > 1 else ""
    return Content(" · ".join((part + larger, *drawn.notes)))
