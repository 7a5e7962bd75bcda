"""Whose turn it is to compute: one process of a user at a time, for two at once take longer than one after the other.

The turn is a lock on an empty file. It goes with the process that holds it, however that ends, and the file that stays
is no obstacle to anybody. Where no file can be locked, everybody goes on. So does whoever waits for a process that was
stopped, as by Ctrl-Z: it computes nothing, and nobody knows when it will; and for one that has had the turn for long,
which the time of the file tells: a question that takes hours, whoever made it so, holds up nobody else.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_assistant.compute import sd_notify
from edge_assistant.core.limits import TURN_SECONDS
from edge_assistant_models import paths
from edge_assistant_models.errors import StorageFull

FILE = "computing.lock"
_POLL_S = 0.05  # from one look to the next; a Ctrl-C, or a wish to stop, comes between two
_LOOKS = 20  # of them from one at what the process that has the turn does to the next


class ComputeTurn:
    """The turn of the processes that know the same file; in one process one thread has it, and may nest it."""

    def __init__(self, path: Path | None) -> None:
        """Know the file, which is made when a turn is first taken; None where there can be none."""
        self._path = path
        self._mine = threading.Lock()
        self._owner: int | None = None  # the thread that has it
        self._depth = 0
        self._file: int | None = None

    @classmethod
    def of_user(cls) -> ComputeTurn:
        """The turn of all processes of this user."""
        try:
            return cls(paths.state_dir() / FILE)
        except StorageFull:  # there is no home folder
            return cls(None)

    @contextmanager
    def taken(self, waits: Callable[[], None], check: Callable[[], None]) -> Iterator[None]:
        """Wait for the turn, and have it while this runs.

        Args:
            waits: is called once where somebody else has it.
            check: is called while this waits; what it raises ends the waiting.
        """
        self._take(waits, check)
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def given(self, waits: Callable[[], None], check: Callable[[], None]) -> Iterator[None]:
        """Let others have the turn while this runs, as while a person is asked something; then wait for it again."""
        depth = self._depth if self._owner == threading.get_ident() else 0
        for _ in range(depth):
            self._give()
        try:
            yield
        finally:
            for _ in range(depth):
                self._take(waits, check)

    def _take(self, waits: Callable[[], None], check: Callable[[], None]) -> None:
        if self._owner == threading.get_ident():
            self._depth += 1
            return
        looks = 0
        while not self._tried(beside=looks % _LOOKS == 1):
            if not looks:
                waits()
            looks += 1
            check()
            sd_notify.advanced()  # of this thread, which waits for `TURN_SECONDS` at most
            time.sleep(_POLL_S)

    def _tried(self, *, beside: bool = False) -> bool:
        """Take the turn where nobody else has it, or, if that is wanted, only a process that nobody waits for."""
        if not self._mine.acquire(blocking=False):
            return False
        free, self._file = _locked(self._path) if self._path is not None else (True, None)
        if not free and not (beside and self._path is not None and (_is_long(self._path) or _is_stopped(self._path))):
            self._mine.release()
            return False
        self._owner, self._depth = threading.get_ident(), 1
        return True

    def _give(self) -> None:
        """Give it back, unless waiting for it again after `given` was broken off."""
        if self._owner != threading.get_ident():
            return
        self._depth -= 1
        if self._depth:
            return
        if self._file is not None:
            os.close(self._file)  # which unlocks it
        self._file = self._owner = None
        self._mine.release()


def _locked(path: Path) -> tuple[bool, int | None]:
    """Whether the turn is free, and the descriptor that holds it; none where the file cannot be had."""
    try:
        import fcntl

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except (OSError, ImportError):
        return True, None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False, None
    except OSError:  # a file system without locks
        os.close(file)
        return True, None
    with suppress(OSError):
        os.utime(file)
    return True, file


def _is_long(path: Path) -> bool:
    """Whether whoever has locked a file did so long ago."""
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > TURN_SECONDS.value
    return False


def _is_stopped(path: Path) -> bool:
    """Whether the process that has locked a file was stopped; never where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()  # number, FLOCK, ADVISORY, WRITE, process, device:inode, from, to
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
                told = Path(f"/proc/{int(words[4])}/stat").read_text()
                return told.rpartition(")")[2].split()[0] == "T"
    return False
