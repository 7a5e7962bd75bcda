"""What a command and the resident share: the socket and the messages.

A message is one line of JSON. The first byte of a question carries the descriptors of its signals (`SCM_RIGHTS`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import struct
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from edge_assistant.core import answer, events, evidence, signals
from edge_assistant.core.errors import StorageFull
from edge_assistant_models import paths

# ---- the socket

CLAIM = "resident.lock"  # locked as long as a resident runs
SOCKET = "resident.socket"
_PEERPIDFD = 77  # SO_PEERPIDFD, which Python has no name for
_PEER = "3i"  # struct ucred: process, user, group


def folder() -> Path:
    """The folder of claim and socket: commands with the same data find the same resident.

    Services of a kiosk do not all see the data; they are told a folder that they share.
    """
    told = os.environ.get("EDGE_ASSISTANT_RUN")
    return Path(told) if told else paths.data_dir() / "run"


@contextlib.contextmanager
def opened(make: bool = False) -> Iterator[int]:
    """The folder as a descriptor, so that the folder that was checked is the one that is used.

    Raises:
        OSError: it cannot be opened, or made where that is wanted.
        StorageFull: another user owns it or can look into it.
    """
    where = folder()
    if make:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(where, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            hint = "chmod 700 it, or set EDGE_ASSISTANT_HOME to another folder"
            raise StorageFull(f"the folder {where} is not yours alone", hint)
        yield descriptor
    finally:
        os.close(descriptor)


def is_claimed() -> bool:
    """Whether a resident runs, starts or ends over the same data, even if it cannot be reached.

    Raises:
        OSError: the claim cannot be looked at.
    """
    try:
        claim = os.open(folder() / CLAIM, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # no resident starts there
        return False
    try:
        fcntl.flock(claim, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(claim)
    return False


def address(folder: int) -> str:
    """The socket in an open folder as an address, which has room for 107 bytes only."""
    return f"/proc/self/fd/{folder}/{SOCKET}"


class Peer(NamedTuple):
    """The process at the other end when it connected, or began to listen."""

    process: int
    user: int
    group: int


def peer(connection: socket.socket) -> Peer:
    """The process at the other end, from the kernel."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_PEER))
    return Peer(*struct.unpack(_PEER, found))


@contextlib.contextmanager
def process(connection: socket.socket) -> Iterator[int | None]:
    """The process at the other end as a descriptor, which outlives a reuse of its number; None before Linux 6.5.

    Raises:
        ProcessLookupError: that process is gone.
    """
    try:
        found = connection.getsockopt(socket.SOL_SOCKET, _PEERPIDFD, struct.calcsize("i"))
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise ProcessLookupError(errno.ESRCH, "it is gone") from error
        yield None
        return
    descriptor = int.from_bytes(found, sys.byteorder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# ---- messages

OBEYS = {"obeys": True}  # the reply to the orders stop and restart
MAX_DESCRIPTORS = 253  # that Linux passes at once
REQUEST_BYTES = 1 << 20  # of a message to the resident
REPLY_BYTES = 256 << 20  # of a message to the command; an answer holds all of its evidence
_CHUNK = 1 << 16
Asked = TypeVar("Asked", "QuestionMessage", "ServiceMessage")


class MalformedMessage(ValueError):
    """A message that no command and no resident of this version sends."""


@dataclass(frozen=True, slots=True)
class QuestionMessage:
    """A question over signals, with the settings that it depends on.

    Attributes:
        text: the question; None to compare the signals.
        signals: what was given.
        failed: signals that could not be taken.
        names: names of the given files, for redaction.
        profile: which models.
        language: of what is spoken and written; None detects it.
        domain: name or path of a domain file.
        folder: that this path starts from.
        seed: of sampling.
        strict: whether the first failure of a signal ends it.
        redact: whether events, answer and errors are redacted.
        cache: whether evidence is cached on disk.
        free_talk: whether the language model answers without sources.
        gpu: the setting.
        began: `time.perf_counter()` of the command's start; Linux has one such clock for all processes.
    """

    text: str | None
    signals: tuple[signals.Signal, ...]
    failed: tuple[answer.Failure, ...]
    names: tuple[str, ...]
    profile: str
    language: str | None
    domain: str | None
    folder: str
    seed: int
    strict: bool
    redact: bool
    cache: bool
    free_talk: bool
    gpu: str
    began: float


class ServiceTask(Enum):
    """What a gateway can have done."""

    ASK = "ask"
    CHECK = "check"
    PERCEIVE = "perceive"
    SPEAK = "speak"
    EMBED = "embed"


@dataclass(frozen=True, slots=True)
class ServiceMessage:
    """What the gateway wants for one of its clients, under the settings and the policy of the resident.

    Attributes:
        task: what is to be done.
        texts: the messages of a conversation, the last of which is answered; the text to speak; texts to embed.
        signals: what was given, in the order of the descriptors.
        language: of what is spoken and written; None detects it.
        asks: whether the client can ask a person; the reply is `confirm` then, where the policy wants values confirmed.
        confirmed: the questions of such a reply to which the person said yes; None where nobody was asked.
        conversation: the client and its id of one whose earlier messages the resident keeps; the id may be empty.
        schema: JSON schema that the answer is to fill, as text; empty if none.
        tools: functions that the client offers and which are to be called, as JSON text; empty if none.
    """

    task: ServiceTask
    texts: tuple[str, ...] = ()
    signals: tuple[signals.Signal, ...] = ()
    language: str | None = None
    asks: bool = False
    confirmed: tuple[str, ...] | None = None
    conversation: tuple[str, str] | None = None
    schema: str = ""
    tools: str = ""


_TYPES = {
    kind.__name__: kind
    for kind in (
        *(kind for module in (answer, events, evidence, signals) for kind in vars(module).values()),
        QuestionMessage,
        ServiceMessage,
        ServiceTask,
    )
    if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, Enum))
}


