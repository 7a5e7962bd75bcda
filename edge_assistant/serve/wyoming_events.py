"""Events of Wyoming as clients send them, none longer than it may be.

An event is a line of JSON that announces so many bytes of JSON and of payload, which follow it. The lengths are looked
at before anything of them is read; the reader of the package `wyoming` reads whatever is announced.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from wyoming.event import Event, async_write_event

LINE_BYTES, DATA_BYTES, PAYLOAD_BYTES = 64 << 10, 64 << 10, 256 << 10  # of one event
TEXT_CHARACTERS = 10_000  # of a text that is spoken or asked
FIRST_S = 10.0  # within which a client says what it wants
SILENCE_S = 60.0  # after which a client is gone that waits for nothing, or does not take what it is sent
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?![A-Za-z])")
T = TypeVar("T")


class Malformed(Exception):
    """An event that breaks the protocol or a limit; the text says how."""

    code = "malformed"


class EventHead(msgspec.Struct):
    """The line with which an event begins."""

    type: str
    data: dict[str, Any] | None = None
    data_length: Annotated[int, Meta(ge=0, le=DATA_BYTES)] | None = None
    payload_length: Annotated[int, Meta(ge=0, le=PAYLOAD_BYTES)] | None = None


async def read_event(
    reader: asyncio.StreamReader, seconds: float, room: Callable[[], int], waits: Callable[[], bool]
) -> Event | None:
    """The next event; None if the client is gone.

    Args:
        reader: whose limit is `LINE_BYTES`.
        seconds: within which it begins.
        room: how many bytes of payload can be taken.
        waits: whether the client waits for something, and so need not say anything.

    Raises:
        Malformed: it is none, or its lengths are over the limits; of its content nothing is read then.
        TimeoutError: none comes, or not all of it.
    """
    while True:
        try:
            async with asyncio.timeout(seconds):
                line = await reader.readline()
            break
        except TimeoutError:
            if not waits():
                raise
        except ValueError:
            raise Malformed(f"a line has at most {LINE_BYTES:,} bytes") from None
    if not line.endswith(b"\n"):
        return None
    head = _decoded(line, EventHead)
    payload, data = head.payload_length or 0, head.data or {}
    if payload > room():
        raise Malformed("a recording is too long")
    try:
        async with asyncio.timeout(SILENCE_S):
            if more := await reader.readexactly(head.data_length or 0):
                data |= _decoded(more, dict[str, Any])
            return Event(head.type, data, await reader.readexactly(payload))
    except asyncio.IncompleteReadError:
        return None


def _decoded(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # a wrong type is one, too
        raise Malformed(f"this is no event: {error}") from None


def text_of(data: Mapping[str, Any], name: str) -> str:
    """A text of an event; empty if there is none."""
    found = data.get(name) or ""
    if not isinstance(found, str) or len(found) > TEXT_CHARACTERS:
        raise Malformed(f"'{name}' is a text of at most {TEXT_CHARACTERS:,} characters")
    return found


def language_of(data: Mapping[str, Any]) -> str | None:
    """The ISO 639 code of a language that may have a region, as `en` of `en_US`."""
    found = _LANGUAGE.match(text_of(data, "language"))
    return found[0].lower() if found else None


async def write_event(event: Event, writer: asyncio.StreamWriter, seconds: float | None = None) -> None:
    """Send an event within some seconds, `SILENCE_S` if not said.

    Raises:
        OSError, TimeoutError: the client does not take it.
    """
    async with asyncio.timeout(SILENCE_S if seconds is None else seconds):
        await async_write_event(event, writer)
