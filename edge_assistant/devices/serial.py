"""Readings that come over a serial port, line by line, as a table with the time at which each line came."""

from __future__ import annotations

import csv
import errno
import io
import re
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_assistant.core import limits
from edge_assistant.core.errors import DeviceBusy, DeviceError, DeviceLost, DeviceMissing
from edge_assistant.core.signals import printable

MAX_ROWS = limits.PORT_ROWS.value
MAX_LINE = limits.PORT_LINE_BYTES.value
MAX_CELLS = limits.PORT_CELLS.value
WAIT = 1.0  # seconds that one read takes at most, and between two that give something
_STEP = timedelta(milliseconds=1)  # between rows at least: those that came together have an order too
_NUMBER = re.compile(r"[-+]?\d+([.,]\d*)?([eE][-+]?\d+)?%?")


class SerialReadings:
    """A device that writes lines of numbers, such as `21.5,40` or `21.5 40`, with or without a header line before them.

    A row has at least one number. The line without one right before the first row is its header, where it has as many
    cells. The first line of all is no row: a device is most often met in the middle of one.
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
        """Open the port for this program alone.

        Raises:
            DeviceMissing: it is not there, may not be used, or pyserial is not installed.
            DeviceBusy: another program has it.
        """
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
        """All rows so far as CSV, a second after the last ones at the earliest; None where no line came.

        Raises:
            DeviceLost: it was unplugged.
        """
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
