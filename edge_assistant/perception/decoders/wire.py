"""What is said between this process and one that decodes: headers of fixed types, each with the bytes of one array.

Nothing that comes from there is code or a path, and each header is checked against its type: whoever takes over a
decoder may lie about what a signal shows, which its author can anyhow.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder

from edge_assistant.core import limits
from edge_assistant.core.errors import (
    InputCorrupt,
    InputEmpty,
    InputError,
    InputMissing,
    InputTooLarge,
    InputUnreadable,
    InputUnsupported,
)
from edge_assistant.core.signals import Kind, printable
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.page import KEEP_PIXELS

PREFIX = struct.Struct("<IQ")  # bytes of the header and of the array
_MAX_HEADER = 64 << 20
_MAX_ARRAY = 4 * KEEP_PIXELS  # of what comes from a process that decodes: a page has three bytes for each
_MAX_MESSAGE = 2_000  # characters of an error
_FAULTS = {
    kind.__name__: kind
    for kind in (InputCorrupt, InputEmpty, InputMissing, InputTooLarge, InputUnreadable, InputUnsupported, InputError)
}

_Side = Annotated[int, Meta(ge=1, le=1 << 20)]
_Seconds = Annotated[float, Meta(ge=0, le=1e9)]
_Place = Annotated[float, Meta(ge=-1e9, le=1e9)]  # in a page, which a box may stand out of; no bound lets NaN pass
_Note = tuple[str, str | None, str]  # the note; of a `Gap`, what is said, and the column
_Notes = Annotated[tuple[_Note, ...], Meta(max_length=1_000)]
_Runs = Annotated[
    tuple[tuple[str, tuple[_Place, _Place, _Place, _Place]], ...], Meta(max_length=limits.PAGE_RUNS.value)
]


class StartMessage(Struct, frozen=True):
    """The first that a process is told: what it decodes, and the limits that a policy has set lower."""

    family: str
    limits: dict[str, int]


class DecodeJob(Struct, frozen=True):
    """What is to be decoded.

    Attributes:
        call: a function of `worker`.
        name: what messages call the signal.
        kind: of the signal.
        numbers: what the function is called with besides.
    """

    call: str
    name: str
    kind: Kind
    numbers: tuple[float, ...] = ()


class NextMessage(Struct, frozen=True, tag="next"):
    """The next thing is wanted."""


class CloseMessage(Struct, frozen=True, tag="close"):
    """Nothing more is wanted of this job."""


class ReadyMessage(Struct, frozen=True, tag="ready"):
    """The process takes jobs; what the system lacks to confine it."""

    missing: tuple[str, ...]


class ProgressMessage(Struct, frozen=True, tag="progress"):
    """How much of a job is done, 0 to 1."""

    done: Annotated[float, Meta(ge=0)]


class DoneMessage(Struct, frozen=True, tag="done"):
    """A job is over; what was noted about the signal, and how much of it was heard."""

    notes: _Notes = ()
    heard: _Seconds = 0.0


class FaultMessage(Struct, frozen=True, tag="fault"):
    """A signal cannot be used."""

    kind: str
    message: str
    hint: str


class PageMessage(Struct, frozen=True, tag="page"):
    """A page, whose pixels are the array; of a shot of a video with its seconds."""

    number: int | None
    height: _Side
    width: _Side
    size: tuple[_Side, _Side]
    scale: Annotated[float, Meta(ge=1e-6, le=1)]
    text_layer: _Runs | None
    notes: _Notes
    seconds: tuple[_Seconds, _Seconds] = (0.0, 0.0)


class SoundMessage(Struct, frozen=True, tag="sound"):
    """Some sound, whose samples are the array, and when it begins; the first one, without any, tells of the recording.

    Attributes:
        heard: seconds, as `audio.Sound` has them.
        seconds: of the recording.
        notes: on it.
    """

    heard: _Seconds = 0.0
    seconds: _Seconds | None = None
    notes: _Notes = ()


Message = ReadyMessage | ProgressMessage | DoneMessage | FaultMessage | PageMessage | SoundMessage
_encoder = Encoder()
_message: Decoder[Message] = Decoder(Message)
start: Decoder[StartMessage] = Decoder(StartMessage)
job: Decoder[DecodeJob] = Decoder(DecodeJob)
order: Decoder[NextMessage | CloseMessage] = Decoder(NextMessage | CloseMessage)


class Garbled(Exception):
    """What came is nothing that is said here."""


def at_once() -> None:
    """Wait for nothing: the socket itself waits."""


def send(
    channel: socket.socket,
    header: Struct,
    array: bytes | memoryview = b"",
    descriptor: int | None = None,
    wait: Callable[[], None] = at_once,
) -> None:
    """Send a header and the bytes of an array, and hand over a file; raises OSError.

    Args:
        channel: this end of the socket.
        header: what is said.
        array: what goes with it.
        descriptor: of the file.
        wait: is called before each part; returns once there is room for some of it.
    """
    encoded = _encoder.encode(header)
    prefix = PREFIX.pack(len(encoded), memoryview(array).nbytes)
    if descriptor is not None:
        wait()
        socket.send_fds(channel, [prefix], [descriptor])
        prefix = b""
    for data in (prefix + encoded, array):
        left = memoryview(data)
        while left:
            wait()
            left = left[channel.send(left) :]


def receive(
    channel: socket.socket, wait: Callable[[], None], begun: bytes = b"", most: int = _MAX_ARRAY
) -> tuple[bytearray, bytearray]:
    """A header and the bytes of an array, both as they came.

    Args:
        channel: this end of the socket.
        wait: is called before each look; returns once there is something.
        begun: the first bytes, where they were received already.
        most: bytes of an array.

    Raises:
        Garbled: it is too long.
        EOFError: the other end is gone.
        OSError: the socket fails.
    """
    size, length = PREFIX.unpack(begun + _received(channel, PREFIX.size - len(begun), wait))
    if size > _MAX_HEADER or length > most:
        raise Garbled
    return _received(channel, size, wait), _received(channel, length, wait)


def understood(header: bytearray, array: bytearray) -> Message:
    """A message of a process that decodes, which says what its array is; raises Garbled."""
    try:
        message = _message.decode(header)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        raise Garbled from None
    match message:
        case PageMessage(height=height, width=width):
            fits = len(array) == height * width * 3
        case SoundMessage():
            fits = len(array) % 4 == 0
        case _:
            fits = not array
    if not fits:
        raise Garbled
    return message


def _received(channel: socket.socket, size: int, wait: Callable[[], None]) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        wait()
        count = channel.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return data


def told(notes: tuple[str, ...] | list[str]) -> tuple[_Note, ...]:
    """Notes as they are sent."""
    return tuple(
        (sendable(str(n)), *((sendable(n.said), n.column) if isinstance(n, Gap) else (None, ""))) for n in notes
    )


def notes_of(sent: tuple[_Note, ...]) -> tuple[str, ...]:
    """Notes as they were told; as whoever took over the other process may say anything, nothing a terminal obeys."""
    return tuple(
        printable(note) if said is None else Gap(printable(note), printable(said), printable(column))
        for note, said, column in sent
    )


def sendable(text: str) -> str:
    """A text without halves of characters (surrogates), which cannot be sent."""
    return text.encode("utf-8", "replace").decode()


def fault_of(error: InputError) -> FaultMessage:
    """An error as it is sent."""
    return FaultMessage(type(error).__name__, sendable(error.message), sendable(error.hint))


def error_of(fault: FaultMessage) -> InputError:
    """An error as it was raised."""
    message, hint = (printable(part[:_MAX_MESSAGE]) for part in (fault.message, fault.hint))
    return _FAULTS.get(fault.kind, InputError)(message, hint)


def lowered() -> dict[str, int]:
    """The limits that a policy has set lower here, by name."""
    return {name: limit.now for name, limit in limits.table().items() if limit.now != limit.value}
