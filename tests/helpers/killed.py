"""A piece of work that is killed at a chosen line of our own code, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import edge_assistant

_LONG_S = 60.0  # for what takes less than a second
_OURS = (os.path.dirname(edge_assistant.__file__),)  # noqa: PTH120 - as frames tell it


def lines(work: Callable[[], object], ours: Sequence[str] = _OURS) -> int:
    """How many lines of ours a piece of work runs through; `ours` is how the paths of their files begin."""
    count = 0

    def one() -> None:
        nonlocal count
        count += 1

    _traced(work, one, ours)
    return count


def at_line(work: Callable[[], object], line: int, ours: Sequence[str] = _OURS) -> bool:
    """Do it in a child that is killed before the line of that number; whether it got so far."""
    child = os.fork()
    if child == 0:
        left = line

        def one() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        status = 70
        try:
            _traced(work, one, ours)
            status = 0
        finally:
            os._exit(status)
    return ended(child)


def once(work: Callable[[], object], true: Callable[[], object], ours: Sequence[str] = _OURS) -> int:
    """Do it in a child that is killed before the first line at which something is true; that line's number."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        line = 0

        def one() -> None:
            nonlocal line
            line += 1
            if true():
                os.write(writes, str(line).encode())
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            _traced(work, one, ours)
        finally:
            os._exit(70)
    os.close(writes)
    with os.fdopen(reads) as told:
        assert ended(child)
        return int(told.read())


def at_moment(work: Callable[[], object], wait: Callable[[], object]) -> bool:
    """Do it in a child that is killed once a wait is over; whether it was killed in the middle."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    wait()
    os.kill(child, signal.SIGKILL)
    return ended(child)


def ended(child: int) -> bool:
    """Whether a child was killed; it may have ended well, and nothing else.

    A child that gets no further is killed where it stands: it was made by a fork, and a thread of the tests before it,
    which is not in it, can have held a lock of a library.
    """
    until = time.monotonic() + _LONG_S
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            until = float("inf")
        time.sleep(0.001)
    status = found[1]
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert os.WEXITSTATUS(status) == 0, f"the work failed: {os.WEXITSTATUS(status)}"
    return False


def _traced(work: Callable[[], object], one: Callable[[], None], ours: Sequence[str]) -> None:
    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(tuple(ours)):
            return None
        if event == "line":
            one()
        return trace

    before = sys.gettrace()  # coverage's
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
