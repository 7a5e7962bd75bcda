"""Signals: what came in, with its origin, time and sum. A signal is never changed once it is taken."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

from edge_assistant.core import limits
from edge_assistant.core.errors import InputEmpty, InputMissing, InputTooLarge, InputUnreadable, InputUnsupported
from edge_assistant_models import regular

SAID = "what you said"  # the name of what somebody told the assistant in a message of their own
SAMPLE_RATE = 16_000  # Hz, of sound as all that hears takes it: models of speech are trained on that
HELD_BYTES = 64 << 20  # of a file that is read at once and held in memory, so that what is summed is what is perceived
_RENAME = "rename it with an ending such as .jpg, .wav, .mp4, .csv or .txt"
HEAD_BYTES = 4096  # by which a file without a known ending is told


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


_SUFFIXES = {
    Kind.IMAGE: "png jpg jpeg jpe jfif webp bmp dib tif tiff gif pdf",
    Kind.AUDIO: "wav wave flac mp3 ogg oga opus m4a m4b aac wma aif aiff",
    Kind.VIDEO: "mp4 m4v mkv webm mov avi mpg mpeg",
    Kind.READINGS: "csv tsv",
    Kind.TEXT: "txt text md markdown log eml json xml html htm yaml yml rst",
}
_BY_SUFFIX = {f".{suffix}": kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_MAGIC = (
    (b"\x89PNG", Kind.IMAGE),
    (b"\xff\xd8\xff", Kind.IMAGE),
    (b"BM", Kind.IMAGE),
    (b"II*\0", Kind.IMAGE),
    (b"MM\0*", Kind.IMAGE),
    (b"GIF8", Kind.IMAGE),
    (b"%PDF-", Kind.IMAGE),
    (b"fLaC", Kind.AUDIO),
    (b"OggS", Kind.AUDIO),
    (b"ID3", Kind.AUDIO),
    (b"\xff\xfb", Kind.AUDIO),
    (b"\xff\xf3", Kind.AUDIO),
    (b"\xff\xf2", Kind.AUDIO),
    (b"\x1aE\xdf\xa3", Kind.VIDEO),  # Matroska and WebM
)
_ROWS = re.compile(r'[^\n]*[,;\t][^\n]*\n"?\d{4}-\d\d-\d\d[T ]\d\d:\d\d[^,;\t\n]*[,;\t]')  # a header, then a time
_BY_RIFF = {b"WAVE": Kind.AUDIO, b"WEBP": Kind.IMAGE, b"AVI ": Kind.VIDEO}


class Stamp(NamedTuple):
    """Which file it is, and when it was changed last, of which nobody but who sets the clock can say another time."""

    device: int
    inode: int
    size: int
    written: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        """The stamp of a file that was looked at."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


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
        stamp: of the file that was summed; another one, or one that was changed since, has another.
    """

    id: str
    kind: Kind
    origin: Origin
    name: str
    sha256: str
    taken: datetime
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)
    stamp: Stamp | None = field(default=None, repr=False, compare=False)

    @property
    def said(self) -> bool:
        """Whether it is what the person who asks told the assistant, by typing or speaking."""
        return self.origin is not Origin.FILE and self.name == SAID

    @property
    def untouched(self) -> bool:
        """Whether the file is the one that was summed, and nothing of it was changed since."""
        return self.stamp is not None and self.path is not None and _stamp_of(self.path) == self.stamp

    def open(self, *, check: bool = True) -> io.BufferedReader | io.BytesIO:
        """Open the bytes for reading.

        Another file may have come in its place since it was taken, or it may have been written to. Then it is read and
        summed again; of one that has grown, as a log does, what was taken is read.

        Args:
            check: whether they have to be those that were summed.

        Raises:
            InputMissing: the file is gone since it was taken.
            InputUnreadable: the file may not be read, or has changed.
        """
        if self.path is None:
            return io.BytesIO(self.data or b"")
        stream = _open_regular(self.path)
        if not check or self.stamp is None or Stamp.of(os.fstat(stream.fileno())) == self.stamp:
            return stream
        return self._summed(stream, self.stamp.size)

    def _summed(self, stream: io.BufferedReader, size: int) -> io.BufferedReader | io.BytesIO:
        """The first bytes of a stream, where they have the sum.

        Raises:
            InputUnreadable: they have another one.
        """
        if size <= HELD_BYTES:
            with stream:
                data = stream.read(size)
            if hashlib.sha256(data).hexdigest() == self.sha256:
                return io.BytesIO(data)
        elif hashlib.file_digest(stream, "sha256").hexdigest() == self.sha256:
            stream.seek(0)
            return stream
        else:
            stream.close()
        raise InputUnreadable(f"{self.name} has changed since it was taken", "give it again, or a copy of it")

    def read(self) -> bytes:
        """All bytes; for signals that are held in memory anyway."""
        with self.open() as stream:
            return stream.read()


def suffixes(kind: Kind) -> tuple[str, ...]:
    """The endings of file names, with their dot, by which a kind is told."""
    return tuple(f".{suffix}" for suffix in _SUFFIXES[kind].split())


def by_name(path: Path) -> Kind | None:
    """The kind that the ending of a file's name tells; None where its first bytes would have to."""
    return _BY_SUFFIX.get(path.suffix.lower())


