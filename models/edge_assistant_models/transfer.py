"""A pull: what it tells whoever watches it, and one file on its way into the store.

A file is hashed as it comes, kept when the way breaks off, and gone on with later.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from edge_assistant_models import regular
from edge_assistant_models.errors import EdgeAssistantError, StorageFull, not_stored

CHUNK_BYTES = 1 << 20

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Refused(Exception):
    """A source does not give a file; the text says why."""


def mebibytes(size: int) -> str:
    """A size for people.

    >>> mebibytes(3_660_000), mebibytes(2_309)
    ('3.5 MiB', '2.3 KiB')
    """
    if size < 1 << 20:
        return f"{size / 1024:.1f} KiB"
    return f"{size / (1 << 20):,.1f} MiB" if size < 100 << 20 else f"{size / (1 << 20):,.0f} MiB"


_ELSEWHERE = "free some space, or set EDGE_ASSISTANT_MODELS to another folder"


@contextmanager
def storing(what: str, hint: str = _ELSEWHERE) -> Iterator[None]:
    """Turn a disk that is full or cannot be written into `StorageFull`."""
    try:
        yield
    except EdgeAssistantError:
        raise
    except OSError as error:
        reason = (
            "the disk is full" if error.errno in _FULL else f"the folder cannot be written ({error.strerror or error})"
        )
        raise not_stored(f"{what} cannot be stored: {reason}", hint, error) from error


def check_space(what: str, needed: int, folder: Path) -> None:
    """Look whether the disk has room before anything long starts.

    Raises:
        StorageFull: it has not; the message names need and have.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageFull(
            f"{what} needs {mebibytes(needed)} and {mebibytes(free)} are free",
            "free some space, or set EDGE_ASSISTANT_MODELS to another disk",
        )


@dataclass(frozen=True, slots=True)
class PullWaiting:
    """Another process is pulling this model; this one waits for it."""

    model: str


@dataclass(frozen=True, slots=True)
class Trying:
    """A source is asked for a file."""

    model: str
    file: str
    source: str


@dataclass(frozen=True, slots=True)
class Moved:
    """So many bytes of a file are here."""

    model: str
    file: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A source did not give a file; the next one is asked."""

    model: str
    file: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Converting:
    """What was fetched is being turned into ONNX, or quantized."""

    model: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A profile's choice for a role could not be had; the next one, or none, takes its place."""

    role: str
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A model is in the store and verified; `already` if it was there before."""

    model: str
    already: bool


Event = PullWaiting | Trying | Moved | Refusal | Converting | Skipped | ModelReady
Watch = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Progress that nobody watches."""


@dataclass(slots=True)
class PullRun:
    """What one run of pulling shares between its models.

    Attributes:
        downloads: where archives are kept until the models inside them are in the store.
        unreachable: why a host or a client gave no answer; it is not asked again in this run.
        used: archives that this run took something from.
        local_only: models for which no network is asked, as no person has confirmed what would go there.
    """

    downloads: Path
    unreachable: dict[str, str] = field(default_factory=dict)
    used: set[Path] = field(default_factory=set)
    local_only: frozenset[str] = frozenset()


class Partial:
    """The temporary file of one file. What is there already is hashed first, so that writing can go on behind it."""

    def __init__(self, path: Path, limit: int, moved: Callable[[int], None]) -> None:
        """Open or create the file.

        Args:
            path: the temporary file.
            limit: the size that the whole file has.
            moved: called with the number of bytes that are there.

        Raises:
            StorageFull: the file cannot be written.
        """
        self.name = path.name
        self.limit = limit
        self.size = 0
        self._moved = moved
        self._hash = hashlib.sha256()
        with storing(self.name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            self._file = path.open("r+b")
            while chunk := self._file.read(CHUNK_BYTES):
                self._count(chunk)
        if self.size > limit:
            self.restart()

    def _count(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Begin again from nothing."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            Refused: the source sends more than the file has.
            StorageFull: the disk is full.
        """
        if self.size + len(chunk) > self.limit:
            raise Refused(f"it sends more than the {self.limit} bytes that the file has")
        with storing(self.name):
            self._file.write(chunk)
        self._count(chunk)
        self._moved(self.size)

    def append(self, stream: IO[bytes]) -> None:
        """Append a stream to its end; raises what `write` does."""
        while chunk := stream.read(CHUNK_BYTES):
            self.write(chunk)

    def copy(self, path: Path, what: str = "it") -> None:
        """Take a file of this machine instead of what is there.

        Args:
            path: a regular file.
            what: it is called in a refusal.

        Raises:
            Refused: it is not there or cannot be read.
        """
        self.restart()
        try:
            with regular.opened(path) as source:
                self.append(source)
        except FileNotFoundError:
            raise Refused("there is no such file") from None
        except (PermissionError, IsADirectoryError, regular.NotRegular) as error:
            raise Refused(f"{what} cannot be read ({error.strerror})") from None

    def sha256(self) -> str:
        """The sum of what is there."""
        return self._hash.hexdigest()

    @property
    def complete(self) -> bool:
        """Whether all the bytes are there."""
        return self.size == self.limit

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with storing(self.name):
            self._file.close()
