"""Claims: typed statements of what a source says, the evidence they rest on, and of whom and when they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from edge_assistant.reasoning.values.values import Value
from edge_assistant.signals import Kind


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
        confidence: probability of the choice, or the detector's score; 1 where code decided.
        computed: id of the computation, where the value was computed over readings.
        attribute: name of the attribute of the vocabulary that it is about; None where only the question says.
        subject: of whom or of what, where that is not the one the signal is about: an item, a drug, "son".
        when: the words that place it in another time ("last year"), else None.
        chosen_by: id of the other signal that says that this is what the question means, else None.
        negated: it is said that the value is not so: "I do not take aspirin".
        rests: what other signals told for a computation, each with the signal: ("limit", "text:1").
        sentence: the sentence that tells it, where one does and what it is of may be asked.
        standing: whether it stands in instructions to the reader.
        statistic: "maximum", "minimum" or "mean" where the value is told as that of many.
    """

    signal: str
    value: Value
    text: str
    evidence: tuple[str, ...]
    confidence: float = 1.0
    computed: str | None = None
    attribute: str | None = None
    subject: str | None = None
    when: str | None = None
    chosen_by: str | None = None
    negated: bool = False
    statistic: str | None = None
    rests: tuple[tuple[str, str], ...] = ()
    sentence: str = ""
    standing: Standing = Standing.PLAIN

    @property
    def present(self) -> bool:
        """Whether the value is told to be so now: not of another time, and not denied."""
        return self.when is None and not self.negated

    @property
    def heard(self) -> bool:
        """Whether a recogniser heard it; else it is written, seen or measured."""
        return self.signal.startswith((Kind.AUDIO, Kind.VIDEO))
