"""The command's side: lets the resident answer a question, if one runs, and gives it orders."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from edge_assistant.core import errors
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import EdgeAssistantError, InputError, ResidentLost, StorageFull
from edge_assistant.core.events import Watch
from edge_assistant.core.signals import Signal
from edge_assistant.resident import protocol
from edge_assistant.resident.protocol import Channel, MalformedMessage, QuestionMessage

LIFE_S = 10.0  # between two messages; the resident sends one a second
OBEYS_S = 20.0  # for an order; the resident may be in the middle of an answer
SETTLES_S = 1.0  # for a resident that starts or ends and cannot be reached yet
PATIENCE_S = 60.0  # for others' questions; then the command does the work itself
_POLL_S = 0.05
_COMPUTED = slice(11, 13)  # of the columns of /proc/PID/stat behind the name: ticks in the program and in the kernel


class Unavailable(Exception):
    """The resident does not do what it is asked; the message says why, and is empty if none runs."""


def ask(question: QuestionMessage, facts: Mapping[str, str], watch: Watch) -> tuple[Answer, str]:
    """Let the resident answer a question.

    Args:
        question: with the signals, which are opened here.
        facts: of this command, see `compared.facts`.
        watch: is called with each event but the last, `Answered`.

    Returns:
        The answer, and a note about all of it.

    Raises:
        Unavailable: the resident does not answer, and no event came.
        ResidentLost: it ended in the middle of the answer.
        EdgeAssistantError: the answer failed.
    """
    with contextlib.ExitStack() as held:
        try:
            channel = held.enter_context(connected())
            with contextlib.ExitStack() as files:
                given = [files.enter_context(file_of(one)).fileno() for one in question.signals]
                channel.send({"question": question, "facts": facts}, given)
        except InputError as error:
            raise Unavailable(error.message) from None
        except (FileNotFoundError, ConnectionRefusedError):
            raise Unavailable from None
        except (OSError, StorageFull) as error:
            raise Unavailable(why(error)) from None
        return _Exchange(channel, watch).result()


def file_of(given: Signal) -> IO[bytes]:
    """The bytes of a signal as an open file, whose descriptor the resident is given.

    Raises:
        InputMissing, InputUnreadable, InputUnsupported: its file cannot be opened any more.
    """
    if given.path is not None:
        return given.open(check=False)
    file = os.fdopen(os.memfd_create("signal"), "wb")
    file.write(given.data or b"")
    file.flush()
    return file


@contextlib.contextmanager
def connected() -> Iterator[Channel]:
    """A connection to the resident, which is a process of the same user.

    Raises:
        FileNotFoundError, ConnectionRefusedError: none runs, or can run on this machine.
        OSError: it cannot be reached.
        StorageFull: the folder is not the user's alone.
        Unavailable: another user's process listens there.
    """
    if sys.platform != "linux":
        raise FileNotFoundError(errno.ENOENT, "there is no resident mode on this machine")
    with protocol.opened() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(LIFE_S)
        connection.connect(protocol.address(folder))
        if protocol.peer(connection).user != os.geteuid():
            raise Unavailable("it is another user's")
        yield Channel(connection, protocol.REPLY_BYTES)


def status() -> dict[str, Any] | None:
    """The resident's state; None if none runs.

    Raises:
        OSError, StorageFull, Unavailable: it cannot be reached, or does not reply.
    """
    try:
        with connected() as channel:
            channel.send({"order": "status"})
            found = channel.receive()
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except (BrokenPipeError, ConnectionResetError, TimeoutError, EOFError, MalformedMessage) as error:
        raise Unavailable(why(error)) from None
    if "refused" in found:
        raise Unavailable(str(found["refused"]))
    return found


def end(order: str) -> bool:
    """Let the resident end, or restart with fresh memory; returns when its memory is gone.

    A resident that does not obey within `OBEYS_S` is killed.

    Args:
        order: `stop` or `restart`.

    Returns:
        Whether one ran.

    Raises:
        OSError, Unavailable: it cannot be reached.
        StorageFull: there is no home folder.
    """
    since = time.monotonic()
    while True:
        try:
            with connected() as channel:
                pid = protocol.peer(channel.connection).process
                if pid == os.getpid():  # the resident itself, for after its answer
                    channel.send({"order": order})
                elif not _obeyed(channel, order):
                    _kill(channel.connection, pid)
                return True
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError, StorageFull) as error:
            if not protocol.is_claimed():
                return False
            if time.monotonic() - since > SETTLES_S:
                raise Unavailable(f"it runs and does not listen here: {why(error)}") from error
        time.sleep(_POLL_S)


def _obeyed(channel: Channel, order: str) -> bool:
    """Whether the resident takes the order and closes the connection, as it does when its memory is gone."""
    channel.connection.settimeout(OBEYS_S)
    try:
        channel.send({"order": order})
        if channel.receive() == protocol.OBEYS:
            channel.receive()
    except EOFError:
        return True
    except (OSError, MalformedMessage):
        pass
    return False


def _kill(connection: socket.socket, pid: int) -> None:
    """Kill the process at the other end, and no other that may have its number by now; returns when it is gone.

    Raises:
        Unavailable: it cannot be seen from here, or is gone, and another process has its claim.
    """
    if pid <= 0:  # it is in another container; 0 would be all processes of this command's group
        raise Unavailable("its process cannot be seen from here")
    try:
        with protocol.process(connection) as process:
            if process is None:
                os.kill(pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(process, signal.SIGKILL)
    except ProcessLookupError:
        if protocol.is_claimed():
            raise Unavailable("another process takes over and does not listen yet") from None
    connection.settimeout(OBEYS_S)
    with contextlib.suppress(OSError):  # the kernel closes the connection once the memory is free
        while connection.recv(1):
            pass


def why(error: Exception) -> str:
    """Why a resident is not used, in words."""
    if isinstance(error, TimeoutError):
        return "it gives no sign of life"
    return error.message if isinstance(error, EdgeAssistantError) else str(error)


class _Exchange:
    """From the question to the answer."""

    def __init__(self, channel: Channel, watch: Watch) -> None:
        self._channel, self._watch = channel, watch
        self._pid = protocol.peer(channel.connection).process
        self._computed = ""  # CPU time of the resident when that was last read
        self._computes()
        self._shown = False  # whether an event came
        self._told = False  # that others are answered first
        self._since = time.monotonic()

    def result(self) -> tuple[Answer, str]:
        """Wait for the answer; Ctrl-C stops it, and a second one does not wait until it has stopped. See `ask`."""
        try:
            while (found := self._took(self._received())) is None:
                pass
        except KeyboardInterrupt:
            with contextlib.suppress(OSError, EOFError, MalformedMessage):
                self._channel.connection.shutdown(socket.SHUT_WR)
                while True:
                    self._channel.receive()
            raise
        return found

    def _received(self) -> dict[str, Any]:
        while True:
            try:
                return self._channel.receive()
            except TimeoutError as error:
                if not self._computes():
                    raise self._lost(why(error)) from None
            except (OSError, EOFError, MalformedMessage) as error:
                raise self._lost(str(error)) from None

    def _lost(self, reason: str) -> Exception:
        if self._shown:
            return ResidentLost("the resident ended before the answer did", "run the command again")
        return Unavailable(reason)

    def _took(self, found: dict[str, Any]) -> tuple[Answer, str] | None:
        """Do what a message says; the answer, if it is that."""
        match found:
            case {"turn": True}:
                pass
            case {"turn": False} if time.monotonic() - self._since > PATIENCE_S:
                raise Unavailable("it is busy for long")
            case {"turn": False}:
                if not self._told:
                    self._told = True
                    print("waiting: the resident is busy", file=sys.stderr)
            case {"event": event}:
                self._shown = True
                self._watch(event)
            case {"answer": Answer() as answer, "note": str() as note}:
                return answer, note
            case {"error": [kind, str() as message, str() as hint]} if kind in errors.__all__:
                raise errors.unpacked(kind, message, hint)
            case {"refused": str() as reason}:
                raise Unavailable(reason)
            case _:
                raise self._lost("it says something else")
        return None

    def _computes(self) -> bool:
        """Whether the resident used CPU time since the last call: it lives, even if a library keeps it from sending."""
        before = self._computed
        with contextlib.suppress(OSError):
            found = Path(f"/proc/{self._pid}/stat").read_text("ascii", "replace")
            self._computed = " ".join(found.rpartition(")")[2].split()[_COMPUTED])
        return self._computed != before
