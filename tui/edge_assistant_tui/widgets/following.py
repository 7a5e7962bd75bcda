"""Readings that are followed: what is attached and grows is perceived anew, under its name and at its place.

That is a file that a logger writes, or a serial port, which becomes a signal with its first rows.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.message import Message
from textual.widget import Widget

from edge_assistant.core import limits
from edge_assistant_models import regular
from edge_assistant_tui import messages

if TYPE_CHECKING:
    from edge_assistant.core.signals import Signal
    from edge_assistant.devices.keeper import Keeper
    from edge_assistant_tui.interface import AppInterface

EVERY = 2.0  # seconds from one renewal to the next, at least
MAX_FOLLOWED = limits.FOLLOWED.value
FOLLOWING, GONE = "following", "following, but it is gone"


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
    app: AppInterface

    @dataclass
    class Told(Message):
        """How a signal is followed, in words; empty where it is not any more."""

        signal: str
        words: str

    def __init__(self) -> None:
        super().__init__()
        self._paths: dict[str, Path] = {}  # of signals that were removed too: they may come back
        self._followed: dict[str, _Followed] = {}
        self._ports: dict[str, tuple[_Teller, Keeper[Any]]] = {}  # by their names, until they are signals

    def on_mount(self) -> None:
        """Look from time to time whether anything is due."""
        self.set_interval(EVERY / 4, self._renew)

    def on_unmount(self) -> None:
        """Let all files go."""
        self.leave_all()

    def open(self, text: str) -> None:
        """Follow what is no file, such as `serial:/dev/ttyUSB0@9600`.

        Raises:
            UsageError: it is not written like that.
        """
        from edge_assistant.devices import chosen
        from edge_assistant.devices.keeper import Keeper

        device = chosen.readings(text)
        teller = _Teller(self, None, device.name)
        self._ports[device.name] = teller, Keeper(device, teller.grown, teller.changed)
        self._ports[device.name][1].start()

    def take(self, signal: Signal) -> None:
        """A signal is in the conversation; one of readings that are in a file is followed."""
        from edge_assistant.core.signals import Kind, Origin
        from edge_assistant.devices import chosen
        from edge_assistant.devices.keeper import Keeper
        from edge_assistant.devices.readings import FollowedFile
        from edge_assistant.governance.policy.policy import current

        if signal.origin is Origin.SENSOR and signal.name in self._ports:
            teller, keeper = self._ports.pop(signal.name)
            teller.id = signal.id
            self._followed[signal.id] = _Followed(keeper)
            self.post_message(self.Told(signal.id, FOLLOWING))
        if signal.kind is not Kind.READINGS or signal.id in self._followed or len(self._followed) >= MAX_FOLLOWED:
            return
        path = self._paths.setdefault(signal.id, signal.path) if signal.path else self._paths.get(signal.id)
        if path is None or not current().allows_device("readings", chosen.named(path)):
            return
        teller = _Teller(self, signal.id, signal.name, signal if signal.path else None)
        keeper = Keeper(FollowedFile(path), teller.grown, teller.changed)
        self._followed[signal.id] = _Followed(keeper)
        keeper.start()

    def leave(self, id: str) -> None:
        """A signal is no longer in the conversation."""
        followed = self._followed.pop(id, None)
        if followed is not None:
            _end(followed.keeper)

    def leave_all(self) -> None:
        """None is."""
        for id in tuple(self._followed):
            self.leave(id)
        for _, keeper in self._ports.values():
            _end(keeper)
        self._ports.clear()
        self._paths.clear()

    def settled(self, id: str) -> None:
        """A signal is perceived, or cannot be."""
        if id in self._followed:
            self._followed[id].busy = False

    @on(messages.Grown)
    def _told_grown(self, event: messages.Grown) -> None:
        from edge_assistant.core.signals import Kind, Origin

        event.stop()
        if event.signal in self._ports:  # by its name yet
            if not self._ports[event.signal][0].asked:
                self._ports[event.signal][0].asked = True
                self.app.work.add(event.data, Kind.READINGS, Origin.SENSOR, event.signal)
        elif event.signal in self._followed:
            self._followed[event.signal].waiting = event.data
            self.post_message(self.Told(event.signal, FOLLOWING))

    @on(messages.DeviceChanged)
    def _told_changed(self, event: messages.DeviceChanged) -> None:
        event.stop()
        if event.device in self._ports and event.change == "failed":
            del self._ports[event.device]
            self.notify(event.text, title=f"{event.device} cannot be followed", severity="error", markup=False)
        elif event.device in self._followed and event.change in {"lost", "back"}:
            self.post_message(self.Told(event.device, GONE if event.change == "lost" else FOLLOWING))

    def _renew(self) -> None:
        """Give on what has grown, one renewal of a signal at a time."""
        now = time.monotonic()
        for id, followed in self._followed.items():
            if followed.waiting is None or followed.busy or now - followed.renewed < EVERY:
                continue
            self.app.work.renew(id, followed.waiting)
            followed.waiting, followed.busy, followed.renewed = None, True, now


def _end(keeper: Keeper[Any]) -> None:
    """Stop a keeper without waiting for it, which may take a second."""
    threading.Thread(target=keeper.stop, name="unfollowing", daemon=True).start()


class _Teller:
    """Tells of one source; called in the thread that reads it.

    Attributes:
        id: of its signal, once there is one.
        asked: whether it is to become one.
    """

    def __init__(self, following: Following, id: str | None, name: str, attached: Signal | None = None) -> None:
        self._following = following
        self.id = id
        self.asked = False
        self._name = name
        self._attached = attached

    def grown(self, data: bytes | None) -> None:
        """There are other rows; at first, unless they are those that were attached."""
        attached, self._attached = self._attached, None
        if data is not None and not (attached is not None and _is_unchanged(attached)):
            self._post(messages.Grown(self.id or self._name, data))

    def changed(self, change: str, text: str) -> None:
        """The source is gone, or back."""
        self._post(messages.DeviceChanged(self.id or self._name, 0, str(change), text))

    def _post(self, message: Message) -> None:
        with suppress(RuntimeError):  # what Textual, or the loop, raises where the app is at its end
            self._following.post_message(message)


def _is_unchanged(signal: Signal) -> bool:
    """Whether a file still holds what was attached."""
    import hashlib

    assert signal.path is not None
    try:
        with regular.opened(signal.path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == signal.sha256
    except OSError:
        return False
