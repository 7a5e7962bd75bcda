"""Readings that are followed, given as whole tables: a file that a logger writes, and what a serial port says."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import os
import re
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_assistant.core import limits
from edge_assistant.core.errors import DeviceBusy, DeviceError, DeviceLost, DeviceMissing, InputError
from edge_assistant.core.signals import Kind, Origin, printable
from edge_assistant.devices.device import as_signal, shown

MAX_BYTES = limits.FOLLOWED_BYTES.value
LOOK = 0.25  # seconds between looks at the file
WAIT = 1.0  # seconds that one read takes at most, and between two that give something
_HEAD = 64 << 10  # bytes in which the first line ends
_UTF16 = {b"\xff\xfe": b"\n\0", b"\xfe\xff": b"\0\n"}  # byte order mark to line end
MAX_ROWS = limits.PORT_ROWS.value
MAX_LINE = limits.PORT_LINE_BYTES.value
MAX_CELLS = limits.PORT_CELLS.value
_STEP = timedelta(milliseconds=1)  # between rows at least: those that came together have an order too
_NUMBER = re.compile(r"[-+]?\d+([.,]\d*)?([eE][-+]?\d+)?%?")


class FollowedFile:
    """A table of readings that grows, is cut, or begins anew in another file.

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
        """See that the file is there; raises DeviceMissing. Its rows are given by the first read."""
        try:
            as_signal(self._path, Kind.READINGS, Origin.SENSOR).open().close()
        except InputError as error:
            raise DeviceMissing(error.message, error.hint) from None
        self._state = None

    def read(self) -> bytes | None:
        """The table if it has other rows than were given last, at most once a second; raises DeviceLost."""
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


class SerialReadings:
    """A device that writes lines of numbers, such as `21.5,40` or `21.5 40`, over a serial port.

    A row has at least one number. A line without one right before the first row is the header, if it has as many cells.
    The first line of all is no row: a device is most often met in the middle of one.
    """

    def __init__(self, port: str, baud: int = 9600) -> None:
        self.name = printable(Path(port).name)
        self._port, self._baud = port, baud
        self._serial: Any = None
        self._buffer = bytearray()
        self._first = True
        self._said: list[str] = []
        self._header: list[str] = []
        self._rows: deque[list[str]] = deque(maxlen=MAX_ROWS)
        self._at = 0.0
        self._last = datetime.fromtimestamp(0, UTC)
        self._new = False

    def open(self) -> None:
        """Open the port for this program alone; raises DeviceMissing (without pyserial, too), DeviceBusy."""
        self.close()
        try:
            import serial
        except ImportError:
            raise DeviceMissing(
                "the library for serial ports is not installed",
                "install it: pip install 'edge-assistant-offline[serial]'",
            ) from None
        try:
            self._serial = serial.Serial(self._port, self._baud, timeout=WAIT / 4, exclusive=True)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise self._refused(error) from None
        self._first, self._buffer = True, bytearray()

    def read(self) -> bytes | None:
        """All rows so far as CSV, a second after the last ones at the earliest; None without any; raises DeviceLost."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            self._take()
            if self._new and time.monotonic() >= self._at + WAIT:
                self._new, self._at = False, time.monotonic()
                return self._table()
        return None

    def close(self) -> None:
        """Let the port go; the rows stay."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None

    def _take(self) -> None:
        """Wait a moment for bytes, and take the lines that are whole."""
        try:
            self._buffer += self._serial.read(max(1, min(self._serial.in_waiting, 1 << 16)))
        except (OSError, TypeError, AttributeError):  # pyserial raises the latter two for a port that went away
            raise DeviceLost(f"{self.name} is gone", "plug it in again, it comes back by itself") from None
        *lines, rest = bytes(self._buffer).replace(b"\r", b"\n").split(b"\n")
        self._buffer = bytearray(rest[-MAX_LINE:])
        for line in lines:
            if line.strip() and len(line) < MAX_LINE:
                self._line(_cells(line))

    def _line(self, cells: list[str]) -> None:
        """Take a line as a row, or as what may be the header of those that follow."""
        first, self._first = self._first, False
        if not any(map(_NUMBER.fullmatch, cells)):
            self._said = cells
        elif not first:
            if not self._header:
                self._header = self._said if len(self._said) == len(cells) else _numbered(len(cells))
            if len(cells) == len(self._header):
                self._last = max(datetime.now().astimezone(), self._last + _STEP)
                self._rows.append([self._last.isoformat(timespec="milliseconds"), *cells])
                self._new = True

    def _table(self) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["time", *self._header], *self._rows])
        return text.getvalue().encode()

    def _refused(self, error: Exception) -> DeviceError:
        number = getattr(error, "errno", None)
        if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
            return DeviceBusy(f"another program has {self.name}", "close that program")
        if number in (errno.EACCES, errno.EPERM):
            return DeviceMissing(
                f"you may not use {self.name}", "add your user to the group 'dialout' and log in again"
            )
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            return DeviceMissing(f"there is no {self.name}", "plug it in, or choose another port")
        return DeviceMissing(f"{self.name} cannot be opened as a serial port", "check its name and its speed")


def _cells(line: bytes) -> list[str]:
    """The cells of a line: between semicolons or tabs, else between commas, else between blanks."""
    text = line.decode("utf-8", "replace")
    for between in (r"[;\t]", r",", r"\s+"):
        parts = re.split(between, text.strip())
        if len(parts) > 1:
            break
    return [printable(part.strip()) for part in parts[:MAX_CELLS]]


def _numbered(count: int) -> list[str]:
    return [f"value {number}" for number in range(1, count + 1)]
