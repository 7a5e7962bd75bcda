"""The side list of signals: kind, name, time, and how far each is perceived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from edge_assistant.core.events import Failed, Noted, Perceived, Perceiving
from edge_assistant.core.evidence import counted
from edge_assistant.core.signals import printable
from edge_assistant_tui.widgets.option_list import OptionList

if TYPE_CHECKING:
    from edge_assistant.core.events import Event
    from edge_assistant.core.evidence import Evidence
    from edge_assistant.core.signals import Signal
    from edge_assistant_tui.interface import AppInterface

MARKS = {"image": "▣", "audio": "♪", "video": "▶", "readings": "∿", "text": "¶"}
STYLES = {
    "waiting": "$text-muted",
    "perceiving": "$text-accent",
    "ready": "$text-success",
    "failed": "$text-error",
}


@dataclass(frozen=True, slots=True)
class SignalEntry:
    """A signal as it stands in the list.

    Attributes:
        state: `waiting`, `perceiving`, `ready` or `failed`.
        detail: what is behind the state: percent, pieces of evidence, why it failed.
        hint: what to do where it failed.
        evidence: what each of its senses found so far.
        notes: what was left out or assumed.
        followed: how it is followed, in words; empty where it is not.
        before: state and detail before it was perceived again.
    """

    signal: Signal
    state: str = "waiting"
    detail: str = ""
    hint: str = ""
    evidence: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    followed: str = ""
    before: tuple[str, str] = ("waiting", "")


class SignalList(OptionList):
    """The signals of the conversation; Enter shows one, Delete removes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete", "remove", "Remove"),
        Binding("enter", "select", "Show"),
    ]
    app: AppInterface

    @dataclass
    class Wanted(Message):
        """A signal is to be looked at."""

        entry: SignalEntry

    @dataclass
    class Unwanted(Message):
        """A signal is to be removed."""

        signal: Signal

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._entries: dict[str, SignalEntry] = {}

    def on_mount(self) -> None:
        """Say what it lists."""
        self.border_title = self.app.gettext("Signals")

    def on_resize(self) -> None:
        """The lines are as wide as the list."""
        self._draw()

    @property
    def _columns(self) -> int:
        """Of a line; before the list is laid out, those of a wide terminal."""
        padding = self.get_component_styles("option-list--option").padding.width
        return max(12, self.scrollable_content_region.width - padding) if self.size.width else 29

    @property
    def entries(self) -> tuple[SignalEntry, ...]:
        """The signals in their order."""
        return tuple(self._entries.values())

    def entry(self, id: str) -> SignalEntry | None:
        """A signal by its id."""
        return self._entries.get(id)

    def take(self, signal: Signal) -> None:
        """A signal came in, or came anew."""
        former = self._entries.get(signal.id)
        self._entries[signal.id] = SignalEntry(signal, followed=former.followed if former else "")
        self._draw()

    def follow(self, id: str, words: str) -> None:
        """A signal is followed, or is not any more."""
        self._change(id, followed=words)

    def drop(self, id: str) -> None:
        """A signal is gone."""
        self._entries.pop(id, None)
        self._draw()

    def clear_all(self) -> None:
        """A new conversation."""
        self._entries.clear()
        self._draw()

    def tell(self, event: Event) -> None:
        """What was perceived, noted or failed changes the entry."""
        match event:
            case Perceiving(id, sense, fraction):
                percent = f" {fraction:.0%}" if 0 < fraction < 1 else ""
                entry = self._entries.get(id)
                if entry is not None and entry.state != "perceiving":
                    self._change(id, before=(entry.state, entry.detail))
                self._change(id, state="perceiving", detail=f"{sense}{percent}")
            case Perceived(id, sense, found, _) if id in self._entries:
                evidence = {**self._entries[id].evidence, sense: found}
                count = sum(len(items) for items in evidence.values())
                self._change(id, state="ready", evidence=evidence, detail=counted(count, "piece"))
            case Failed(failure):
                self._change(failure.signal, state="failed", detail=failure.message, hint=failure.hint)
            case Noted(id, text) if id in self._entries and text not in self._entries[id].notes:
                self._change(id, notes=(*self._entries[id].notes, text))

    def end(self) -> None:
        """Nothing is perceived any more: what was not perceived to its end stands as before."""
        for id, entry in self._entries.items():
            if entry.state == "perceiving":
                self._change(id, state=entry.before[0], detail=entry.before[1])

    def _change(self, id: str, **changes: object) -> None:
        if id in self._entries:
            self._entries[id] = replace(self._entries[id], **changes)  # type: ignore[arg-type]
            self._draw(only=id)

    def _draw(self, only: str | None = None) -> None:
        if only is not None and only in self._id_to_option:
            self.replace_option_prompt(only, _shown(self._entries[only], self._columns, self.app.gettext))
            return
        at = self.highlighted
        self.clear_options()
        say, width = self.app.gettext, self._columns
        self.add_options([Option(_shown(entry, width, say), id=id) for id, entry in self._entries.items()])
        if self.option_count:
            self.highlighted = min(at or 0, self.option_count - 1)
        self.border_subtitle = str(self.option_count) if self.option_count else ""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        if event.option.id in self._entries:
            self.post_message(self.Wanted(self._entries[event.option.id]))

    def action_remove(self) -> None:
        """Delete the highlighted signal."""
        if self.highlighted is not None:
            id = self.get_option_at_index(self.highlighted).id
            if id in self._entries:
                self.post_message(self.Unwanted(self._entries[id].signal))


def _shown(entry: SignalEntry, width: int, say: Callable[[str], str]) -> Content:
    """What it is, and how it stands, each line within the width; the state is a word, not a colour alone."""
    signal = entry.signal
    state = f"{say(entry.state)}: {entry.detail}" if entry.detail else say(entry.state)
    time = signal.taken.astimezone().strftime("%H:%M:%S")
    known = f"{signal.id} {time}"
    lines = [
        Content.styled(f"{MARKS[signal.kind]} {_middle(signal.name, width - 2)}", "bold"),
        Content.styled(f"  {known if len(known) <= width - 2 else known[:-3]}", "$text-muted"),
        *_wrapped(state, STYLES[entry.state], width, 3),
    ]
    if entry.followed:
        lines += _wrapped(entry.followed, "$text-accent", width, 2)
    for note in entry.notes[:2]:
        lines += _wrapped(f"note: {note.removeprefix(f'{signal.name}: ')}", "$text-warning", width, 3)
    return Content("\n").join(lines)


def _middle(name: str, width: int) -> str:
    """A name that is too long without its middle: its beginning and its ending tell the most.

    >>> _middle("intake form of the ward.jpeg", 16), _middle("form.jpg", 16)
    ('intake …ard.jpeg', 'form.jpg')
    """
    name = printable(name)
    if cell_len(name) <= width:
        return name
    behind = (width - 1) // 2
    while cell_len(name[-behind:]) > (width - 1) // 2:
        behind -= 1
    end = name[-behind:] if behind else ""
    return f"{set_cell_size(name, width - 1 - cell_len(end)).rstrip()}…{end}"


def _wrapped(text: str, style: str, width: int, most: int) -> list[Content]:
    """A text in at most so many lines, each two columns in; the last one tells where there is more."""
    lines = Content(printable(text)).wrap(width - 2)
    if len(lines) > most:
        rest = Content(" ").join(lines[most - 1 :])
        lines = [*lines[: most - 1], rest.truncate(width - 2, ellipsis=True)]
    return [Content.assemble("  ", (line.plain.rstrip(), style)) for line in lines]
