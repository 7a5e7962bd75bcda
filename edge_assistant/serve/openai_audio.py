"""Transcription and speech as OpenAI has them."""

from __future__ import annotations

import base64
import contextlib
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Kind
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve.calls import Desk
from edge_assistant.serve.replies import body, signal

FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
_FIELDS, _FIELD_BYTES = 32, 1 << 16  # of a form beside its file


class SpeechRequest(msgspec.Struct):
    """What is to be spoken; the voice is the profile's, whatever is named."""

    input: Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
    model: str = "edge"
    voice: str = "edge"
    response_format: Literal["wav", "pcm"] = "wav"


async def transcriptions(desk: Desk, request: Request) -> Response:
    """What is said in a recording."""
    async with request.form(max_files=1, max_fields=_FIELDS, max_part_size=_FIELD_BYTES) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise UsageError("the form has no file", "send the recording as 'file'")
        data, name = await file.read(), file.filename or "recording.wav"
        wanted, language = str(form.get("response_format", "json")), form.get("language")
        granularities = {str(value) for value in form.getlist("timestamp_granularities[]")} or {"segment"}
    if wanted not in FORMATS:
        raise UsageError(f"response_format '{wanted}' is unknown", f"take one of {', '.join(FORMATS)}")
    heard = signal(data, name, 1, Kind.AUDIO)
    message = ServiceMessage(ServiceTask.PERCEIVE, signals=(heard,), language=str(language) if language else None)
    return _transcript((await desk.reply(message))["evidence"], wanted, granularities)


def _transcript(evidence: Sequence[Mapping[str, Any]], wanted: str, granularities: set[str]) -> Response:
    spoken = [one for one in evidence if one["locator"].get("seconds")]
    text = " ".join(one["text"] for one in spoken)
    match wanted:
        case "text":
            return PlainTextResponse(f"{text}\n")
        case "srt":
            blocks = (f"{n}\n{_span(one, ',')}\n{one['text']}\n" for n, one in enumerate(spoken, 1))
            return PlainTextResponse("\n".join(blocks))
        case "vtt":
            blocks = (f"{_span(one, '.')}\n{one['text']}\n" for one in spoken)
            return PlainTextResponse("\n".join(("WEBVTT\n", *blocks)))
        case "json":
            return JSONResponse({"text": text})
    words = [word for one in spoken for word in one.get("words", ())]
    whole: dict[str, Any] = {
        "task": "transcribe",
        "language": next((one["language"] for one in spoken if one.get("language")), ""),
        "duration": max((one["locator"]["seconds"][1] for one in spoken), default=0.0),
        "text": text,
    }
    if "word" in granularities:
        whole["words"] = [{key: word[key] for key in ("word", "start", "end")} for word in words]
    if "segment" in granularities:
        whole["segments"] = [_segment(number, one) for number, one in enumerate(spoken)]
    return JSONResponse(whole)


def _segment(number: int, one: Mapping[str, Any]) -> dict[str, Any]:
    """A segment; what Whisper's own decoding tells and ours does not is 0 or empty, and the confidence is added."""
    start, end = one["locator"]["seconds"]
    unknown = {"seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 0.0}
    told = {"id": number, "start": start, "end": end, "text": one["text"], "no_speech_prob": 0.0}
    return told | unknown | {"confidence": one["confidence"]}


def _span(one: Mapping[str, Any], mark: str) -> str:
    return " --> ".join(_clock(seconds, mark) for seconds in one["locator"]["seconds"])


def _clock(seconds: float, mark: str) -> str:
    """Seconds as `00:01:02,500`."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


async def speech(desk: Desk, request: Request) -> Response:
    """A text spoken: WAV, or 16-bit samples as they are made."""
    asked = await body(request, SpeechRequest)
    replies = desk.call(ServiceMessage(ServiceTask.SPEAK, (asked.input,)))
    first = await anext(replies)
    if asked.response_format == "pcm":
        return StreamingResponse(_samples(first, replies), media_type="audio/pcm")
    rate = first.get("part", first)["rate"]
    samples = b"".join([data async for data in _samples(first, replies)])
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(samples)
    return Response(file.getvalue(), media_type="audio/wav")


async def _samples(first: dict[str, Any], replies: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[bytes]:
    """The samples of each sentence; the reply at the end has none."""
    found = first
    async with contextlib.aclosing(replies):
        while "part" in found:
            yield base64.b64decode(found["part"]["samples"])
            found = await anext(replies)
