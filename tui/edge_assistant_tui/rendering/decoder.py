"""The signals that are looked at, decoded; used by one thread, and bounded."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from edge_assistant.core.errors import InputCorrupt, InputMissing
from edge_assistant.core.signals import Signal

if TYPE_CHECKING:
    from edge_assistant.core.signals import Kind
    from edge_assistant.perception.page import Page
    from edge_assistant.perception.table import Table

T = TypeVar("T")

_KEPT = 2  # decoded things that are held: what is looked at, and what was before; the largest table is 480 MB
_SEEN = 64  # files whose sum is known
_CHUNK = 1 << 20
Key = tuple[object, ...]


class Superseded(Exception):
    """What is worked on is no longer wanted."""


class Decoded:
    """Pages, tables and texts of signals, read when first wanted.

    Attributes:
        check: raises `Superseded` once something else is wanted; called now and then by whatever takes long.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check
        self._kept: OrderedDict[Key, object] = OrderedDict()
        self._same: OrderedDict[Key, None] = OrderedDict()

    def page(self, signal: Signal, number: int | None) -> Page:
        """A page of a picture or document; raises InputError."""
        from edge_assistant.perception.decoders import client

        return self._once((signal.sha256, "page", number), signal, lambda: client.page(signal, number, self.check))

    def frame(self, signal: Signal, seconds: tuple[float, float]) -> Page:
        """The frame of a video that was looked at in a stretch of it; raises InputError."""
        from edge_assistant.perception.decoders import client

        return self._once((signal.sha256, "frame", seconds), signal, lambda: client.still(signal, seconds, self.check))

    def table(self, signal: Signal) -> Table:
        """The table of readings; raises InputError."""
        return self._once((signal.sha256, "table"), signal, lambda: self._read(signal))

    def text(self, signal: Signal) -> str:
        """The characters that the locators of a text count; raises InputError."""
        from edge_assistant.perception.senses import text

        return self._once((signal.sha256, "text"), signal, lambda: text.decode(signal.read(), signal.name))

    def unchanged(self, signal: Signal) -> None:
        """See that a file has the bytes that were perceived; a sum is taken once for each state of a file.

        Raises:
            InputMissing: the file is gone.
            InputUnreadable: it may not be read any more.
            InputCorrupt: it has other bytes now.
        """
        if signal.path is None:
            return
        with signal.open(check=False) as stream:
            state = os.fstat(stream.fileno())
            key = (signal.sha256, str(signal.path), state.st_size, state.st_mtime_ns, state.st_ino)
            if key in self._same:
                return
            digest = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                self.check()
                digest.update(chunk)
        if digest.hexdigest() != signal.sha256:
            raise InputCorrupt(
                f"{signal.name} has changed since it was perceived", "attach it again to ask about its new content"
            )
        _put(self._same, key, None, _SEEN)

    def _once(self, key: Key, signal: Signal, make: Callable[[], T]) -> T:
        self.unchanged(signal)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]  # type: ignore[return-value]
        made = make()
        _put(self._kept, key, made, _KEPT)
        return made

    def _read(self, signal: Signal) -> Table:
        from edge_assistant.perception.senses.readings import read_table

        return read_table(signal, lambda _: self.check())[0]


def gone(name: str, kind: Kind | None) -> InputMissing:
    """What is said where the conversation no longer has the bytes of a signal."""
    return InputMissing(
        f"{name} is no longer in this conversation" if kind is not None else "there is nothing to look at",
        "its evidence is shown above",
    )


def _put(kept: OrderedDict[Key, T], key: Key, value: T, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
