"""One of a few, in a box over what one does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.widgets.option_list import Option

from edge_assistant_tui.screens.once import Once
from edge_assistant_tui.widgets.option_list import OptionList


class Choose(ModalScreen[str | None], Once[str | None]):
    """Gives what was chosen; None for nothing."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, title: str, options: Sequence[tuple[str, str]], chosen: str | None = None) -> None:
        """Prepare.

        Args:
            title: what is chosen.
            options: what is given back, and what is said of it.
            chosen: the one that holds now.
        """
        super().__init__()
        self._title, self._given, self._chosen = title, options, chosen

    def compose(self) -> ComposeResult:
        """A list."""
        with Vertical(id="box"):
            yield Static(Content.styled(self._title, "bold"))
            yield OptionList(*(Option(_shown(name, about), id=name) for name, about in self._given))

    def on_mount(self) -> None:
        """The one that holds now is highlighted."""
        options = self.query_one(OptionList)
        names = [name for name, _ in self._given]
        options.highlighted = names.index(self._chosen) if self._chosen in names else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        self.dismiss(event.option.id)


def _shown(name: str, about: str) -> Content:
    return Content.assemble((name, "bold"), (f"\n  {about}", "$text-muted") if about else "")
