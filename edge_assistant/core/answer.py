"""The answer and its parts: the contract's JSON object as dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from edge_assistant.core.errors import EdgeAssistantError, InputCorrupt
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Origin, Signal

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)  # of a signal that was read from an answer, which does not tell it


class Status(StrEnum):
    """What the signals tell of the question together."""

    SUPPORTED = "supported"
    CONFLICT = "conflict"
    NOT_IN_EVIDENCE = "not_in_evidence"
    CHAT = "chat"


class Agreement(StrEnum):
    """How the claims about one attribute compare."""

    AGREE = "agree"
    CONFLICT = "conflict"
    SINGLE = "single"
    MISSING = "missing"

    @property
    def word(self) -> str:
        """What a person is shown."""
        return {Agreement.SINGLE: "one source", Agreement.MISSING: "not found"}.get(self, self.value)


@dataclass(frozen=True, slots=True)
class Route:
    """The path that a question takes, the models on it, and why."""

    path: str
    models: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """A value with the ids of the evidence that tells it.

    Attributes:
        value: as it stands there.
        evidence: ids.
        instructed: whether it stands in instructions to the reader only.
        confidence: probability that it is the answer; 1 where code found it.
    """

    value: str
    evidence: tuple[str, ...]
    instructed: bool = False
    confidence: float = 1.0

    @property
    def shown(self) -> str:
        """The value and its evidence, as a person is shown them."""
        mark = " (in instructions)" if self.instructed else ""
        return f"{self.value}{mark} {''.join(f'[{id}]' for id in self.evidence)}"

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        confidence = round(self.confidence, 4)
        values = {"value": self.value, "evidence": list(self.evidence)}
        return values | {"instructed": self.instructed, "confidence": confidence}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The claims about one attribute compared."""

    attribute: str
    subject: str | None
    status: Agreement
    values: tuple[Told, ...]

    @property
    def matter(self) -> str:
        """What it is about: "dose of ibuprofen"."""
        return f"{self.attribute} of {self.subject}" if self.subject else self.attribute

    @property
    def shown(self) -> str:
        """Its values with their evidence, as a person is shown them."""
        return " / ".join(told.shown for told in self.values) or "no source says"


@dataclass(frozen=True, slots=True)
class Computation:
    """A number that code computed, with its formula and the evidence it rests on."""

    id: str
    formula: str
    value: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A signal, or a sense on it, that could not be used."""

    signal: str
    code: str
    message: str
    hint: str

    @classmethod
    def of(cls, signal: str, error: EdgeAssistantError) -> Failure:
        """The failure that an error is to a signal."""
        return cls(signal, error.code, error.message, error.hint)


@dataclass(frozen=True, slots=True)
class Note:
    """What was left out or assumed of a signal, in one line."""

    signal: str
    text: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """A passage of a signal that gives its reader instructions: it is not followed, and what it states is compared."""

    signal: str
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """A model by name and sum."""

    name: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {"name": self.name, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds and tokens; see the contract."""

    total_s: float = 0.0
    perception_s: dict[str, float] = field(default_factory=dict)
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    prompt_tokens: int = 0
    reused_tokens: int = 0
    completion_tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            "total_s": round(self.total_s, 3),
            "perception_s": {signal: round(seconds, 3) for signal, seconds in self.perception_s.items()},
            "first_token_s": None if self.first_token_s is None else round(self.first_token_s, 3),
            "tokens_per_s": None if self.tokens_per_s is None else round(self.tokens_per_s, 1),
            "prompt_tokens": self.prompt_tokens,
            "reused_tokens": self.reused_tokens,
            "completion_tokens": self.completion_tokens,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and what it rests on."""

    question: str
    text: str
    status: Status
    route: Route
    signals: tuple[Signal, ...] = ()
    failed: tuple[Failure, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    computed: tuple[Computation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    citations: tuple[str, ...] = ()
    timings: Timings = field(default_factory=Timings)
    models: tuple[ModelUsed, ...] = ()
    notes: tuple[Note, ...] = ()
    instructions: tuple[Instruction, ...] = ()

    @property
    def sourced(self) -> bool:
        """Whether it was made from signals; else it is about the assistant, or free talk."""
        return self.status is not Status.CHAT

    @property
    def unquoted(self) -> tuple[str, ...]:
        """A line for each passage of instructions that the text does not quote."""
        lead = "gives its reader instructions, which are not followed"
        passages = ((one, " ".join(one.text.split())) for one in self.instructions)
        return tuple(f'{one.signal} {lead}: "{text}"' for one, text in passages if text not in self.text)

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            "question": self.question,
            "answer": self.text,
            "status": self.status,
            "route": _plain(self.route),
            "signals": [
                {"id": s.id, "kind": s.kind, "origin": s.origin, "name": s.name, "sha256": s.sha256}
                for s in self.signals
            ],
            "failed": _plain(self.failed),
            "evidence": _plain(self.evidence),
            "computed": _plain(self.computed),
            "verdicts": _plain(self.verdicts),
            "citations": list(self.citations),
            "timings": self.timings.to_json(),
            "models": _plain(self.models),
            "sourced": self.sourced,
            "notes": _plain(self.notes),
            "instructions": _plain(self.instructions),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Answer:
        """The answer of the contract's object, as it was written: times rounded, signals without time and place.

        Raises:
            InputCorrupt: it is no such object.
        """
        try:
            return cls(
                question=found["question"],
                text=found["answer"],
                status=Status(found["status"]),
                route=Route(**{**found["route"], "models": tuple(found["route"]["models"])}),
                signals=tuple(_signal(signal) for signal in found["signals"]),
                failed=tuple(Failure(**failure) for failure in found["failed"]),
                evidence=tuple(Evidence.from_json(evidence) for evidence in found["evidence"]),
                computed=tuple(Computation(**{**one, "evidence": tuple(one["evidence"])}) for one in found["computed"]),
                verdicts=tuple(_verdict(verdict) for verdict in found["verdicts"]),
                citations=tuple(found["citations"]),
                timings=Timings(**found["timings"]),
                models=tuple(ModelUsed(**model) for model in found["models"]),
                notes=tuple(Note(**note) for note in found.get("notes", ())),
                instructions=tuple(
                    Instruction(**{**one, "evidence": tuple(one["evidence"])}) for one in found.get("instructions", ())
                ),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputCorrupt("an answer was not written by this program", "ask again") from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a part of an answer holds
    """A part of an answer as JSON holds it: a tuple as a list, an object by its fields in their order."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "to_json"):
        return value.to_json()
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)} if is_dataclass(value) else value


def _signal(found: Mapping[str, Any]) -> Signal:
    return Signal(
        found["id"], Kind(found["kind"]), Origin(found["origin"]), found["name"], found["sha256"], UNKNOWN_TIME
    )


def _verdict(found: Mapping[str, Any]) -> Verdict:
    values = tuple(Told(**{**told, "evidence": tuple(told["evidence"])}) for told in found["values"])
    return Verdict(found["attribute"], found["subject"], Agreement(found["status"]), values)
