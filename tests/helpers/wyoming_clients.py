"""Clients of the gateway's Wyoming side, a gateway that has it, and one over a resident that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import plain_model
from helpers.commands import COMMAND, HANGS
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable, async_read_event

from edge_assistant.resident import client
from edge_assistant.resident.protocol import ServiceMessage
from edge_assistant.serve import wyoming

CHUNK = {"rate": 16_000, "width": 2, "channels": 1}


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs: its broker, whose child it is, and its port."""

    broker: subprocess.Popen[str]
    port: int

    @property
    def mib(self) -> int:
        """Its memory."""
        child = Path(f"/proc/{self.broker.pid}/task/{self.broker.pid}/children").read_text().split()[0]
        return int(Path(f"/proc/{child}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


@contextmanager
def serving(home: Path, store: Path) -> Iterator[Gateway]:
    """A gateway in a home that is not there yet; a resident that it started ends with it."""
    home.mkdir(mode=0o700)
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text('[serve]\naddresses = ["127.0.0.1"]\n')
    with pytest.MonkeyPatch.context() as patched:
        plain_model.use(patched)
        patched.setenv("EDGE_ASSISTANT_HOME", str(home))
        patched.setenv("EDGE_ASSISTANT_MODELS", str(store))
        patched.setenv("EDGE_ASSISTANT_PROFILE", "test")
        line = [*COMMAND, "serve", "--wyoming", "127.0.0.1:0"]
        broker = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        assert broker.stdout is not None
        said = broker.stdout.readline()
        assert said.startswith("wyoming: listening on 127.0.0.1:"), said
        try:
            yield Gateway(broker, int(said.rpartition(":")[2]))
        finally:
            broker.terminate()
            broker.communicate()
            client.end("stop")


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


async def answers(port: int, content: bytes, halves: bool = False) -> list[tuple[str, Any]]:
    """The types and codes of what bytes are answered with, until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        writer.write(content)
        if halves:
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


class Desk:
    """Gives what is scripted; an exception is raised, and `None` never comes."""

    def __init__(self, *replies: dict[str, Any] | Exception | None) -> None:
        self.replies = replies
        self.asked: list[ServiceMessage] = []
        self.closed = 0

    async def call(self, message: ServiceMessage) -> AsyncGenerator[dict[str, Any], None]:
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
    *replies: dict[str, Any] | Exception | None,
) -> AsyncIterator[tuple[Desk, wyoming.WyomingServer, int]]:
    """A server in this process with what its resident gives, and its port."""
    desk, left = Desk(*replies), asyncio.Event()
    server: Any = wyoming.WyomingServer(desk, {})  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(listener, left))
        yield desk, server, port
        left.set()
        await serving
