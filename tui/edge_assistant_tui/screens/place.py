"""What a screen beside the conversation is; adding one is adding a file to this folder with a subclass of `Place`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

if TYPE_CHECKING:
    from edge_assistant_tui.app import EdgeAssistant


class Place(Screen[None]):
    """A screen that a key and the command palette open; Escape leads back.

    Attributes:
        NAME: as actions name it.
        TITLE: as people see it.
        KEY: what opens it, as Textual names keys.
        HELP: one line for the palette and the help.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    KEY: ClassVar[str]
    HELP: ClassVar[str]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Back")]
    app: EdgeAssistant


@cache
def places() -> tuple[type[Place], ...]:
    """Every place in this folder, in the order of their keys."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return tuple(sorted(Place.__subclasses__(), key=lambda place: (len(place.KEY), place.KEY)))
