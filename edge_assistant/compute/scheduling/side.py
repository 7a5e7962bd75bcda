"""Jobs side by side: chains of them in threads; what they tell and come to is handled in the thread that asked.

Threads of inference sleep while they have nothing to do, so that two computations with a thread for each core share the
cores as they need them. Each with half of the threads would leave cores idle when the shorter one has ended.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
E = TypeVar("E")

_LITTLE_S = 0.1  # a chain that takes less goes first: what it finds is told at once, and the others lose nothing


class StopRequest(Protocol):
    """The wish to stop, as `runtime.Halt` has it."""

    @property
    def asked(self) -> bool:
        """Whether to stop."""

    def ask(self) -> None:
        """Let what runs stop."""

    def clear(self) -> None:
        """Let what comes next run."""

    def check(self) -> None:
        """Go on, or raise `Stopped`."""


@dataclass(frozen=True, slots=True)
class SideJob(Generic[E, T]):
    """One thing to do.

    Attributes:
        chain: jobs of one chain run one after the other, in their order.
        seconds: that one core takes for it, roughly; it decides which chain begins first, and nothing else.
        run: does it; what it is given takes what there is to tell meanwhile, and raises to end it.
    """

    chain: Hashable
    seconds: float
    run: Callable[[Callable[[E], None]], T]


def plan(jobs: Sequence[tuple[Hashable, float]]) -> tuple[tuple[int, ...], ...]:
    """The chains in the order in which they begin, each as the numbers of its jobs.

    The longest begins first, for then the others fill the time beside it (Graham's rule of longest processing time);
    what takes next to nothing comes before all.

    Args:
        jobs: chain and seconds of each.

    >>> plan([("short", 0.2), ("long", 2.0), ("short", 0.2), ("none", 0.01)])
    ((3,), (1,), (0, 2))
    """
    chains: dict[Hashable, list[int]] = {}
    for number, (chain, _) in enumerate(jobs):
        chains.setdefault(chain, []).append(number)

    def rank(numbers: list[int]) -> float:
        seconds = sum(jobs[number][1] for number in numbers)
        return -seconds if seconds > _LITTLE_S else float("-inf")

    return tuple(tuple(numbers) for numbers in sorted(chains.values(), key=rank))


def run(
    jobs: Iterable[SideJob[E, T]],
    lanes: int,
    halt: StopRequest,
    *,
    tell: Callable[[E], None],
    done: Callable[[T], None],
) -> None:
    """Do jobs, several chains at a time where there are several cores; what one raises is raised when it is its turn.

    Args:
        jobs: what to do. All are made before the first is begun, but where one runs at a time.
        lanes: chains at a time.
        halt: ends all of them when one raises, or this is left in another way.
        tell: is called here with what jobs tell, as it comes.
        done: is called here with what a job came to, in the order of the jobs.
    """
    if lanes > 1:
        jobs = list(jobs)
        if len({job.chain for job in jobs}) > 1:
            _Lanes(jobs, halt).run(lanes, tell, done)
            return
    for job in jobs:
        done(job.run(tell))


def end(threads: Iterable[threading.Thread], halt: StopRequest) -> None:
    """Let what threads do stop, and wait for it; the wish to stop is as it was then."""
    asked = halt.asked
    halt.ask()
    for thread in threads:
        thread.join()
    if not asked:
        halt.clear()


class _Lanes(Generic[E, T]):
    """Jobs in several threads."""

    def __init__(self, jobs: Sequence[SideJob[E, T]], halt: StopRequest) -> None:
        self._jobs = jobs
        self._halt = halt
        self._waiting = deque(plan([(job.chain, job.seconds) for job in jobs]))
        self._ended = False
        self._happened: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._made: dict[int, T | BaseException] = {}

    def run(self, lanes: int, tell: Callable[[E], None], done: Callable[[T], None]) -> None:
        """Until all are done, or one has raised."""
        self._tell = tell
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(self._work,), name="sense", daemon=True)
            for _ in range(min(lanes, len(self._waiting)))
        ]
        try:
            for thread in threads:
                thread.start()
            for number in range(len(self._jobs)):
                while number not in self._made:
                    self._happened.get()()
                made = self._made.pop(number)
                if isinstance(made, BaseException):
                    raise made
                done(made)
        except BaseException:
            self._ended = True
            end([thread for thread in threads if thread.ident is not None], self._halt)
            raise

    def _work(self) -> None:
        """One lane: chain after chain."""
        while not self._ended:
            try:
                chain = self._waiting.popleft()
            except IndexError:
                return
            for number in chain:
                self._do(number)

    def _do(self, number: int) -> None:
        try:
            if self._ended:
                return
            made: T | BaseException = self._jobs[number].run(self._told)
        except BaseException as error:  # raised where all was asked for, when it is its turn
            made = error
        self._happened.put(lambda: self._made.update({number: made}))

    def _told(self, event: E) -> None:
        """Hand on what a job tells, in its thread."""
        self._halt.check()
        self._happened.put(lambda: self._tell(event))
