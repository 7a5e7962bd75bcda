"""What endpoints take and give alike: JSON bodies, files in them, and errors in OpenAI's shape."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import wave
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from edge_assistant.core.errors import EdgeAssistantError, ResidentLost, UsageError
from edge_assistant.core.signals import Kind, Origin, Signal, guess_content, take_bytes

BODY_BYTES = 64 << 20  # of a request; base64 makes a third more of what it holds
_DATA_URL = re.compile(r"data:[\w.+-]+/([\w.+-]+)(;[\w=.+-]+)*;base64,")
_DATA_URL_HINT = "send it as a data URL: data:image/png;base64,..."
_SHOWN = 200  # characters of what is wrong with a body
T = TypeVar("T")

# OpenAI's types of errors by our exit status, with the status of HTTP.
_STATUS = {2: 400, 3: 400, 4: 503, 5: 403, 6: 507}


class TooLarge(Exception):
    """A body is longer than it may be."""


def of_error(error: EdgeAssistantError) -> JSONResponse:
    """An error of ours as clients of OpenAI read it; none of them tries again what failed by what it sent."""
    status = 503 if isinstance(error, ResidentLost) else _STATUS.get(error.exit_status, 500)
    return problem(status, str(error), error.code, {"x-should-retry": "false"})


def problem(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error in OpenAI's shape."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return JSONResponse(body, status, headers)


def event_stream(events: AsyncIterator[str]) -> StreamingResponse:
    """Server-sent events, which nothing keeps."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-store"})


def sent_event(value: Mapping[str, Any]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(value)}\n\n"


async def body(request: Request, kind: type[T]) -> T:
    """The JSON object of a request.

    Raises:
        UsageError: it is none.
    """
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # a wrong type is one, too
        raise UsageError(f"the body is wrong: {str(error)[:_SHOWN]}", "see docs/api.md") from None


def signal(data: bytes, name: str, number: int, kind: Kind | None = None) -> Signal:
    """A file of a client as the `number`-th signal of its kind.

    Raises:
        InputError: it is empty, too large or of no kind that is known.
    """
    return take_bytes(data, kind or guess_content(name, data), number, origin=Origin.USER, name=name)


def wav(samples: bytes | bytearray, rate: int, width: int = 2, channels: int = 1) -> bytes:
    """Samples as a file, whose length is told first, so that nothing is changed in what was written."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((channels, width, rate, len(samples) // (width * channels), "NONE", ""))
        written.writeframesraw(samples)
    return file.getvalue()


def spoken(evidence: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], str]:
    """The segments of speech among evidence, and their language; empty if nobody speaks, or it is not known."""
    segments = [one for one in evidence if "words" in one]
    return segments, next((one["language"] for one in segments if one["language"]), "")


def decoded(text: str, what: str) -> tuple[bytes, str]:
    """The bytes of base64 or of a data URL, and the ending that its type tells, such as `png`.

    Args:
        text: as it was sent.
        what: it is, for people.

    Raises:
        UsageError: it is none; nothing is fetched from anywhere.
    """
    head = _DATA_URL.match(text)
    if head is None and "://" in text[:64]:
        raise UsageError(f"{what} is a link, and nothing is fetched", _DATA_URL_HINT)
    try:
        return base64.b64decode(text[head.end() if head else 0 :], validate=True), head[1] if head else ""
    except (binascii.Error, ValueError):
        raise UsageError(f"{what} is no base64", _DATA_URL_HINT) from None
