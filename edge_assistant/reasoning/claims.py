"""Claims: typed statements of what a source says, and the evidence they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from edge_assistant.core.signals import Kind
from edge_assistant.reasoning.values.values import Value


class Standing(IntEnum):
    """Where a claim stands: outside of instructions to the reader, in them as a statement, or in an order."""

    PLAIN = 0
    STATED = 1
    ORDER = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says of what is asked.

    Attributes:
        signal: id of the source.
        value: typed.
        text: as it stands in the source.
        evidence: ids of the evidence.
        confidence: probability that it is right; 1 where code decided.
        computed: id of the computation, where the value was computed over readings.
        label: what the source calls it, where that stands beside it on a form; else "".
        standing: whether it stands in instructions to the reader.
    """

    signal: str
    value: Value
    text: str
    evidence: tuple[str, ...]
    confidence: float = 1.0
    computed: str | None = None
    label: str = ""
    standing: Standing = Standing.PLAIN

    @property
    def heard(self) -> bool:
        """Whether a recogniser heard it; else it is written, seen or measured."""
        return self.signal.startswith((Kind.AUDIO, Kind.VIDEO))