def packed(message: Mapping[str, object]) -> bytes:
    """A message as it is sent; contents of signals and details of evidence are left out."""
    return json.dumps(message, default=_plain, separators=(",", ":")).encode("ascii") + b"\n"


def unpacked(line: bytes) -> dict[str, Any]:
    """The message of a line.

    Raises:
        Malformed: it is no JSON object, or no type of ours has its fields.
    """
    try:
        found = json.loads(line.decode("ascii"), object_hook=_typed)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise MalformedMessage("a message is not of this version") from None
    if not isinstance(found, dict):
        raise MalformedMessage("a message is no object")
    return found


def _plain(value: object) -> dict[str, object]:
    """A dataclass or time as JSON can hold it."""
    if isinstance(value, datetime):
        return {"type": "datetime", "text": value.isoformat()}
    if isinstance(value, signals.Signal):
        value = replace(value, path=None, data=None)
    elif isinstance(value, evidence.Evidence):
        value = replace(value, detail=evidence.Passage())
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is in no message")
    return {"type": type(value).__name__} | {field.name: _named(getattr(value, field.name)) for field in fields(value)}


def _named(value: object) -> object:
    """A member of an enumeration with its type, as it is a text for JSON."""
    return {"type": type(value).__name__, "value": value.value} if isinstance(value, Enum) else value


def _typed(found: dict[str, Any]) -> object:
    """What `_plain` was given."""
    match found.pop("type", None):
        case None:
            return found
        case "datetime":
            return datetime.fromisoformat(found["text"])
        case kind:
            return _TYPES[kind](**{key: _frozen(value) for key, value in found.items()})


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


class Channel:
    """One end of a connection. Several threads may send; one receives.

    Attributes:
        connection: to the other process.
        descriptors: that came with the messages so far; the owner closes them.
    """

    def __init__(self, connection: socket.socket, most: int, room: int = 0) -> None:
        """Wrap a connection; messages of over `most` bytes are refused, and `room` descriptors are taken."""
        self.connection = connection
        self.descriptors: list[int] = []
        self._most, self._room = most, room
        self._buffer = bytearray()
        self._sending = threading.Lock()

    def send(self, message: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        """Send a message.

        Raises:
            OSError: it cannot be sent.
        """
        data = packed(message)
        with self._sending:
            if descriptors:
                socket.send_fds(self.connection, [b" "], descriptors)
            self.connection.sendall(data)

    def receive(self) -> dict[str, Any]:
        """The next message. After a timeout it can be asked for again.

        Raises:
            OSError: nothing comes.
            EOFError: the other end has closed the connection.
            Malformed: it is too long or no message.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            data, descriptors, *_ = socket.recv_fds(self.connection, _CHUNK, self._room)
            self.descriptors += descriptors
            for descriptor in descriptors:  # Python 3.11 forgets MSG_CMSG_CLOEXEC
                os.set_inheritable(descriptor, False)
            if not data:
                raise EOFError("it ended")
            self._buffer += data
            if len(self._buffer) > self._most:
                raise MalformedMessage("a message is too long")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return unpacked(line)

    def opened(self, message: Asked) -> Asked:
        """A message with its signals over the descriptors that came; what has no file is held in memory."""
        found = []
        for one, descriptor in zip(message.signals, self.descriptors, strict=True):
            file = Path(f"/proc/self/fd/{descriptor}")
            if one.origin is signals.Origin.FILE:
                found.append(replace(one, path=file, stamp=one.stamp and signals.Stamp(*one.stamp)))
            else:
                found.append(replace(one, path=None, data=file.read_bytes()))
        return replace(message, signals=tuple(found))
