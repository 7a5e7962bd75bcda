"""The resident itself: answers in the main thread, one question after another, until it ends or begins anew.

Beginning anew is `execve`: the kernel gives the process another memory, and only the socket and the claim to it stay.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant.resident import facts, place, wire
from edge_assistant.resident.door import WAKES, Door, Guest, Wish
from edge_assistant.resident.lending import HOME, lent
from edge_assistant.storage import atomic

RENEWALS = 100  # each sets one more filter of the offline lock, of which the kernel takes some four hundred
GROWTH_BYTES = 768 << 20  # by which it may be larger than when it was warm; beyond it begins anew
FAULT, INTERRUPTED = 70, 130  # statuses, see docs/contract.md
LOOK_S = 5.0  # between two looks at the code, the policy and the memory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """What a process goes on with after it began anew, by descriptors.

    Attributes:
        listener: the socket.
        claim: the file that says that a resident runs, locked.
        renewals: how often it has begun anew.
    """

    listener: int
    claim: int
    renewals: int = 0

    def __str__(self) -> str:
        return f"{self.listener},{self.claim},{self.renewals}"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a process was started with, before libraries were told things in its environment.

    Attributes:
        facts: see `facts`.
        environment: all of it; who begins anew begins with it.
    """

    facts: Mapping[str, str]
    environment: Mapping[str, str]

    @classmethod
    def now(cls) -> Origin:
        """As it is now.

        Raises:
            OSError: /proc is not there.
            StorageFull: there is no home folder.
        """
        return cls(facts.facts(), dict(os.environ))


@dataclass(frozen=True, slots=True)
class Work:
    """What the resident does, as its caller knows.

    Attributes:
        origin: what this process was started with.
        answer: answers a question as a command of its own would, and returns the status.
        warm: loads the models.
        stop: lets the answer that is being made stop soon; from any thread.
        relieve: gives memory back where the machine runs short; whether that helps, or there is more to give. From any
            thread, while nothing is answered.
        changed: a sum over what the resident has to begin anew for when it changes, such as the policy.
        alone: whether what one asked must not be in the memory that the next one's answer is made in.
        locked: whether the offline lock is in force.
        again: the command line that starts the resident, without its `Held`.
    """

    origin: Origin
    answer: Callable[[wire.Question], int]
    warm: Callable[[], None]
    stop: Callable[[], None]
    relieve: Callable[[], bool]
    changed: Callable[[], str]
    alone: Callable[[], bool]
    locked: Callable[[], bool]
    again: tuple[str, ...]


def opened() -> Held:
    """Take the place of the resident: the claim, and a socket that listens.

    Raises:
        UsageError: one runs already.
        StorageFull: there is no place for a socket, or the folder is not the user's alone.
    """
    name, where = place.name(), place.folder()
    with (
        atomic.storing("the place of the resident"),
        place.opened(place.claims(), make=True) as kept,
        place.opened(where, make=True) as folder,
    ):
        claim = os.open(place.CLAIM, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=kept)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            raise UsageError("a resident runs already", "see 'edge-assistant resident status'") from None
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)  # of one that was killed
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        before = os.umask(0o177)
        try:
            listener.bind(place.address(folder, name))
        finally:
            os.umask(before)
        listener.listen(wire.WAITING)
        os.ftruncate(claim, 0)
        os.pwrite(claim, os.fsencode(where / name), 0)
    return Held(listener.detach(), claim)


def taken(text: str) -> Held:
    """What `str` of a `Held` says, where these descriptors are the place of the resident.

    Raises:
        ValueError: they are not.
        OSError: they are none.
    """
    listener, claim, renewals = map(int, text.split(","))
    with socket.socket(fileno=os.dup(listener)) as found:
        listens = found.family == socket.AF_UNIX and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens or not _claims(claim):
        raise ValueError(text)
    fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Held(listener, claim, renewals)


def _claims(claim: int) -> bool:
    """Whether a descriptor is the file that claims the resident's place.

    Raises:
        OSError: there is no such file.
        StorageFull: the folder is not the user's alone.
    """
    with place.opened(place.claims()) as kept:
        file = os.stat(place.CLAIM, dir_fd=kept, follow_symlinks=False)
    return os.path.samestat(file, os.fstat(claim))


def serve(held: Held, work: Work, minutes: int) -> None:
    """Answer until it is told to end; where it is to begin anew, this never returns.

    Args:
        held: from `opened`, or from the process that this one goes on from.
        work: what it does.
        minutes: without a question, after which it ends; 0 never.

    Raises:
        OSError: it cannot begin anew.
    """
    os.chdir(HOME)
    resident = _Resident(held, work, minutes)
    with resident.signals():
        wish = resident.run()
    if wish is Wish.RENEW:
        _renew(held, work)
    _close(held)


