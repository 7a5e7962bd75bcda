"""What a kiosk shows around a visitor's session: that anybody may begin, and that it ends soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Static

from edge_assistant_tui.screens.once import Once
from edge_assistant_tui.widgets.status import StatusBar

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

_ABOUT = "Ask a question, and see the source of every fact in the answer."
_PRIVATE = "Nothing leaves this machine, and what you ask and show is erased when you leave."
_ERASED = "This conversation is erased in {} s."
_LOCKED = "The app is locked and this conversation closed in {} s."


class AnyKey(Once[bool]):
    """A screen that any key, click or speech closes, the latter with True; a key does nothing else then."""

    app: AppInterface

    def on_click(self) -> None:
        """A click, once the button is released: what lies below gets none of it."""
        self.app.roles.stay()
        self.dismiss()

    @property
    def listens(self) -> bool:
        """Whether the microphone is on."""
        return self.app.conversation.query_one(StatusBar).microphone in ("recording", "hands-free")

    def invitation(self, what: str) -> Content:
        """What a person may do; to speak is no use while the microphone is off."""
        ways = "Press any key, touch the screen or speak" if self.listens else "Press any key or touch the screen"
        return Content.styled(self.app.gettext(f"{ways} {what}."), "bold $accent")


class Attract(AnyKey):
    """Is shown while nobody is there."""

    CSS_PATH = "visitor.tcss"

    def compose(self) -> ComposeResult:
        """What it is, and how to begin."""
        with Vertical(id="words"):
            yield Static(Content.styled(self.app.title, "bold $primary"))
            yield Static(self.app.gettext(_ABOUT))
            yield Static(self.invitation("to begin"), id="begin")
            yield Static(Content.styled(self.app.gettext(_PRIVATE), "$text-muted"))

    def on_mount(self) -> None:
        """Whether speaking begins, too, is known once the microphone is open, which it may be since `compose`."""
        self._bar = self.app.conversation.query_one(StatusBar)
        self._bar.device_changed.subscribe(self, self._invite)
        self._invite()

    def on_unmount(self) -> None:
        """Be let go of: the bar lives on."""
        self._bar.device_changed.unsubscribe(self)

    def _invite(self, _: str = "") -> None:
        for line in self.query("#begin").results(Static):  # none where a key came before it was drawn
            line.update(self.invitation("to begin"))


class Countdown(ModalScreen[bool], AnyKey):
    """Is shown before a session ends by itself.

    Attributes:
        left: seconds until then.
    """

    CSS_PATH = "visitor.tcss"
    left: reactive[int] = reactive(0, init=False)

    def __init__(self, left: int, *, operator: bool = False) -> None:
        """Prepare.

        Args:
            left: seconds.
            operator: whether the operator is there, whose conversation stays in the history.
        """
        super().__init__()
        self._soon = self.app.gettext(_LOCKED if operator else _ERASED)
        self.set_reactive(Countdown.left, left)

    def compose(self) -> ComposeResult:
        """How long, and what stops it."""
        with Vertical(id="words"):
            yield Static(Content.styled(self.app.gettext("Are you still there?"), "bold"))
            yield Static(self._soon.format(self.left), id="left")
            yield Static(self.invitation("to go on"))

    def watch_left(self, left: int) -> None:
        """Say it anew."""
        for line in self.query("#left").results(Static):  # none where a key came meanwhile
            line.update(self._soon.format(left))
