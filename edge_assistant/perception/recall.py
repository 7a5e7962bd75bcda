"""What was perceived is kept, in memory and of files on the disk, so that a later question perceives nothing again.

On the disk a percept is kept by all that decides it: the bytes, the models, this code, the libraries and the limits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from edge_assistant import __version__
from edge_assistant.compute import gpus
from edge_assistant.compute.accelerators import OFF
from edge_assistant.core import limits, plugins
from edge_assistant.core.errors import InputError, InputMissing, InputUnreadable
from edge_assistant.core.signals import HELD_BYTES, Kind, Origin, Signal
from edge_assistant.perception.gather import Perceive
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import Vault
from edge_assistant_models.model import InstalledModel

MAX_BYTES = limits.RECALLED_BYTES.value
MAX_PERCEPT_BYTES = limits.CACHED_PERCEPT_BYTES.value
WORTH_S = 0.05  # what took less is perceived as quickly as it is looked up
_ITEM = 600  # bytes of a piece of evidence beside its text: the objects that it is made of
# Modules outside this package that senses are made of.
_BESIDE = (
    "compute/accelerators",
    "compute/gpus",
    "compute/runtime",
    "core/evidence",
    "core/plugins",
    "core/recent",
    "core/signals",
)
# What decodes and computes, and so decides what the senses see; with each what its maker adds, as in onnxruntime_gpu.
_LIBRARIES = (
    "av", "numpy", "nvidia", "onnxruntime", "opencv", "pillow", "pyarrow", "pypdfium2", "tokenizers", "zxing_cpp",
)  # fmt: skip
_NAMED = tuple(f"{name}_" for name in _LIBRARIES)

Key = tuple[str, Kind, str, str, str | None]
"""Of what was perceived: sense, kind, sum, name (notes tell it) and the language that was wanted."""
Fault = tuple[type[InputError], str, str]
"""Class, message and hint of an error that is the fault of the bytes."""


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
        self._kept: OrderedDict[Key, tuple[Percept | Fault, int]] = OrderedDict()  # each with its size
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
                return replace(kept, evidence=tuple(replace(item, signal=signal.id) for item in kept.evidence))
            try:
                is_file = signal.origin is Origin.FILE and signal.path is not None  # what was said stays in memory
                if self._disk is None or not is_file:
                    percept = perceive(signal, request)
                else:
                    place = key_of(sense, signal, request, used, self._disk.card)
                    percept = self._disk.percept(place, perceive, signal, request, self._since)
            except (InputMissing, InputUnreadable):
                raise
            except InputError as fault:
                self._keep(key, (type(fault), fault.message, fault.hint), _ITEM)
                raise
            self._keep(key, percept, _size(percept))
            return percept

        return recalled

    def forget(self, sha256: str) -> None:
        """Drop all that was perceived in these bytes and is in memory, where all is that has no file."""
        with self._lock:
            for key in [key for key in self._kept if key[2] == sha256]:
                self.bytes -= self._kept.pop(key)[1]

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
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            made, _ = self._kept[key]
        if isinstance(made, Percept):
            return made
        error, message, hint = made
        raise error(message, hint)

    def _keep(self, key: Key, made: Percept | Fault, size: int) -> None:
        if size > self._max_bytes:
            return
        with self._lock:
            _, former = self._kept.pop(key, (None, 0))  # another thread may have perceived the same meanwhile
            self.bytes += size - former
            self._kept[key] = made, size
            while self.bytes > self._max_bytes:
                self.bytes -= self._kept.popitem(last=False)[1][1]


class OnDisk:
    """Percepts of files in a sealed cache, for the next process."""

    def __init__(self, cache: SealedCache, worth_s: float, card: str = OFF) -> None:
        """Take the cache.

        Args:
            cache: keeps them.
            worth_s: seconds from which on it is worth keeping what was perceived.
            card: which graphics card may compute besides, as `gpus.wanted` says; the key of the cache tells it.
        """
        self.card = card
        self._cache = cache
        self._worth_s = worth_s

    def mark(self) -> str | None:
        """What tells this time from any after a forgetting, by whichever process; None where nothing can be kept."""
        return self._cache.mark()

    def percept(self, key: str, perceive: Perceive, signal: Signal, request: Request, since: str | None) -> Percept:
        """What is kept under a key of `key_of`, else what is perceived now; that is kept if it is worth it.

        A file that is not large is perceived with its bytes in memory: who may write to it, or to its folder, could
        change it for as long as it is perceived. A file that was changed after its sum was taken is not kept.

        Args:
            key: of `key_of`.
            perceive: perceives.
            signal: a file.
            request: how to perceive.
            since: the `mark` of a time before; what was forgotten since is not kept past it. None for now.

        Raises:
            InputMissing, InputUnreadable: as `Signal.open`.
        """
        from edge_assistant.perception import percepts

        data = self._cache.get(key)
        if data is not None and (kept := percepts.unpacked(data, signal.id, signal.name)) is not None:
            return kept
        since, began = since or self.mark(), time.perf_counter()
        held = _held(signal)
        percept = perceive(held, request)
        if time.perf_counter() - began < self._worth_s or since is None:
            return percept
        data = percepts.packed(percept, signal.name)
        if data is not None and len(data) <= MAX_PERCEPT_BYTES and _has_its_sum(held):
            self._cache.put(key, data, since)
        return percept


def cache_of(vault: Vault | None, gpu: str = OFF) -> OnDisk | None:
    """The user's, sealed with a key of this vault, for what computes with this setting `gpu`; None without a vault."""
    if vault is None:
        return None
    return OnDisk(SealedCache("evidence", limits.CACHED_BYTES.value, vault), WORTH_S, gpus.wanted(gpu))


