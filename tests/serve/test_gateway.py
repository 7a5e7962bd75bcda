"""The gateway's servers in this process: clients that keep a connection and say no more."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from helpers.gateways import TOKEN
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from edge_assistant.serve import gateway, http

HEAD = f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 12\r\n\r\n"


async def answered(*parts: bytes, pause: float = 0.0) -> bytes:
    """What the real servers answer to parts of a request, until they end the connection."""
    desk: Any = None  # nothing gets so far
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(gateway._config(http.app(desk, TOKEN, "127.0.0.1")))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        async with asyncio.timeout(10):
            found = await reader.read()
        writer.close()
        server.should_exit = True
        await serving
    return found


@pytest.mark.parametrize("parts", [[HEAD.encode()], [HEAD.encode(), b"{", b'"', b'"']])
def test_a_request_whose_rest_does_not_come_is_let_go(parts: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "WHOLE_S", 0.5)
    assert asyncio.run(answered(*parts, pause=0.2)) == b""


def test_a_request_that_comes_in_parts_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "WHOLE_S", 2.0)
    head = HEAD.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode()
    assert asyncio.run(answered(head, b'{"input":', b" 1}", pause=0.2)).startswith(b"HTTP/1.1 400 ")


def test_a_connection_that_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "FIRST_S", 0.2)
    assert asyncio.run(answered(b"POST /v1")) == b""


@pytest.mark.parametrize(
    ("reads", "takes_s", "goes_on"), [(False, 60.0, False), (True, 60.0, True), (True, 0.7, False)]
)
def test_a_client_that_takes_nothing_or_little_of_its_answer_is_let_go(
    reads: bool, takes_s: float, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "DEAF_S", 0.7)
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
            for _ in range(50):
                await asyncio.sleep(0.05)
                if reads:
                    await loop.sock_recv(asks, 1 << 20)
            found = ended.is_set()
            asks.close()
            server.should_exit = True
            await serving
        return found

    assert asyncio.run(streamed()) is not goes_on
