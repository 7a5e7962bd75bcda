"""The resident's door: a thread that takes what comes over the socket, while the process's main thread answers.

It computes nothing, and holds nothing of content but the command lines that wait. The main thread alone is interrupted:
the door marks the guest whose answer is to end and sends SIGUSR1, whose handler raises KeyboardInterrupt there, as
Ctrl-C does in a command of its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import selectors
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import FrameType

from edge_assistant.resident import facts, place, wire
from edge_assistant.resident.lending import mute

GUESTS = 16  # connections at a time; whoever comes beyond does the work itself
CONNECTIONS = 64  # beyond which nobody is listened to
ASKS_S = 5.0  # within which a connection says what it wants
TICK_S = 1.0
WAKES = signal.SIGUSR1

_log = logging.getLogger(__name__)


class Wish(Enum):
    """What the main thread is to do beside answering."""

    END = "end"
    RENEW = "renew"


@dataclass(eq=False, slots=True)
class Guest:
    """A connection.

    Attributes:
        connection: its socket, which is the door's.
        since: when it came, by `time.monotonic()`.
        question: what it asks; None before that, and of one that gives an order.
        given: its descriptors, which are the main thread's once it is its turn.
        reply: the connection once more, for the main thread.
        unwelcome: why it is not spoken with.
        equal: whether it may do what the resident may, so that files can be opened for it.
        gone: whether it has hung up.
        interrupted: whether its answer is to end.
        begun: whether something of its answer was printed, or read.
    """

    connection: socket.socket
    since: float
    question: wire.Question | None = None
    given: list[int] = field(default_factory=list)
    reply: socket.socket | None = None
    unwelcome: str | None = None
    equal: bool = False
    gone: bool = False
    interrupted: bool = False
    begun: bool = False

    def tell(self, message: Mapping[str, object]) -> None:
        """Send something, from the door; who does not take it is found to be gone soon."""
        with contextlib.suppress(OSError):
            wire.send(self.connection, message)

    def answer(self, message: Mapping[str, object]) -> bool:
        """Send something, from the main thread; whether it arrives. Where it does not, the connection ends."""
        if self.reply is None:
            return False
        try:
            wire.send(self.reply, message)
        except OSError:
            with contextlib.suppress(OSError):
                self.reply.shutdown(socket.SHUT_RDWR)
            return False
        return True

    def close(self) -> None:
        """Let go of what the main thread would use."""
        wire.close(self.given)
        self.given.clear()
        if self.reply is not None:
            self.reply.close()


class Door(threading.Thread):
    """Takes connections, and hands the questions on one by one.

    Attributes:
        answered: how many questions were.
        ready: whether the main thread has its models.
        quiet_since: when it last had something to do, by `time.monotonic()`.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        same: Mapping[str, str],
        stop: Callable[[], None],
        look: Callable[[], Wish | None],
        told: Callable[[], Mapping[str, object]],
    ) -> None:
        """Prepare; from the main thread.

        Args:
            listener: where connections come in.
            same: the `facts` that a command has to have, too.
            stop: lets the answer that is being made stop soon.
            look: is asked every second while nothing is answered what there is to do.
            told: what `status` says beside what the door knows.
        """
        super().__init__(name="resident door", daemon=True)
        self._listener = listener
        self._stop, self._look, self._told = stop, look, told
        self._facts, self._seen, self._rights = same, facts.seen("self"), facts.rights("self")
        self._turns: queue.SimpleQueue[Guest | Wish] = queue.SimpleQueue()
        self._guests: dict[int, Guest] = {}
        self._selector = selectors.DefaultSelector()
        self._main = threading.main_thread()
        self._current: Guest | None = None
        self._taking = threading.Lock()  # a guest becomes the current one, or goes; or `look` looks
        self._wish: Wish | None = None
        self.answered = 0
        self.ready = False
        self.quiet_since = time.monotonic()
        listener.setblocking(False)

    # What the main thread calls

    @property
    def ends(self) -> bool:
        """Whether it was told to end; that counts more than to begin anew."""
        return self._wish is Wish.END

    def next(self) -> Guest | Wish:
        """Wait for the next question, or for what else is to be done."""
        while True:
            turn = self._turns.get()
            if isinstance(turn, Wish):
                return turn
            with self._taking:
                if turn.gone:
                    continue
                self._current = turn
            turn.answer({"turn": True})
            return turn

    def begun(self) -> None:
        """The answer begins to print, or to read what is typed.

        Raises:
            KeyboardInterrupt: whoever asked does the work itself by now, so nothing may be printed.
        """
        current = self._current
        if current is None or current.begun:
            return
        current.begun = True
        if not current.answer({"begun": True}):
            current.interrupted = True
            mute()
            raise KeyboardInterrupt

    def settled(self) -> None:
        """Nothing of the answer can be interrupted any more."""
        while self._current is not None:
            with contextlib.suppress(KeyboardInterrupt):  # that comes late
                self._current = None

    def ended(self, guest: Guest, status: int) -> None:
        """A question is answered; its descriptors are closed first, so that whoever reads them sees the end."""
        self.settled()
        wire.close(guest.given)
        guest.given.clear()
        self.answered += 1
        self.quiet_since = time.monotonic()
        guest.answer({"status": status})
        guest.close()

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        """What SIGUSR1 does in the main thread.

        Raises:
            KeyboardInterrupt: the answer that is being made is to end.
        """
        current = self._current
        if current is None or not current.interrupted:
            return
        if current.gone:
            mute()
        raise KeyboardInterrupt

    def end(self, number: int, frame: FrameType | None) -> None:
        """What SIGTERM and Ctrl-C do in the main thread: end, in the middle of an answer, too.

        Raises:
            KeyboardInterrupt: one is being made.
        """
        self._wish = Wish.END
        self._turns.put(Wish.END)
        if self._current is not None:
            self._current.interrupted = True
            raise KeyboardInterrupt

    # What the thread does

    def run(self) -> None:
        """Take what comes, until the process ends; one whose door cannot go on ends, too."""
        try:
            self._serve()
        except Exception:
            _log.exception("the door of the resident cannot go on")
            self._turns.put(Wish.END)

    def _serve(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        ticked = time.monotonic()
        while True:
            for key, _ in self._selector.select(TICK_S):
                if key.fileobj is self._listener:
                    self._open()
                elif (guest := self._guests.get(key.fd)) is not None:  # another one's order may have ended it
                    self._take(guest)
            if time.monotonic() - ticked >= TICK_S:
                ticked = time.monotonic()
                self._tick(ticked)

    def _open(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # who wanted to come has hung up
            return
        if len(self._guests) >= CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        guest = Guest(connection, time.monotonic())
        self._guests[connection.fileno()] = guest
        self._selector.register(connection, selectors.EVENT_READ)
        guest.unwelcome = self._unwelcome(connection)
        guest.equal = self._is_equal(connection)

    def _unwelcome(self, connection: socket.socket) -> str | None:
        """Why nobody speaks with the process at the other end; None where it is welcome."""
        peer = place.peer(connection)
        try:
            if peer.user != os.geteuid() or facts.seen(str(peer.process)) != self._seen:
                return "it sees other files"
        except OSError:
            return "it cannot look at this process"
        return "too many ask at a time" if len(self._guests) > GUESTS else None

    def _is_equal(self, connection: socket.socket) -> bool:
        """Whether the process at the other end may do no less and no more than this one."""
        try:
            equal = facts.rights(str(place.peer(connection).process)) == self._rights
            with place.process(connection) as process:
                if process is not None:
                    signal.pidfd_send_signal(process, 0)  # it runs, so what was looked at by its number is its own
            return equal
        except OSError:
            return False

    def _take(self, guest: Guest) -> None:
        """Take a message."""
        try:
            data, given = wire.receive(guest.connection)
        except BlockingIOError:
            return
        except (OSError, wire.Malformed):
            data, given = b"", []
        if not data:
            wire.close(given)
            self._drop(guest)
            return
        if guest.unwelcome is not None:  # said now, as who has not been heard finds the connection broken
            wire.close(given)
            self._refuse(guest, guest.unwelcome)
            return
        if guest.question is not None:
            wire.close(given)
            self._interrupt(guest)
            return
        try:
            self._heard(guest, wire.asked(data), given)
        except wire.Malformed as why:
            wire.close(given)
            self._refuse(guest, f"the message is {why}")

    def _heard(self, guest: Guest, asked: wire.Question | wire.Order, given: list[int]) -> None:
        if isinstance(asked, wire.Order):
            wire.close(given)
            self._obey(guest, asked)
            return
        guest.question, guest.given, guest.reply = asked, given, guest.connection.dup()
        if (why := self._unfit(guest, asked, given)) is not None:
            self._refuse(guest, why)
        else:
            self._turns.put(guest)

    def _obey(self, guest: Guest, order: wire.Order) -> None:
        guest.since = float("inf")  # it may stay: that the connection ends tells it that this process did
        match order.what:
            case "status":
                guest.tell(self._status())
            case "stop":
                guest.tell(wire.OBEYS)
                self._wants(Wish.END)
            case _:
                guest.tell(wire.OBEYS)
                self._wants(Wish.RENEW)

    def _status(self) -> dict[str, object]:
        waiting = sum(1 for guest in self._guests.values() if guest.question is not None)
        return {
            "pid": os.getpid(),
            "ready": self.ready,
            "answered": self.answered,
            "answering": self._current is not None,
            "waiting": waiting - (self._current is not None),
            **self._told(),
        }

    def _unfit(self, guest: Guest, question: wire.Question, given: list[int]) -> str | None:
        """Why a question cannot be answered here; None where it can."""
        if self._wish is not None:
            return "it is ending"
        if not guest.equal:
            return "it was started with other rights"
        for name, value in self._facts.items():
            if question.facts.get(name) != value:
                return f"it was started with other {name}"
        if len(given) != wire.DESCRIPTORS or not all(map(_usable, given[: wire.STREAMS])):
            return "the streams are none that it writes to"
        if any(map(_is_behind, given[: wire.STREAMS])):
            return "it runs in the background of this terminal"
        return None if stat.S_ISDIR(os.fstat(given[wire.STREAMS]).st_mode) else "the folder is none"

    def _interrupt(self, guest: Guest) -> None:
        """Let an answer end: what is asked of the libraries comes second, as they raise their own errors then."""
        guest.interrupted = True
        if guest is self._current and self._main.ident is not None:
            signal.pthread_kill(self._main.ident, WAKES)
            self._stop()

    def _refuse(self, guest: Guest, why: str) -> None:
        guest.tell({"refused": why})
        self._drop(guest)

    def _drop(self, guest: Guest) -> None:
        """Let go of a guest; where it is the one that is answered, its answer ends, and nobody sees it."""
        self._selector.unregister(guest.connection)
        del self._guests[guest.connection.fileno()]
        guest.connection.close()
        with self._taking:
            guest.gone = True
            taken = guest is self._current
        if taken:
            self._interrupt(guest)
        else:
            guest.close()

    def _wants(self, wish: Wish) -> None:
        """Let the main thread do something after the answer that is being made; nobody else is answered before."""
        if not self.ends:
            self._wish = wish
        for guest in list(self._guests.values()):
            if guest.question is not None and guest is not self._current:
                self._refuse(guest, "it is ending")
        self._turns.put(wish)

    def _tick(self, now: float) -> None:
        """What is looked at every second."""
        for guest in list(self._guests.values()):
            if guest.question is not None:
                if not guest.begun and now - guest.since >= TICK_S:  # who has just come need not read that they wait
                    guest.tell({"waiting": True})
            elif now - guest.since > ASKS_S:
                self._drop(guest)
        current = self._current
        if current is not None and current.interrupted:
            self._interrupt(current)  # what was told once may have been caught by a library
        elif (wish := self._looked()) is not None:
            self._wants(wish)

    def _looked(self) -> Wish | None:
        """What there is to do where nothing is answered; no answer begins, and changes variables, while it looks."""
        with self._taking:
            return self._look() if self._current is None and self.ready and self._wish is None else None


def _usable(descriptor: int) -> bool:
    """Whether a stream may be written to under the offline lock, which no open socket of a network is."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return True
    with socket.socket(fileno=os.dup(descriptor)) as found:
        return found.family == socket.AF_UNIX


def _is_behind(descriptor: int) -> bool:
    """Whether this process would be stopped by the kernel where it reads: in the background of its own terminal."""
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:  # no terminal, or not this process's
        return False
