"""Readings that are followed: a file to which a logger adds rows, cuts it, or begins another in its place."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from edge_assistant.core import limits
from edge_assistant.core.errors import DeviceLost, DeviceMissing, InputError
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.devices.files import as_signal, shown

MAX_BYTES = limits.FOLLOWED_BYTES.value
LOOK = 0.25  # seconds between looks at the file
WAIT = 1.0  # seconds that one read takes at most, and between two that give something
_HEAD = 64 << 10  # bytes in which the first line ends
_UTF16 = {b"\xff\xfe": b"\n\0", b"\xfe\xff": b"\0\n"}  # byte order mark to line end


class FollowedFile:
    """A table of readings that grows.

    What is given is always the whole table with whole rows: a row without its end may lack digits. A file that shrank
    or was replaced is another table and is given like one.
    """

    def __init__(self, path: Path) -> None:
        self.name = shown(path)
        self._path = path
        self._state: tuple[int, int, int] | None = None
        self._given = b""
        self._at = 0.0

    def open(self) -> None:
        """See that the file is there; its rows are given by the first read.

        Raises:
            DeviceMissing: there is no such file, or it may not be read.
        """
        try:
            as_signal(self._path, Kind.READINGS, Origin.SENSOR).open().close()
        except InputError as error:
            raise DeviceMissing(error.message, error.hint) from None
        self._state = None

    def read(self) -> bytes | None:
        """The table as soon as it has other rows than were given last, at most once a second; None if it has not.

        Raises:
            DeviceLost: the file is gone, or may not be read any more.
        """
        until = time.monotonic() + WAIT
        while True:
            now = time.monotonic()  # one for both, so that no wait ends without a look
            data = self._changed() if now >= self._at + WAIT else None
            if data is not None:
                self._at = time.monotonic()
                return data
            if now >= until:
                return None
            time.sleep(LOOK)

    def close(self) -> None:
        """Nothing is held open between two reads: a logger may move the file away."""

    def _changed(self) -> bytes | None:
        """The table, where the file looks otherwise than at the last look and has other rows."""
        try:
            now = self._path.stat()
            state = (now.st_ino, now.st_size, now.st_mtime_ns)
            if state == self._state:
                return None
            data = self._rows()
        except (OSError, InputError):
            raise DeviceLost(f"{self.name} is gone", "it is followed again when it is back") from None
        self._state = state
        given = hashlib.sha256(data).digest()
        if not data or given == self._given:
            return None
        self._given = given
        return data

    def _rows(self) -> bytes:
        with as_signal(self._path, Kind.READINGS, Origin.SENSOR).open() as stream:
            head = stream.read(_HEAD)
            end = _UTF16.get(head[:2], b"\n")
            size = stream.seek(0, os.SEEK_END)
            if size <= MAX_BYTES:
                stream.seek(0)
                return whole_rows(stream.read(MAX_BYTES), end)
            stream.seek(-MAX_BYTES // 2 * 2, os.SEEK_END)  # an even place, of which UTF-16 has two bytes
            first = head[: _after(head, end, 0)]
            tail = whole_rows(stream.read(MAX_BYTES), end)
        return first + tail[_after(tail, end, 0) :]


def whole_rows(data: bytes, end: bytes = b"\n") -> bytes:
    """The data up to and with its last line end."""
    last = len(data)
    while (last := data.rfind(end, 0, last)) >= 0:
        if last % len(end) == 0:
            return data[: last + len(end)]
        last += len(end) - 1
    return b""


def _after(data: bytes, end: bytes, start: int) -> int:
    """Where the first line ends; 0 where it does not."""
    while (found := data.find(end, start)) >= 0:
        if found % len(end) == 0:
            return found + len(end)
        start = found + 1
    return 0
