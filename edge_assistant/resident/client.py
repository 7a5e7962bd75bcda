"""The command's side: hands its words and streams to the resident, where one runs that answers as it would itself."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_assistant.core.errors import EdgeAssistantError, ResidentLost, StorageFull
from edge_assistant.resident import place, wire

LIFE_S = 10.0  # between two messages; the resident sends one a second as long as it lives
OBEYS_S = 20.0  # until it has ended, as it was told; it may be in the middle of an answer
SETTLES_S = 1.0  # for one that starts or ends, and cannot be spoken to just then
PATIENCE_S = 60.0  # for others' questions; then the command does the work itself
INTERRUPTED = 130
_ENDED = "it ended"
_POLL_S = 0.05
_COMPUTED = slice(11, 13)  # of the columns of /proc/PID/stat behind the name: ticks in the program and in the kernel


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
    if not arguments or arguments[0] not in wire.VERBS:
        return None
    try:
        with connected() as connection, _terminal_kept():
            _ask(connection, arguments, began)
            return _Waiting(connection, place.peer(connection).process).status()
    except (FileNotFoundError, ConnectionRefusedError):
        return None  # none runs
    except (OSError, StorageFull, wire.Malformed, Unfit) as error:
        if "--trace" in arguments:
            print(f"resident: not used, as {why(error)}", file=sys.stderr)
        return None


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Where a resident is lost that had let something be typed unseen, let what is typed be seen again."""
    import termios

    before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    try:
        yield
    except ResidentLost:
        if before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        raise


@contextlib.contextmanager
def connected() -> Iterator[socket.socket]:
    """A connection to the resident, which is a process of the same user.

    Raises:
        FileNotFoundError, ConnectionRefusedError: none runs, or can run on this machine.
        OSError: it cannot be reached.
        StorageFull: the folder is not the user's alone.
        Unfit: somebody else listens there.
    """
    if sys.platform != "linux":
        raise FileNotFoundError(errno.ENOENT, "there is no resident mode on this machine")
    with place.reached() as address, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(LIFE_S)
        connection.connect(address)
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
            data, _ = wire.receive(connection)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except (BrokenPipeError, ConnectionResetError):
        data = b""
    except TimeoutError as error:
        raise Unfit(why(error)) from None
    if not data:
        raise Unfit(_ENDED)
    found = wire.told(data)
    if "refused" in found:
        raise Unfit(str(found["refused"]))
    return found


def ended(order: str) -> bool:
    """Let the resident end, or begin anew without anything that it was asked; back when its memory is gone.

    One that does not obey within its patience is killed: the kernel says which process it is.

    Args:
        order: `stop` or `drop`.

    Returns:
        Whether one ran.

    Raises:
        OSError, Unfit: it cannot be spoken to.
        StorageFull: there is no home folder.
    """
    since = time.monotonic()
    while True:
        try:
            with connected() as connection:
                _end(connection, order)
                return True
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError, StorageFull) as error:
            if not place.is_claimed():
                return False
            if time.monotonic() - since > SETTLES_S:
                raise Unfit(f"it runs and does not listen here: {why(error)}") from error
        time.sleep(_POLL_S)


def _end(connection: socket.socket, order: str) -> None:
    """Give the order to end, and see to it that it is obeyed.

    Raises:
        OSError, Unfit: that cannot be.
    """
    pid = place.peer(connection).process
    if pid == os.getpid():  # the resident itself, for after its answer
        wire.send(connection, wire.Order(order))
    elif not _obeyed(connection, order):
        _kill(connection, pid)


def _obeyed(connection: socket.socket, order: str) -> bool:
    """Whether the other end takes the order and then goes away, as it does when its process ends or is replaced."""
    connection.settimeout(OBEYS_S)
    try:
        wire.send(connection, wire.Order(order))
        return wire.told(wire.receive(connection)[0]) == wire.OBEYS and not connection.recv(1)
    except (OSError, wire.Malformed):
        return False


def _kill(connection: socket.socket, pid: int) -> None:
    """End the process at the other end at once, and no other that may have got its number since; back when it is gone.

    Raises:
        Unfit: it cannot be seen from here, or is gone, and another one goes on from it.
    """
    if pid <= 0:  # it is in another container; 0 would be all processes of this command's group
        raise Unfit("its process cannot be seen from here")
    try:
        with place.process(connection) as process:
            if process is None:
                os.kill(pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(process, signal.SIGKILL)
    except ProcessLookupError:
        if place.is_claimed():
            raise Unfit("another process goes on from it and does not listen yet") from None
    _gone(connection)


def _gone(connection: socket.socket) -> None:
    """Wait until the other end is closed, as the kernel does once the memory of its process is free."""
    connection.settimeout(OBEYS_S)
    with contextlib.suppress(OSError):
        while connection.recv(1):
            pass


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

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self._pid = pid
        self._computed = ""  # how much it had, when that was last looked at
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
        except (OSError, wire.Malformed, Unfit) as error:
            if isinstance(error, TimeoutError) and self._turn and self._computes():
                return None
            if self._begun or self._withdrawn():
                raise ResidentLost("the resident ended before the answer did", "run the command again") from None
            raise

    def _took(self, found: dict[str, object]) -> int | None:
        match found:
            case {"waiting": True}:
                self._wait()
            case {"turn": True}:
                self._turn = True
                self._computes()
            case {"begun": True}:
                self._begun = True
                self._connection.settimeout(None)
            case {"status": int() as status}:
                return status
            case {"refused": str() as why}:
                raise Unfit(why)
            case _:
                raise Unfit(_ENDED)
        return None

    def _wait(self) -> None:
        """Go on waiting, and say so once.

        Raises:
            Unfit: others take too long, and nothing else was said in the meantime.
        """
        if self._turn:
            return
        more = select.select([self._connection], [], [], 0)[0]  # this process may have been stopped for a while
        if not more and time.monotonic() - self._since > PATIENCE_S:
            raise Unfit("it is busy for long")
        if not more and not self._told:
            self._told = True
            print("waiting: the resident is busy", file=sys.stderr)

    def _computes(self) -> bool:
        """Whether it computed since this was last asked: it lives then, though a library keeps it from saying so."""
        before = self._computed
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{self._pid}/stat").read_text("ascii", "replace")
            self._computed = " ".join(told.rpartition(")")[2].split()[_COMPUTED])
        return self._computed != before

    def _withdrawn(self) -> bool:
        """Have nothing printed any more; whether something was, of which this process had not been told yet."""
        with contextlib.suppress(OSError, wire.Malformed):
            self._connection.shutdown(socket.SHUT_RD)  # from here on the resident sees that nobody listens
            while data := wire.receive(self._connection)[0]:
                if "begun" in wire.told(data):
                    return True
        return False
