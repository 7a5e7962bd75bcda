"""Percepts of files between processes: what was perceived in some bytes, by these models and this code, is kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from edge_assistant import __version__
from edge_assistant.compute import gpus
from edge_assistant.compute.accelerators import OFF
from edge_assistant.core import limits, plugins
from edge_assistant.core.errors import InputError
from edge_assistant.core.signals import HELD_BYTES, Origin, Signal
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.vault.sealed import SealedCache
from edge_assistant.vault.vault import Vault
from edge_assistant_models.installed import InstalledModel

NAME = "evidence"
MAX_BYTES = limits.CACHED_BYTES.value
MAX_PERCEPT_BYTES = limits.CACHED_PERCEPT_BYTES.value
WORTH_S = 0.05  # what took less is perceived as quickly as it is looked up
# Modules outside this package that senses are made of.
_BESIDE = ("compute/accelerators", "compute/gpus", "compute/runtime", "core/evidence", "core/plugins", "core/signals")
# What decodes and computes, and so decides what the senses see; with each what its maker adds, as in onnxruntime_gpu.
_LIBRARIES = (
    "av", "numpy", "nvidia", "onnxruntime", "opencv", "pillow", "pyarrow", "pypdfium2", "tokenizers", "zxing_cpp",
)  # fmt: skip
_NAMED = tuple(f"{name}_" for name in _LIBRARIES)


class OnDisk:
    """Percepts in a sealed cache, of what `is_file` alone."""

    def __init__(self, cache: SealedCache, worth_s: float = WORTH_S, card: str = OFF) -> None:
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

    def get(self, key: str, signal: Signal) -> Percept | None:
        """What is kept under a key of `key_of`, as a percept of this signal; None where nothing is."""
        from edge_assistant.perception import kept

        data = self._cache.get(key)
        return None if data is None else kept.unpacked(data, signal.id, signal.name)

    def held(self, signal: Signal) -> Signal:
        """The signal to perceive: a file that is not large with its bytes in memory, of which `put` takes the sum.

        Who may write to the file, or to its folder, could change it for as long as it is perceived.

        Raises:
            InputMissing, InputUnreadable: as `Signal.open`.
        """
        with signal.open() as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            return signal if size > HELD_BYTES else replace(signal, path=None, data=stream.read(size))

    def put(self, key: str, signal: Signal, percept: Percept, seconds: float, since: str | None) -> None:
        """Keep what was perceived in a signal within so many seconds, where that is worth it.

        A file that was changed after its sum was taken is not kept as what it was.

        Args:
            key: of `key_of`.
            signal: a file, as `held` gave it.
            percept: what was perceived in it.
            seconds: that it took.
            since: the `mark` of a time before; what was forgotten since is not kept past it. None keeps nothing.
        """
        if seconds < self._worth_s or since is None:
            return
        from edge_assistant.perception import kept

        data = kept.packed(percept, signal.name)
        if data is not None and len(data) <= MAX_PERCEPT_BYTES and _has_its_sum(signal):
            self._cache.put(key, data, since)


def kept_by(vault: Vault | None, gpu: str = OFF) -> OnDisk | None:
    """The user's, sealed with a key of this vault, for what computes with this setting `gpu`; None without a vault."""
    return None if vault is None else OnDisk(SealedCache(NAME, MAX_BYTES, vault), card=gpus.wanted(gpu))


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


def is_file(signal: Signal) -> bool:
    """Whether of a signal something may be kept: what a camera took or somebody said stays in memory."""
    return signal.origin is Origin.FILE and signal.path is not None


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
    files = [*folder.glob("*.py"), *folder.glob("*.toml"), *(folder.parent / f"{name}.py" for name in _BESIDE)]
    sums = [f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in sorted(files)]
    return hashlib.sha256("".join(sums).encode()).hexdigest()
