"""Readings files that are followed: what is attached and grows is perceived anew, under its name and at its place."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.message import Message
from textual.widget import Widget

from edge_assistant_tui import messages

if TYPE_CHECKING:
    from edge_assistant.devices.keeper import Keeper
    from edge_assistant.signals import Signal
    from edge_assistant_tui.app import EdgeAssistant

EVERY = 2.0  # seconds from one renewal to the next, at least
MAX_FOLLOWED = 16  # files; each has a thread that looks four times a second
FOLLOWING, GONE = "following", "following, but the file is gone"


@dataclass
class _Followed:
    """A file.

    Attributes:
        waiting: what it holds, to be perceived when the last is and some time has passed.
        busy: whether the last is still perceived.
        renewed: when it was given on last, `time.monotonic()`.
    """

    keeper: Keeper[Any]
    waiting: bytes | None = None
    busy: bool = True
    renewed: float = field(default_factory=time.monotonic)


class Following(Widget):
    """Follows; it is not to be seen itself."""

    DEFAULT_CSS = "Following { display: none; }"
    app: EdgeAssistant

    @dataclass
    class Told(Message):
        """How a signal is followed, in words; empty where it is not any more."""

        signal: str
        words: str

    def __init__(self) -> None:
        super().__init__()
        self._paths: dict[str, Path] = {}  # of signals that were removed too: they may come back
        self._followed: dict[str, _Followed] = {}

    def on_mount(self) -> None:
        """Look from time to time whether anything is due."""
        self.set_interval(EVERY / 4, self._renew)

    def on_unmount(self) -> None:
        """Let all files go."""
        self.leave_all()

    def take(self, signal: Signal) -> None:
        """A signal is in the conversation; one of readings that are in a file is followed."""
        from edge_assistant.devices.followed import FollowedFile
        from edge_assistant.devices.keeper import Keeper
        from edge_assistant.signals import Kind

        if signal.kind is not Kind.READINGS or signal.id in self._followed or len(self._followed) >= MAX_FOLLOWED:
            return
        path = self._paths.setdefault(signal.id, signal.path) if signal.path else self._paths.get(signal.id)
        if path is None:
            return
        teller = _Teller(self, signal)
        keeper = Keeper(FollowedFile(path), teller.grown, teller.changed)
        self._followed[signal.id] = _Followed(keeper)
        keeper.start()

    def leave(self, id: str) -> None:
        """A signal is no longer in the conversation."""
        followed = self._followed.pop(id, None)
        if followed is not None:
            threading.Thread(target=followed.keeper.stop, name="unfollowing", daemon=True).start()  # it waits a second

    def leave_all(self) -> None:
        """None is."""
        for id in tuple(self._followed):
            self.leave(id)
        self._paths.clear()

    def settled(self, id: str) -> None:
        """A signal is perceived, or cannot be."""
        if id in self._followed:
            self._followed[id].busy = False

    @on(messages.Grown)
    def _told_grown(self, event: messages.Grown) -> None:
        event.stop()
        if event.signal in self._followed:
            self._followed[event.signal].waiting = event.data
            self.post_message(self.Told(event.signal, FOLLOWING))

    @on(messages.DeviceChanged)
    def _told_changed(self, event: messages.DeviceChanged) -> None:
        event.stop()
        if event.device in self._followed and event.change in {"lost", "back"}:
            self.post_message(self.Told(event.device, GONE if event.change == "lost" else FOLLOWING))

    def _renew(self) -> None:
        """Give on what has grown, one renewal of a signal at a time."""
        now = time.monotonic()
        for id, followed in self._followed.items():
            if followed.waiting is None or followed.busy or now - followed.renewed < EVERY:
                continue
            self.app.work.renew(id, followed.waiting)
            followed.waiting, followed.busy, followed.renewed = None, True, now


class _Teller:
    """Tells of one file; called in the thread that reads it."""

    def __init__(self, following: Following, signal: Signal) -> None:
        self._following = following
        self._signal = signal
        self._first = signal.path is not None

    def grown(self, data: bytes | None) -> None:
        """The file holds other rows; at first, unless they are those that were attached."""
        first, self._first = self._first, False
        if data is not None and not (first and self._is_attached()):
            self._following.post_message(messages.Grown(self._signal.id, data))

    def changed(self, change: str, text: str) -> None:
        """The file is gone, or back."""
        self._following.post_message(messages.DeviceChanged(self._signal.id, 0, str(change), text))

    def _is_attached(self) -> bool:
        import hashlib

        assert self._signal.path is not None
        try:
            with self._signal.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == self._signal.sha256
        except OSError:
            return False