class _Resident:
    """One process's life."""

    def __init__(self, held: Held, work: Work, minutes: int) -> None:
        listener = socket.socket(fileno=held.listener)
        listener.listen(wire.WAITING)  # so that the kernel says who connects that this process is here
        os.set_inheritable(held.listener, False)
        os.set_inheritable(held.claim, False)
        self._held, self._work, self._minutes = held, work, minutes
        self._door = Door(listener, same=work.origin.facts, stop=work.stop, look=self._look, told=self._told)
        self._code, self._changed = facts.code(), work.changed()
        self._looked = time.monotonic()
        self._warm_bytes = 0

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Let signals be the door's, and then what they were."""
        wanted = {WAKES: self._door.interrupted, signal.SIGINT: self._door.end, signal.SIGTERM: self._door.end}
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self) -> Wish:
        """Answer until something else is wished."""
        self._door.start()
        self._work.warm()
        self._warm_bytes = _own_bytes()
        self._door.ready = True
        _log.info("the resident is ready, with %d MiB", self._warm_bytes >> 20)
        while True:
            turn = self._door.next()
            wish = turn if isinstance(turn, Wish) else self._answer(turn)
            if wish is not None:
                _log.info("the resident's wish: %s", wish.value)
                return wish

    def _answer(self, guest: Guest) -> Wish | None:
        """Answer one; what there is to do then."""
        question = guest.question
        assert question is not None
        status = FAULT
        try:
            if not self._work.locked():
                return Wish.END  # whoever asked sees the connection end, and does the work itself
            if self._work.changed() != self._changed:
                return Wish.RENEW
            with lent(question, guest.given, self._door.begun):
                try:
                    status = self._work.answer(question)
                finally:
                    self._door.settled()
        except KeyboardInterrupt:
            status = INTERRUPTED
        self._door.ended(guest, status)
        if self._door.ends:
            return Wish.END
        grown = _own_bytes() - self._warm_bytes > GROWTH_BYTES
        again = guest.interrupted or status == FAULT or grown or self._work.alone()
        return Wish.RENEW if again else None

    def _look(self) -> Wish | None:
        """What there is to do while nothing is asked; from the door."""
        now = time.monotonic()
        if self._minutes and now - self._door.quiet_since > 60 * self._minutes:
            return Wish.END
        if not self._work.locked():
            return Wish.END
        if now - self._looked < LOOK_S:
            return None
        self._looked = now
        if not self._is_found() or self._is_replaced() or not self._work.relieve():
            return Wish.END
        return Wish.RENEW if self._work.changed() != self._changed else None

    def _is_replaced(self) -> bool:
        """Whether what lies on the disk is not what runs, or not for much longer."""
        try:
            return facts.code() != self._code
        except OSError:
            return True

    def _is_found(self) -> bool:
        """Whether commands would find the claim, and the socket, whose folder goes with the user's session."""
        try:
            with place.reached() as address:
                return _claims(self._held.claim) and os.path.exists(address)  # noqa: PTH110 - it leads to a descriptor
        except (OSError, StorageFull):
            return False

    def _told(self) -> dict[str, object]:
        quiet = int(time.monotonic() - self._door.quiet_since)
        return {
            "memory_mib": _own_bytes() >> 20,
            "quiet_s": quiet,
            "minutes": self._minutes,
            "renewals": self._held.renewals,
        }


def _renew(held: Held, work: Work) -> None:
    """Become a fresh process that goes on with the socket; one that has done so often ends instead."""
    if held.renewals >= RENEWALS:
        return
    for descriptor in (held.listener, held.claim):
        os.set_inheritable(descriptor, True)
    again = Held(held.listener, held.claim, held.renewals + 1)
    command = [*work.again, "--held", str(again)]
    os.execve(command[0], command, dict(work.origin.environment))  # noqa: S606 - our own program, without a shell


def _close(held: Held) -> None:
    """Take the socket away, and then give the claim up."""
    with suppress(OSError, StorageFull), place.reached() as address:
        if _claims(held.claim):
            os.unlink(address)  # noqa: PTH108 - it leads over a descriptor
    wire.close([held.listener, held.claim])


def _own_bytes() -> int:
    """Memory that is this process's alone, without what it has mapped of files."""
    rows = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return next((int(row.split()[1]) << 10 for row in rows if row.startswith("RssAnon:")), 0)
