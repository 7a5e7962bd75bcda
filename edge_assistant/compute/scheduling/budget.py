"""A budget of processor time and memory: what a person gives takes no more, whatever code computes over it.

A watchdog looks at both now and then. Over the budget, or some time after it was asked to stop, it raises in the thread
that works (PyThreadState_SetAsyncExc), but only while all that this thread is in is code of one package of ours that
keeps nothing between two questions: what loads a model, writes the trail or speaks with the language model is never cut
in the middle, and looks at the wish to stop itself. Processor time is counted, not time: a busy machine, or a process
that was stopped, takes nothing of a budget.
"""

from __future__ import annotations

import _thread
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from edge_assistant.compute.scheduling.side import StopRequest
from edge_assistant.core.errors import Stopped

T = TypeVar("T")

_LOOK_S = 0.1  # from one look to the next
_GRACE_S = 0.5  # in which what looks at the wish to stop ends by itself
_PRODUCT = "edge_assistant"
_PLAIN = frozenset({*sys.stdlib_module_names, "numpy", "PIL"})  # what is called from there is not called back from C
_PAGE = 4096

_helpers: set[Callable[[], float]] = set()  # processes of this one's that compute for it: seconds that each has taken
_working: list[tuple[str, int]] = []  # package and thread of all that goes on: side by side they share what is taken


@dataclass(frozen=True, slots=True)
class Budget:
    """What one piece of work may take.

    Attributes:
        seconds: of processor time, of all threads of the process together.
        bytes: by which the memory of the process may grow.
    """

    seconds: float
    bytes: int


class _Cut(BaseException):
    """Is raised in the thread that works; no code but `kept` catches it."""


def kept(work: Callable[[], T], budget: Budget, package: str, halt: StopRequest, over: Callable[[str], Exception]) -> T:
    """Work in this thread, and no longer than its budget lasts.

    Args:
        work: what to do.
        budget: what it may take.
        package: whose code may be cut anywhere, such as `reasoning`.
        halt: the wish to stop, which is looked at, too.
        over: the error where it took too much; is given what: "120 s of computing" or "2 GiB of memory".

    Raises:
        Stopped: to stop was asked.
    """
    watch = _Watch(budget, package, halt)
    try:
        try:
            watch.begin()
            return work()
        finally:
            watch.end()
    except watch.cut:
        watch.end()  # it may have come while this was ended; now nobody raises it any more
        raise (over(watch.why) if watch.why else Stopped("stopped", "ask again")) from None


class _Watch:
    """Looks after one piece of work, in a thread of its own."""

    def __init__(self, budget: Budget, package: str, halt: StopRequest) -> None:
        self.cut: type[_Cut] = type("Cut", (_Cut,), {})  # of this one alone, where one is within another
        self.why = ""
        self._budget = budget
        self._package = f"{_PRODUCT}.{package}"
        self._halt = halt
        self._thread = threading.get_ident()
        self._lock = threading.Lock()  # is held while it raises, and while it ends
        self._ended = threading.Event()
        self._seconds, self._bytes = 0.0, grown()

    def begin(self) -> None:
        _working.append((self._package, self._thread))
        _thread.start_new_thread(self._run, ())  # `Thread.start` would wait for it, and let others have the core

    def end(self) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._ended.set()
                _working.remove((self._package, self._thread))
        for _ in range(
            2
        ):  # Python raises at the end of a loop's turn what was sent to this thread and is not raised yet
            pass

    def _run(self) -> None:
        before, asked = taken(), 0.0
        while not self._ended.wait(_LOOK_S):
            now = taken()
            threads = {thread for package, thread in _working if package == self._package}
            self._seconds += max(0.0, now - before) / max(1, len(threads))  # less where a helper has ended
            before = now
            asked = asked + _LOOK_S if self._halt.asked else 0.0
            self.why = self.why or self._over()
            if self.why or asked > _GRACE_S:
                self._interrupt()

    def _over(self) -> str:
        if self._seconds > self._budget.seconds:
            return f"{self._budget.seconds:.0f} s of computing"
        if grown() - self._bytes > self._budget.bytes:
            return f"{self._budget.bytes / (1 << 30):.1f} GiB of memory"
        return ""

    def _interrupt(self) -> None:
        with self._lock:
            frame = sys._current_frames().get(self._thread)
            if not self._ended.is_set() and frame is not None and self._may_be_cut(frame):
                _raise(self._thread, self.cut)

    def _may_be_cut(self, frame: FrameType) -> bool:
        """Whether all that a thread is in since `kept` is code that may be cut anywhere."""
        if frame.f_code.co_filename == __file__:
            return False
        at: FrameType | None = frame
        while at is not None and at.f_code is not kept.__code__:
            name: str = at.f_globals.get("__name__", "")
            ours = name == self._package or name.startswith(f"{self._package}.")
            if not ours and name.partition(".")[0] not in _PLAIN:
                return False
            at = at.f_back
        return at is not None


def beside(seconds: Callable[[], float]) -> None:
    """Count the processor time of another process, too, which computes for this one."""
    _helpers.add(seconds)


def no_more(seconds: Callable[[], float]) -> None:
    """Count it no more, as it has ended."""
    _helpers.discard(seconds)


def taken() -> float:
    """Seconds of processor time that this process has taken, and those that compute for it."""
    return time.process_time() + sum(seconds() for seconds in list(_helpers))


def grown() -> int:
    """Bytes of memory that this process has and that are no file's; 0 where the system does not tell."""
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text("ascii").split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _raise(thread: int, error: type[BaseException]) -> None:
    """Have a thread raise as soon as it runs Python again.

    It is never taken back: CPython 3.11 keeps the mark that something is to be raised, and then hangs under a tracer.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
