"""What goes over the socket: one message of bounded JSON at a time, and four descriptors with a command line.

A message is taken as it is meant or not at all. Sockets of sequenced packets keep messages apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 128 << 10  # of a message; the kernel takes 208 KiB by default, and a command line of more is answered cold
MAX_WORDS = 1_000  # of a command line; and variables
STREAMS = 3  # standard input, output and error
DESCRIPTORS = STREAMS + 1  # and the folder one stands in
WAITING = 16  # connections that the kernel keeps before they are taken
VERBS = ("ask", "check")
ORDERS = ("status", "stop", "drop")
INTERRUPT = "interrupt"
OBEYS = {"obeys": True}  # what is said to the orders that end the resident or let it begin anew
_INT = 4  # bytes of a descriptor in a message
_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_CODEC = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


class Malformed(ValueError):
    """A message that is none of ours."""


@dataclass(frozen=True, slots=True)
class Stream:
    """How text goes through one of the standard streams."""

    encoding: str
    errors: str


@dataclass(frozen=True, slots=True)
class Question:
    """A command to answer.

    Attributes:
        arguments: its words behind `edge-assistant`.
        environment: variables that hold for the time of its answer.
        facts: see `facts`.
        streams: standard input, output and error.
        began: `time.perf_counter()` of its start; Linux has one such clock for all processes.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    facts: Mapping[str, str]
    streams: tuple[Stream, ...]
    began: float


@dataclass(frozen=True, slots=True)
class Order:
    """Something else that the resident is told: one of `ORDERS`."""

    what: str


def packed(message: Question | Order | Mapping[str, object]) -> bytes:
    """A message as it is sent.

    Raises:
        Malformed: it is too long.
    """
    data = json.dumps(_object(message), separators=(",", ":")).encode("ascii")
    if len(data) > MAX_BYTES:
        raise Malformed("too long")
    return data


def _object(message: Question | Order | Mapping[str, object]) -> Mapping[str, object]:
    match message:
        case Order(what):
            return {"order": what}
        case Question():
            return {
                "arguments": list(message.arguments),
                "environment": dict(message.environment),
                "facts": dict(message.facts),
                "streams": [[stream.encoding, stream.errors] for stream in message.streams],
                "began": message.began,
            }
        case _:
            return message


def told(data: bytes) -> dict[str, Any]:
    """What stands in a message.

    Raises:
        Malformed: it is too long, or no JSON object.
    """
    if len(data) > MAX_BYTES:
        raise Malformed("too long")
    try:
        found = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise Malformed("no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("no object")
    return found


def asked(data: bytes) -> Question | Order:
    """A message to the resident.

    Raises:
        Malformed: it is none that a client of ours sends.
    """
    found = told(data)
    if set(found) == {"order"}:
        if found["order"] not in ORDERS:
            raise Malformed("unknown order")
        return Order(found["order"])
    if set(found) != {"arguments", "environment", "facts", "streams", "began"}:
        raise Malformed("other keys")
    began = found["began"]
    if type(began) is not float or not abs(began) < 1e15:
        raise Malformed("no time")
    return Question(
        arguments=_words(found["arguments"]),
        environment=_variables(found["environment"]),
        facts=_texts(found["facts"]),
        streams=_streams(found["streams"]),
        began=began,
    )


def _words(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) > MAX_WORDS or not all(map(_is_text, found)):
        raise Malformed("no words")
    if not found or found[0] not in VERBS:
        raise Malformed("another verb")
    return tuple(found)


def _texts(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or len(found) > MAX_WORDS or not all(map(_is_text, found.values())):
        raise Malformed("no texts by name")
    return found


def _variables(found: object) -> dict[str, str]:
    from edge_assistant.resident.facts import is_honoured

    variables = _texts(found)
    if not all(_NAME.fullmatch(name) and is_honoured(name) for name in variables):
        raise Malformed("with a variable that holds for no answer")
    return variables


def _streams(found: object) -> tuple[Stream, ...]:
    if not isinstance(found, list) or len(found) != STREAMS:
        raise Malformed("no streams")
    return tuple(map(_stream, found))


def _stream(found: object) -> Stream:
    match found:
        case [str() as encoding, str() as errors] if _CODEC.fullmatch(encoding) and _CODEC.fullmatch(errors):
            return Stream(encoding, errors)
    raise Malformed("no stream")


def _is_text(found: object) -> bool:
    """Whether it is a text that a command line or a variable can hold; bytes that are no UTF-8 are surrogates."""
    if not isinstance(found, str) or "\0" in found:
        return False
    try:
        os.fsencode(found)
    except UnicodeEncodeError:
        return False
    return True


def send(
    connection: socket.socket, message: Question | Order | Mapping[str, object], given: Sequence[int] = ()
) -> None:
    """Send a message, and descriptors with it.

    Raises:
        OSError: it cannot be sent.
        Malformed: it is too long.
    """
    socket.send_fds(connection, [packed(message)], given)


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """The next message, of which no more than is allowed is taken, and descriptors; empty at the end.

    Raises:
        OSError: nothing comes.
        Malformed: it is too long, or brings more descriptors than there is room for; none is kept open then.
    """
    # socket.recv_fds of Python 3.11 forgets the flags
    room = socket.CMSG_LEN(DESCRIPTORS * _INT)
    data, brought, found, _ = connection.recvmsg(MAX_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    given = [
        int.from_bytes(rights[at : at + _INT], sys.byteorder)
        for level, kind, rights in brought
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for at in range(0, len(rights) - len(rights) % _INT, _INT)
    ]
    if found & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close(given)
        raise Malformed("too much")
    return data, given


def close(given: Sequence[int]) -> None:
    """Close descriptors."""
    for descriptor in given:
        with contextlib.suppress(OSError):
            os.close(descriptor)
