"""The MCP server: tools that let the resident ask, compare, perceive and transcribe files which the policy allows.

Both eras of the protocol are spoken: the handshake of up to 2025-11-25, and the stateless one of 2026-07-28.
https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import IO, Annotated, Any, cast

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from msgspec import Meta
from starlette.types import ASGIApp

from edge_assistant import __version__
from edge_assistant.core.answer import Answer, Status
from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.events import (
    Compared,
    Event,
    Failed,
    Noted,
    Perceived,
    Perceiving,
    Reading,
    Said,
    Thinking,
    Waiting,
)
from edge_assistant.core.signals import printable
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask
from edge_assistant.serve.calls import Busy, Desk

MESSAGE_BYTES = 1 << 20  # of a request; files are named, not sent
SESSIONS, IDLE_S = 128, 600.0  # of clients of the older era at once, and without a request
_INSTRUCTIONS = (
    "Answers questions over pictures, recordings, video, readings and texts on this machine, offline, with sources."
    " Each value of an answer cites the place that tells it; sources that contradict each other are both told."
)

Path = Annotated[str, Meta(min_length=1, max_length=4_096)]
Language = Annotated[
    Annotated[str, Meta(max_length=16)] | None,
    Meta(description="of what is spoken, such as en; detected if left out"),
]


class AskArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `ask` takes."""

    question: Annotated[str, Meta(min_length=1, description="a question, in words")]
    paths: Annotated[list[Path], Meta(max_length=16, description="whole paths of the files to ask about")] = []
    language: Language = None


class CheckArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `check` takes."""

    paths: Annotated[list[Path], Meta(min_length=2, max_length=16, description="whole paths of the files to compare")]
    language: Language = None


class PerceiveArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `perceive` takes."""

    paths: Annotated[list[Path], Meta(min_length=1, max_length=16, description="whole paths of the files to read")]
    language: Language = None


class TranscribeArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `transcribe` takes."""

    path: Annotated[Path, Meta(description="whole path of a recording or video")]
    language: Language = None


Arguments = AskArguments | CheckArguments | PerceiveArguments | TranscribeArguments


def _object(properties: Mapping[str, object]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: object) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_EVIDENCE = _object(
    {
        "signal": {"type": "string", "description": "such as image:1, the first picture"},
        "text": _TEXT,
        "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "locator": {
            "type": "object",
            "description": "page, box [x, y, w, h], seconds [a, b], rows [a, b], chars [a, b)",
        },
    }
)
_ANSWER = _object(
    {
        "status": {"enum": list(Status)},
        "answer": {"type": "string", "description": "citations as [E1], computed values as [C1]"},
        "verdicts": {"type": "array", "items": {"type": "object"}, "description": "claims about one thing, compared"},
        "evidence": _list(_EVIDENCE),
        "citations": _list(_TEXT),
        "sources": {"type": "array", "items": _TEXT, "description": "a line for each citation"},
    }
)
_SEGMENT = _object({"start": _NUMBER, "end": _NUMBER, "text": _TEXT, "confidence": {"type": ["number", "null"]}})
_TRANSCRIPT = _object({"text": _TEXT, "language": _TEXT, "segments": _list(_SEGMENT)})


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool as clients are told of it, and what the resident does for it."""

    title: str
    description: str
    arguments: type[Arguments]
    result: dict[str, Any]
    task: ServiceTask


_TOOLS = {
    "ask": _Tool(
        "Ask about files",
        "Answer a question over files, with a citation for each value and a verdict where sources disagree.",
        AskArguments,
        _ANSWER,
        ServiceTask.ASK,
    ),
    "check": _Tool(
        "Compare files",
        "Compare what two or more files say, without a question: a verdict for each thing on which two speak.",
        CheckArguments,
        _ANSWER,
        ServiceTask.CHECK,
    ),
    "perceive": _Tool(
        "Read files",
        "What is written, seen, said or measured in files, piece by piece, with its place and confidence.",
        PerceiveArguments,
        _object({"evidence": _list(_EVIDENCE)}),
        ServiceTask.PERCEIVE,
    ),
    "transcribe": _Tool(
        "Transcribe a recording",
        "What is said in a recording or video, with the times of its segments and words.",
        TranscribeArguments,
        _TRANSCRIPT,
        ServiceTask.PERCEIVE,
    ),
}


