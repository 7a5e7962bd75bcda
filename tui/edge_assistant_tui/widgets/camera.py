"""The camera's preview: what it sees, and a picture that was taken and waits to be sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from edge_assistant_tui.halfblocks import HalfBlockPicture
from edge_assistant_tui.shots import Snapshot, draw
from edge_assistant_tui.widgets.picture import Picture as Pixels

if TYPE_CHECKING:
    from edge_assistant.core.evidence import Box, Evidence
    from edge_assistant_tui.interface import AppInterface


class CameraView(Widget, can_focus=True):
    """Half blocks in the middle, and a line of words below.

    Attributes:
        frozen: whether it shows a picture that was taken.
        worded: whether words are typed, which go with the picture.
    """

    worded: var[bool] = var(False)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "take", "Take a picture"),
        Binding("enter", "enter", "Take, then send"),
        Binding("backspace,delete", "drop", "Drop the picture", show=False),
    ]
    DEFAULT_CSS = """
    CameraView { height: 45vh; max-height: 26; min-height: 6; border: round $border-blurred; }
    CameraView:focus { border: round $border; }
    CameraView.frozen { height: 70vh; max-height: 36; }
    CameraView Picture { display: none; margin: 0 0 1 0; }
    """

    app: AppInterface

    @dataclass
    class Resized(Message):
        """There is another room for the picture: cells, or None where there is none."""

        cells: tuple[int, int] | None

    class Taken(Message):
        """What is seen now is to be taken."""

    class Sent(Message):
        """The picture that was taken is to be sent."""

    class Dropped(Message):
        """The picture that was taken is not wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = False
        self._picture: HalfBlockPicture | None = None
        self._held: tuple[Snapshot, Sequence[Box]] | None = None  # that was taken, and of what was found in it
        self._words = ""
        self.border_title = self.app.gettext("Camera")
        self._say_keys(focused=False)

    def on_focus(self) -> None:
        """Space is the preview's."""
        self._say_keys(focused=True)

    def on_blur(self) -> None:
        """Space is the prompt's."""
        self._say_keys(focused=False)

    def watch_worded(self) -> None:
        """Enter does something else."""
        self._say_keys(focused=self.has_focus)

    def _say_keys(self, *, focused: bool) -> None:
        """Say what the next key does, from here or from the prompt."""
        if self.frozen and self.worded:
            said = "Enter sends it with your words, Escape drops it"
        elif self.frozen:
            said = "Enter sends it, Escape drops it"
        elif focused:
            said = "Space takes a picture"
        else:
            said = "Tab, then Space takes a picture" if self.worded else "Enter takes a picture"
        self.border_subtitle = self.app.gettext(said)

    def compose(self) -> ComposeResult:
        """Pixels of a picture that was taken, where the terminal has them."""
        yield Pixels(self.app.terminal)

    def show(self, picture: HalfBlockPicture) -> None:
        """Show another picture."""
        self._picture = picture
        self.refresh()

    def tell(self, words: str) -> None:
        """What stands below."""
        self._words = words
        self.refresh()

    def freeze(self, words: str) -> None:
        """Hold what is seen."""
        self.frozen = True
        self.add_class("frozen")
        self.border_title = self.app.gettext("Picture taken, not sent")
        self._say_keys(focused=self.has_focus)
        self.tell(words)

    async def hold(self, shot: Snapshot, boxes: Sequence[Box] = ()) -> None:
        """Show the picture that was taken, with frames around what was found."""
        self._held = shot, boxes
        colour = Color.parse(self.app.theme_variables.get("warning", "#ffff00")).rgb
        drawn = draw(shot, self.cells, boxes, colour, self.app.terminal)
        if isinstance(drawn, HalfBlockPicture):
            self.show(drawn)
            return
        pixels = self.query_one(Pixels)
        pixels.display = True
        await pixels.show(drawn)

    def thaw(self) -> None:
        """Show what the camera sees again."""
        self.frozen, self._held = False, None
        self.remove_class("frozen")
        pixels = self.query_one(Pixels)
        if pixels.display:
            pixels.display = False
            self.call_later(pixels.show, None)
        self.border_title = self.app.gettext("Camera")
        self._say_keys(focused=self.has_focus)
        self.tell("")

    def clear(self) -> None:
        """Forget the picture."""
        self._picture = None
        self.thaw()

    @property
    def cells(self) -> tuple[int, int]:
        """Room for a picture, in cells."""
        return max(1, self.content_size.width), max(1, self.content_size.height - 1)

    async def on_resize(self) -> None:
        """Pictures come in the new size."""
        self.post_message(self.Resized(self.cells))
        if self._held is not None:
            await self.hold(*self._held)

    async def on_show(self) -> None:
        """It can be seen."""
        await self.on_resize()

    def on_hide(self) -> None:
        """It cannot."""
        self.post_message(self.Resized(None))

    def render_line(self, y: int) -> Strip:
        """A row of the picture, or the words."""
        width = self.content_size.width
        style = self.rich_style
        if y == self.content_size.height - 1:
            return Strip([Segment(self._words[:width].center(width), style)], width)
        picture = self._picture
        top = max(0, (self.content_size.height - 1 - len(picture.lines)) // 2) if picture else 0
        if picture is None or not 0 <= y - top < len(picture.lines) or picture.width > width:
            return Strip.blank(width, style)
        left = (width - picture.width) // 2
        line = picture.lines[y - top]
        sides = [Strip.blank(left, style), line, Strip.blank(width - picture.width - left, style)]
        return Strip.join(sides)

    def action_take(self) -> None:
        """Take a picture."""
        if not self.frozen:
            self.post_message(self.Taken())

    def action_enter(self) -> None:
        """Take a picture; where one was taken, send it."""
        self.post_message(self.Sent() if self.frozen else self.Taken())

    def action_drop(self) -> None:
        """Do not send the picture."""
        if self.frozen:
            self.post_message(self.Dropped())

    def on_click(self, event: events.Click) -> None:
        """A click takes a picture too."""
        event.stop()
        self.action_enter()


def found(evidence: tuple[Evidence, ...]) -> tuple[str, tuple[Box, ...]]:
    """What was found, in a few words, and where: things by their number, codes, lines of writing."""
    from edge_assistant.core.evidence import Code, Field, Line, Thing, TickBox, counted

    labels = Counter(item.detail.label for item in evidence if isinstance(item.detail, Thing) and item.detail.sure)
    things = [item for item in evidence if isinstance(item.detail, Thing) and item.detail.sure]
    codes = [item for item in evidence if isinstance(item.detail, Code)]
    written = [item for item in evidence if isinstance(item.detail, Line | Field | TickBox)]
    parts = [label if count == 1 else f"{label} ({count})" for label, count in labels.most_common(4)]
    parts += [counted(len(them), noun) for them, noun in ((codes, "code"), (written, "text line")) if them]
    boxes = [item.locator.box for item in (*things, *codes, *written) if item.locator.box is not None]
    return f"found: {', '.join(parts)}" if parts else "nothing found", tuple(boxes)
