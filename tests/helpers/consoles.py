"""A screen with keys: the terminal that a kiosk shows its app on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time
from typing import Self

_WAITS_S = 60.0
_SIZE = (30, 100)  # rows and columns
_DRAWS = re.compile(r"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78Mc])")


class Console:
    """A pseudoterminal, of which a service gets the other end; what is drawn on it is read all the time.

    Attributes:
        name: below /dev.
    """

    def __init__(self) -> None:
        self._keys, self._screen = pty.openpty()  # the latter stays open, as else it would be gone with who draws
        fcntl.ioctl(self._keys, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
        self.name = os.ttyname(self._screen).removeprefix("/dev/")
        self._drawn, self._ends = bytearray(), threading.Event()
        self._reads = threading.Thread(target=self._read, name=f"reader of {self.name}")

    def __enter__(self) -> Self:
        self._reads.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._reads.join()
        os.close(self._keys)
        os.close(self._screen)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._keys, keys.encode())

    def forget(self) -> None:
        """Look at nothing that was drawn so far."""
        self._drawn.clear()

    def until(self, pattern: str) -> str:
        """Wait until something is drawn; gives what was drawn until then, which is not looked at again."""
        end = time.monotonic() + _WAITS_S
        while not re.search(pattern, seen := _DRAWS.sub("", self._drawn.decode("utf-8", "replace")), re.S):
            assert time.monotonic() < end, f"{pattern!r} is not drawn: {seen[-3000:]!r}"
            time.sleep(0.05)
        self.forget()
        return seen

    def _read(self) -> None:
        while not self._ends.is_set():
            try:
                if select.select([self._keys], [], [], 0.1)[0]:
                    self._drawn += os.read(self._keys, 65_536)
            except OSError:  # it is hung up until somebody draws again
                time.sleep(0.02)
