"""The resident: keeps the models and answers one question after another, until it ends or restarts.

The main thread answers. Another one accepts connections, and each connection has a thread, which takes its message,
says every second that the resident lives, and stops the answer if the command hangs up. A restart is `execve`: the
kernel gives the process fresh memory, and only the socket and the claim stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import queue
import select
import signal
import socket
import stat
import threading
import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from edge_assistant.compute import sd_notify
from edge_assistant.core import errors
from edge_assistant.core.errors import EdgeAssistantError, Stopped, StorageFull, UsageError
from edge_assistant.resident import compared, protocol
from edge_assistant.resident.guest import Guest
from edge_assistant.resident.metrics import ResidentMetrics, own_bytes
from edge_assistant.resident.protocol import Asked, Channel, MalformedMessage, QuestionMessage, ServiceMessage
from edge_assistant.resident.work import ResidentWork
from edge_assistant.storage import atomic

RENEWALS = 100  # restarts; each sets one more filter of the offline lock, of which the kernel takes some four hundred
GROWTH_BYTES = 768 << 20  # over its size when its models were loaded; beyond it the resident restarts
_WAITING = 128  # connections that the kernel keeps until they are accepted
ASKS_S = 5.0  # within which a connection says what it wants
TAKES_S = 60.0  # within which a command takes a message; one that is suspended may not for a while
TICK_S = 1.0
LOOK_S = 5.0  # between two looks at the code, the policy and the memory

_log = logging.getLogger(__name__)


class ResidentRequest(Enum):
    """What the main thread is to do besides answering."""

    END = "end"
    RENEW = "restart"


@dataclass(frozen=True, slots=True)
class Held:
    """What a process takes over from the one before it.

    Attributes:
        listener: descriptor of the socket.
        claim: descriptor of the file that says that a resident runs, locked.
        renewals: restarts so far.
    """

    listener: int
    claim: int
    renewals: int = 0

    def __str__(self) -> str:
        return f"{self.listener},{self.claim},{self.renewals}"

    def close(self) -> None:
        """Close the descriptors."""
        os.close(self.listener)
        os.close(self.claim)


def opened() -> Held:
    """Make the claim and a socket that listens.

    Raises:
        UsageError: a resident runs already.
        StorageFull: a folder cannot be made, or is not the user's alone.
    """
    with atomic.storing("the place of the resident"), protocol.opened(make=True) as folder:
        claim = os.open(protocol.CLAIM, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            raise UsageError("a resident runs already", "see 'edge-assistant resident status'") from None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(protocol.SOCKET, dir_fd=folder)  # of one that was killed
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(protocol.address(folder))
        finally:
            os.umask(before)
        listener.listen(_WAITING)
    return Held(listener.detach(), claim)


def taken(text: str) -> Held:
    """The `Held` of its `str`, if its descriptors are a listener and the claim.

    Raises:
        ValueError, OSError: they are not.
    """
    listener, claim, renewals = map(int, text.split(","))
    held = Held(listener, claim, renewals)
    with socket.socket(fileno=os.dup(held.listener)) as found:
        listens = found.family == socket.AF_UNIX and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens or not _claims(held.claim):
        raise ValueError(text)
    fcntl.flock(held.claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held


def _claims(claim: int) -> bool:
    """Whether a descriptor is the claim."""
    with protocol.opened() as folder:
        file = os.stat(protocol.CLAIM, dir_fd=folder, follow_symlinks=False)
    return os.path.samestat(file, os.fstat(claim))


def serve(held: Held, work: ResidentWork, minutes: float) -> None:
    """Answer until the resident is to end; on a restart this never returns.

    Args:
        held: from `opened`, or from the process before.
        work: what it does.
        minutes: without a question, after which it ends; 0 never.
    """
    os.chdir("/")  # it keeps no file system from being unmounted
    resident = Resident(held, work, minutes)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, resident.interrupted)
    if resident.run() is ResidentRequest.RENEW and held.renewals < RENEWALS:
        sd_notify.status("restarts with fresh memory")
        for descriptor in (held.listener, held.claim):
            os.set_inheritable(descriptor, True)
        command = [*work.again, "--held", str(replace(held, renewals=held.renewals + 1))]
        os.execve(command[0], command, dict(work.environment))  # noqa: S606 - our own program, without a shell
    sd_notify.stopping()
    with contextlib.suppress(OSError, StorageFull), protocol.opened() as folder:
        if _claims(held.claim):
            os.unlink(protocol.SOCKET, dir_fd=folder)
    held.close()


class Resident:
    """One process's life."""

    def __init__(self, held: Held, work: ResidentWork, minutes: float) -> None:
        self._listener = socket.socket(fileno=held.listener)
        self._listener.listen(_WAITING)  # so that the kernel names this process to commands
        os.set_inheritable(held.listener, False)
        os.set_inheritable(held.claim, False)
        self._held, self._work, self._minutes = held, work, minutes
        self._rights, self._code, self._changed = compared.rights("self"), compared.code(), work.changed()
        self._turns: queue.SimpleQueue[Guest | None] = queue.SimpleQueue()
        self._guests: set[Guest] = set()  # that wait for their turn, or for their answer
        self._current: Guest | None = None
        self._choosing = threading.Lock()  # of the current guest: an answer is stopped only while it is that
        self._wished: set[ResidentRequest] = set()  # from several threads, and in the handler of a signal
        self._looked = self._quiet_since = time.monotonic()
        self._answered = self._warm_bytes = 0
        self._metrics = ResidentMetrics(restarted=held.renewals > 0)
        self._accepts = True  # whether the listening thread came round since the main thread looked

    def run(self) -> ResidentRequest:
        """Answer until something else is wished; in the main thread."""
        threading.Thread(target=self._accept, name="resident listener", daemon=True).start()
        sd_notify.status("loads the models")
        sd_notify.advanced()
        self._metrics.lacks(self._work.warm())
        self._warm_bytes = own_bytes()
        _log.info("the resident is ready, with %d MiB", self._warm_bytes >> 20)
        sd_notify.ready(self._metrics.said("is ready"))
        while (wished := self._wish) is None:
            try:
                guest = self._turns.get(timeout=TICK_S)
            except queue.Empty:
                wish = self._look()
                if self._accepts:
                    self._accepts = False
                    sd_notify.advanced()
            else:
                wish = None if guest is None else self._serve(guest)
            if wish is not None:
                self._wishes(wish)
        _log.info("the resident is to %s", wished.value)
        renews = wished is ResidentRequest.RENEW and self._held.renewals < RENEWALS
        self._metrics.tell(self._status, last="restarting" if renews else "ended")
        return wished

    def interrupted(self, *_: object) -> None:
        """Handle SIGTERM and Ctrl-C: end, in the middle of an answer, too."""
        self._wishes(ResidentRequest.END)
        if (guest := self._current) is not None:
            guest.gone = True  # its thread stops the answer

    def _wishes(self, wish: ResidentRequest) -> None:
        """Do something after the current answer."""
        self._wished.add(wish)
        self._turns.put(None)

    @property
    def _wish(self) -> ResidentRequest | None:
        """What there is to do; to end counts more than to restart."""
        return next((one for one in (ResidentRequest.END, ResidentRequest.RENEW) if one in self._wished), None)

    def _serve(self, guest: Guest) -> ResidentRequest | None:
        """Answer a question, unless there is something else to do."""
        with self._choosing:
            self._work.begin()
            self._current = guest
        try:
            if not guest.send({"turn": True}):
                return None
            if self._work.locked() and self._work.changed() == self._changed:
                return self._answer(guest)
            guest.send({"refused": "it is ending"})  # the command does the work itself, the gateway tries again
            return ResidentRequest.RENEW if self._work.locked() else ResidentRequest.END
        finally:
            with self._choosing:
                self._current = None
            guest.done.set()
            with contextlib.suppress(OSError):
                guest.channel.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, guest: Guest) -> ResidentRequest | None:
        """Answer a question; what there is to do then."""
        again = True
        self._answered += 1  # first, as a command may look once it has its answer
        try:
            with self._metrics.counting(guest.task) as count:
                if isinstance(guest.question, ServiceMessage):
                    reply, settle = self._work.serve(guest.question, guest.watch, guest.part)
                else:
                    answer, note, settle = self._work.answer(guest.question, guest.watch)
                    reply = {"answer": answer, "note": note}
                guest.replied = True
                count(reply)
                again = not guest.send(reply)
                settle()
        except Stopped:
            again = False  # models can be used again then, see `Halt`
        except EdgeAssistantError as error:
            guest.replied = True
            again = not guest.send({"error": errors.packed(error)})
            again = again or error.exit_status == EdgeAssistantError.exit_status
        except Exception:  # the command sees the connection end
            _log.exception("fault")
        self._quiet_since = time.monotonic()
        sd_notify.status(self._metrics.said(f"is ready, {self._answered} answered"))
        grown = own_bytes() - self._warm_bytes > GROWTH_BYTES
        return ResidentRequest.RENEW if again or grown or self._work.alone() else None

    def _look(self) -> ResidentRequest | None:
        """What there is to do while nothing is asked."""
        now = time.monotonic()
        if not self._work.locked() or (self._minutes and now - self._quiet_since > 60 * self._minutes):
            return ResidentRequest.END
        if now - self._looked < LOOK_S:
            return None
        self._looked = now
        if not self._is_found() or not self._work.relieve():
            return ResidentRequest.END
        return ResidentRequest.RENEW if self._work.changed() != self._changed else None

    def _is_found(self) -> bool:
        """Whether commands find the claim and the socket, and this code."""
        try:
            with protocol.opened() as folder:
                os.stat(protocol.SOCKET, dir_fd=folder)
            return _claims(self._held.claim) and compared.code() == self._code
        except (OSError, StorageFull):
            return False

    def _accept(self) -> None:
        """Give each connection a thread."""
        self._listener.settimeout(TICK_S)
        while True:
            self._accepts = True
            self._metrics.tell(self._status)
            with contextlib.suppress(OSError):  # nobody connected, or who did has hung up
                connection, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        """Take the message of a connection and reply."""
        channel = Channel(connection, protocol.REQUEST_BYTES, protocol.MAX_DESCRIPTORS)
        try:
            with connection, contextlib.suppress(OSError, EOFError, MalformedMessage):
                connection.settimeout(ASKS_S)
                if protocol.peer(connection).user == os.geteuid():
                    self._reply(channel, channel.receive())
        finally:
            for descriptor in channel.descriptors:
                os.close(descriptor)

    def _reply(self, channel: Channel, message: dict[str, Any]) -> None:
        channel.connection.settimeout(TAKES_S)
        match message:
            case {"order": "status"}:
                channel.send(self._status())
            case {"order": "stop" | "restart" as order}:
                channel.send(protocol.OBEYS)
                self._wishes(ResidentRequest.END if order == "stop" else ResidentRequest.RENEW)
                channel.connection.settimeout(None)
                channel.connection.recv(1)  # the end of the connection tells the command that this process is gone
            case {"question": QuestionMessage() as question, "facts": dict() as facts}:
                self._take(channel, question, self._unfit(channel, question, facts))
            case {"service": ServiceMessage() as wanted}:
                self._take(channel, wanted, self._unready(channel, wanted))
            case {"listen": dict() as sound}:
                self._quiet_since = time.monotonic()
                try:
                    self._work.listen(channel, sound)
                finally:
                    if self._work.alone():
                        self._wishes(ResidentRequest.RENEW)
            case _:
                channel.send({"refused": "the message is of another version"})

    def _take(self, channel: Channel, asked: Asked, why: str | None) -> None:
        """Let what is asked be answered, or say why it is not."""
        if why is not None:
            channel.send({"refused": why})
        else:
            self._ask(Guest(channel, channel.opened(asked)))

    def _status(self) -> dict[str, object]:
        return {
            "pid": os.getpid(),
            "ready": self._warm_bytes > 0,
            "degraded": self._metrics.degraded,
            "answered": self._answered,
            "answering": self._current is not None,
            "waiting": len(self._guests) - (self._current in self._guests),
            "memory_mib": own_bytes() >> 20,
            "quiet_s": int(time.monotonic() - self._quiet_since),
            "minutes": self._minutes,
            "renewals": self._held.renewals,
        }

    def _unfit(self, channel: Channel, question: QuestionMessage, facts: dict[str, object]) -> str | None:
        """Why a question is not answered here; None if it is."""
        if (why := self._unready(channel, question)) is not None:
            return why
        if not self._is_equal(channel.connection):
            return "it was started with other rights"
        differ = (name for name, value in self._work.facts.items() if facts.get(name) != value)
        return next((f"it was started with other {name}" for name in differ), None)

    def _unready(self, channel: Channel, asked: QuestionMessage | ServiceMessage) -> str | None:
        """Why nothing is done here for anybody; None if it is."""
        if self._wish is not None:
            return "it is ending"
        regular = all(stat.S_ISREG(os.fstat(descriptor).st_mode) for descriptor in channel.descriptors)
        return None if regular and len(channel.descriptors) == len(asked.signals) else "the signals are no files"

    def _is_equal(self, connection: socket.socket) -> bool:
        """Whether the process at the other end may do no less and no more than this one."""
        try:
            equal = compared.rights(str(protocol.peer(connection).process)) == self._rights
            with protocol.process(connection) as process:
                if process is not None:
                    signal.pidfd_send_signal(process, 0)  # it runs, so its number was its own
            return equal
        except OSError:
            return False

    def _ask(self, guest: Guest) -> None:
        """Let the main thread answer; say each second that the resident lives, until the answer or a hang-up."""
        self._guests.add(guest)
        self._turns.put(guest)
        speaks = select.poll()
        speaks.register(guest.channel.connection, select.POLLIN)
        with contextlib.suppress(OSError, EOFError, MalformedMessage):
            while not (guest.gone or guest.done.is_set()) and (self._wish is None or self._current is guest):
                if speaks.poll(TICK_S * 1000):
                    guest.channel.receive()
                guest.channel.send({"turn": self._current is guest})
        guest.gone = True
        self._guests.discard(guest)
        while True:
            with self._choosing:
                if self._current is not guest or guest.replied:
                    guest.question = replace(guest.question, signals=())  # it may wait long for a turn that it misses
                    return
                self._work.stop()  # each second, as a library may have caught what it raised
            guest.done.wait(TICK_S)
