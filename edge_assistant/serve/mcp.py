"""The MCP server: tools that let the resident ask, compare, perceive and transcribe files which the policy allows.

Both eras of the protocol are spoken: the handshake of up to 2025-11-25, and the stateless one of 2026-07-28.
https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import count
from typing import IO, Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_assistant import __version__
from edge_assistant.core import events
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.signals import printable
from edge_assistant.resident.protocol import ServiceMessage
from edge_assistant.serve.calls import Busy, Desk
from edge_assistant.serve.mcp_approval import Approvals, calls_again, can_ask
from edge_assistant.serve.mcp_tools import TOOLS
from edge_assistant.serve.replies import spoken

MESSAGE_BYTES = 256 << 10  # of a request; files are named, not sent
SESSIONS, IDLE_S = 128, 600.0  # of clients of the older era at once, and without a request
_INSTRUCTIONS = (
    "Answers questions over pictures, recordings, video, readings and texts on this machine, offline, with sources."
    " Each value of an answer cites the place that tells it; sources that contradict each other are both told."
)


class Tools:
    """What a client lists and calls."""

    def __init__(self, desk: Desk, folders: Sequence[str]) -> None:
        """Keep what does the work, and the folders whose files can be named, which clients are told."""
        self._desk = desk
        self.approvals = Approvals()
        where = f"Files can be named in: {', '.join(folders)}." if folders else "No files can be named here."
        self._listed = [tool.listed(name, where) for name, tool in TOOLS.items()]

    async def list(self, context: ServerRequestContext, params: PaginatedRequestParams | None) -> ListToolsResult:
        """The tools, all on one page."""
        return ListToolsResult(tools=self._listed)

    async def call(
        self, context: ServerRequestContext, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what goes wrong is a result that the client's model can read.

        Raises:
            MCPError: there is no such tool.
        """
        if (tool := TOOLS.get(params.name)) is None:
            raise MCPError(code=INVALID_PARAMS, message=f"there is no tool '{printable(params.name)}'")
        try:
            message, paths = tool.asked(params.arguments)
            message = replace(message, asks=can_ask(context), confirmed=self.approvals.answered(params))
            steps = count(1)
            reply = await self._reply(context, message, paths, steps)
            if (questions := reply.get("confirm")) is not None:
                if calls_again(context):
                    return self.approvals.required(questions)
                message = replace(message, confirmed=await self.approvals.elicited(context, questions))
                reply = await self._reply(context, message, paths, steps)
        except (Busy, EdgeAssistantError) as error:
            return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
        text, found = _transcript(reply) if params.name == "transcribe" else _result(reply)
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=found)

    async def _reply(
        self, context: ServerRequestContext, message: ServiceMessage, paths: Sequence[str], steps: Iterator[int]
    ) -> dict[str, Any]:
        """What the resident replies; its events are the progress that the client is told."""
        told = None
        async with aclosing(self._desk.call(message, paths)) as found:
            async for reply in found:
                match reply:
                    case {"event": event}:
                        if (line := _line(event)) not in {None, told}:
                            told = line
                            await context.session.report_progress(next(steps), message=line)
                    case {"part": _}:
                        pass  # the whole comes at last
                    case _:
                        return reply
        raise AssertionError("the resident's last message is its reply")


def _result(reply: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A reply in words, and as the tool's output schema has it."""
    if "evidence" in reply:
        text = "\n".join(f"{one['signal']}: {one['text']}" for one in reply["evidence"])
        return text, {"evidence": reply["evidence"]}
    answer: Answer = reply["answer"]
    verdicts = "\n".join(f"{one.status.word}: {one.matter}: {one.shown}" for one in answer.verdicts)
    parts = (answer.text, "\n".join(reply["sources"]), verdicts, reply["note"])
    return "\n\n".join(filter(None, parts)), answer.to_json() | {"sources": reply["sources"]}


def _transcript(reply: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is spoken, in words and segment by segment."""
    segments, language = spoken(reply["evidence"])
    text = " ".join(one["text"] for one in segments)
    timed = [
        {"start": start, "end": end, "text": one["text"], "confidence": one["confidence"], "words": one["words"]}
        for one in segments
        for start, end in [one["locator"]["seconds"]]
    ]
    return text, {"text": text, "language": language, "segments": timed}


def _line(event: events.Event) -> str | None:
    """What happens, in a line for people; None for what they need not know."""
    match event:
        case events.Waiting():
            return "waits: another edge-assistant is computing"
        case events.Perceiving(signal, sense, fraction):
            return f"{signal}: {sense} {fraction:.0%}"
        case events.Perceived(signal, sense, evidence):
            return f"{signal}: {sense} found {len(evidence)} pieces of evidence"
        case events.Thinking():
            return "thinking"
        case events.Reading(signal):
            return f"{signal}: the language model reads"
        case events.Noted(signal, text):
            return f"{signal}: note: {text}"
        case events.Failed(failure):
            return f"{failure.signal}: error: {failure.message} - {failure.hint}"
        case events.Compared(verdict):
            return f"{verdict.matter}: {verdict.status.word}"
        case events.Said(text):
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
    made.middleware[:] = [tools.approvals.boundary]  # without OpenTelemetry's
    return made


def app(desk: Desk, folders: Sequence[str]) -> ASGIApp:
    """The server by streamable HTTP on `/mcp`; the guard before it looks at host, origin and token."""
    served = server(desk, folders).streamable_http_app(
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=MESSAGE_BYTES,
        max_sessions=SESSIONS,
        session_idle_timeout=IDLE_S,
    )

    async def forgetting(scope: Scope, receive: Receive, send: Send) -> None:
        await served(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "POST" and b"mcp-session-id" in dict(scope["headers"]):
            await served(scope, _nothing, _unheard)

    return forgetting


async def _nothing() -> Message:
    """What follows each message of a session: the package holds the last one, with its content, until the next."""
    return {"type": "http.request", "body": b'{"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}'}


async def _unheard(message: Message) -> None:
    """Nobody waits for what is said to that."""


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
