"""A signal as a whole: how it stands, all that was perceived in it, what was left out, why it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.widgets.option_list import Option

from edge_assistant.core.evidence import how_sure
from edge_assistant.core.signals import printable
from edge_assistant_tui import exhibits
from edge_assistant_tui.screens.evidence import EvidenceScreen, in_words
from edge_assistant_tui.screens.once import Once
from edge_assistant_tui.widgets.keys import SteadyFooter
from edge_assistant_tui.widgets.option_list import OptionList
from edge_assistant_tui.widgets.signals import MARKS, STYLES, SignalEntry

if TYPE_CHECKING:
    from edge_assistant_tui.exhibits import Exhibit

MOST = 2000  # pieces of evidence in the list; a long text has up to 20,000 passages


class EvidenceList(OptionList):
    """What was perceived; Enter opens one of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Show")]


class SignalScreen(ModalScreen[None], Once[None]):
    """What is known of one signal; Enter opens a piece of its evidence."""

    CSS_PATH = "signal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Close")]

    def __init__(self, entry: SignalEntry) -> None:
        super().__init__()
        self.entry = entry
        found = [item for items in entry.evidence.values() for item in items]
        self.exhibits = exhibits.of_signal(entry.signal, found)

    def compose(self) -> ComposeResult:
        """How it stands, then what was perceived."""
        with Vertical(id="signal"):
            yield Static(_standing(self.entry, len(self.exhibits)), id="standing")
            yield EvidenceList(*(Option(_line(item)) for item in self.exhibits[:MOST]), id="found", markup=False)
        yield SteadyFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """The list has the keys."""
        shell = self.query_one("#signal")
        shell.border_title = Content(f" {MARKS[self.entry.signal.kind]} {printable(self.entry.signal.name)} ")
        found = self.query_one(EvidenceList)
        found.display = bool(self.exhibits)
        found.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        self.app.push_screen(EvidenceScreen(self.exhibits, self.exhibits[event.option_index].id))


def _standing(entry: SignalEntry, count: int) -> Content:
    """Kind, origin, time and sum; state and hint; notes."""
    signal = entry.signal
    taken = signal.taken.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    state = f"{entry.state}: {entry.detail}" if entry.detail else entry.state
    lines: list[Content] = [
        Content.styled(f"{signal.id}, from {signal.origin}, taken {taken}, sha256 {signal.sha256[:12]}", "$text-muted"),
        Content.assemble((printable(state), STYLES[entry.state])),
    ]
    if entry.hint:
        lines.append(Content.assemble(("what to do: ", "bold"), printable(entry.hint)))
    lines += [Content.assemble(("note: ", "bold $text-warning"), printable(note)) for note in entry.notes]
    if count > MOST:
        lines.append(Content(f"the first {MOST:,} of {count:,} pieces are listed"))
    elif not count and entry.state == "ready":
        lines.append(Content("nothing was found in it"))
    return Content("\n").join(lines)


def _line(exhibit: Exhibit) -> Content:
    where = f"{in_words(exhibit.place)}{how_sure(exhibit.confidence)}"
    return Content.assemble(printable(" ".join(exhibit.text.split())), "\n  ", (where, "$text-muted"))
