"""A real terminal for a command: a pseudo terminal that is its controlling one, as a shell's window is."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

HANGS = 60.0

# What a shell does: the command is a process group of its own in the foreground; once it is suspended the shell has the
# terminal until a key is pressed.
_SHELL = """
import os, signal, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(terminal, number)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    os.write(1, b"suspended")
    os.read(0, 1)
    os.tcsetpgrp(0, pid)
    os.killpg(pid, signal.SIGCONT)
"""


class Terminal:
    """A command on a terminal of its own; what it draws is collected.

    Attributes:
        before: the modes of the terminal before the command.
        seen: all that was drawn so far.
    """

    def __init__(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        self.master, self._slave = pty.openpty()
        self.before = self.modes()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-SIc", _SHELL, os.ttyname(self._slave), *map(str, command)],
            env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
            start_new_session=True,
        )

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read_until(self, pattern: str) -> re.Match[str]:
        """Wait until what is drawn matches, and return the match."""
        deadline = time.monotonic() + HANGS
        while not (found := re.search(pattern, self.seen, re.S)):
            assert time.monotonic() < deadline, f"{pattern!r} does not come: {self.seen!r}"
            self._read(0.1)
        return found

    def wait_until_gone(self, pid: int) -> None:
        """Wait for the end of a process that draws on the terminal."""
        deadline = time.monotonic() + HANGS
        while _runs(pid):
            assert time.monotonic() < deadline, f"it does not end: {self.seen[-1000:]!r}"
            self._read(0.05)

    def ended(self) -> int:
        """Wait for the command's end and return its status."""
        deadline = time.monotonic() + HANGS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.seen!r}"
            self._read(0.05)
        while self._read(0.05):
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self._end()
            self.process.wait()
        os.close(self.master)
        os.close(self._slave)

    def _end(self) -> None:
        """Kill whatever is in the foreground, and the shell."""
        with contextlib.suppress(OSError):
            os.killpg(os.tcgetpgrp(self.master), signal.SIGKILL)
        self.process.kill()

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        return True


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended stays visible where nobody asks for its status."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # no /proc: it can be signalled, so it runs
