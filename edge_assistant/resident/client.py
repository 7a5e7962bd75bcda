"""The command's side: hands its words and streams to the resident, where one runs that answers as it would itself."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence

from edge_assistant.errors import EdgeAssistantError, ResidentLost, StorageFull
from edge_assistant.resident import place, wire

LIFE_S = 10.0  # between two messages; the resident sends one a second as long as it lives
OBEYS_S = 20.0  # until it has ended, as it was told; it may be in the middle of an answer
PATIENCE_S = 60.0  # for others' questions, and for a first sign of our answer; then the command does the work itself
INTERRUPTED = 130


class Unfit(Exception):
    """The resident does not answer this command; the message says why."""


def answered(arguments: Sequence[str], began: float) -> int | None:
    """Let the resident answer, if there is one.

    Args:
        arguments: the command line.
        began: `time.perf_counter()` of the command's start.

    Returns:
        The exit status; None where this process has to do the work.

    Raises:
        ResidentLost: it ended in the middle of the answer.
        KeyboardInterrupt: before it was this command's turn.
    """
    if not arguments or arguments[0] not in wire.VERBS or sys.platform != "linux":
        return None
    try:
        with connected() as connection:
            _ask(connection, arguments, began)
            return _Waiting(connection).status()
    except (FileNotFoundError, ConnectionRefusedError):
        return None  # none runs
    except (OSError, StorageFull, wire.Malformed, Unfit) as error:
        if "--trace" in arguments:
            print(f"resident: not used, as {why(error)}", file=sys.stderr)
        return None


@contextlib.contextmanager
def connected() -> Iterator[socket.socket]:
    """A connection to the resident, which is a process of the same user.

    Raises:
        FileNotFoundError, ConnectionRefusedError: none runs.
        OSError: it cannot be reached.
        StorageFull: the folder is not the user's alone.
        Unfit: somebody else listens there.
    """
    with place.opened() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(LIFE_S)
        connection.connect(place.address(folder, place.name()))
        if place.peer(connection).user != os.geteuid():
            raise Unfit("it is another user's")
        yield connection


def told(what: str) -> dict[str, object] | None:
    """Give the resident an order; what it says to that, None where none runs.

    Raises:
        OSError, StorageFull, Unfit, Malformed: it cannot be spoken to.
    """
    try:
        with connected() as connection:
            wire.send(connection, wire.Order(what))
            return wire.told(wire.receive(connection)[0])
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except TimeoutError as error:
        raise Unfit(why(error)) from None


def ended(order: str) -> bool:
    """Let the resident end, or begin anew without anything that it was asked; back when its memory is gone.

    One that does not obey within its patience is killed: the kernel says which process it is.

    Args:
        order: `stop` or `drop`.

    Returns:
        Whether one ran.

    Raises:
        OSError, StorageFull, Unfit: it cannot be spoken to.
    """
    try:
        with connected() as connection:
            pid = place.peer(connection).process
            wire.send(connection, wire.Order(order))
            if pid != os.getpid() and not _gone(connection):  # in the resident itself it is for after the answer
                os.kill(pid, signal.SIGKILL)
            return True
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def _gone(connection: socket.socket) -> bool:
    """Whether the other end goes away, as it does when its process ends or is replaced."""
    connection.settimeout(OBEYS_S)
    try:
        return not connection.recv(1)
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def why(error: Exception) -> str:
    """Why a resident is not used, in words."""
    if isinstance(error, TimeoutError):
        return "it gives no sign of life"
    return error.message if isinstance(error, EdgeAssistantError) else str(error)


def _ask(connection: socket.socket, arguments: Sequence[str], began: float) -> None:
    """Send the command line, with the streams and the folder that it is for."""
    from edge_assistant.resident.facts import facts, honoured

    standard = (sys.stdin, sys.stdout, sys.stderr)
    streams = tuple(wire.Stream(stream.encoding, stream.errors or "strict") for stream in standard)
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        question = wire.Question(tuple(arguments), honoured(os.environ), facts(), streams, began)
        wire.send(connection, question, [*(stream.fileno() for stream in standard), here])
    finally:
        os.close(here)


class _Waiting:
    """From the question to its status."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._turn = False  # whether it is this question's
        self._begun = False  # whether anything was printed or read
        self._told = False  # that others are answered first
        self._since = time.monotonic()

    def status(self) -> int:
        """Wait for the status, and hand Ctrl-C on; the second one ends this process without it.

        Raises:
            ResidentLost, KeyboardInterrupt: as `answered`.
            Unfit, OSError, Malformed: it is not going to answer, and has printed nothing.
        """
        interrupted = False
        while True:
            try:
                found = self._next()
            except KeyboardInterrupt:
                if not self._turn:
                    raise
                if interrupted:
                    return INTERRUPTED
                interrupted = True
                with contextlib.suppress(OSError):  # it ends by itself, as the next message tells
                    wire.send(self._connection, {wire.INTERRUPT: True})
                continue
            if found is not None:
                return found

    def _next(self) -> int | None:
        """Take the next message; the status, where that is it."""
        try:
            data, given = wire.receive(self._connection)
            wire.close(given)
            return self._took(wire.told(data) if data else {})
        except (OSError, wire.Malformed, Unfit):
            if self._begun:
                raise ResidentLost("the resident ended before the answer did", "run the command again") from None
            raise

    def _took(self, found: dict[str, object]) -> int | None:
        match found:
            case {"waiting": True}:
                self._wait()
            case {"turn": True}:
                self._turn = True
                self._since = time.monotonic()
            case {"begun": True}:
                self._begun = True
                self._connection.settimeout(None)
            case {"status": int() as status}:
                return status
            case {"refused": str() as why}:
                raise Unfit(why)
            case _:
                raise Unfit("it ended")
        return None

    def _wait(self) -> None:
        """Go on waiting, and say so once.

        Raises:
            Unfit: it takes too long.
        """
        if not self._begun and time.monotonic() - self._since > PATIENCE_S:
            raise Unfit("it is busy for long")
        if not self._turn and not self._told:
            self._told = True
            print("waiting: the resident is busy", file=sys.stderr)
