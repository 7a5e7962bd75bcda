"""The tools of the MCP server: what they take and give, by JSON schemas, and what the resident does for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from mcp_types import Tool, ToolAnnotations
from msgspec import Meta

from edge_assistant.core.answer import Status
from edge_assistant.core.errors import UsageError
from edge_assistant.resident.protocol import ServiceMessage, ServiceTask

Path = Annotated[str, Meta(min_length=1, max_length=4_096)]
Language = Annotated[
    Annotated[str, Meta(max_length=16)] | None,
    Meta(description="of what is spoken, such as en; detected if left out"),
]


class _Arguments(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    language: Language = None


class _Ask(_Arguments):
    question: Annotated[str, Meta(min_length=1, description="a question, in words")]
    paths: Annotated[list[Path], Meta(max_length=16, description="whole paths of the files to ask about")] = []


class _Check(_Arguments):
    paths: Annotated[list[Path], Meta(min_length=2, max_length=16, description="whole paths of the files to compare")]


class _Perceive(_Arguments):
    paths: Annotated[list[Path], Meta(min_length=1, max_length=16, description="whole paths of the files to read")]


class _Transcribe(_Arguments):
    path: Annotated[Path, Meta(description="whole path of a recording or video")]


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
_HARMLESS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


def _schema(kind: type[_Arguments]) -> dict[str, Any]:
    """The JSON schema of arguments, without a reference at its root, as MCP wants it."""
    _, parts = msgspec.json.schema_components([kind])
    return {key: value for key, value in parts[kind.__name__].items() if key not in {"title", "description"}}


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool as clients are told of it, and what the resident does for it."""

    title: str
    description: str
    arguments: type[_Ask | _Check | _Perceive | _Transcribe]
    result: dict[str, Any]
    task: ServiceTask

    def listed(self, name: str, where: str) -> Tool:
        """What clients are told of it; `where` says which files can be named."""
        return Tool(
            name=name,
            title=self.title,
            description=f"{self.description} {where}",
            input_schema=_schema(self.arguments),
            output_schema=self.result,
            annotations=_HARMLESS,
        )

    def asked(self, given: Mapping[str, Any] | None) -> tuple[ServiceMessage, list[Path]]:
        """What the resident is to do by the arguments of a call, and the files that it is about.

        Raises:
            UsageError: they are not as the schema says.
        """
        try:
            found = msgspec.convert(given or {}, self.arguments)
        except msgspec.ValidationError as error:
            raise UsageError(f"the arguments are wrong: {error}", "see the tool's input schema") from None
        texts = (found.question,) if isinstance(found, _Ask) else ()
        paths = [found.path] if isinstance(found, _Transcribe) else found.paths
        return ServiceMessage(self.task, texts, language=found.language), paths


TOOLS = {
    "ask": McpTool(
        "Ask about files",
        "Answer a question over files, with a citation for each value and a verdict where sources disagree.",
        _Ask,
        _ANSWER,
        ServiceTask.ASK,
    ),
    "check": McpTool(
        "Compare files",
        "Compare what two or more files say, without a question: a verdict for each thing on which two speak.",
        _Check,
        _ANSWER,
        ServiceTask.CHECK,
    ),
    "perceive": McpTool(
        "Read files",
        "What is written, seen, said or measured in files, piece by piece, with its place and confidence.",
        _Perceive,
        _object({"evidence": _list(_EVIDENCE)}),
        ServiceTask.PERCEIVE,
    ),
    "transcribe": McpTool(
        "Transcribe a recording",
        "What is said in a recording or video, with the times of its segments and words.",
        _Transcribe,
        _TRANSCRIPT,
        ServiceTask.PERCEIVE,
    ),
}
