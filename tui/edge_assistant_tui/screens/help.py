"""Help: the keys of every place, taken from the bindings themselves, and what each kind of signal takes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Static

from edge_assistant_tui.roles import KEY
from edge_assistant_tui.screens.place import PlaceScreen, places

# Where a class is not called as a person would call it.
_NAMES = {
    "EdgeAssistant": "Everywhere",
    "ConversationScreen": "In the conversation",
    "Prompt": "In the prompt",
    "SignalList": "In the list of signals",
    "SignalScreen": "In a signal that is looked at",
    "EvidenceList": "In the list of its evidence",
    "EvidenceScreen": "In evidence that is looked at",
    "PictureView": "In evidence that is a picture",
    "TranscriptView": "In evidence that was said",
    "RowsView": "In evidence that was measured",
    "CameraView": "In the camera's preview",
    "Figures": "At the figures under an answer",
    "Files": "In the tree of files",
    "Choose": "Where one of a few is chosen",
    "Confirm": "Where something is to be confirmed",
    "Rename": "Where a conversation is renamed",
    "Operator": "Where the operator's PIN is typed",
    "Restore": "Where a conversation is offered",
}
_KINDS = {
    "image": "writing, codes, objects, faces by number; pages of a PDF",
    "audio": "speech with its times",
    "video": "frames as pictures, and what is said",
    "readings": "tables with a head line; numbers are computed over rows",
    "text": "up to 16 MiB",
}
_OPERATOR = "Operator: unlock with the PIN, or lock"
_COLUMN = 13  # characters for keys; those that need more move what they do to the right
_ABOUT = (
    "Ask about all signals together: each fact cites its source, and its id, such as E3, opens it. Nothing leaves this "
    "machine."
)


class Help(PlaceScreen):
    """All keys in one list to scroll."""

    NAME = "help"
    TITLE = "Help"
    KEY = "f1,question_mark"
    HELP = "Keys of every place, files of every kind of signal"
    SHOWN = True
    NEEDED = False

    def body(self) -> ComposeResult:
        """Sections."""
        with VerticalScroll(id="body"):
            yield Static(id="text")

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        self.query_one("#body").focus()

    def on_resize(self) -> None:
        """Lines are as long as the terminal is wide."""
        parts = _text(self.app.gettext, max(40, self.size.width - 6), roles=self.app.policy.roles)
        self.query_one("#text", Static).update(Content.assemble(*parts))


def _text(say: Callable[[str], str], width: int, *, roles: bool = False) -> Iterator[str | tuple[str, str]]:
    yield f"{textwrap.fill(say(_ABOUT), width)}\n"
    entries = [(place.KEY, f"{say(place.TITLE)}: {say(place.HELP)}") for place in places()]
    yield from _section(say, "Places", entries, width)
    for name, keys in sections():
        operator = roles and name == _NAMES["EdgeAssistant"]
        told = [(key, say(what)) for key, what in ([*keys, (KEY, _OPERATOR)] if operator else keys)]
        yield from _section(say, name, told, width)
    yield (f"\n{say('Signals')}\n", "bold $primary")
    for kind, endings in kinds():
        yield (f"  {kind:{_COLUMN}} ", "bold $accent")
        yield _filled(say(_KINDS[kind]), width)
        yield (f"{' ' * (_COLUMN + 3)}{_filled(endings, width)}", "$text-muted")
    yield f"  {say('A file with another ending is told by its first bytes.')}\n"


def _section(
    say: Callable[[str], str], name: str, keys: list[tuple[str, str]], width: int
) -> Iterator[str | tuple[str, str]]:
    yield (f"\n{say(name)}\n", "bold $primary")
    for key, what in keys:
        pressed = shown(key).replace("Ctrl", say("Ctrl"))
        yield (f"  {pressed:{_COLUMN}} {' ' * (len(pressed) > _COLUMN)}", "bold $accent")
        yield _filled(what, width)


def _filled(text: str, width: int) -> str:
    """Lines beside the column of keys."""
    return f"\n{' ' * (_COLUMN + 3)}".join(textwrap.wrap(text, width - _COLUMN - 3)) + "\n"


def sections() -> list[tuple[str, list[tuple[str, str]]]]:
    """The keys of the app's own classes that have some, by where they hold: (keys, what they do)."""
    nodes = dict.fromkeys(_nodes(DOMNode))  # one may be under two others
    found = [(_name(node), _keys(vars(node)["BINDINGS"])) for node in nodes if "BINDINGS" in vars(node)]
    order = list(_NAMES.values())
    return sorted(found, key=lambda part: (order.index(part[0]) if part[0] in order else len(order), part[0]))


def kinds() -> list[tuple[str, str]]:
    """Each kind of signal with the endings of its files."""
    from edge_assistant.core.signals import Kind, suffixes

    return [(str(kind), " ".join(suffix.removeprefix(".") for suffix in suffixes(kind))) for kind in Kind]


def shown(keys: str) -> str:
    """Keys as they stand on a keyboard.

    >>> shown("f1,question_mark"), shown("ctrl+o"), shown("delete,x")
    ('F1 or ?', 'Ctrl+O', 'Delete or x')
    """
    return " or ".join(_key(key.strip()) for key in keys.split(","))


def _key(key: str) -> str:
    signs = {"question_mark": "?", "space": "Space", "plus": "+", "equals_sign": "=", "minus": "-"}
    signs |= {"pageup": "Page up", "pagedown": "Page down"}
    *held, last = key.split("+")
    last = signs.get(last, last if len(last) == 1 and not held else last.title())
    return "+".join([*(part.title() for part in held), last])


def _nodes(node: type[DOMNode]) -> Iterator[type[DOMNode]]:
    """The classes of this package under a class."""
    for under in node.__subclasses__():
        if under.__module__.startswith("edge_assistant_tui.") and under is not PlaceScreen:
            yield under
        yield from _nodes(under)


def _name(node: type[DOMNode]) -> str:
    if issubclass(node, PlaceScreen):
        return f"In {node.TITLE}"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", node.__name__).lower()
    return _NAMES.get(node.__name__, f"In {words}")


def _keys(bindings: list[BindingType]) -> list[tuple[str, str]]:
    return [(binding.key, binding.description) for binding in bindings if isinstance(binding, Binding)]
