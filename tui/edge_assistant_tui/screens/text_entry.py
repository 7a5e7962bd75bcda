"""What a person types and pastes on the conversation screen, whatever has the focus, and how it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on
from textual.screen import Screen
from textual.timer import Timer

from edge_assistant.core.evidence import counted
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.turn import Turn

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

NOTE_S = 0.5  # after which what is typed is kept


class Typed(Screen[None]):
    """A screen with a `Prompt`, and turns."""

    app: AppInterface

    def __init__(self) -> None:
        super().__init__()
        self._noting: Timer | None = None  # until what is typed is kept

    def aim(self, event: events.Key) -> None:
        """Let letters, and Backspace behind some, go into the prompt, unless what has the focus binds them.

        The focus moves before the key is handed on, so that letters of a burst do not overtake each other.
        """
        prompt, bound = self.query_one_optional(Prompt), self.active_bindings.get(event.key)
        if prompt is None:  # the app begins or ends
            return
        typed = prompt.check_consume_key(event.key, event.character) or (event.key == "backspace" and prompt.text)
        if typed and (bound is None or bound.node is self.app):
            self.set_focus(prompt)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted goes into the prompt, whatever has the focus."""
        if (prompt := self.query_one_optional(Prompt)) is not None:
            prompt.paste(event.text)

    @on(Prompt.Pasted)
    def _told_pasted(self, event: Prompt.Pasted) -> None:
        from edge_assistant.core.signals import Kind, Origin
        from edge_assistant_tui.screens.attach import size

        if self.app.roles.refuses("attach"):
            return
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")  # as terminals paste line breaks
        lines, data = len(text.splitlines()), text.encode("utf-8", "replace")
        name = f"pasted {counted(lines, 'line')}, {size(len(data))}"
        self.app.work.add(data, Kind.TEXT, Origin.USER, name)
        attached = self.app.gettext("Attached as a source: {}. Ctrl+L, then Delete removes it.")
        self.notify(attached.format(name), markup=False)

    def note_soon(self) -> None:
        """Have what is typed kept, once in a while."""
        if self._noting is None:
            self._noting = self.set_timer(NOTE_S, self.note)

    def note(self) -> None:
        """Have what is typed and not answered kept, in case that the process is killed."""
        from edge_assistant.history.conversations import Unsent

        self._noting, prompt = None, self.query_one(Prompt)
        waiting = tuple(turn.question for turn in self.query(Turn) if turn.question and not turn.over)
        self.app.work.note(Unsent(prompt.draft, prompt.inputs, waiting))