class Tools:
    """What a client lists and calls."""

    def __init__(self, desk: Desk, folders: Sequence[str]) -> None:
        """Keep what does the work, and the folders whose files can be named, which clients are told."""
        self._desk = desk
        where = f" Files can be named in: {', '.join(folders)}." if folders else " No files can be named here."
        notes = ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        )
        self._listed = [
            Tool(
                name=name,
                title=tool.title,
                description=tool.description + where,
                input_schema=_schema(tool.arguments),
                output_schema=tool.result,
                annotations=notes,
            )
            for name, tool in _TOOLS.items()
        ]

    async def list(self, context: ServerRequestContext, params: PaginatedRequestParams | None) -> ListToolsResult:
        """The tools, all on one page."""
        return ListToolsResult(tools=self._listed)

    async def call(self, context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        """Call a tool; what goes wrong is a result that the client's model can read.

        Raises:
            MCPError: there is no such tool.
        """
        if (tool := _TOOLS.get(params.name)) is None:
            raise MCPError(code=INVALID_PARAMS, message=f"there is no tool '{printable(params.name)}'")
        try:
            asked = _arguments(tool, params.arguments)
            reply = await self._reply(context, tool, asked)
        except Busy:
            return _failed("too many questions wait - ask again in a moment")
        except EdgeAssistantError as error:
            return _failed(f"{error.message} - {error.hint}")
        text, found = _transcript(reply) if params.name == "transcribe" else _result(reply)
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=found)

    async def _reply(self, context: ServerRequestContext, tool: _Tool, asked: Arguments) -> dict[str, Any]:
        """What the resident replies; its events are the progress that the client is told."""
        texts = (asked.question,) if isinstance(asked, AskArguments) else ()
        paths = [asked.path] if isinstance(asked, TranscribeArguments) else asked.paths
        step, told = 0, None
        async with aclosing(self._desk.call(ServiceMessage(tool.task, texts, language=asked.language), paths)) as found:
            async for reply in found:
                if "event" not in reply:
                    return reply
                if (line := _line(reply["event"])) not in {None, told}:
                    step, told = step + 1, line
                    await context.session.report_progress(step, message=line)
        raise AssertionError("the resident's last message is its reply")


def _arguments(tool: _Tool, given: Mapping[str, Any] | None) -> Arguments:
    """The arguments of a call.

    Raises:
        UsageError: they are not as the tool's schema says.
    """
    try:
        return msgspec.convert(given or {}, tool.arguments)
    except msgspec.ValidationError as error:
        raise UsageError(f"the arguments are wrong: {error}", "see the tool's input schema") from None


def _schema(kind: type[Arguments]) -> dict[str, Any]:
    """The JSON schema of arguments, without a reference at its root, as MCP wants it."""
    _, parts = msgspec.json.schema_components([kind])
    return {key: value for key, value in parts[kind.__name__].items() if key not in {"title", "description"}}


def _failed(line: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=line)], is_error=True)


def _result(reply: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A reply in words, and as the tool's output schema has it."""
    if "evidence" in reply:
        return "\n".join(f"{one['signal']}: {one['text']}" for one in reply["evidence"]), {
            "evidence": reply["evidence"]
        }
    answer: Answer = reply["answer"]
    verdicts = "\n".join(f"{one.status.word}: {one.matter}: {one.shown}" for one in answer.verdicts)
    parts = (answer.text, "\n".join(reply["sources"]), verdicts, reply["note"])
    return "\n\n".join(filter(None, parts)), answer.to_json() | {"sources": reply["sources"]}


def _transcript(reply: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is spoken, in words and segment by segment."""
    spoken = [one for one in reply["evidence"] if "words" in one]
    segments = [
        {"start": start, "end": end, "text": one["text"], "confidence": one["confidence"], "words": one["words"]}
        for one in spoken
        for start, end in [one["locator"]["seconds"]]
    ]
    text = " ".join(one["text"] for one in spoken)
    language = next((one["language"] for one in spoken), "")
    return text, {"text": text, "language": language, "segments": segments}


def _line(event: Event) -> str | None:
    """What happens, in a line for people; None for what they need not know."""
    match event:
        case Waiting():
            return "waits: another edge-assistant is computing"
        case Perceiving(signal, sense, fraction):
            return f"{signal}: {sense} {fraction:.0%}"
        case Perceived(signal, sense, evidence):
            return f"{signal}: {sense} found {len(evidence)} pieces of evidence"
        case Thinking():
            return "thinking"
        case Reading(signal):
            return f"{signal}: the language model reads"
        case Noted(signal, text):
            return f"{signal}: note: {text}"
        case Failed(failure):
            return f"{failure.signal}: error: {failure.message} - {failure.hint}"
        case Compared(verdict):
            return f"{verdict.matter}: {verdict.status.word}"
        case Said(text):
            return text
    return None


def server(desk: Desk, folders: Sequence[str]) -> Server[Any]:
    """The MCP server.

    Args:
        desk: lets the resident do what is wanted.
        folders: whose files clients may name.
    """
    tools = Tools(desk, folders)
    made: Server[Any] = Server(
        "edge-assistant",
        title="Edge Assistant",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=tools.list,
        on_call_tool=tools.call,
    )
    made.middleware.clear()  # OpenTelemetry's
    return made


def app(desk: Desk, folders: Sequence[str]) -> ASGIApp:
    """The server by streamable HTTP on `/mcp`; the guard before it looks at host, origin and token."""
    return server(desk, folders).streamable_http_app(
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=MESSAGE_BYTES,
        max_sessions=SESSIONS,
        session_idle_timeout=IDLE_S,
    )


async def converse(desk: Desk, folders: Sequence[str]) -> None:
    """Serve one client on standard input and output, until it closes that."""
    made = server(desk, folders)
    lines = cast("Any", _Lines(sys.stdin.buffer))
    async with stdio_server(stdin=lines) as (read, write):
        await made.run(read, write, made.create_initialization_options())


class _Lines:
    """Lines of a file, read by a thread that nobody waits for when the gateway ends; longer ones are cut."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue(1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while line := self._file.readline(MESSAGE_BYTES):
            self._put(line.decode("utf-8", "replace"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(self._lines.put(line), self._loop).result()

    async def __aiter__(self) -> AsyncIterator[str]:
        while (line := await self._lines.get()) is not None:
            yield line
