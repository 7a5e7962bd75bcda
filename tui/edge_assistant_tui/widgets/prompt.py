"""Where a person types: Enter sends, a path attaches, what was heard stands here to be corrected."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from edge_assistant.core import limits
from edge_assistant.core.signals import by_name

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

PATHS = ("/", "~/", "./", "../", "file://")  # what paths begin with
MAX_PATHS = limits.DROPPED_PATHS.value
MAX_LINES = limits.PASTED_LINES.value
MAX_INPUTS = limits.INPUTS.value


class Prompt(TextArea):
    """A text area of one to six lines."""

    ALLOW_MAXIMIZE = False  # the answers would be hidden

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", show=False),
        Binding("up", "earlier", "Earlier question", show=False),
        Binding("down", "later", "Later question", show=False),
        Binding("tab", "screen.onward", "To the camera, or what comes next", show=False),
    ]
    app: AppInterface

    @dataclass
    class Sent(Message):
        """A question, and the recording of it where it was spoken and has not been changed."""

        text: str
        recording: bytes | None

    class Entered(Message):
        """Enter, where nothing is typed."""

    @dataclass
    class Dropped(Message):
        """Paths of files that were pasted, dropped or typed."""

        paths: tuple[Path, ...]

    @dataclass
    class Pasted(Message):
        """A pasted text that is too long for a question."""

        text: str

    @dataclass
    class Unsent(Message):
        """What was heard is not sent, or not as it was heard: its recording is not wanted."""

        recording: bytes

    @dataclass
    class Port(Message):
        """A serial port whose readings are to be followed."""

        text: str

    def __init__(self, id: str) -> None:
        super().__init__(soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False, id=id)
        for key in ("f6", "f7", "pageup", "pagedown", "ctrl+y"):  # a text area's own keys; here they are the app's
            self._bindings.key_to_bindings.pop(key, None)
        self._heard: tuple[str, bytes] | None = None
        self._inputs: list[str] = []  # what was sent or put aside, the last one last
        self._at = 0  # the one that is shown; behind the last one what is typed
        self._draft = ""  # what was typed, while an earlier one is shown

    def on_mount(self) -> None:
        """Say what it is for; who is there may change that."""
        self.border_title = self.app.gettext("Ask")
        self.invite(attach=True)

    def invite(self, *, attach: bool) -> None:
        """Say what may be typed here: a question, and a path where whoever is there may attach."""
        about = "Ask about the signals, or give a path to attach" if attach else "Ask about the signals"
        self.placeholder = self.app.gettext(about)

    async def _on_key(self, event: events.Key) -> None:
        """Leave a key of the app to the app, and Enter, a text area's line break, to its binding."""
        if event.key == "enter" or (event.is_printable and not self.check_consume_key(event.key, event.character)):
            event.prevent_default()

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """What becomes text: every printable key, but where nothing is typed not those that the app binds."""
        typed = super().check_consume_key(key, character)
        return typed and bool(self.text or key not in self.app._bindings.key_to_bindings)

    def action_send(self) -> None:
        """Send what stands here; a path is attached instead."""
        from edge_assistant.devices import chosen

        text = self.text.strip()
        if not text:
            self.post_message(self.Entered())
        elif paths := paths_in(text):
            self.post_message(self.Dropped(paths))
        elif chosen.follows(text):
            self.post_message(self.Port(text))
        elif (over := len(text) - limits.QUESTION_CHARACTERS.now) > 0:
            self.notify(
                self.app.gettext("Shorten it by {} characters, or attach the long part as a file.").format(over),
                title="The question is too long",
                severity="warning",
            )
            return  # it stays, to be shortened
        elif nowhere := no_file(text):
            if not self.app.roles.refuses("attach"):  # who may not attach is not told which files there are
                self.notify(nowhere, title="That is not a file", severity="warning", markup=False)
                return  # it stays, to be corrected
        else:
            recording = self._heard[1] if self._heard is not None and self._heard[0].strip() == text else None
            self._heard = None if recording is not None else self._heard
            self.post_message(self.Sent(text, recording))
            self._inputs.append(text)
        self._replace("")

    def action_undo(self) -> None:
        """Undo, as the screen does: the removal of a signal, or typing."""
        self.call_later(self.screen.run_action, "undo")

    def action_newline(self) -> None:
        """A line break."""
        self.insert("\n")

    def put(self, text: str) -> None:
        """Replace what stands here, for the person to go on with; the arrow brings back what stood here."""
        if (before := self.text).strip() and before != text and before not in self._inputs[-1:]:
            self._inputs.append(before)
        self._replace(text)

    def put_aside(self) -> None:
        """Empty the prompt, and say how what stood here comes back."""
        if self.text.strip():
            self.put("")
            self.border_subtitle = self.app.gettext("Up restores the text")

    def _replace(self, text: str) -> None:
        self.text = text
        if self._heard is not None:
            self.post_message(self.Unsent(self._heard[1]))
            self._heard = None
        del self._inputs[:-MAX_INPUTS]
        self._at, self._draft, self.border_subtitle = len(self._inputs), "", ""
        self.move_cursor(self.document.end)

    def hear(self, text: str, recording: bytes | None) -> None:
        """Show what was heard, to be sent or corrected; behind what stands here, which is then not all recorded."""
        before = self.text.strip()
        self._replace(f"{before} {text}" if before else text)
        if recording is not None and not before:
            self._heard = text, recording

    @property
    def draft(self) -> str:
        """What is typed and not sent, also while an earlier input is shown."""
        return self.text if self._at == len(self._inputs) else self._draft

    @property
    def inputs(self) -> tuple[str, ...]:
        """What was sent or put aside."""
        return tuple(self._inputs)

    def bring(self, draft: str, inputs: tuple[str, ...]) -> None:
        """Take up what was typed in an earlier run."""
        self._inputs[:] = inputs
        self._replace(draft)

    def forget(self) -> None:
        """A new conversation: earlier questions are not offered any more."""
        self._inputs.clear()
        self._replace("")

    def action_earlier(self) -> None:
        """The question before, where the cursor cannot go up."""
        if self.cursor_location[0] > 0:
            self.action_cursor_up()
        elif self._at > 0:
            self._show(self._at - 1)

    def action_later(self) -> None:
        """The question after, where the cursor cannot go down."""
        if self.cursor_location[0] < self.document.line_count - 1:
            self.action_cursor_down()
        elif self._at < len(self._inputs):
            self._show(self._at + 1)

    def _show(self, at: int) -> None:
        """Show an earlier input; what was typed and not sent comes behind the last one."""
        draft = self.text if self._at == len(self._inputs) else self._draft
        self._replace(self._inputs[at] if at < len(self._inputs) else draft)
        self._at, self._draft = at, draft

    async def _on_paste(self, event: events.Paste) -> None:
        """Route a paste; short text is inserted by the text area's own handler, which Textual calls besides."""
        event.stop()
        if self._routed(event.text):
            event.prevent_default()

    def paste(self, text: str) -> None:
        """Take a text that was pasted while something else had the focus."""
        self.focus()
        if not self._routed(text):
            self.insert(text)

    def _routed(self, text: str) -> bool:
        """Post a pasted text that is no part of a question: paths, as terminals paste dropped files, or a block."""
        if paths := paths_in(text):
            self.post_message(self.Dropped(paths))
        elif len(text.splitlines()) > MAX_LINES or len(text) > limits.QUESTION_CHARACTERS.now:
            self.post_message(self.Pasted(text))
        else:
            return False
        return True


