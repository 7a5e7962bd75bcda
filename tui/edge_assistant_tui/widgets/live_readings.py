"""Readings that are followed: what is attached and grows is perceived anew, under its name and at its place.

That is a file that a logger writes, or a serial port, which becomes a signal with its first rows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.widget import Widget

from edge_assistant.core import limits
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.governance.policy.policy import current
from edge_assistant_models import regular

if TYPE_CHECKING:
    from edge_assistant.core.signals import Signal
    from edge_assistant.devices.keeper import Keeper
    from edge_assistant_tui.interface import AppInterface

EVERY = 2.0  # seconds from one renewal to the next, at least
MAX_FOLLOWED = limits.FOLLOWED.value
FOLLOWING, GONE = "following", "following, but it is gone"


@dataclass(eq=False)
class _Source:
    """A file or a port.

    Attributes:
        name: of its signal.
        id: of its signal; None while a port has given no rows.
        attached: the signal with the file's content, until the file is read for the first time.
        asked: whether a port is to become a signal.
        waiting: what it holds, to be perceived when the last is and some time has passed.
        busy: whether the last is still perceived.
        renewed: when it was given on last, `time.monotonic()`.
    """

    name: str
    id: str | None = None
    attached: Signal | None = None
    asked: bool = False
    waiting: bytes | None = None
    busy: bool = True
    renewed: float = field(default_factory=time.monotonic)
    keeper: Keeper[Any] = field(init=False)


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
        self._followed: dict[str, _Source] = {}
        self._ports: dict[str, _Source] = {}  # by their names, until they are signals

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

        device = chosen.readings(text)
        self._ports[device.name] = source = _Source(device.name)
        self._follow(source, device)

    def take(self, signal: Signal) -> None:
        """A signal is in the conversation; one of readings that are in a file is followed."""
        from edge_assistant.devices import chosen
        from edge_assistant.devices.readings import FollowedFile

        if signal.origin is Origin.SENSOR and signal.name in self._ports:
            self._followed[signal.id] = source = self._ports.pop(signal.name)
            source.id, source.renewed = signal.id, time.monotonic()
            self.post_message(self.Told(signal.id, FOLLOWING))
        if signal.kind is not Kind.READINGS or signal.id in self._followed or len(self._followed) >= MAX_FOLLOWED:
            return
        path = self._paths.setdefault(signal.id, signal.path) if signal.path else self._paths.get(signal.id)
        if path is None or not current().allows_device("readings", chosen.named(path)):
            return
        self._followed[signal.id] = source = _Source(signal.name, signal.id, signal if signal.path else None)
        self._follow(source, FollowedFile(path))

    def leave(self, id: str) -> None:
        """A signal is no longer in the conversation."""
        if (source := self._followed.pop(id, None)) is not None:
            _end(source)

    def leave_all(self) -> None:
        """None is."""
        for source in (*self._followed.values(), *self._ports.values()):
            _end(source)
        self._followed.clear()
        self._ports.clear()
        self._paths.clear()

    def settled(self, id: str) -> None:
        """A signal is perceived, or cannot be."""
        if id in self._followed:
            self._followed[id].busy = False

    def _follow(self, source: _Source, device: Any) -> None:  # noqa: ANN401 - a device of readings
        from edge_assistant.devices.keeper import Keeper

        source.keeper = Keeper(device, partial(self._read, source), partial(self._later, self._changed, source))
        source.keeper.start()

    def _read(self, source: _Source, data: bytes | None) -> None:
        """In the thread that reads: there are other rows; at first, unless they are those that were attached."""
        attached, source.attached = source.attached, None
        if data is not None and not (attached is not None and _is_unchanged(attached)):
            self._later(self._grown, source, data)

    def _later(self, do: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # what Textual, or the loop, raises where the app is at its end
            self.call_later(do, *arguments)

    def _grown(self, source: _Source, data: bytes) -> None:
        if self._followed.get(source.id or "") is source:
            source.waiting = data
            self.post_message(self.Told(str(source.id), FOLLOWING))
        elif self._ports.get(source.name) is source and not source.asked:
            source.asked = True
            self.app.work.add(data, Kind.READINGS, Origin.SENSOR, source.name)

    def _changed(self, source: _Source, change: str, text: str) -> None:
        """The source is gone, or back, or cannot be opened."""
        if self._followed.get(source.id or "") is source and change in {"lost", "back"}:
            self.post_message(self.Told(str(source.id), GONE if change == "lost" else FOLLOWING))
        elif self._ports.get(source.name) is source and change == "failed":
            del self._ports[source.name]
            self.notify(text, title=f"{source.name} cannot be followed", severity="error", markup=False)

    def _renew(self) -> None:
        """Give on what has grown, one renewal of a signal at a time."""
        now = time.monotonic()
        for id, source in self._followed.items():
            if source.waiting is not None and not source.busy and now - source.renewed >= EVERY:
                self.app.work.renew(id, source.waiting)
                source.waiting, source.busy, source.renewed = None, True, now


def _end(source: _Source) -> None:
    """Stop reading without waiting for the end of it, which may take a second."""
    threading.Thread(target=source.keeper.stop, name="unfollowing", daemon=True).start()


def _is_unchanged(signal: Signal) -> bool:
    """Whether a file still holds what was attached."""
    import hashlib

    assert signal.path is not None
    try:
        with regular.opened(signal.path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == signal.sha256
    except OSError:
        return False
