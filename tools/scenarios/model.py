"""What a scenario is made of before it is written into a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_assistant.evidence import Evidence

if TYPE_CHECKING:
    from scenarios.series import Series

_MARK = re.compile(r"<([^<|>]*)\|([^<|>]*)>")


@dataclass(frozen=True, slots=True)
class Recording:
    """How a voice note is recorded: pace, sample rate, what lies over it. Decibels are below the speech."""

    speed: float
    rate: int
    noise: float | None
    telephone: bool
    lead: float
    trail: float


@dataclass(slots=True)
class Signal:
    """A signal of a scenario.

    Attributes:
        kind: `image`, `audio`, `readings` or `text`.
        file: its name.
        sentences: of a recording or a text, marked up as values are said.
        data: the bytes of a picture.
        evidence: gold evidence of a picture.
        series: readings.
        recording: how a voice note is recorded.
        in_words: whether gold evidence of a recording has numbers in words.
        joint: what stands between the sentences of a text.
    """

    kind: str
    file: str
    sentences: list[str] = field(default_factory=list)
    data: bytes = b""
    evidence: list[Evidence] = field(default_factory=list)
    series: Series | None = None
    recording: Recording | None = None
    in_words: bool = False
    joint: str = " "

    def raw(self) -> str:
        """All words of it, marked up: what a question's gold must stand in."""
        return " ".join([*self.sentences, *(item.text for item in self.evidence)])


@dataclass(frozen=True, slots=True)
class Rest:
    """What an answer rests on: words of a signal, or a number computed from its rows.

    Attributes:
        signal: its id.
        words: what stands in the signal, marked up; of readings an operation that `series.compute` knows.
        entries: entries of the answer which this tells; empty where it tells only which row or item is meant.
    """

    signal: str
    words: str
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its right answer; see docs/scenarios.md. `rests` is for our own checks."""

    ask: str
    type: str
    status: str
    answer: tuple[str, ...]
    rests: tuple[Rest, ...]

    @property
    def cites(self) -> tuple[str, ...]:
        """The signals that it rests on."""
        return tuple(dict.fromkeys(rest.signal for rest in self.rests))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: `id` is the folder's name, `domain` one of the format's."""

    id: str
    domain: str
    signals: list[Signal]
    questions: list[Question]


def spoken(text: str) -> str:
    """The words for the voice.

    >>> spoken("I take <ten milligrams|10 mg> a day.")
    'I take ten milligrams a day.'
    """
    return _MARK.sub(r"\1", text)


def transcript(text: str) -> str:
    """What a good recogniser writes.

    >>> transcript("I take <ten milligrams|10 mg> a day.")
    'I take 10 mg a day.'
    """
    return _MARK.sub(r"\2", text)


def ids(signals: Sequence[Signal]) -> list[str]:
    """`image:1`, `audio:1`, ... in the order of the signals."""
    counts: dict[str, int] = {}
    found = []
    for signal in signals:
        counts[signal.kind] = counts.get(signal.kind, 0) + 1
        found.append(f"{signal.kind}:{counts[signal.kind]}")
    return found
