"""The processes that decode: started when the first one is needed, used again, killed where a job is not finished."""

from __future__ import annotations

import atexit
import errno
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from edge_assistant.compute import sd_notify
from edge_assistant.compute.scheduling import budget
from edge_assistant.core.errors import InputCorrupt, InputError
from edge_assistant.perception.decoders import wire
from edge_assistant.sandbox.child import ChildProcess

PICTURES, DOCUMENTS, FILMS = "pictures", "documents", "films"
WORKER = "edge_assistant.perception.decoders.worker"  # the module that the processes run
_ENDED = "it ended at once"
_LOOK_S = 0.1  # from one look at the socket to the next, between which whoever waits may be stopped
_STUCK_S = 60.0  # of waiting, in which a process that decodes has computed next to nothing
_NOTHING_S = 0.05  # of computing, which it takes to look whether this process is still there


class DecoderEnded(Exception):
    """A process is gone, or says what makes no sense."""


class DecoderProcess:
    """A process that decodes.

    Attributes:
        missing: what the system lacks to confine it; known once a first job was taken.
    """

    missing: tuple[str, ...] | None = None

    def __init__(self, family: str) -> None:
        """Start it; raises OSError."""
        self._child = ChildProcess(WORKER)
        self._limits = wire.lowered()
        self._waited, self._before, self._from = 0.0, 0.0, 0.0
        self._child.channel.setblocking(False)  # it may say something that can be seen, but not be read (MSG_OOB)
        try:
            wire.send(self._child.channel, wire.StartMessage(family, self._limits))
        except ConnectionError:
            self.end()
            raise ChildProcessError(errno.ECHILD, _ENDED) from None
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    @property
    def fits(self) -> bool:
        """Whether it keeps the limits that hold now, and is still there and silent between two jobs."""
        return self._limits == wire.lowered() and (self.missing is None or not self._can(select.POLLIN, 0.0))

    def ready(self, check: Callable[[], None]) -> None:
        """Wait until it takes jobs, and count what it computes; raises OSError where it does not come that far."""
        self._waited = 0.0
        self._before = self._from = self._child.seconds()
        budget.beside(self._seconds)
        if self.missing is None:
            try:
                said = self.receive(check)[0]
            except DecoderEnded:
                said = None
            if not isinstance(said, wire.ReadyMessage):
                raise ChildProcessError(errno.ECHILD, _ENDED)
            self.missing = said.missing

    def send(
        self, header: msgspec.Struct, check: Callable[[], None], array: bytes = b"", descriptor: int | None = None
    ) -> None:
        """Say something; raises DecoderEnded, and what `check` does."""
        try:
            wire.send(self._child.channel, header, array, descriptor, lambda: self._wait(select.POLLOUT, check))
        except OSError:
            raise DecoderEnded from None

    def receive(self, check: Callable[[], None]) -> tuple[wire.Message, bytearray]:
        """The next message, with its array.

        Args:
            check: is called while this waits; what it raises ends the waiting.

        Raises:
            DecoderEnded: there is none.
        """
        try:
            header, array = wire.receive(self._child.channel, lambda: self._wait(select.POLLIN, check))
            return wire.understood(header, array), array
        except (OSError, EOFError, wire.Garbled):
            raise DecoderEnded from None

    def _wait(self, event: int, check: Callable[[], None]) -> None:
        """Wait until something can be read or written; what is said drop by drop is no work, either."""
        can = False
        while not can:
            check()
            began = time.monotonic()
            can = self._can(event, _LOOK_S)
            self._waited += min(time.monotonic() - began, _LOOK_S)  # this process may have been stopped
            if (now := self._child.seconds()) > self._before + _NOTHING_S:
                self._waited, self._before = 0.0, now
                sd_notify.advanced()
            if now and self._waited > _STUCK_S:
                raise DecoderEnded

    def _can(self, event: int, seconds: float) -> bool:
        looked = select.poll()  # `select` takes no descriptor over 1,023
        looked.register(self._child.channel, event)
        return bool(looked.poll(seconds * 1000))

    def rest(self) -> None:
        """Count it no more until the next job: what it computes now, if it was taken over, is for no signal."""
        budget.no_more(self._seconds)

    def end(self) -> None:
        """Kill it."""
        self.rest()  # first: this may be cut, and its number be another process's then
        self._child.end()

    def _seconds(self) -> float:
        return self._child.seconds() - self._from

    def let_go(self) -> None:
        """Leave it to the process of which this one is a fork."""
        self._child.let_go()


# One of each family between two signals. It needs no lock, which a fork could inherit held: a thread takes one by `pop`
# and gives it back by `setdefault`, which are atomic.
_idle: dict[str, DecoderProcess] = {}


def ahead(family: str) -> None:
    """Start a process for a job that follows soon, where there is none: it imports while others load models."""
    with suppress(OSError):
        if family not in _idle:
            _give_back(family, DecoderProcess(family))


@contextmanager
def borrowed(family: str, name: str, check: Callable[[], None]) -> Iterator[DecoderProcess]:
    """A process for one job; it is killed where that is left with another error than one of the signal.

    Args:
        family: what it decodes.
        name: of the signal, for errors.
        check: is called while this waits for the process.

    Raises:
        InputCorrupt: it ended in the middle of the job.
        InputError: it cannot be started.
    """
    process, finished = None, False
    try:
        process = _taken(family)
        process.ready(check)
        yield process
        finished = True
    except DecoderEnded:
        hint = "copy or export it again"
        raise InputCorrupt(f"{name} is damaged: what decodes it has ended in the middle", hint) from None
    except (InputError, GeneratorExit):  # it said so, or was told that no more is wanted
        finished = True
        raise
    except OSError as error:
        what = f"{name} cannot be decoded: no process can be started ({error.strerror})"
        raise InputError(what, "free some memory, and ask again") from None
    finally:
        if process is not None:
            _give_back(family, process) if finished else process.end()


def _taken(family: str) -> DecoderProcess:
    """One that is idle, or a new one; raises OSError."""
    if (process := _idle.pop(family, None)) is not None:
        if process.fits:
            return process
        process.end()
    return DecoderProcess(family)


def _give_back(family: str, process: DecoderProcess) -> None:
    process.rest()
    if _idle.setdefault(family, process) is not process:
        process.end()


def end_idle() -> None:
    """End the processes that have nothing to do."""
    for family in [*_idle]:
        if (process := _idle.pop(family, None)) is not None:
            process.end()


def _leave_to_parent() -> None:
    """In a fork: the processes are the parent's."""
    for process in _idle.values():
        process.let_go()
    _idle.clear()


def missing() -> tuple[str, ...]:
    """What the system lacks to confine processes that decode; raises InputError where none can be started."""
    with borrowed(PICTURES, "nothing", lambda: None) as process:
        return process.missing or ()


atexit.register(end_idle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
