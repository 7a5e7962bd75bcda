"""Messages to systemd, where it started this process as a service of `Type=notify`; elsewhere nothing is sent.

The watchdog hears only of work that advanced, from the threads that do it: one that hangs is killed and started anew.
Protocol: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LOADS_S = 300.0  # granted to a model that is loaded, of which nothing is heard meanwhile
_TAKES_S = 5.0  # within which systemd takes a message; it may have many to read
_STEP_S = 60.0  # that a start may take from one step to the next
_OFTEN = 4  # messages in the time of the watchdog, at most
_CGROUP = Path("/proc/self/cgroup")

_lock = threading.Lock()
_next = 0.0  # when the watchdog is told again
_loads = 0  # models that are being loaded
_granted = -math.inf  # when the watchdog was last granted `LOADS_S`, if it still is


def service() -> str:
    """The system's service that this process belongs to, by the kernel's data; empty if it is none."""
    with contextlib.suppress(OSError):
        path = _CGROUP.read_text("utf-8", "replace").rstrip().rpartition(":")[2]
        if path.startswith("/system.slice/"):
            return path.rpartition("/")[2]
    return ""


def status(text: str) -> None:
    """Show what it does; `text` holds no content."""
    _send(f"STATUS={text}")


def ready(text: str) -> None:
    """The start is complete."""
    _send("READY=1", f"STATUS={text}")


def stopping() -> None:
    """The end begins."""
    _send("STOPPING=1")


def advanced() -> None:
    """The work came further: a token, a run of a model, an event, a turn of the accept loop; may be called often."""
    global _next, _granted
    if (now := time.monotonic()) < _next:
        return
    with _lock:
        watched = _watchdog_s()
        _next = now + (watched or _STEP_S) / _OFTEN if "NOTIFY_SOCKET" in os.environ else math.inf
        lines = ["WATCHDOG=1", f"EXTEND_TIMEOUT_USEC={_STEP_S * 1e6:.0f}"]  # the latter counts during a start only
        if watched and not _loads and _granted > -math.inf:
            _granted = -math.inf
            lines.append(f"WATCHDOG_USEC={watched * 1e6:.0f}")
        _send(*lines)


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """While this runs, start and watchdog wait for `LOADS_S`; several threads may load at once."""
    global _loads, _granted
    with _lock:
        _loads += 1
        if (now := time.monotonic()) - _granted > LOADS_S / 2:
            _granted = now
            watched = [f"WATCHDOG_USEC={LOADS_S * 1e6:.0f}"] if _watchdog_s() else []
            _send(f"EXTEND_TIMEOUT_USEC={LOADS_S * 1e6:.0f}", *watched)
    try:
        yield
    finally:
        with _lock:
            _loads -= 1
        advanced()


def _watchdog_s() -> float:
    """Seconds within which work has to advance; 0 if nobody looks."""
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(os.environ.get("WATCHDOG_USEC", 0)) / 1e6 if mine else 0.0


def _send(*lines: str) -> None:
    if address := os.environ.get("NOTIFY_SOCKET", ""):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(_TAKES_S)
            manager.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
