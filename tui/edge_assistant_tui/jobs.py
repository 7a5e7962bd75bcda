"""Jobs for one thread: in their order, but for those that can wait until nothing else does."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from edge_assistant.compute import sd_notify

Job = Callable[[], object]
P = ParamSpec("P")
W = TypeVar("W", bound="Worker")


class Jobs:
    """A queue that any thread fills and one thread works off."""

    def __init__(self, wanted: Callable[[], object] = lambda: None) -> None:
        """Begin with none.

        Args:
            wanted: is called where a job is put that is not to wait for what may be for nothing.
        """
        self._wanted = wanted
        self._queue: queue.PriorityQueue[tuple[bool, int, Job | None]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._lock = threading.Lock()
        self._undone = 0

    @property
    def undone(self) -> int:
        """How many wait or are being done."""
        return self._undone

    def put(self, job: Job, *, late: bool = False) -> None:
        """Have a job done after those before it; a late one after all others."""
        with self._lock:
            self._undone += 1
            self._queue.put((late, next(self._number), job))
        if not late:
            self._wanted()

    def end(self) -> None:
        """No job is given any more after those that are there; the late ones are left."""
        with self._lock:
            self._queue.put((False, next(self._number), None))

    def __iter__(self) -> Iterator[Job]:
        """Each job when its turn comes; it is done when the next one is asked for."""
        while (job := self._queue.get()[2]) is not None:
            try:
                yield job
            finally:
                with self._lock:
                    self._undone -= 1
                sd_notify.advanced()


class Worker(Protocol):
    """Has a thread that works off jobs."""

    _jobs: Jobs


def queued(method: Callable[Concatenate[W, P], object]) -> Callable[Concatenate[W, P], None]:
    """A method that any thread may call; the worker's thread runs it after the jobs before it."""

    @wraps(method)
    def put(worker: W, /, *args: P.args, **kwargs: P.kwargs) -> None:
        worker._jobs.put(partial(method, worker, *args, **kwargs))

    return put
