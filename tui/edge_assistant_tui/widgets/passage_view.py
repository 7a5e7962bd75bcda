"""A passage of a text in its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from edge_assistant_tui.widgets.view import View

if TYPE_CHECKING:
    from edge_assistant_tui.rendering.decoder import Decoded
    from edge_assistant_tui.rendering.texts import TextPart

_ABOVE = 3  # lines that are seen above the passage
_OPEN, _CLOSE = "▶", "◀"


class PassageView(View):
    """The text around, the passage between marks; it scrolls."""

    def compose(self) -> ComposeResult:
        """One text."""
        with VerticalScroll():
            yield Static("", classes="passage")

    def on_mount(self) -> None:
        """Read the text."""
        self.query_one(VerticalScroll).focus()
        signal, chars = self.exhibit.signal, self.exhibit.place.chars
        if signal is None or chars is None:
            return

        def job(decoded: Decoded) -> TextPart:
            from edge_assistant_tui.rendering.texts import passage

            return passage(decoded.text(signal), chars)

        self.want(job)

    async def show(self, made: object) -> None:
        """The passage is there."""
        from edge_assistant_tui.rendering.texts import TextPart

        if isinstance(made, TextPart):
            before = Content(("…\n" if made.cut[0] else "") + made.before)
            self.query_one(".passage", Static).update(
                Content.assemble(
                    before,
                    (f"{_OPEN}{made.span}{_CLOSE}", "bold $text-accent on $accent-muted"),
                    made.after + ("\n…" if made.cut[1] else ""),
                )
            )
            scroll = self.query_one(VerticalScroll)
            width = self.query_one(".passage", Static).content_size.width or scroll.size.width
            above = len(before.wrap(max(1, width))) if made.before else 0
            self.call_after_refresh(scroll.scroll_to, y=max(0, above - 1 - _ABOVE), animate=False)
