"""A program on a pseudo terminal, as somebody at the keys has it: bytes typed, bytes drawn, times of both."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from edge_assistant.core.errors import UsageError

KEPT = 1 << 20  # bytes of what was drawn that are looked through; a screen is some 20 KB


class Terminal:
    """A terminal of `columns` x `rows` that a program draws on.

    Args:
        command: the program.
        environment: what is added to this process's own.
        size: columns and rows.

    Attributes:
        drawn: the last bytes that came.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = (120, 36)
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.drawn = b""
        added = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **added}, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        os.close(self._master)

    def type(self, keys: str) -> float:
        """Type keys; what was drawn before is forgotten. Returns the time, as `time.perf_counter` gives it."""
        self.drawn = b""
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def wait(self, *texts: str, seconds: float) -> float:
        """Wait until one of the texts is drawn, and return when it was.

        Raises:
            UsageError: none of them came.
        """
        wanted = [text.encode() for text in texts]
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            if any(text in self.drawn for text in wanted):
                return time.perf_counter()
            self.read(0.05)
            if self._process.poll() is not None and not self.read(0.0):
                break
        shown = self.drawn[-300:].decode("utf-8", "replace")
        raise UsageError(f"the app did not draw {texts[0]!r}", f"it drew {shown!r}")

    def saw(self, text: str) -> bool:
        """Whether a text was drawn since the last key."""
        return text.encode() in self.drawn

    def read(self, seconds: float) -> bool:
        """Take what is drawn within some time; whether there was something."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            self.drawn = (self.drawn + os.read(self._master, 1 << 16))[-KEPT:]
        except OSError:  # the program has ended
            return False
        return True

    def rest(self, seconds: float) -> None:
        """Let the program go on for a time, taking what it draws."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)

    def cpu(self) -> float:
        """Seconds of computation of the program and all its children so far."""
        ticks = sum(_ticks(pid) for pid in _family(self._process.pid))
        return ticks / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text("ascii").split():
                found += _family(int(child))
    return found


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
