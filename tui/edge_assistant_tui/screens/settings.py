"""The settings: each is written into `config.toml` as it is changed, and holds at once."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Label, Select, Static

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.storage.settings import PREFIX, in_environment
from edge_assistant_tui import themes
from edge_assistant_tui.choices import DEVICES, profiles
from edge_assistant_tui.screens.place import PlaceScreen

if TYPE_CHECKING:
    from edge_assistant.storage.settings import Settings as Stored

_LABELS = {
    "profile": ("Profile", "which models answer"),
    "language": ("Language", "spoken and written, such as en; empty detects it"),
    "theme": ("Theme", "colours of the app"),
    "camera": ("Camera", "a name, or file:PATH in config.toml"),
    "microphone": ("Microphone", "off until F3 or F4"),
    "speaker": ("Speaker", "for spoken answers and recordings"),
    "pause_s": ("Pause", "seconds of silence that end what is spoken, 0.3 to 5"),
    "keep_days": ("Keep for", "days until a conversation is deleted; empty keeps all"),
    "spoken_answers": ("Spoken answers", "F12 switches them too"),
}
_SELECTS = ("profile", "theme", *DEVICES)
_WORDS = {True: "on", False: "off"}
_DEFAULT = ""  # the choice of no device: the first, or the system's


class SettingsScreen(PlaceScreen):
    """A form; Tab goes on, what is changed is saved."""

    NAME = "settings"
    TITLE = "Settings"
    KEY = "f10"
    HELP = "Tab moves on; each change is saved at once"
    CSS_PATH: ClassVar[list[str]] = ["place.tcss", "settings.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
        Binding("f5", "look", "Look for devices"),
    ]

    def body(self) -> ComposeResult:
        """A row for each setting."""
        fixed = in_environment()
        with VerticalScroll(id="body", can_focus=False):
            for key, (label, about) in _LABELS.items():
                with Horizontal(classes="row"):
                    yield Label(label)
                    widget = self._widget(key)
                    widget.disabled = key in fixed
                    yield widget
                    said = f"set by {PREFIX}{key.upper()}" if key in fixed else about
                    yield Static(Content(said), classes="about")
        yield Static(id="about")

    def on_mount(self) -> None:
        """The first setting has the focus; devices are looked for meanwhile."""
        self.query_one("#profile").focus()
        self.action_look()

    def _widget(self, key: str) -> Widget:
        value = getattr(self.app.settings, key)
        if key == "spoken_answers":
            return Checkbox(_WORDS[value], value=value, id=key, compact=True)
        if key in _SELECTS:
            return Select(self._options(key, []), value=value or _DEFAULT, allow_blank=False, id=key, compact=True)
        return Input("" if value is None else str(value), id=key, compact=True, select_on_focus=False)

    def _options(self, key: str, devices: list[str]) -> list[tuple[str, str]]:
        """What can be chosen, and what the settings hold, which may be none of it."""
        value = getattr(self.app.settings, key) or _DEFAULT
        if key == "profile":
            names = [name for name, _ in profiles()]
        elif key == "theme":
            own = [theme.name for theme in themes.OWN]
            names = sorted(self.app.available_themes, key=lambda name: (name not in own, name))
        else:
            names = [_DEFAULT, *devices]
        names = list(dict.fromkeys([*names, value]))
        return [(name or ("the first" if key == "camera" else "the default"), name) for name in names]

    @work(thread=True, exclusive=True)
    def action_look(self) -> None:
        """Look for devices."""
        from edge_assistant.devices import chosen

        self.call_later(self._offer, {device: chosen.names(device) for device in DEVICES})

    def _offer(self, found: dict[str, list[str]]) -> None:
        for key, devices in found.items():
            select = self.query_one(f"#{key}", Select)
            if not select.expanded:
                with self.prevent(Select.Changed):
                    select.set_options(self._options(key, devices))
                    select.value = getattr(self.app.settings, key) or _DEFAULT

    @on(Select.Changed)
    def _told_chosen(self, event: Select.Changed) -> None:
        key = event.select.id or ""
        value = str(event.value)
        self._save(key, value if key not in DEVICES or value else None)

    @on(Checkbox.Changed)
    def _told_switched(self, event: Checkbox.Changed) -> None:
        event.checkbox.label = _WORDS[event.value]
        self._save(event.checkbox.id or "", event.value)

    @on(Input.Submitted)
    @on(Input.Blurred)
    def _told_written(self, event: Input.Submitted | Input.Blurred) -> None:
        key = event.input.id or ""
        text = event.input.value.strip()
        try:
            self._save(key, _value(key, text))
        except ValueError:
            self._say(f"{_LABELS[key][0]} may not be {text!r}", bad=True)

    def _save(self, key: str, value: Any) -> None:  # noqa: ANN401 - what a setting holds
        before: Stored = self.app.settings
        if value == getattr(before, key) or (value is None and getattr(before, key) == _defaults()[key]):
            return
        try:
            self.app.configure(**{key: value})
        except EdgeAssistantError as error:
            self._say(f"{error.message} - {error.hint}", bad=True)
            return
        if key == "theme":
            self.app.theme = str(value)
        self._say(f"{_LABELS[key][0]} is saved in config.toml")

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.query_one("#about", Static).update(Content.styled(text, "$text-error" if bad else "$text-success"))


def _defaults() -> dict[str, Any]:
    from edge_assistant.storage.settings import Settings

    return {field.name: field.default for field in fields(Settings)}


def _value(key: str, text: str) -> Any:  # noqa: ANN401 - what a setting holds
    """What was written, as the setting wants it; nothing is the default.

    Raises:
        ValueError: it is no number, or no code of a language.
    """
    if not text:
        return None
    if key == "pause_s":
        return float(text)
    if key == "keep_days":
        return int(text)
    if not (2 <= len(text) <= 3 and text.isascii() and text.isalpha()):
        raise ValueError(text)
    return text.lower()
