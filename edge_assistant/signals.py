"""Signals: what came in, with its origin, time and sum. A signal is never changed once it is taken."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO
from unicodedata import category

from edge_assistant.errors import InputEmpty, InputMissing, InputTooLarge, InputUnreadable, InputUnsupported

MAX_BYTES = 4 << 30  # of one file; three hours of 48 kHz stereo WAV are 2 GiB
MAX_TEXT_BYTES = 16 << 20  # of one text, which is held in memory whole
_CHUNK = 1 << 20


class Kind(StrEnum):
    """What sort of signal it is; the word is also the option that hands it over."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    READINGS = "readings"
    TEXT = "text"


class Origin(StrEnum):
    """Where a signal came from."""

    USER = "user"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    FILE = "file"
    SENSOR = "sensor"


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal.

    Attributes:
        id: kind and number within the kind, from 1, such as `image:1`.
        kind: how it is perceived.
        origin: where it came from.
        name: what a person calls it, usually the file's name.
        sha256: sum of its bytes.
        taken: when it came in, UTC.
        path: the file, or None where the bytes are in `data`.
        data: the bytes, for what has no file, such as standard input.
    """

    id: str
    kind: Kind
    origin: Origin
    name: str
    sha256: str
    taken: datetime
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)

    def open(self) -> BinaryIO:
        """Open the bytes for reading.

        Raises:
            InputMissing: the file is gone since it was taken.
            InputUnreadable: the file may not be read.
        """
        if self.path is None:
            return io.BytesIO(self.data or b"")
        return _open_regular(self.path)

    def read(self) -> bytes:
        """All bytes; for signals that are held in memory anyway."""
        with self.open() as stream:
            return stream.read()


def take_file(path: Path, kind: Kind, number: int) -> Signal:
    """Take a file as the `number`-th signal of its kind: look at it, sum it, keep its path.

    Raises:
        InputMissing, InputUnreadable, InputUnsupported, InputEmpty, InputTooLarge: as the name says.
    """
    with _open_regular(path) as stream:
        _check_size(os.fstat(stream.fileno()).st_size, kind, path.name)
        digest = hashlib.sha256()
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return Signal(
        f"{kind}:{number}", kind, Origin.FILE, printable(path.name), digest.hexdigest(), datetime.now(UTC), path
    )


def take_bytes(data: bytes, kind: Kind, number: int, *, origin: Origin, name: str) -> Signal:
    """Take bytes that have no file as the `number`-th signal of its kind.

    Raises:
        InputEmpty, InputTooLarge: as the name says.
    """
    _check_size(len(data), kind, name)
    return Signal(
        f"{kind}:{number}", kind, origin, name, hashlib.sha256(data).hexdigest(), datetime.now(UTC), data=data
    )


def printable(name: str) -> str:
    """A text as it may be printed: what a terminal obeys, and bytes that are no UTF-8 (as surrogates), are replaced."""
    return "".join(c if c.isprintable() or category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in name)


def _open_regular(path: Path) -> BinaryIO:
    """Open a regular file; a directory, pipe or device is refused before it can block."""
    name = printable(path.name or str(path))
    try:
        mode = path.stat().st_mode
        stream = path.open("rb") if stat.S_ISREG(mode) else None
    except PermissionError:
        raise InputUnreadable(f"{name} may not be read", "check the file's permissions") from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputMissing(f"{name} does not exist", "check the path") from None
    except OSError as error:  # its own text has the whole path
        raise InputMissing(f"{name} cannot be opened ({error.strerror})", "check the path") from None
    except ValueError as error:
        raise InputMissing(f"{name} cannot be opened ({error})", "check the path") from None
    if stream is not None:
        return stream
    if stat.S_ISDIR(mode):
        raise InputUnsupported(f"{name} is a directory", "name a file in it")
    raise InputUnsupported(f"{name} is not a regular file", "copy its content into a file first")


def _check_size(size: int, kind: Kind, name: str) -> None:
    limit = MAX_TEXT_BYTES if kind is Kind.TEXT else MAX_BYTES
    if size == 0:
        raise InputEmpty(f"{printable(name)} is empty", "give a file with content")
    if size > limit:
        raise InputTooLarge(f"{printable(name)} has {size:,} bytes, over the limit of {limit:,}", "give a smaller part")
