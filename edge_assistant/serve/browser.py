"""The app in a browser: a page with a terminal, whose keys and drawing are carried to and from the app's process.

The page is `textual-serve`'s terminal (xterm.js) and speaks its protocol: JSON lists with what happened from the page,
bytes that are drawn to it. The app behind it is that of a terminal, on a pseudoterminal, so it needs no driver of its
own; nothing else of textual-serve is loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto.events import Ping

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.serve import http, pty_process
from edge_assistant.serve.calls import Broker
from edge_assistant.serve.replies import of_error, problem

_READ_BYTES = 1 << 16
_HANGS_S = 30.0  # for an app that takes no key; while it is waited for, the end of the page is not noticed
_MOST = 500  # columns and rows: a wall of screens has fewer
_PAGE = Path(__file__).parent / "page"
# xterm.js writes style elements; all else is of this gateway, and no other page shows it in a frame. Addresses that are
# drawn are links to xterm.js; a page in a sandbox opens none.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-same-origin"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "clipboard-read=()",  # for which what is drawn can ask; to paste needs none
}


class PageProtocol(WSProtocol):
    """A WebSocket whose pings are answered as long as it takes the answers, so that they do not pile up."""

    def handle_ping(self, event: Ping) -> None:
        """Answer, or not."""
        if self.writable.is_set():
            super().handle_ping(event)


def app(broker: Broker, token: str, address: str, gone: asyncio.Event) -> ASGIApp:
    """The application.

    Args:
        broker: gives the app's terminal.
        token: that the link has behind its `#`.
        address: on which it listens, which `Host` may name.
        gone: set once a page that had the app has gone.
    """
    served = [Route(path, _sent(file, kind)) for path, (file, kind) in _files().items()]
    sessions = BrowserSessions(broker, token, gone)
    inner = Starlette(routes=[*served, WebSocketRoute("/session/{token:path}", sessions.serve)])
    hosts = http.hosts(address)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refused = None if scope["type"] == "lifespan" else http.foreign(scope, hosts)
        await (refused or inner)(scope, receive, send)

    return guarded


def _files() -> Mapping[str, tuple[Path, str]]:
    found = find_spec("textual_serve")
    assert found is not None  # the command has looked
    assert found.origin is not None
    static = Path(found.origin).parent / "static"
    return {
        "/": (_PAGE / "index.html", "text/html"),
        "/page.css": (_PAGE / "page.css", "text/css"),
        "/page.js": (_PAGE / "page.js", "text/javascript"),
        "/xterm.css": (static / "css" / "xterm.css", "text/css"),
        "/textual.js": (static / "js" / "textual.js", "text/javascript"),
    }


def _sent(file: Path, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = file.read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return answer


class BrowserSessions:
    """One page at a time has the app; another one is refused until that is closed."""

    def __init__(self, broker: Broker, token: str, gone: asyncio.Event) -> None:
        self._broker, self._token, self._gone = broker, token.encode(), gone
        self._one = asyncio.Lock()

    async def serve(self, page: WebSocket) -> None:
        """Serve a page until it or the app ends; then both do."""
        if not hmac.compare_digest(page.path_params["token"].encode(), self._token):
            await page.send_denial_response(problem(401, "the link has the token behind its #", "token"))
            return
        if self._one.locked() or self._gone.is_set():  # the next process takes the next page
            await page.send_denial_response(problem(429, "another page has the app", "busy"))
            return
        async with self._one:
            try:
                descriptor = await self._broker.app(*_size(page.query_params))
            except EdgeAssistantError as error:
                await page.send_denial_response(of_error(error))
                return
            try:
                await page.accept()
                await _carry(page, descriptor)
            finally:
                os.close(descriptor)  # the app's terminal hangs up
                self._broker.hung_up()
                self._gone.set()


def _size(given: Mapping[str, Any]) -> tuple[int, int]:
    """Columns and rows of a page, within bounds."""
    columns, rows = (str(given.get(name, "")) for name in ("width", "height"))
    found = [int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0 for text in (columns, rows)]
    return min(found[0] or 80, _MOST), min(found[1] or 24, _MOST)


async def _carry(page: WebSocket, descriptor: int) -> None:
    """Carry what is drawn and what is typed until one of both ends."""
    os.set_blocking(descriptor, False)
    both = [asyncio.create_task(_draw(page, descriptor)), asyncio.create_task(_type(page, descriptor))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has gone
        await page.close()


async def _draw(page: WebSocket, descriptor: int) -> None:
    """Send what the app draws; a page that takes nothing holds the app up."""
    while data := await _read(descriptor):
        await page.send_bytes(data)


async def _type(page: WebSocket, descriptor: int) -> None:
    """Take what a page says.

    Raises:
        WebSocketDisconnect: it is closed.
        TimeoutError: the app hangs.
        ValueError: it says something else than textual-serve's pages do.
    """
    while True:
        what, *given = _said(await page.receive_text())
        match what, given:
            case "stdin", [str(keys)]:
                await _write(descriptor, keys.encode("utf-8", "replace"))
            case "resize", [{"width": _, "height": _} as size]:
                pty_process.resize(descriptor, *_size(size))
            case "ping", [str(when)]:
                await page.send_text(json.dumps(["pong", when[:32]]))
            case (("focus" | "blur"), []):
                pass  # xterm.js tells the app as a terminal does
            case _:
                raise ValueError(what)


def _said(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError(text[:32]) from None
    if not isinstance(found, list) or not found:
        raise ValueError(text[:32])
    return found


async def _read(descriptor: int) -> bytes:
    """What is there next; nothing at the end."""
    while True:
        try:
            return os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            await anyio.wait_readable(descriptor)
        except OSError:  # EIO: nobody has the app's side open any more
            return b""


async def _write(descriptor: int, data: bytes) -> None:
    """Write all; raises TimeoutError where the app hangs."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            async with asyncio.timeout(_HANGS_S):
                await anyio.wait_writable(descriptor)
