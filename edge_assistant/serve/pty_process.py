"""The broker's side of the app in a browser: the app on a pseudoterminal whose other end the gateway gets."""

from __future__ import annotations

import fcntl
import math
import os
import pty
import signal
import struct
import sys
import termios
import time

from edge_assistant.core.errors import ResidentLost

COMMAND = (sys.executable, "-P", "-m", "edge_assistant.cli.main")  # the bare command, which opens the app
# xterm.js has all colours and draws no pictures but as cells; nothing need be asked of it over the network
_DRAWN = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "EDGE_ASSISTANT_GRAPHICS": "cells"}
_OURS = frozenset(("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"))  # of the service, for its first process
_ENDS_S, _POLL_S = 3.0, 0.05  # for an app whose terminal was hung up


class PtyProcess:
    """The app that one browser shows; the next one takes its place.

    It inherits the broker's lock. Its terminal hangs up once the gateway closes its end, by which it ends, and the
    broker keeps no such end.
    """

    def __init__(self) -> None:
        self._process: int | None = None
        self._killed_at = math.inf

    def started(self, columns: int, rows: int) -> int:
        """Start the app; gives the descriptor from which what it draws is read, and to which keys are written.

        Raises:
            ResidentLost: this machine gives no pseudoterminal or no process.
        """
        self.end()
        try:
            process, descriptor = pty.fork()
        except OSError as error:
            raise ResidentLost(f"the app cannot be started: {error.strerror}", "try again") from None
        if process == 0:
            _become_app()
        self._process, self._killed_at = process, math.inf
        resize(descriptor, columns, rows)
        return descriptor

    def hung_up(self) -> None:
        """Give the app, whose terminal has hung up, a little time to end."""
        self._killed_at = time.monotonic() + _ENDS_S

    def reap(self) -> None:
        """Take note of an app that has ended; one that has stayed too long is killed with what it has started."""
        if self._process is None:
            return
        if time.monotonic() > self._killed_at:
            os.killpg(self._process, signal.SIGKILL)
        if os.waitpid(self._process, os.WNOHANG)[0]:
            self._process = None

    def end(self) -> None:
        """Wait for the end of an app whose terminal was hung up."""
        if self._killed_at == math.inf:
            self.hung_up()
        self.reap()
        while self._process is not None:
            time.sleep(_POLL_S)
            self.reap()


def resize(descriptor: int, columns: int, rows: int) -> None:
    """Tell a pseudoterminal its size in characters."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _become_app() -> None:
    """Run the app in this process, a child of the broker; never returns."""
    try:
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        os.execve(COMMAND[0], COMMAND, {**kept, **_DRAWN})  # noqa: S606 - the product's own command
    finally:
        os._exit(127)
