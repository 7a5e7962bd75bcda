"""What was perceived is kept, so that a later question over the same signal perceives nothing again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_assistant.core import limits
from edge_assistant.core.errors import InputError, InputMissing, InputUnreadable
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.gather import Perceive
from edge_assistant.perception.ondisk import OnDisk, is_file, key_of
from edge_assistant.perception.sense import Percept, Request
from edge_assistant_models.installed import InstalledModel

MAX_BYTES = limits.RECALLED_BYTES.value
_ITEM = 600  # bytes of a piece of evidence beside its text: the objects that it is made of

Key = tuple[str, Kind, str, str, str | None]
"""Of what was perceived: sense, kind, sum, name (notes tell it) and the language that was wanted."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a sense made of a signal: a percept, or an error's class, message and hint."""

    made: Percept | tuple[type[InputError], str, str]
    size: int


class Recall:
    """Percepts, and faults of the bytes themselves, by sense, sum and language; what is used least is dropped.

    Percepts of files may be kept on the disk, too, for the next process. Several threads may recall at once.

    Attributes:
        bytes: of all that is kept in memory, roughly.
    """

    bytes: int

    def __init__(self, max_bytes: int = MAX_BYTES, disk: OnDisk | None = None) -> None:
        """Keep nothing yet.

        Args:
            max_bytes: in memory.
            disk: what lasts longer than this process; None for nothing.
        """
        self._max_bytes = max_bytes
        self._disk = disk
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._since: str | None = None  # the mark of the time since which what is perceived may be kept
        self.bytes = 0

    def forgotten(self) -> bool:
        """Whether something was forgotten, by whichever process, since this was asked before; when a question begins.

        What is perceived for a question that began before a forgetting is not kept after it.
        """
        former, self._since = self._since, None if self._disk is None else self._disk.mark()
        return former is not None and self._since != former

    def perceiver(self, sense: str, perceive: Perceive, models: Mapping[str, InstalledModel] | None = None) -> Perceive:
        """What recalls for a sense, or perceives with it and keeps what it made.

        A missing file and a missing model are no faults of the bytes: both may be there the next time.

        Args:
            sense: its name.
            perceive: with it.
            models: those that it uses, by role; none where it uses none.
        """
        used = models or {}

        def recalled(signal: Signal, request: Request) -> Percept:
            key = sense, signal.kind, signal.sha256, signal.name, request.language
            if (kept := self._recalled(key)) is not None:
                return _of(signal, kept)
            try:
                if self._disk is None or not is_file(signal):
                    percept = perceive(signal, request)
                else:
                    place = key_of(sense, signal, request, used, self._disk.card)
                    percept = _by_disk(self._disk, place, perceive, signal, request, self._since)
            except (InputMissing, InputUnreadable):
                raise
            except InputError as fault:
                self._keep(key, _Kept((type(fault), fault.message, fault.hint), _ITEM))
                raise
            self._keep(key, _Kept(percept, _size(percept)))
            return percept

        return recalled

    def forget(self, sha256: str) -> None:
        """Drop all that was perceived in these bytes and is in memory, where all is that has no file."""
        with self._lock:
            for key in [key for key in self._kept if key[2] == sha256]:
                self.bytes -= self._kept.pop(key).size

    def clear(self) -> None:
        """Drop all that is in memory."""
        with self._lock:
            self._kept.clear()
            self.bytes = 0

    def _recalled(self, key: Key) -> Percept | None:
        """The percept; None where there is none.

        Raises:
            InputError: the bytes are at fault.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
        if isinstance(kept.made, Percept):
            return kept.made
        error, message, hint = kept.made
        raise error(message, hint)

    def _keep(self, key: Key, kept: _Kept) -> None:
        if kept.size > self._max_bytes:
            return
        with self._lock:
            former = self._kept.pop(key, None)  # another thread may have perceived the same meanwhile
            self.bytes += kept.size - (former.size if former else 0)
            self._kept[key] = kept
            while self.bytes > self._max_bytes:
                self.bytes -= self._kept.popitem(last=False)[1].size


def _by_disk(
    disk: OnDisk, key: str, perceive: Perceive, signal: Signal, request: Request, since: str | None
) -> Percept:
    """What the disk has under a key, else what is perceived now and kept there, unless all is forgotten meanwhile."""
    if (kept := disk.get(key, signal)) is not None:
        return kept
    since, began = since or disk.mark(), time.perf_counter()
    held = disk.held(signal)
    percept = perceive(held, request)
    disk.put(key, held, percept, time.perf_counter() - began, since)
    return percept


def _of(signal: Signal, percept: Percept) -> Percept:
    """A percept as one of this signal, which may have another id than the one that was perceived."""
    return replace(percept, evidence=tuple(replace(item, signal=signal.id) for item in percept.evidence))


def _size(percept: Percept) -> int:
    """Bytes that a percept holds, roughly."""
    size = sum(_ITEM + 4 * len(item.text) for item in percept.evidence)
    if percept.table is not None:
        table = percept.table
        size += table.times.nbytes + table.rows.nbytes + sum(column.values.nbytes for column in table.columns)
    return size
