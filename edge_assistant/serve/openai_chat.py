"""Chat completions as OpenAI has them: a conversation over the pictures, recordings and files in its messages."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.events import Said
from edge_assistant.core.signals import Signal
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve.calls import Desk
from edge_assistant.serve.replies import body, decoded, of_error, signal

MODEL = "edge"  # any name is accepted; this is the one that is listed
FIELD = "edge_assistant"  # of a completion: the answer as `ask --json` gives it, see docs/contract.md


class ImageUrl(msgspec.Struct):
    """A picture as a data URL."""

    url: str


class InputAudio(msgspec.Struct):
    """A recording in base64."""

    data: str
    format: str = "wav"


class FileData(msgspec.Struct):
    """A file as a data URL."""

    file_data: str
    filename: str = ""


class ChatText(msgspec.Struct, tag="text"):
    """Words."""

    text: str


class ChatPicture(msgspec.Struct, tag="image_url"):
    """A picture."""

    image_url: ImageUrl


class ChatRecording(msgspec.Struct, tag="input_audio"):
    """A recording."""

    input_audio: InputAudio


class ChatFile(msgspec.Struct, tag="file"):
    """A file."""

    file: FileData


ChatPart = ChatText | ChatPicture | ChatRecording | ChatFile


class ChatMessage(msgspec.Struct):
    """One message. Those of the assistant are not read: what it said is no source."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ChatPart] | None = None


class StreamOptions(msgspec.Struct):
    """What a stream ends with."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """A request; other keys, such as the temperature, change nothing."""

    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    model: str = MODEL
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[Any] | None = None
    response_format: Mapping[str, Any] | None = None


async def models(desk: Desk, request: Request) -> Response:
    """The one model that there is."""
    entry = {"id": MODEL, "object": "model", "created": 0, "owned_by": "edge-assistant"}
    return JSONResponse({"object": "list", "data": [entry]})


async def completions(desk: Desk, request: Request) -> Response:
    """Answer the last message, whole or sentence by sentence."""
    asked = await body(request, ChatRequest)
    if asked.tools:
        raise UsageError("tools are not supported yet", "leave 'tools' out")
    if (asked.response_format or {}).get("type", "text") != "text":
        raise UsageError("response_format is not supported yet", "leave it out, or say text")
    message = _message(asked)
    completion: dict[str, Any] = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": asked.model,
    }
    if asked.stream:
        replies = desk.call(message)
        first = await anext(replies)  # what is wrong from the beginning gets a status of its own
        events = _events(asked, completion, first, replies)
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-store"})
    found = await desk.reply(message)
    answer: Answer = found["answer"]
    content = "\n\n".join(filter(None, (answer.text, "\n".join(found["sources"]), found["note"])))
    told = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": told, "finish_reason": "stop", "logprobs": None}
    whole = {"object": "chat.completion", "choices": [choice], "usage": _usage(answer)}
    return JSONResponse(completion | whole | {FIELD: answer.to_json()})


def _message(asked: ChatRequest) -> ServiceMessage:
    """The conversation with its signals, in the order in which they came."""
    texts: list[str] = []
    signals: list[Signal] = []
    for message in asked.messages:
        if message.role != "user" or message.content is None:
            continue
        parts = [ChatText(message.content)] if isinstance(message.content, str) else message.content
        for part in parts:
            if not isinstance(part, ChatText):
                signals.append(_signal(part, len(signals) + 1))
        texts.append("\n\n".join(part.text for part in parts if isinstance(part, ChatText)))
    if not texts or not texts[-1].strip():
        raise UsageError("the last message of the user has no text", "ask something")
    return ServiceMessage(ServiceTask.ASK, tuple(filter(None, texts)), tuple(signals))


def _signal(part: ChatPicture | ChatRecording | ChatFile, number: int) -> Signal:
    if isinstance(part, ChatRecording):
        data, _ = decoded(part.input_audio.data, "input_audio")
        return signal(data, f"recording {number}.{part.input_audio.format}", number)
    if isinstance(part, ChatFile):
        data, ending = decoded(part.file.file_data, "file_data")
        return signal(data, part.file.filename or f"file {number}.{ending}", number)
    data, ending = decoded(part.image_url.url, "image_url")
    return signal(data, f"picture {number}.{ending}", number)


def _usage(answer: Answer) -> dict[str, int]:
    prompt, completion = answer.timings.prompt_tokens, answer.timings.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


async def _events(
    asked: ChatRequest,
    completion: dict[str, Any],
    first: dict[str, Any],
    replies: AsyncGenerator[dict[str, Any], None],
) -> AsyncIterator[str]:
    """Server-sent events: the sentences as they are checked, the sources, the answer, and the usage where wanted."""

    def chunk(delta: Mapping[str, Any], reason: str | None = None, **more: object) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return _event(completion | {"object": "chat.completion.chunk", "choices": [choice]} | more)

    yield chunk({"role": "assistant", "content": ""})
    found, gap = first, ""
    async with contextlib.aclosing(replies):
        try:
            while "answer" not in found:
                if isinstance(found.get("event"), Said):
                    yield chunk({"content": f"{gap}{found['event'].text}"})
                    gap = " "
                found = await anext(replies)
        except EdgeAssistantError as error:
            yield f"data: {bytes(of_error(error).body).decode()}\n\n"
        else:
            if rest := "\n".join(filter(None, (*found["sources"], found["note"]))):
                yield chunk({"content": f"\n\n{rest}"})
            yield chunk({}, "stop", **{FIELD: found["answer"].to_json()})
            if asked.stream_options and asked.stream_options.include_usage:
                usage = {"object": "chat.completion.chunk", "choices": [], "usage": _usage(found["answer"])}
                yield _event(completion | usage)
    yield "data: [DONE]\n\n"


def _event(value: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"
