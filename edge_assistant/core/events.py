"""What happens while a question is answered, as small dataclasses; all that a front end needs to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_assistant.core.answer import Answer, Failure, Route, Verdict
from edge_assistant.core.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Routed:
    """It is decided which way the question takes."""

    route: Route


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process of the same user computes; this one goes on when it has ended, and can be stopped meanwhile."""


@dataclass(frozen=True, slots=True)
class Perceiving:
    """A sense works on a signal; fraction 0 to 1."""

    signal: str
    sense: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Understood:
    """A sense that takes long has found something of what it is going to find; the evidence has no ids yet."""

    signal: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Perceived:
    """A sense is done with a signal; the evidence has its ids."""

    signal: str
    sense: str
    evidence: tuple[Evidence, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Noted:
    """Something was left out or assumed, said in one line."""

    signal: str
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A signal, or a sense on it, could not be used; the others go on."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Thinking:
    """All signals are perceived; what they say is put together, and what that needs is loaded first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The language model reads a signal's evidence."""

    signal: str


@dataclass(frozen=True, slots=True)
class Traced:
    """What a stage of the reasoning took in or came to, for those who want to see each step.

    Attributes:
        stage: such as `question`, `claims`, `read`, `join`.
        signal: id of the signal it is about, or None.
        lines: one for each thing, to be shown as they are.
    """

    stage: str
    signal: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """The claims about one attribute are compared."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the answer, checked against its evidence."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is complete; the last event."""

    answer: Answer


Event = (
    Routed
    | Waiting
    | Perceiving
    | Understood
    | Perceived
    | Noted
    | Failed
    | Thinking
    | Reading
    | Traced
    | Compared
    | Said
    | Answered
)
Watch = Callable[[Event], None]