def guess(path: Path) -> Kind:
    """What sort of signal a file is: by its name, else by its first bytes.

    Raises:
        InputMissing, InputUnreadable: as the name says.
        InputUnsupported: it is of no kind that is known.
    """
    kind = by_name(path)
    if kind is not None:
        return kind
    with _open_regular(path) as stream:
        return guess_content(path.name, stream.read(HEAD_BYTES))


def guess_content(name: str, head: bytes) -> Kind:
    """What sort of signal bytes are: by the ending of their name, else by the first of them.

    Raises:
        InputUnsupported: they are of no kind that is known.
    """
    kind = by_name(Path(name)) or _by_content(head[:HEAD_BYTES])
    if kind is None:
        raise InputUnsupported(f"the kind of {printable(name)} is unknown", _RENAME)
    return kind


def _by_content(head: bytes) -> Kind | None:
    """The kind that a file's first bytes tell: by its magic number, else as text, of which readings are rows."""
    for start, kind in _BY_MAGIC:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _BY_RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return Kind.AUDIO if head[8:11] in (b"M4A", b"M4B") else Kind.VIDEO
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    if not text or "\0" in text:
        return None
    return Kind.READINGS if _ROWS.match(text) else Kind.TEXT


def take_file(path: Path, kind: Kind, number: int) -> Signal:
    """Take a file as the `number`-th signal of its kind: look at it, sum it, keep its path.

    Raises:
        InputMissing, InputUnreadable, InputUnsupported, InputEmpty, InputTooLarge: as the name says.
    """
    with _open_regular(path) as stream:
        return replace(take_stream(stream, path.name, kind, number), path=path)


def take_stream(stream: io.BufferedReader, name: str, kind: Kind, number: int) -> Signal:
    """Take an open file as the `number`-th signal of its kind, without a path.

    Raises:
        InputEmpty, InputTooLarge: as the name says.
    """
    stamp = Stamp.of(os.fstat(stream.fileno()))
    _check_size(stamp.size, kind, name)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Signal(f"{kind}:{number}", kind, Origin.FILE, printable(name), digest, datetime.now(UTC), stamp=stamp)


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


def _stamp_of(path: Path) -> Stamp | None:
    """The stamp of the file at a path; None where it cannot be looked at."""
    try:
        return Stamp.of(path.stat())
    except (OSError, ValueError):
        return None


def _open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file; a directory, pipe or device is refused before it can block."""
    name = printable(path.name or str(path))
    try:
        return regular.opened(path)
    except IsADirectoryError:
        raise InputUnsupported(f"{name} is a directory", "name a file in it") from None
    except regular.NotRegular:
        raise InputUnsupported(f"{name} is not a regular file", "copy its content into a file first") from None
    except PermissionError:
        raise InputUnreadable(f"{name} may not be read", "check the file's permissions") from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputMissing(f"{name} does not exist", "check the path") from None
    except OSError as error:  # its own text has the whole path
        raise InputMissing(f"{name} cannot be opened ({error.strerror})", "check the path") from None
    except ValueError as error:
        raise InputMissing(f"{name} cannot be opened ({error})", "check the path") from None


def _check_size(size: int, kind: Kind, name: str) -> None:
    limit = min(limits.FILE_BYTES.now, limits.TEXT_BYTES.now if kind is Kind.TEXT else limits.FILE_BYTES.now)
    if size == 0:
        raise InputEmpty(f"{printable(name)} is empty", "give a file with content")
    if size > limit:
        raise InputTooLarge(f"{printable(name)} has {size:,} bytes, over the limit of {limit:,}", "give a smaller part")
