"""The gateway's process: servers over sockets that were made before its lock, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
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
DEAF_S = 120.0  # within which a client takes something of its answer, which holds one of the places in the queue
TAKES_S = 1800.0  # within which it takes all of it, once it was too slow; the longest speech is played in a third of it
_PAGE_BYTES = 1 << 20  # that a page of the app says at once, such as what is pasted
SLEEPS_S = 20.0  # between two pings to a page, and for its answer
_PAGE_GONE = 75  # exit status of a process that has shown the app to a page
_ENDS_S = 2  # for what is being answered when the gateway ends
TURN_S = 2.0  # from one word to the broker that the loop came round to the next


class Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a client that says nothing, or not all, or takes no answer."""

    _awaiting: asyncio.TimerHandle  # of a first request, or of the rest of one
    _looking: asyncio.TimerHandle | None = None
    _slow: tuple[object, float] = (None, 0.0)  # an answer that had to wait, and until when

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and end if no request comes."""
        super().connection_made(transport)
        self._awaiting = self.loop.call_later(FIRST_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of all that waits for the client, which would keep what it sent."""
        super().connection_lost(exc)
        for timer in filter(None, (self._awaiting, self._looking, self.timeout_keep_alive_task)):
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what came; unlike in uvicorn, what is no whole request gives a client no more time to send one."""
        self.conn.receive_data(data)
        self.handle_events()

    def handle_events(self) -> None:
        """Take what came, and end if the rest of a request does not."""
        before = self.cycle
        super().handle_events()
        upgraded = self.transport.get_protocol() is not self  # a WebSocket has taken its place
        waits = self.cycle is None or self.cycle.more_body
        if upgraded or self.cycle is not before or not waits:
            self._awaiting.cancel()
        if self.cycle is not before and waits:
            self._awaiting = self.loop.call_later(WHOLE_S, self.transport.close)

    def pause_writing(self) -> None:
        """Wait until the client takes what it was sent, and end if it does not."""
        super().pause_writing()
        if self._slow[0] is not self.cycle:
            self._slow = self.cycle, self.loop.time() + TAKES_S
        self._end_if_deaf(math.inf)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._looking is not None:
            self._looking.cancel()

    def _end_if_deaf(self, before: float) -> None:
        left = self.transport.get_write_buffer_size()
        if left >= before or self.loop.time() > self._slow[1]:
            self.transport.abort()
        elif self.flow.write_paused:  # and the client has not gone
            self._looking = self.loop.call_later(DEAF_S, self._end_if_deaf, left)


def run(control: socket.socket, listening: Mapping[str, socket.socket], by_stdio: bool, told: Mapping[str, Any]) -> int:
    """Serve until the broker is gone, or the client on standard input; gives the exit status.

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
    if "app" in listening:
        from edge_assistant.serve import browser  # noqa: F401 - once for all processes
    control.send(messages.READY)
    if "app" in listening and (status := _begun_for_each_page()) is not None:
        return status
    return asyncio.run(_serve(control, listening, by_stdio, told))


def _begun_for_each_page() -> int | None:
    """None in a process that serves one page, in another after that, and so on; at last here the status of the last.

    What a page's process frees of what was drawn and typed stays in its memory, so that ends with the page.
    """
    while child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != _PAGE_GONE:
            return status
    return None


async def _serve(
    control: socket.socket, listening: Mapping[str, socket.socket], by_stdio: bool, told: Mapping[str, Any]
) -> int:
    broker = Broker(control)
    desk = Desk(broker)
    ends: list[asyncio.Task[object]] = [asyncio.create_task(broker.left.wait())]
    apps: dict[str, ASGIApp] = {}
    websockets: type[asyncio.Protocol] | None = None
    page_gone = asyncio.Event()
    token, folders = told["token"], told["folders"]
    if at := listening.get("http"):
        apps["http"] = http.app(desk, token, at.getsockname()[0])
    if by_stdio or "mcp" in listening:
        from edge_assistant.serve import mcp

        if by_stdio:
            ends.append(asyncio.create_task(mcp.converse(desk, folders)))
        if at := listening.get("mcp"):
            apps["mcp"] = http.Guard(mcp.app(desk, folders), token, at.getsockname()[0])
    if at := listening.get("app"):
        from edge_assistant.serve import browser

        apps["app"] = browser.app(broker, token, at.getsockname()[0], page_gone)
        websockets = browser.PageProtocol
        ends.append(asyncio.create_task(page_gone.wait()))
    turning = asyncio.create_task(_turn(control))
    serving = {name: uvicorn.Server(_config(app, websockets)) for name, app in apps.items()}
    runs = [server.serve(sockets=[listening[name]]) for name, server in serving.items()]
    if at := listening.get("wyoming"):
        from edge_assistant.serve import wyoming

        runs.append(wyoming.WyomingServer(desk, told["info"]).serve(at, broker.left))
    servers = [asyncio.create_task(each) for each in runs]
    done, _ = await asyncio.wait([*ends, *servers], return_when=asyncio.FIRST_COMPLETED)
    is_told = not done.isdisjoint(ends)
    status = _PAGE_GONE if page_gone.is_set() else 0 if is_told else 1
    asyncio.get_running_loop().call_later(2 * _ENDS_S, os._exit, status)  # whatever a client still holds up
    broker.left.set()
    for server in serving.values():
        server.should_exit = True
        for each in server.servers:
            each.close()  # at once: what comes now is for the next process
    await asyncio.gather(*done, *servers)
    turning.cancel()
    if not is_told:
        raise RuntimeError("a server ended")
    return status


def _config(app: ASGIApp, websockets: type[asyncio.Protocol] | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws=websockets or "none",
        ws_max_size=_PAGE_BYTES,
        ws_ping_interval=SLEEPS_S,
        ws_ping_timeout=SLEEPS_S,
        ws_per_message_deflate=False,
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