def key_of(sense: str, signal: Signal, request: Request, models: Mapping[str, InstalledModel], card: str = OFF) -> str:
    """All that decides what is perceived, as text; the name of a file does not, and stands in notes at most.

    Args:
        sense: by its name.
        signal: its kind and sum count.
        request: its language counts.
        models: those that the sense uses, by role.
        card: which graphics card may compute besides: its results differ a little from the processor's.
    """
    facts = {
        "made by": made_by(),
        "sense": [sense, signal.kind, request.language],
        "bytes": signal.sha256,
        "models": {role: [model.sha256, dict(model.options)] for role, model in models.items()},
        "card": card,
        "limits": {name: limit.now for name, limit in limits.table().items()},
    }
    return json.dumps(facts, sort_keys=True, default=str)


def _size(percept: Percept) -> int:
    """Bytes that a percept holds, roughly."""
    size = sum(_ITEM + 4 * len(item.text) for item in percept.evidence)
    if percept.table is not None:
        table = percept.table
        size += table.times.nbytes + table.rows.nbytes + sum(column.values.nbytes for column in table.columns)
    return size


def _held(signal: Signal) -> Signal:
    with signal.open() as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return signal if size > HELD_BYTES else replace(signal, path=None, data=stream.read(size))


def _has_its_sum(signal: Signal) -> bool:
    """Whether what was perceived has the sum of the signal; a large file must not have been touched since it was taken.

    Who writes to one through a mapping of memory leaves no trace for a while, so what is not large is held instead.
    """
    try:
        with signal.open() as stream:
            same = hashlib.file_digest(stream, "sha256").hexdigest() == signal.sha256
    except (InputError, OSError):
        return False
    return same and (signal.path is None or signal.untouched)


@cache
def made_by() -> str:
    """The sum of what perceives: this code, and the libraries that decode and compute, by their versions."""
    plugged = [plugins.package(plugin) for plugin in plugins.installed(plugins.SENSES).values()]
    parts = (__version__, summed(Path(__file__).parent), libraries(sys.path), plugged)
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def libraries(folders: Iterable[str]) -> list[str]:
    """Names and versions of libraries that decode and compute, by the folders where their installers wrote them down.

    `importlib.metadata` tells the same, but reads and parses a file of each: 40 ms instead of one.
    """
    found = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            found |= {entry.name for entry in os.scandir(folder or ".") if entry.name.endswith(".dist-info")}
    return sorted(name for name in found if f"{name.partition('-')[0].lower()}_".startswith(_NAMED))


def summed(folder: Path) -> str:
    """The sum of the code of this package and of what it stands on: a checkout changes without another version."""
    files = [*folder.rglob("*.py"), *folder.rglob("*.toml"), *(folder.parent / f"{name}.py" for name in _BESIDE)]
    sums = [f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in sorted(files)]
    return hashlib.sha256("".join(sums).encode()).hexdigest()
