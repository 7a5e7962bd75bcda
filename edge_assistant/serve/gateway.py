"""The gateway's process: servers over sockets that were made before its lock, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Coroutine, Mapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge_assistant.sandbox import landlock
from edge_assistant.serve import http
from edge_assistant.serve.calls import Broker, Desk

CONNECTIONS = 128  # at once; more are refused
HEAD_BYTES = 64 << 10  # of a request line and its headers
FIRST_S = 10.0  # within which a connection says what it wants


class Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a client that says nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and end if no request comes."""
        super().connection_made(transport)
        self.loop.call_later(FIRST_S, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def run(control: socket.socket, listening: Mapping[str, socket.socket], told: Mapping[str, Any]) -> None:
    """Serve until the broker is gone.

    Args:
        control: the socket to the broker.
        listening: a socket by protocol.
        told: by the broker: `token` of HTTP, `info` of Wyoming.
    """
    with contextlib.suppress(OSError):
        if known := landlock.abi():
            landlock.keep_out([path for path in sys.path if path], known)
    asyncio.run(_serve(control, listening, told))


async def _serve(control: socket.socket, listening: Mapping[str, socket.socket], told: Mapping[str, Any]) -> None:
    broker = Broker(control)
    desk = Desk(broker)
    servers: list[Coroutine[Any, Any, None]] = []
    if listener := listening.get("http"):
        servers.append(_serve_http(http.app(desk, told["token"], listener.getsockname()[0]), listener, broker))
    if listener := listening.get("wyoming"):
        from edge_assistant.serve import wyoming

        servers.append(wyoming.WyomingServer(desk, told["info"]).serve(listener, broker.left))
    await asyncio.gather(*servers)


async def _serve_http(app: ASGIApp, listener: socket.socket, broker: Broker) -> None:
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]

    async def end() -> None:
        await broker.left.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    await server.serve(sockets=[listener])
    ending.cancel()
