"""What an empty conversation says: what is missing, what can be done first, the examples one key away."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

_ABOUT = "Ask one question about pictures, recordings, video, readings and text."
_PROMISE = "Every fact shows its source, and contradictions are reported. Nothing leaves this machine."
_COLUMN = 8  # columns of what can be done
_FIRST = (  # an action that a policy may keep from visitors, what it is called, how it is done
    ("attach", "Attach", "paste or type a path, or Ctrl+O for files; F5 camera, F3 microphone"),
    ("ask", "Ask", "type, then Enter; Escape stops"),
    ("examples", "Try", "F6 opens the examples: a clinic, a production line, an expense claim"),
)
_WITHOUT_FILES = (("camera", "Show", "F5 camera"), ("microphone", "Speak", "F3 microphone"))
_COMPARE = ("Compare", "F7 compares the signals without a question: where they agree, and where not")
_HELP = ("Help", "F1 or ?, and Ctrl+P for everything")
_WIDEST = 100  # columns; longer lines are hard to read


class Welcome(Static):
    """The first words.

    Attributes:
        missing: names of models that are not in the store.
        signals: how many signals there are.
    """

    app: AppInterface

    missing: reactive[tuple[str, ...]] = reactive((), layout=True)
    signals: reactive[int] = reactive(0, layout=True)

    def on_resize(self) -> None:
        """Its lines are as wide as it is."""
        self.refresh(layout=True)

    def render(self) -> Content:
        """A few lines."""
        return Content.assemble(*self._parts())

    def _parts(self) -> Iterator[str | tuple[str, str]]:
        say = self.app.gettext
        yield f"{say(_ABOUT)}\n", "bold"
        yield f"{say(_PROMISE)}\n\n"
        for what, how in self._first():
            yield f"{say(what):{_COLUMN}}", "bold $accent"
            yield f"{self._hanging(say(how))}\n"
        if self.missing:
            yield f"\nMissing: {', '.join(self.missing)}\n", "bold $text-error"
            yield f"{'F9':{_COLUMN}}", "bold $accent"
            yield self._hanging("downloads them, if there is a network; Escape returns here meanwhile")

    def _first(self) -> Iterator[tuple[str, str]]:
        """What can be done first by whoever is there, and how."""
        may = self.app.policy.may
        for action, what, how in _FIRST if may("attach") else (*_WITHOUT_FILES, *_FIRST):
            if may(action):
                yield what, how
        if self.signals > 1 and may("check"):
            yield _COMPARE
        yield _HELP

    def _hanging(self, text: str) -> str:
        """A text behind the column, its further lines below its first."""
        width = min(_WIDEST, max(20, (self.size.width or _WIDEST) - _COLUMN))
        return textwrap.fill(text, width).replace("\n", "\n" + " " * _COLUMN)
