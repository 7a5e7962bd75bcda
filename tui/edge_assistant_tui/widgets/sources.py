"""What an answer rests on, one line each; Enter opens the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from edge_assistant.core.signals import printable
from edge_assistant_tui import clipboard_text
from edge_assistant_tui.widgets.option_list import OptionList

if TYPE_CHECKING:
    from edge_assistant.core.answer import Answer
    from edge_assistant_tui.interface import AppInterface


class Sources(OptionList):
    """The cited evidence and the computations of one answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Show evidence"),
        Binding("y", "copy", "Copy source"),
    ]
    app: AppInterface

    @dataclass
    class Chosen(Message):
        """A source is to be shown."""

        id: str

    def __init__(self, answer: Answer) -> None:
        super().__init__(
            *(Option(_line(*found), id=found[0]) for found in clipboard_text.sources(answer)), classes="sources"
        )
        self._answer = answer
        self.border_title = "Sources"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        if event.option.id is not None:
            self.post_message(self.Chosen(event.option.id))

    def action_copy(self) -> None:
        """Copy the highlighted source."""
        if self.highlighted is not None:
            clipboard_text.copy(self.app, self._answer, self.get_option_at_index(self.highlighted).id)


def _line(id: str, text: str, where: str) -> Content:
    return Content.assemble((f"{id} ", "bold $accent"), printable(text), (f"  {printable(where)}", "$text-muted"))
