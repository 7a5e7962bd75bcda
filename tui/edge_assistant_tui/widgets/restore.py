"""What the last run did not end is offered: Enter restores it, Delete discards the offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from edge_assistant.core.evidence import counted
from edge_assistant.core.signals import printable
from edge_assistant_tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from edge_assistant.history.store import Saved
    from edge_assistant_tui.interface import AppInterface


class Restore(Static, can_focus=True):
    """A banner over the prompt until it is answered.

    Attributes:
        saved: what is offered.
    """

    DEFAULT_CSS = """
    Restore { height: auto; padding: 0 1; border: round $warning; }
    Restore:focus { border: round $border; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "restore", "Restore"),
        Binding("delete", "discard", "Discard"),
    ]
    app: AppInterface

    def __init__(self, saved: Saved) -> None:
        super().__init__(id="restore")
        self.saved = saved
        self.border_title = "The last conversation was not closed"

    def on_mount(self) -> None:
        """What is notified stands over the offer."""
        self.app.conversation.add_class("offering")

    def on_unmount(self) -> None:
        """It stands over the prompt again."""
        self.app.conversation.remove_class("offering")

    def on_focus(self) -> None:
        """Its keys count."""
        self.refresh()

    def on_blur(self) -> None:
        """The prompt's keys count."""
        self.refresh()

    def render(self) -> Content:
        """One or two lines; without the focus they say which key leads here."""
        saved = self.saved
        when = saved.began.astimezone().strftime("%Y-%m-%d %H:%M")
        signals = sum(not kept.removed for kept in saved.signals)
        count = f"{counted(len(saved.turns), 'answer')}, {counted(signals, 'signal')}"
        count += f", {counted(len(saved.unanswered), 'question')} not answered" if saved.unanswered else ""
        count += ", a draft" if saved.unsent.draft.strip() else ""
        return Content.assemble(
            (printable(saved.title), "bold"),
            (f"  {when}, {count}\n", "$text-muted"),
            *(() if self.has_focus else (("Shift+Tab", "bold $accent"), ", then ")),
            ("Enter", "bold $accent"),
            " restores it, ",
            ("Delete", "bold $accent"),
            " discards the offer; it stays in the history." if saved.turns else " forgets it, as nothing was answered.",
        )

    def action_restore(self) -> None:
        """Go on with it."""
        if self.app.roles.refuses("history"):
            return
        self.app.work.resume(self.saved)
        self._leave()

    def action_discard(self) -> None:
        """Let it be."""
        self.app.work.discard(self.saved)
        self._leave()

    def _leave(self) -> None:
        self.screen.query_one(Prompt).focus()
        self.remove()


def withdraw(screen: Screen[None], conversation: str) -> None:
    """Offer a conversation no more that is open by now, or deleted."""
    for banner in screen.query(Restore):
        if banner.saved.id == conversation:
            banner._leave()