def paths_in(text: str) -> tuple[Path, ...]:
    """The files that a text names, where it names nothing else: quoted, escaped or as URLs, as terminals paste them."""
    if len(text) > MAX_PATHS * 4096 or "\0" in text:
        return ()
    whole = _path(text.strip())
    if whole is not None:
        return (whole,)
    try:
        words = shlex.split(text)
    except ValueError:
        return ()
    found = [_path(word) for word in words]
    if not found or len(found) > MAX_PATHS or None in found:
        return ()
    return tuple(path for path in found if path is not None)


def no_file(text: str) -> str:
    """What to do about a text that is a path, but of no file; empty where it is a question."""
    named = len(text.split()) == 1 and (text.startswith(PATHS) or by_name(Path(text)) is not None)
    try:
        folder = Path(text).expanduser().is_dir() and "/" in text
    except (OSError, ValueError, RuntimeError):
        folder = False
    if folder:
        return "It is a folder: name a file in it, or press Ctrl+O to look into it."
    return "Correct the path, or press Ctrl+O for the files." if named else ""


def _path(word: str) -> Path | None:
    from urllib.parse import unquote

    if word.startswith("file://"):
        word = unquote(word.removeprefix("file://"))
    if not word or len(word) > 4096 or "\n" in word:
        return None
    try:
        path = Path(word).expanduser()
        return path if path.is_file() and ("/" in word or path.suffix) else None
    except (OSError, ValueError, RuntimeError):
        return None
