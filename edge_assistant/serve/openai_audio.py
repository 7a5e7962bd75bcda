"""Transcription and speech as OpenAI has them."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.signals import Kind
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve.calls import Desk
from edge_assistant.serve.replies import BODY_BYTES, body, event_stream, of_error, sent_event, signal, spoken, wav

_STREAMED = ("json", "text")
FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
MultiPartParser.spool_max_size = BODY_BYTES  # in memory, whatever its size: the gateway opens no file
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
        streamed = str(form.get("stream", "false")).lower() in {"true", "1"}
    if wanted not in FORMATS:
        raise UsageError(f"response_format '{wanted}' is unknown", f"take one of {', '.join(FORMATS)}")
    heard = signal(data, name, 1, Kind.AUDIO)
    message = ServiceMessage(ServiceTask.PERCEIVE, signals=(heard,), language=str(language) if language else None)
    if not streamed:
        return _transcript((await desk.reply(message))["evidence"], wanted, granularities)
    if wanted not in _STREAMED:
        raise UsageError(f"response_format '{wanted}' cannot be streamed", f"take one of {', '.join(_STREAMED)}")
    replies = desk.call(message)
    first = await anext(replies)
    while "event" in first:
        first = await anext(replies)  # a recording that cannot be used gets a status of its own
    return event_stream(_deltas(first, replies))


async def _deltas(first: dict[str, Any], replies: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[str]:
    """Server-sent events: the sentences as they are heard, or at the end if they were known, then all of them."""
    found, said = first, 0
    async with contextlib.aclosing(replies):
        try:
            while "evidence" not in found:
                for one in spoken(found.get("part", {"evidence": ()})["evidence"])[0]:
                    yield _delta(one["text"], said)
                    said += 1
                found = await anext(replies)
        except EdgeAssistantError as error:
            yield f"data: {bytes(of_error(error).body).decode()}\n\n"
            return
        segments, _ = spoken(found["evidence"])
        for one in segments[said:]:
            yield _delta(one["text"], said)
            said += 1
        yield sent_event({"type": "transcript.text.done", "text": " ".join(one["text"] for one in segments)})


def _delta(text: str, before: int) -> str:
    return sent_event({"type": "transcript.text.delta", "delta": f" {text}" if before else text})


def _transcript(evidence: Sequence[Mapping[str, Any]], wanted: str, granularities: set[str]) -> Response:
    segments, language = spoken(evidence)
    text = " ".join(one["text"] for one in segments)
    match wanted:
        case "text":
            return PlainTextResponse(f"{text}\n")
        case "srt":
            blocks = (f"{n}\n{_span(one, ',')}\n{one['text']}\n" for n, one in enumerate(segments, 1))
            return PlainTextResponse("\n".join(blocks))
        case "vtt":
            blocks = (f"{_span(one, '.')}\n{one['text']}\n" for one in segments)
            return PlainTextResponse("\n".join(("WEBVTT\n", *blocks)))
        case "json":
            return JSONResponse({"text": text})
    whole: dict[str, Any] = {
        "task": "transcribe",
        "language": language,
        "duration": max((one["locator"]["seconds"][1] for one in segments), default=0.0),
        "text": text,
    }
    if "word" in granularities:
        whole["words"] = [
            {key: word[key] for key in ("word", "start", "end")} for one in segments for word in one["words"]
        ]
    if "segment" in granularities:
        whole["segments"] = [_segment(number, one) for number, one in enumerate(segments)]
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
    return Response(wav(samples, rate), media_type="audio/wav")


async def _samples(first: dict[str, Any], replies: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[bytes]:
    """The samples of each sentence; the reply at the end has none."""
    found = first
    async with contextlib.aclosing(replies):
        while "part" in found:
            yield base64.b64decode(found["part"]["samples"])
            found = await anext(replies)
