"""Which loaded models stay: kept by use under a budget, dropped when the machine runs short, never while in use.

What goes is decided by a pure function of what is loaded and of what the machine says of its memory.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge_assistant_models.machine import granted, physical_bytes

T = TypeVar("T")

_log = logging.getLogger(__name__)

_SPARE = 1 / 16  # of the memory that there is has to stay available: below it the system takes pages that are in use
_PRESSURE = 10.0  # % of the last ten seconds in which something waited for memory: it is short, whatever is available


@dataclass(frozen=True, slots=True)
class Memory:
    """What the machine, or the container, says of its memory.

    Attributes:
        total: bytes that there are.
        available: bytes that can be had without taking them from anybody.
        pressure: % of the last ten seconds in which something waited for memory; 0 where that is not told.
    """

    total: int
    available: int
    pressure: float = 0.0


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, or several that belong together, in memory.

    Attributes:
        key: what it is got by.
        size: bytes.
        used: a number that is higher the later it was used.
        busy: whether it is in use.
    """

    key: Hashable
    size: int
    used: int
    busy: bool = False


def budget(total: int, needed: int) -> int:
    """Bytes that loaded models may take: half of the memory that there is, or what a profile's models need together.

    >>> budget(24 << 30, 2 << 30) >> 30, budget(2 << 30, 2 << 30) >> 30
    (12, 2)
    """
    return max(total // 2, needed)


def short(memory: Memory) -> int:
    """Bytes that have to be given back; under pressure 1 at least, so that something goes."""
    missing = max(0, int(memory.total * _SPARE) - memory.available)
    return missing or int(memory.pressure > _PRESSURE)


def to_drop(loaded: Sequence[LoadedModel], most: int, missing: int) -> tuple[Hashable, ...]:
    """What goes, by least use: until no more than `most` bytes are loaded and `missing` bytes are given back.

    >>> to_drop([LoadedModel("a", 5, 1), LoadedModel("b", 5, 2, busy=True), LoadedModel("c", 5, 3)], 10, 0)
    ('a',)
    """
    surplus = max(sum(item.size for item in loaded) - most, missing)
    dropped: list[Hashable] = []
    for item in sorted((item for item in loaded if not item.busy), key=lambda item: item.used):
        if surplus <= 0:
            break
        dropped.append(item.key)
        surplus -= item.size
    return tuple(dropped)


def read(root: Path = Path("/")) -> Memory:
    """What the machine says now; a system that does not tell has enough.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    told, grant = _meminfo(root / "proc/meminfo"), granted(root)
    total = told.get("MemTotal", physical_bytes())
    available = told.get("MemAvailable", total)
    if grant.memory is not None and grant.memory_left is not None and grant.memory < total:
        total, available = grant.memory, min(available, grant.memory_left)
    return Memory(total, available, _pressure(root / "proc/pressure/memory"))


def _meminfo(file: Path) -> dict[str, int]:
    """Bytes by name."""
    found: dict[str, int] = {}
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, _, rest = line.partition(":")
            if rest.endswith(" kB"):
                found[name] = int(rest.removesuffix(" kB")) << 10
    return found


def _pressure(file: Path) -> float:
    with suppress(OSError, ValueError, KeyError):
        lines = {line.partition(" ")[0]: line.split()[1:] for line in file.read_text().splitlines() if line.strip()}
        return float(dict(value.split("=", 1) for value in lines["some"])["avg10"])
    return 0.0


@dataclass(slots=True)
class _Kept:
    """What is loaded: the object itself, or only a weak reference to what somebody else holds."""

    what: Any
    size: int
    used: int
    held: bool = False


class Residency:
    """Keeps what is loaded; used by several threads.

    What is got or wanted within `use` is in use until the outermost one ends. What was dropped is made again when it is
    got.

    Attributes:
        most: bytes that may be loaded.
    """

    def __init__(self, most: int, look: Callable[[], Memory] = read) -> None:
        """Begin with nothing.

        Args:
            most: bytes that may be loaded.
            look: tells what the machine says of its memory.
        """
        self.most = most
        self._look = look
        self._kept: dict[Hashable, _Kept] = {}
        self._busy: set[Hashable] = set()
        self._uses = 0
        self._clock = 0
        self._lock = threading.RLock()
        self._making: dict[Hashable, threading.Lock] = {}

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """What is in memory now."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept.held and kept.what() is None]:
                del self._kept[key]
            return tuple(
                LoadedModel(key, kept.size, kept.used, kept.held or key in self._busy)
                for key, kept in self._kept.items()
            )

    @contextmanager
    def use(self, *wanted: Hashable) -> Iterator[None]:
        """While this runs nothing that it gets is dropped; afterwards what is too much is.

        Args:
            wanted: keys of what it may still get; where that is loaded, it is not dropped to make room for another.
        """
        with self._lock:
            self._uses += 1
            self._busy.update(wanted)
        try:
            yield
        finally:
            with self._lock:
                self._uses -= 1
                if not self._uses:
                    self._busy.clear()
            self.relieve()

    def get(self, key: Hashable, size: int, make: Callable[[], T]) -> T:
        """What is loaded under a key; made, once, where it is not, after room was made for it.

        Args:
            key: of it.
            size: bytes that it takes.
            make: loads it; what it raises goes through, and nothing is kept.
        """
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if (kept := self._touched(key)) is not None:
                what: T = kept.what
                return what
            self._drop(size)
            made = make()
            with self._lock:
                self._kept[key] = _Kept(made, size, self._clock)
            self._touched(key)
            return made

    def peek(self, key: Hashable) -> Any:  # noqa: ANN401 - what was kept
        """What is loaded under a key, or None; this is no use of it."""
        with self._lock:
            kept = self._kept.get(key)
            return kept.what if kept is not None and not kept.held else None

    def lend(self, key: Hashable, size: int, what: object) -> None:
        """Count what somebody else holds for as long as they do; it is not dropped here."""
        self._drop(size)
        with self._lock:
            self._clock += 1
            self._kept[key, id(what)] = _Kept(weakref.ref(what), size, self._clock, held=True)

    def relieve(self) -> bool:
        """Drop what is too much, or what the machine needs.

        Returns:
            Whether that is enough, or there is more that can be dropped.
        """
        self._drop(0)
        return bool(self.loaded) or not short(self._look())

    def _touched(self, key: Hashable) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._clock += 1
                kept.used = self._clock
                if self._uses:
                    self._busy.add(key)
            return kept

    def _drop(self, coming: int) -> None:
        """Make room for as many bytes as are to come."""
        loaded = self.loaded
        if not loaded:
            return
        memory = self._look()
        missing = short(Memory(memory.total, memory.available - coming, memory.pressure))
        self.let_go(to_drop(loaded, self.most - coming, missing))

    def let_go(self, keys: Sequence[Hashable]) -> None:
        """Drop what is loaded under these keys, but for what is in use."""
        with self._lock:
            dropped = [key for key in keys if key not in self._busy and self._kept.pop(key, None) is not None]
        if dropped:
            _give_back()
            _log.info("dropped from memory: %s", ", ".join(map(str, dropped)))


def _give_back() -> None:
    """Let the C library give freed memory to the system, where it can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
