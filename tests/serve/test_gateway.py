"""The gateway's servers in this process: clients that keep a connection and say no more."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
from helpers.gateways import TOKEN

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
