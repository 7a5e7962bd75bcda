"""A screen beside the conversation; to add one, add a file to this folder with a subclass of `PlaceScreen`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from edge_assistant_tui.screens.once import Once
from edge_assistant_tui.widgets.keys import SteadyFooter

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface


class PlaceScreen(Once[None]):
    """A screen that a key and the command palette open; Escape leads back.

    Attributes:
        NAME: as actions name it.
        TITLE: as people see it.
        KEY: what opens it, as Textual names keys; several are parted by commas.
        HELP: one line for the palette and the help.
        SHOWN: whether its first key stands at the foot of the conversation.
        NEEDED: whether its name is something that a policy may keep from visitors.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    KEY: ClassVar[str]
    HELP: ClassVar[str]
    SHOWN: ClassVar[bool] = False
    NEEDED: ClassVar[bool] = True
    CSS_PATH = "place.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]
    app: AppInterface

    def compose(self) -> ComposeResult:
        """A line of title, what the place is about, and its keys."""
        yield Static(Content.assemble((f" {self.TITLE} ", "bold $primary"), (self.HELP, "$text-muted")), id="title")
        yield from self.body()
        yield SteadyFooter(show_command_palette=False)

    def body(self) -> ComposeResult:
        """What stands between the title and the keys."""
        yield from ()


@cache
def places() -> tuple[type[PlaceScreen], ...]:
    """Every place in this folder, in the order of their keys."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return tuple(sorted(PlaceScreen.__subclasses__(), key=lambda place: (len(place.KEY.split(",")[0]), place.KEY)))
