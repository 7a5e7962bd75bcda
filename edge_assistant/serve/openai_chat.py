"""Chat completions as OpenAI has them: a conversation over the pictures, recordings and files in its messages."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge_assistant.core import limits
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.events import Said
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.reasoning import forms, functions
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve.calls import Desk
from edge_assistant.serve.replies import body, decoded, event_stream, of_error, sent_event, signal

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


class ChatRefusal(msgspec.Struct, tag="refusal"):
    """What the assistant said in place of an answer, as clients send it back; it is not read."""

    refusal: str


ChatPart = ChatText | ChatPicture | ChatRecording | ChatFile | ChatRefusal


class CalledFunction(msgspec.Struct):
    """The function of a call."""

    name: str


class ToolCall(msgspec.Struct):
    """A call that was made for an earlier message."""

    id: str
    function: CalledFunction


class ChatMessage(msgspec.Struct):
    """One message. Those of the assistant are not read: what it said is no source; what a tool told is one."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ChatPart] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class StreamOptions(msgspec.Struct):
    """What a stream ends with."""

    include_usage: bool = False


class SchemaFormat(msgspec.Struct):
    """A JSON schema with its name; `strict` changes nothing, as every answer keeps to it."""

    schema: dict[str, Any]
    name: str = ""


class ResponseFormat(msgspec.Struct):
    """What the content is to be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


class ChatRequest(msgspec.Struct):
    """A request; other keys, such as the temperature, change nothing."""

    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    model: str = MODEL
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: list[Any] | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None = None
    response_format: ResponseFormat | None = None


async def models(desk: Desk, request: Request) -> Response:
    """The one model that there is."""
    entry = {"id": MODEL, "object": "model", "created": 0, "owned_by": "edge-assistant"}
    return JSONResponse({"object": "list", "data": [entry]})


async def completions(desk: Desk, request: Request) -> Response:
    """Answer the last message, whole or sentence by sentence."""
    asked = await body(request, ChatRequest)
    message = _message(asked)
    completion: dict[str, Any] = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": asked.model,
    }
    if asked.stream:
        replies = desk.call(message)
        first = await anext(replies)  # what is wrong from the beginning gets a status of its own
        return event_stream(_events(asked, completion, first, replies))
    found = await desk.reply(message)
    answer: Answer = found["answer"]
    told = {"role": "assistant", "content": None, "refusal": None} | _content(asked, found)
    choice = {"index": 0, "message": told, "finish_reason": _reason(found), "logprobs": None}
    whole = {"object": "chat.completion", "choices": [choice], "usage": _usage(answer)}
    return JSONResponse(completion | whole | {FIELD: _told(found)})


def _reason(found: Mapping[str, Any]) -> str:
    return "tool_calls" if found.get("arguments") else "stop"


def _content(asked: ChatRequest, found: Mapping[str, Any]) -> dict[str, Any]:
    """The content in the form that is wanted, a call, or the refusal where a schema cannot be filled in."""
    answer: Answer = found["answer"]
    if found.get("arguments"):
        function = {"name": found["called"], "arguments": found["arguments"]}
        return {"tool_calls": [{"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}]}
    if "called" in found:
        return {"refusal": found["refusal"]}
    if "filled" in found:
        return {"content": found["filled"]} if found["filled"] else {"refusal": found["refusal"]}
    if asked.response_format and asked.response_format.type == "json_object":
        told = answer.to_json()
        return {"content": json.dumps({key: told[key] for key in ("answer", "status", "verdicts", "citations")})}
    return {"content": "\n\n".join(filter(None, (answer.text, "\n".join(found["sources"]), found["note"])))}


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    """The field of an answer; where a schema or arguments are filled in, also what is told of each of its values."""
    told: dict[str, Any] = found["answer"].to_json()
    if "values" in found:
        told |= {"values": msgspec.to_builtins(found["values"]), "note": found["note"]}
    return told


def _schema(wanted: ResponseFormat | None) -> str:
    """The schema that the answer is to fill, as text; empty if none.

    Raises:
        UsageError: it is not supported; the resident need not be asked for that.
    """
    if wanted is None or wanted.type != "json_schema":
        return ""
    if wanted.json_schema is None:
        raise UsageError("response_format has no json_schema", "see docs/api.md")
    text = _as_text(wanted.json_schema.schema, "the schema is")
    forms.parse(text)
    return text


def _as_text(value: object, what: str) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        raise UsageError(f"{what} nested too deep", "see docs/api.md") from None


def _message(asked: ChatRequest) -> ServiceMessage:
    """The conversation with its signals, in the order in which they came."""
    texts: list[str] = []
    signals: list[Signal] = []
    names = {call.id: call.function.name for one in asked.messages for call in one.tool_calls or ()}
    called = False  # whether a tool has told something since the last message of the user
    for message in asked.messages:
        if message.role == "tool":
            called = True
            signals += _result(message, names, len(signals) + 1)
        if message.role != "user" or message.content is None:
            continue
        called = False
        parts = [ChatText(message.content)] if isinstance(message.content, str) else message.content
        for part in parts:
            if not isinstance(part, ChatText):
                signals.append(_signal(part, len(signals) + 1))
        texts.append("\n\n".join(part.text for part in parts if isinstance(part, ChatText)))
    if not texts or not texts[-1].strip():
        raise UsageError("the last message of the user has no text", "ask something")
    schema, tools = _schema(asked.response_format), "" if called else _tools(asked)
    return ServiceMessage(ServiceTask.ASK, tuple(filter(None, texts)), tuple(signals), schema=schema, tools=tools)


def _tools(asked: ChatRequest) -> str:
    """The functions that may be called, as text; empty if none.

    Raises:
        UsageError: they are not supported; the resident need not be asked for that.
    """
    if not asked.tools or asked.tool_choice == "none":
        return ""
    text = _as_text([asked.tools, asked.tool_choice or functions.AUTO], "the tools are")
    functions.parse(text)
    return text


def _result(message: ChatMessage, names: Mapping[str, str], number: int) -> list[Signal]:
    """What a tool told as a signal with its name; of JSON each value in a line."""
    parts = [ChatText(message.content)] if isinstance(message.content, str) else message.content or ()
    text = "\n".join(part.text for part in parts if isinstance(part, ChatText))
    with contextlib.suppress(ValueError, RecursionError):
        lines, length = [], 0
        for line in _lines(json.loads(text), ""):
            lines.append(line)
            length += len(line)
            if length > limits.TEXT_BYTES.now:  # each line has the whole path of its value
                break
        text = "\n".join(lines)
    name = names.get(message.tool_call_id or "", "")
    named = name if functions.NAME.fullmatch(name) else "tool"
    return [signal(text.encode(), named, number, Kind.TEXT)] if text.strip() else []


def _lines(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value, 1):
            yield from _lines(one, f"{path} {key}" if path else str(key))
    else:
        yield f"{path}: {value}" if path else str(value)


def _signal(part: ChatPicture | ChatRecording | ChatFile | ChatRefusal, number: int) -> Signal:
    if isinstance(part, ChatRefusal):
        raise UsageError("a refusal in a message of the user", "only the assistant refuses")
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
        return sent_event(completion | {"object": "chat.completion.chunk", "choices": [choice]} | more)

    formal = asked.response_format is not None and asked.response_format.type != "text"
    plain = not formal and not asked.tools
    yield chunk({"role": "assistant", "content": ""} if plain else {"role": "assistant"})
    found, gap = first, ""
    async with contextlib.aclosing(replies):
        try:
            while "answer" not in found:
                if plain and isinstance(found.get("event"), Said):
                    yield chunk({"content": f"{gap}{found['event'].text}"})
                    gap = " "
                found = await anext(replies)
        except EdgeAssistantError as error:
            yield f"data: {bytes(of_error(error).body).decode()}\n\n"
        else:
            if not plain:  # it is whole once all of it is checked
                for delta in _deltas(_content(asked, found)):
                    yield chunk(delta)
            elif rest := "\n".join(filter(None, (*found["sources"], found["note"]))):
                yield chunk({"content": f"\n\n{rest}"})
            yield chunk({}, _reason(found), **{FIELD: _told(found)})
            if asked.stream_options and asked.stream_options.include_usage:
                usage = {"object": "chat.completion.chunk", "choices": [], "usage": _usage(found["answer"])}
                yield sent_event(completion | usage)
    yield "data: [DONE]\n\n"


def _deltas(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A content in the parts of a stream: of a call its name first, then its arguments."""
    if "tool_calls" not in content:
        yield dict(content)
        return
    [call] = content["tool_calls"]
    yield {"tool_calls": [{"index": 0} | call | {"function": call["function"] | {"arguments": ""}}]}
    yield {"tool_calls": [{"index": 0, "function": {"arguments": call["function"]["arguments"]}}]}
