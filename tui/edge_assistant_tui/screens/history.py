"""The history: conversations found as one types, opened as they were, exported, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.evidence import counted
from edge_assistant.core.signals import printable
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.export import ExportScreen
from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.screens.rename import Rename
from edge_assistant_tui.widgets.option_list import OptionList
from edge_assistant_tui.widgets.restore import withdraw

if TYPE_CHECKING:
    from edge_assistant.history.store import Saved, Summary

MAX_SHOWN = 500  # conversations in the list; a search finds the others


class HistoryScreen(PlaceScreen):
    """Every conversation that was kept, by the time of its last change, which is shown; the latest first."""

    NAME = "history"
    TITLE = "History"
    KEY = "f8"
    HELP = "Search, open, export, rename and delete conversations"
    CSS_PATH: ClassVar[list[str]] = ["place.tcss", "history.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("ctrl+s", "export", "Export"),
        Binding("ctrl+r", "rename", "Rename"),
        Binding("delete,ctrl+d", "delete", "Delete"),
        Binding("down", "list", "To the list", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Summary] = []
        self._listed: str | None = None  # what was searched for, of which that is the result
        self._submitted: str | None = None  # what was searched for when Enter came, before its result

    def body(self) -> ComposeResult:
        """A search and its results."""
        yield Input(placeholder="Search in questions, answers and names of signals", id="search", compact=True)
        yield OptionList(id="body")
        yield Static(id="about")

    def on_mount(self) -> None:
        """Typing searches."""
        self.query_one(Input).focus()
        self._search("")

    def action_leave(self) -> None:
        """Forget the search first, then go back."""
        search = self.query_one(Input)
        if search.value:
            search.value = ""
            search.focus()
        else:
            self.dismiss()

    def action_list(self) -> None:
        """From the search into what it found."""
        self.query_one(OptionList).focus()

    @on(Input.Changed)
    def _told_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._submitted = None
        self._search(event.value)

    @on(Input.Submitted)
    def _told_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._submitted = event.value
        if self._listed == event.value:
            self._open_first()

    def _open_first(self) -> None:
        """Open the first result of what Enter was pressed behind."""
        self._submitted = None
        if self._found:
            self._open(self._found[0].id, export=False)

    @work(thread=True, exclusive=True, group="search")
    def _search(self, text: str, at: int = 0) -> None:
        try:
            found = self.app.work.history.conversations(text)
            key = self.app.work.history.place.told if found else ""
        except EdgeAssistantError as error:
            self.call_later(self._refused, error)
        else:
            self.call_later(self._list, text, found, key, at)

    def _list(self, search: str, found: list[Summary], key: str, at: int) -> None:
        """Show what a search found, one of it highlighted, and where the key is that it is sealed with."""
        if search != self.query_one(Input).value:
            return  # more was typed meanwhile
        self._found = found[:MAX_SHOWN]
        options = self.query_one(OptionList)
        options.clear_options()
        current = self.app.work.current
        options.add_options([Option(_shown(summary, summary.id == current), id=summary.id) for summary in self._found])
        options.highlighted = min(at, len(self._found) - 1) if self._found else None
        more = f"; the first {MAX_SHOWN} are shown" if len(found) > MAX_SHOWN else ""
        kept = self.app.policy.history_days(self.app.settings.keep_days)
        said = f"{counted(len(found), 'conversation')}{more}. " + (
            "All are stored until they are deleted." if kept is None else f"They are deleted after {kept} days."
        )
        said += f"\nSealed; the key is {key}."
        if not found:
            none = "." if self.app.policy.keeps_history else ": the policy wants none."
            said = "Nothing was found." if search else f"No conversation is kept{none}"
        self.query_one("#about", Static).update(Content(said))
        self._listed = search
        if self._submitted == search:
            self._open_first()

    @on(OptionList.OptionSelected)
    def _told_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option.id is not None:
            self._open(event.option.id, export=False)

    def action_export(self) -> None:
        """Write the highlighted conversation into a file."""
        if self.app.roles.refuses("export"):
            return
        if (summary := self._highlighted()) is not None:
            self._open(summary.id, export=True)

    @work(thread=True, exclusive=True, group="open")
    def _open(self, id: str, *, export: bool) -> None:
        if not export and id in self._elsewhere():  # what is asked here would not be kept
            error = UsageError("this conversation is open in another app", "end that one first")
            self.call_later(self._refused, error)
            return
        try:
            saved = self.app.work.history.open(id)
        except EdgeAssistantError as error:
            self.call_later(self._refused, error)
        else:
            self.call_later(self._go_on, saved, export)

    def _go_on(self, saved: Saved, export: bool) -> None:
        """Export a conversation as it was kept, or go on with it."""
        if self.app.screen is not self:  # a second Enter
            return
        if export:
            self.app.push_screen(ExportScreen(saved))
            return
        if saved.id != self.app.work.current:
            self.app.work.stop()
            self.app.work.resume(saved)
        self.dismiss()

    @work
    async def action_rename(self) -> None:
        """Give the highlighted conversation another name."""
        summary = self._highlighted()
        if summary is None or await self._refused_elsewhere(summary):
            return
        if (name := await self.app.push_screen_wait(Rename(printable(summary.title)))) is not None:
            self._change(lambda: self.app.work.history.rename(summary.id, name))

    @work
    async def action_delete(self) -> None:
        """Delete the highlighted conversation, once that is confirmed."""
        if self.app.roles.refuses("forget"):
            return
        summary = self._highlighted()
        if summary is None:
            return
        if summary.id == self.app.work.current:
            self.notify("Start a new conversation first (Ctrl+N).", title="It is open here", severity="warning")
            return
        if await self._refused_elsewhere(summary):
            return
        question = (
            f"Delete “{printable(summary.title)}” with {counted(summary.turns, 'answer')}? It cannot be brought back."
        )
        if await self.app.push_screen_wait(Confirm(question, "Delete")):
            withdraw(self.app.conversation, summary.id)
            self._change(lambda: self._forget(summary.id))

    async def _refused_elsewhere(self, summary: Summary) -> bool:
        """Whether another app has a conversation open, which is said then."""
        if summary.id not in await asyncio.to_thread(self._elsewhere):
            return False
        self.notify("End that one first.", title="It is open in another app", severity="warning")
        return True

    def _elsewhere(self) -> list[str]:
        """What another app has open; where that cannot be told, what is done next will say why."""
        try:
            return self.app.work.history.open_elsewhere()
        except EdgeAssistantError:
            return []

    def _forget(self, id: str) -> None:
        from edge_assistant.governance import erasure

        try:
            erasure.forget(self.app.work.history, [id])
        finally:
            self.app.work.let_go()

    @work(thread=True)
    def _change(self, change: Callable[[], object]) -> None:
        """Change the history, then list it anew, highlighted where it was."""
        try:
            change()
        except EdgeAssistantError as error:
            self.call_later(self._refused, error)
        self.call_later(lambda: self._search(self.query_one(Input).value, self.query_one(OptionList).highlighted or 0))

    def _refused(self, error: EdgeAssistantError) -> None:
        """The history cannot be read or written."""
        self.notify(error.hint, title=error.message, severity="error", markup=False)
        self.query_one("#about", Static).update(Content(str(error)))

    def _highlighted(self) -> Summary | None:
        at = self.query_one(OptionList).highlighted
        return self._found[at] if at is not None and at < len(self._found) else None


def _shown(summary: Summary, current: bool) -> Content:
    when = summary.touched.astimezone().strftime("%Y-%m-%d %H:%M")
    return Content.assemble(
        (f"{when}  ", "$text-muted"),
        (printable(summary.title), "bold"),
        (f"  {counted(summary.turns, 'answer')}", "$text-muted"),
        ("  open now", "$text-accent") if current else "",
    )
