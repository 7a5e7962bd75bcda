"""HTTP for other programs: who may ask, how much they may send, and which function answers which path."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_assistant.core.errors import EdgeAssistantError, ResidentLost
from edge_assistant.serve import openai_audio, openai_chat, openai_embeddings
from edge_assistant.serve.calls import Busy, Desk
from edge_assistant.serve.replies import BODY_BYTES, TooLarge, of_error, problem

Endpoint = Callable[[Desk, Request], Coroutine[Any, Any, Response]]
HELD_BYTES, FREE_BYTES = 256 << 20, 1 << 20  # of the bodies of all requests; one of so few is taken all the same
RETRY_S = 5  # after which a client may ask again that was told that too many wait
_OPEN = {"/healthz", "/readyz"}  # without a token, as they tell nothing of what is asked
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+))(?::\d{1,5})?")
_LOCAL = {"localhost", "127.0.0.1", "::1"}


def app(desk: Desk, token: str, address: str) -> ASGIApp:
    """The application.

    Args:
        desk: lets the resident do what is wanted.
        token: that a client has to send.
        address: on which it listens, which `Host` may name.
    """
    endpoints: dict[tuple[str, str], Endpoint] = {
        ("GET", "/healthz"): _healthy,
        ("GET", "/readyz"): _ready,
        ("GET", "/v1/models"): openai_chat.models,
        ("POST", "/v1/chat/completions"): openai_chat.completions,
        ("POST", "/v1/audio/transcriptions"): openai_audio.transcriptions,
        ("POST", "/v1/audio/speech"): openai_audio.speech,
        ("POST", "/v1/embeddings"): openai_embeddings.embeddings,
    }
    routes = [Route(path, _endpoint(desk, do), methods=[method]) for (method, path), do in endpoints.items()]
    handlers: dict[Any, Any] = {HTTPException: _http_error, Exception: _fault}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token, address)


def hosts(address: str) -> set[str]:
    """The names by which clients reach a gateway that listens on an address."""
    return {*_LOCAL, address}


def _endpoint(desk: Desk, do: Endpoint) -> Callable[..., Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            await request.body()  # so that what comes next is the end of the connection
            return await _while_connected(request, do(desk, request))
        except Busy as error:
            return _busy(error)
        except EdgeAssistantError as error:
            return of_error(error)
        except TooLarge:
            return _too_large()
        except ClientDisconnect:
            return Response(status_code=499)

    return answer


async def _while_connected(request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
    """The answer to a client; one that leaves ends it.

    Raises:
        ClientDisconnect: it has left.
    """
    work, left = asyncio.create_task(answer), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        left.cancel()
        work.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _healthy(desk: Desk, request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _ready(desk: Desk, request: Request) -> Response:
    try:
        found = await desk.status()
    except ResidentLost as error:
        return JSONResponse({"status": error.message}, 503)
    if not found.get("ready"):
        return JSONResponse({"status": "loading"}, 503)
    code = found.get("degraded")
    return JSONResponse({"status": "degraded", "code": code} if code else {"status": "ready"})


async def _http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code in {404, 405}:
        return problem(error.status_code, f"there is no {request.method} {request.url.path} here", "not_found")
    return problem(error.status_code, str(error.detail), "invalid_request")


def _too_large() -> Response:
    return problem(413, f"a request has at most {BODY_BYTES >> 20} MiB", "too_large")


def _busy(error: Busy) -> Response:
    return problem(429, str(error), error.code, {"retry-after": str(RETRY_S), "x-should-retry": "false"})


async def _fault(request: Request, error: Exception) -> Response:
    return problem(500, "a fault of the gateway; please report it", "fault")


class Guard:
    """Refuses who may not ask before anything is read: by `Host`, `Origin`, token and length."""

    def __init__(self, app: ASGIApp, token: str, address: str) -> None:
        self._app, self._token, self._hosts = app, token, hosts(address)
        self._held = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer it with what is wrong with it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        if (refused := self._refused(scope)) is not None:
            await refused(scope, receive, send)
            return
        length, taken = _length(Headers(scope=scope)), 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_BYTES:
                raise TooLarge
            return message

        self._held += length
        try:
            await self._app(scope, bounded, send)
        finally:
            self._held -= length

    def _refused(self, scope: Scope) -> Response | None:
        if (refused := foreign(scope, self._hosts)) is not None:
            return refused
        headers = Headers(scope=scope)
        given = headers.get("authorization", "").partition(" ")
        known = given[0].lower() == "bearer" and hmac.compare_digest(given[2].strip().encode(), self._token.encode())
        is_open = scope["path"] in _OPEN
        if not is_open and not known:
            return problem(401, "send the token: Authorization: Bearer TOKEN", "token", {"www-authenticate": "Bearer"})
        lengths = [value for name, value in headers.items() if name in {"content-length", "transfer-encoding"}]
        if len(lengths) > 1 or (is_open and lengths not in ([], ["0"])):
            # a proxy before us may see another end than we do, and a body that nobody reads may never come
            told = "a request has one length, and /healthz and /readyz none"
            return problem(400, told, "length", {"connection": "close"})
        length = _length(headers)
        if FREE_BYTES < length <= BODY_BYTES and self._held + length > HELD_BYTES:
            return _busy(Busy())
        return _too_large() if length > BODY_BYTES else None


def _length(headers: Headers) -> int:
    """The bytes that a request is going to have; of one in chunks, which does not say it, at most so many."""
    return BODY_BYTES if "transfer-encoding" in headers else int(headers.get("content-length", "0"))


def foreign(scope: Scope, hosts: set[str]) -> Response | None:
    """What is wrong with where a request comes from, by `Host` and `Origin`; None where nothing is."""
    headers = Headers(scope=scope)
    host = _host(headers.get("host", ""))
    if host not in hosts and not _is_address(host):  # a page whose name was made to lead here
        return problem(403, "this is not the host that you named: use its address", "host")
    origin = headers.get("origin")
    if origin is not None and _host(origin.partition("://")[2]) not in {*hosts, host}:
        return problem(403, "pages of other origins may not ask here", "origin")
    return None


def _is_address(host: str) -> bool:
    """Whether a host is named by an address, which nobody can make lead elsewhere, as a name can be (DNS rebinding)."""
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _host(text: str) -> str:
    """The host of `HOST:PORT`, in small letters and without brackets; empty where it is none."""
    found = _HOST.fullmatch(text)
    return (found[1] or found[2]).lower() if found else ""
