"""Clients of the gateway's Wyoming side, a gateway that has it, and one over a resident that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from helpers.commands import HANGS
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable, async_read_event

from edge_assistant.resident.protocol import ServiceMessage
from edge_assistant.serve import wyoming
from edge_assistant.serve.calls import Desk

CHUNK = {"rate": 16_000, "width": 2, "channels": 1}


def talk(port: int, *events: Eventable, end: str) -> list[Event]:
    """What a client gets that sends events, until one of a type comes, an error, or the end of the connection."""

    async def talked() -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port, read_timeout=HANGS) as asks:
            for event in events:
                await asks.write_event(event.event())
            return [event async for event in received(asks, end)]

    return asyncio.run(talked())


async def received(asks: AsyncTcpClient, end: str) -> AsyncIterator[Event]:
    while event := await asks.read_event():
        yield event
        if event.type in {end, "handled", "not-handled", "error"}:
            return


async def answers(port: int, content: bytes, *, ends: bool = False) -> list[tuple[str, Any]]:
    """The types and codes of what bytes are answered with until the connection ends; `ends` says no more come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        writer.write(content)
        if ends:
            writer.write_eof()
        found = []
        while event := await async_read_event(reader):
            found.append((event.type, event.data.get("code")))
        return found


def event(type: object = "ping", data: object = None, payload: bytes = b"", **more: object) -> bytes:
    """An event as bytes, of which anything may be wrong."""
    head = {"type": type, **({"data": data} if data is not None else {}), **more}
    if payload:
        head.setdefault("payload_length", len(payload))
    return json.dumps(head).encode() + b"\n" + payload


SPEAKS = event("synthesize", {"text": "hello"})
HEARS = event("transcribe") + event("audio-chunk", CHUNK, bytes(320)) + event("audio-stop")


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(HANGS):
        while not true():
            await asyncio.sleep(0.01)


class ScriptedDesk(Desk):
    """Gives what is scripted; an exception is raised, and `None` never comes."""

    def __init__(self, *replies: dict[str, Any] | Exception | None) -> None:
        self.replies = replies
        self.asked: list[ServiceMessage] = []
        self.closed = 0

    async def call(
        self, message: ServiceMessage, paths: Sequence[str] = (), *, folder: bool = False
    ) -> AsyncGenerator[dict[str, Any], None]:
        self.asked.append(message)
        try:
            for reply in self.replies:
                if isinstance(reply, Exception):
                    raise reply
                if reply is None:
                    await asyncio.Event().wait()
                else:
                    yield reply
        finally:
            self.closed += 1


@contextlib.asynccontextmanager
async def scripted(
    *replies: dict[str, Any] | Exception | None, desk: ScriptedDesk | None = None
) -> AsyncIterator[tuple[ScriptedDesk, wyoming.WyomingServer, int]]:
    """A server in this process with what its resident gives, and its port."""
    desk, left = desk or ScriptedDesk(*replies), asyncio.Event()
    server = wyoming.WyomingServer(desk, {})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(listener, left))
        yield desk, server, port
        left.set()
        await serving
