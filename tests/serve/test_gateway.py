"""The gateway's servers in this process: clients that keep a connection and say no more."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from helpers.gateways import TOKEN
from helpers.scripted_resident import HANGS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from edge_assistant.serve import gateway, http

LOOK_S = 0.05
HEAD = f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 12\r\n\r\n"


@asynccontextmanager
async def served() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the real servers."""
    desk: Any = None  # nothing gets so far
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(gateway._config(http.app(desk, TOKEN, "127.0.0.1")))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        yield reader, writer
        writer.close()
        server.should_exit = True
        await serving


async def answered(*parts: bytes, pause: float = 0.0) -> bytes:
    """What is answered to parts of a request, until the connection ends."""
    async with served() as (reader, writer), asyncio.timeout(HANGS):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        return await reader.read()


@pytest.mark.parametrize("parts", [[HEAD.encode()], [HEAD.encode(), b"{", b'"', b'"']])
def test_a_request_whose_rest_does_not_come_is_let_go(parts: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "WHOLE_S", 0.5)
    assert asyncio.run(answered(*parts, pause=0.2)) == b""


def test_a_request_that_comes_in_parts_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "WHOLE_S", HANGS)
    head = HEAD.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode()
    assert asyncio.run(answered(head, b'{"input":', b" 1}", pause=0.2)).startswith(b"HTTP/1.1 400 ")


def test_a_connection_that_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "FIRST_S", 0.2)
    assert asyncio.run(answered(b"POST /v1")) == b""


def test_what_is_no_request_keeps_no_connection_open() -> None:
    async def kept() -> None:
        async with served() as (reader, writer):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            while not reader.at_eof():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    writer.write(b"G")
                    await asyncio.wait_for(reader.read(), 0.1)

    asyncio.run(asyncio.wait_for(kept(), HANGS))


def test_nothing_is_kept_of_a_client_that_left() -> None:
    async def left() -> None:
        async with served() as (reader, writer):
            writer.write(HEAD.replace(TOKEN, "wrong").encode())
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 401 ")
            assert protocols()
            writer.close()
            while protocols():
                await asyncio.sleep(0.05)

    def protocols() -> list[object]:
        gc.collect()
        return [one for one in gc.get_objects() if type(one) is gateway.Protocol]

    asyncio.run(asyncio.wait_for(left(), HANGS))


@pytest.mark.parametrize(
    ("most", "deaf_s", "takes_s", "goes_on"),
    [(0, 0.7, 60.0, False), (1 << 20, 1.5, 60.0, True), (1 << 17, 60.0, 0.7, False)],
)
def test_a_client_that_takes_nothing_or_little_of_its_answer_is_let_go(
    most: int, deaf_s: float, takes_s: float, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "DEAF_S", deaf_s)
    monkeypatch.setattr(gateway, "TAKES_S", takes_s)

    async def streamed() -> bool:
        ended = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1 << 16)
                    await asyncio.sleep(0)  # so that the end of the connection is noticed
            finally:
                ended.set()

        async def answer(request: Request) -> StreamingResponse:
            return StreamingResponse(endless())

        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as asks:
            server = uvicorn.Server(gateway._config(Starlette(routes=[Route("/", answer)])))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            asks.setblocking(False)
            await loop.sock_connect(asks, listener.getsockname())
            await loop.sock_sendall(asks, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            for _ in range(int((2.5 if goes_on else HANGS) / LOOK_S)):
                await asyncio.sleep(LOOK_S)
                if found := ended.is_set():
                    break
                if most:
                    await loop.sock_recv(asks, most)
            asks.close()
            server.should_exit = True
            await serving
        return found

    assert asyncio.run(streamed()) is not goes_on
