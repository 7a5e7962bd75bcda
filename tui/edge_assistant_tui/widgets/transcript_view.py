"""What is said in a recording around the cited line, with times; any line can be heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets.option_list import Option

from edge_assistant.core.evidence import Evidence, clock
from edge_assistant.core.signals import printable
from edge_assistant_tui.widgets.option_list import OptionList
from edge_assistant_tui.widgets.view import View

if TYPE_CHECKING:
    from edge_assistant_tui.exhibits import Exhibit
    from edge_assistant_tui.rendering.decoder import Decoded

AROUND = 200  # lines before and after the cited one


class TranscriptView(View):
    """The lines of a recording; the cited ones are marked."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "play", "Play/stop")]

    def compose(self) -> ComposeResult:
        """The lines."""
        yield OptionList(markup=False)

    def on_mount(self) -> None:
        """The lines are known; whether they can still be heard is looked at."""
        lines, at = _lines(self.exhibit)
        listed = self.query_one(OptionList)
        listed.add_options([Option(_line(item, cited=item.locator in self.exhibit.places)) for item in lines])
        self._seconds = [item.locator.seconds for item in lines]
        if lines:
            listed.highlighted = at
        listed.focus()
        signal = self.exhibit.signal
        if signal is not None:

            def job(decoded: Decoded) -> None:
                decoded.unchanged(signal)

            self.want(job)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        self.action_play()

    def action_play(self) -> None:
        """Hear the highlighted line."""
        at = self.query_one(OptionList).highlighted
        if at is not None and (seconds := self._seconds[at]) is not None:
            self.post_message(self.Plays(seconds))

    async def show(self, made: object) -> None:
        """The recording is what it was."""


def _lines(exhibit: Exhibit) -> tuple[list[Evidence], int]:
    """The lines around the cited one, and its place among them."""
    timed = sorted((item for item in exhibit.around if item.locator.seconds), key=_start)
    at = next((at for at, item in enumerate(timed) if item.locator == exhibit.place), 0)
    first = max(0, at - AROUND)
    return timed[first : at + AROUND + 1], at - first


def _start(item: Evidence) -> float:
    return item.locator.seconds[0] if item.locator.seconds is not None else 0.0


def _line(item: Evidence, *, cited: bool) -> Content:
    a, b = item.locator.seconds or (0.0, 0.0)
    text = printable(" ".join(item.text.split()))
    seen = "seen: " if item.locator.box is not None else ""
    return Content.assemble(
        ("▶ " if cited else "  ", "bold $text-accent"),
        (f"{clock(a)}-{clock(b)}  ", "$text-muted"),
        (f"{seen}{text}", "bold $text-accent" if cited else ""),
    )
