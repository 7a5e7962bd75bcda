"""The gateway's process: servers over sockets that were made before its lock, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge_assistant.sandbox import landlock
from edge_assistant.serve import http, messages
from edge_assistant.serve.calls import Broker, Desk

CONNECTIONS = 128  # at once; more are refused
HEAD_BYTES = 64 << 10  # of a request line and its headers
FIRST_S = 5.0  # within which a connection says what it wants
WHOLE_S = 120.0  # within which all of a request has come; a client that is too slow would keep others out
_HTTP = frozenset(("http", "mcp"))  # protocols over it
_ENDS_S = 2  # for what is being answered when the gateway ends
TURN_S = 2.0  # from one word to the broker that the loop came round to the next


class Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a client that says nothing, or not all."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and end if no request comes."""
        super().connection_made(transport)
        self.loop.call_later(FIRST_S, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def handle_events(self) -> None:
        """Take what came, and end if the rest of a request does not."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and self.cycle.more_body:
            self.loop.call_later(WHOLE_S, self._end_if_slow, self.cycle)

    def _end_if_slow(self, cycle: object) -> None:
        if self.cycle is cycle and self.cycle.more_body:
            self.transport.close()


def run(
    control: socket.socket, listening: Mapping[str, socket.socket], by_stdio: bool, told: Mapping[str, Any]
) -> None:
    """Serve until the broker is gone, or the client on standard input.

    Args:
        control: the socket to the broker.
        listening: a socket by protocol.
        by_stdio: whether an MCP client is on standard input and output.
        told: by the broker: `token`, `folders` whose files clients may name, and `info` of Wyoming.
    """
    logging.disable()  # of clients' requests nothing is kept, and nobody may be there to read stderr
    if by_stdio or "mcp" in listening:
        from edge_assistant.serve import mcp  # noqa: F401 - it loads libraries from outside of Python's folders
    with contextlib.suppress(OSError):
        if known := landlock.abi():
            landlock.keep_out([path for path in sys.path if path], known)
    for listener in listening.values():
        listener.listen(CONNECTIONS)
    control.send(messages.READY)
    asyncio.run(_serve(control, listening, by_stdio, told))


async def _serve(
    control: socket.socket, listening: Mapping[str, socket.socket], by_stdio: bool, told: Mapping[str, Any]
) -> None:
    broker = Broker(control)
    desk = Desk(broker)
    over_http = [name for name in listening if name in _HTTP]
    serving = [uvicorn.Server(_config(_app(name, desk, told, listening[name]))) for name in over_http]
    ends: list[asyncio.Task[object]] = [asyncio.create_task(broker.left.wait())]
    if by_stdio:
        from edge_assistant.serve import mcp

        ends.append(asyncio.create_task(mcp.converse(desk, told["folders"])))
    turning = asyncio.create_task(_turn(control))
    runs = [server.serve(sockets=[listening[name]]) for name, server in zip(over_http, serving, strict=True)]
    if at := listening.get("wyoming"):
        from edge_assistant.serve import wyoming

        runs.append(wyoming.WyomingServer(desk, told["info"]).serve(at, broker.left))
    servers = [asyncio.create_task(each) for each in runs]
    done, _ = await asyncio.wait([*ends, *servers], return_when=asyncio.FIRST_COMPLETED)
    asyncio.get_running_loop().call_later(2 * _ENDS_S, os._exit, 0)  # whatever a client still holds up
    broker.left.set()
    for server in serving:
        server.should_exit = True
    await asyncio.gather(*done, *servers)
    turning.cancel()


def _app(name: str, desk: Desk, told: Mapping[str, Any], listener: socket.socket) -> ASGIApp:
    token, address = told["token"], listener.getsockname()[0]
    if name == "mcp":
        from edge_assistant.serve import mcp

        return http.guarded(mcp.app(desk, told["folders"]), token, address)
    return http.app(desk, token, address)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=_ENDS_S,
    )


async def _turn(control: socket.socket) -> None:
    """Tell the broker, for its watchdog, that this loop comes round, which accepts and answers."""
    while True:
        with contextlib.suppress(OSError):  # the broker is busy, and has heard it before, or is gone
            control.send(messages.TURNED)
        await asyncio.sleep(TURN_S)
