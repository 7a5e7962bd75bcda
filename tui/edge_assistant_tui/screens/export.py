"""Export: the conversation as Markdown or JSON in a file, without personal data unless somebody chooses otherwise.

A file that is there is never replaced unasked.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from edge_assistant.core.errors import EdgeAssistantError, StorageFull
from edge_assistant.core.signals import printable
from edge_assistant_tui import writable_folders
from edge_assistant_tui.screens.attach import Completion
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.turn import Turn

if TYPE_CHECKING:
    from edge_assistant.history.store import Saved

_REDACTED = "Redacted (Ctrl+R)"
_WHOLE = "NOT redacted (Ctrl+R)"
_COVERS = {
    True: "Pseudonyms replace the names, numbers and addresses that are recognized. Names and other personal data "
    "can remain: check the file before you pass it on.",
    False: "All names, numbers and addresses go out as they are.",
}
_FORMATS = {".md": "Markdown, for people", ".json": "JSON, with all evidence, for programs"}


class ExportScreen(PlaceScreen, ModalScreen[None]):
    """Asks where to; the ending of the name says which format."""

    NAME = "export"
    TITLE = "Export"
    KEY = "ctrl+s"
    HELP = "Write this conversation as Markdown or JSON"
    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+t", "other", "Other format"),
        Binding("ctrl+r", "whole", "Redact or not"),
    ]

    def __init__(self, saved: Saved | None = None) -> None:
        """Prepare.

        Args:
            saved: a conversation of the history; None for the one that is open.
        """
        super().__init__()
        self._saved = saved

    def compose(self) -> ComposeResult:
        """A path, the format it means, whether it is redacted, two buttons."""
        with Vertical(id="box"):
            yield Static(Content.styled("Export the conversation to", "bold"))
            yield Input(id="path", suggester=Completion())
            yield Static(id="format")
            yield Checkbox(_REDACTED, value=True, id="redact", compact=True)
            yield Static(_COVERS[True], id="covers")
            with Horizontal(id="buttons"):
                yield Button("Back (Esc)", id="no")
                yield Button("Export (Enter)", id="yes", variant="primary")

    async def on_mount(self) -> None:
        """Suggest a name that is free."""
        self._saved = self._saved or await asyncio.to_thread(self._kept_now) or self._shown_now()
        if not self.is_attached:  # whoever pressed Escape meanwhile wants none
            return
        if self._saved is None:
            self.dismiss()
            self.app.notify("Nothing was asked yet.")
            return
        path = self.query_one("#path", Input)
        shown = await asyncio.to_thread(redacted, self._saved)  # its title has no name either
        path.value = str(suggested(shown.title, shown.began))
        path.focus()

    def action_other(self) -> None:
        """Markdown becomes JSON, and the other way round."""
        path = self.query_one("#path", Input)
        chosen = Path(path.value)
        path.value = str(chosen.with_suffix(".md" if chosen.suffix.lower() == ".json" else ".json"))
        path.cursor_position = len(path.value)

    def action_whole(self) -> None:
        """With personal data, or without it again."""
        self.query_one("#redact", Checkbox).toggle()

    @on(Input.Changed)
    def _told_typed(self, event: Input.Changed) -> None:
        event.stop()
        ending = ".json" if Path(event.value).suffix.lower() == ".json" else ".md"
        said = f"{_FORMATS[ending]}; Ctrl+T for the other"
        self.query_one("#format", Static).update(Content.styled(said, "$text-muted"))

    @on(Checkbox.Changed)
    def _told_chosen(self, event: Checkbox.Changed) -> None:
        """The box alone says it by its colour only."""
        event.checkbox.label = _REDACTED if event.value else _WHOLE
        self.query_one("#covers", Static).update(_COVERS[event.value])

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    @work
    async def _told_wanted(self) -> None:
        """Write it; where a file is there already, ask first."""
        from edge_assistant.session import export

        text = self.query_one("#path", Input).value.strip()
        if not text or self._saved is None:
            return
        try:
            path = Path(text).expanduser()
            question = f"{printable(path.name)} is there already. Replace it?"
            if path.is_file() and not await self.app.push_screen_wait(Confirm(question, "Replace")):
                return
            chosen = self.query_one("#redact", Checkbox).value
            self.app.policy.check_export(path.suffix, redacted=chosen)
            await asyncio.to_thread(export.write, self._saved, path, redacted if chosen else None)
        except StorageFull as error:
            where = (
                f"free some space, or choose a folder that the app may write to, such as {writable_folders.writable()}"
            )
            self.notify(where, title=error.message, severity="error", markup=False)
        except EdgeAssistantError as error:
            self.notify(error.hint, title=error.message, severity="error", markup=False)
        except (ValueError, RuntimeError, OSError):  # what pathlib says of no path, and of the home of nobody
            self.notify("Name a file in a folder that is there.", title="That is not a path", severity="error")
        else:
            self.app.notify(str(path), title="Exported", markup=False)
            self.dismiss()

    @on(Button.Pressed, "#no")
    def _told_unwanted(self) -> None:
        self.dismiss()

    def _kept_now(self) -> Saved | None:
        """The conversation that is open, as the history has it; in a thread, as files are looked at for it."""
        current = self.app.work.current
        try:
            saved = self.app.work.history.open(current) if current is not None else None
        except EdgeAssistantError:
            return None
        return saved if saved is not None and saved.turns else None

    def _shown_now(self) -> Saved | None:
        """The conversation that is open, as the screen shows it."""
        from edge_assistant.history import store

        shown = self.app.conversation
        answers = [turn.answer for turn in shown.query(Turn) if turn.answer is not None]
        if not answers:
            return None
        entries = shown.query_one(SignalList).entries
        return store.Saved(
            "",
            answers[0].question,
            datetime.now(UTC),
            tuple(store.SavedSignal(entry.signal, store.SavedState.READY, removed=False) for entry in entries),
            tuple(store.SavedTurn(datetime.now(UTC), answer.to_json()) for answer in answers),
        )


def redacted(saved: Saved) -> Saved:
    """A conversation without personal data; a key of its own, so that nothing in it links to another export."""
    from edge_assistant.governance.redaction import answers
    from edge_assistant.governance.redaction.redactor import Redactor

    return answers.redacted(saved, Redactor(secrets.token_bytes(32)))


def suggested(title: str, began: datetime) -> Path:
    """A name by the question and the time that no file has yet, in a folder that the app may write to."""
    folder = writable_folders.writable()
    words = "-".join(re.findall("[a-z0-9]+", title.lower()))[:40].strip("-")
    name = f"{began.astimezone():%Y-%m-%d}-{words or 'conversation'}"
    free = (folder / f"{name}{f'-{number}' if number > 1 else ''}.md" for number in range(1, 1000))
    return next((path for path in free if not path.exists()), folder / f"{name}.md")
