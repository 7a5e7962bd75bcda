"""Evidence: what a model perceived in a signal, where (locator), how surely (confidence), of what sort (detail)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Box = tuple[int, int, int, int]
_NEARLY = 0.995  # would be rounded to 100%
UNSURE = 0.6  # confidence below which evidence is said to be uncertain


@dataclass(frozen=True, slots=True)
class Locator:
    """Where in its signal a piece of evidence stands; only what applies is set.

    Attributes:
        page: page from 1, of PDF and multi-page TIFF.
        box: x, y, width, height in pixels after EXIF orientation.
        seconds: first and last second, [a, b].
        rows: first and last data row from 1, both included.
        chars: Unicode code points, [a, b).
    """

    page: int | None = None
    box: Box | None = None
    seconds: tuple[float, float] | None = None
    rows: tuple[int, int] | None = None
    chars: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The contract's object: the keys that are set."""
        found: dict[str, Any] = {}
        for key in ("page", "box", "seconds", "rows", "chars"):
            value = getattr(self, key)
            if value is not None:
                found[key] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Locator:
        """The locator of the contract's object."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
        }
        return cls(**given)

    def __str__(self) -> str:
        parts = []
        if self.page is not None:
            parts.append(f"page {self.page}")
        if self.seconds is not None:
            parts.append(f"{clock(self.seconds[0])}-{clock(self.seconds[1])}")
        if self.box is not None:
            parts.append("box {} {} {} {}".format(*self.box))
        if self.rows is not None:
            a, b = self.rows
            parts.append(f"row {a}" if a == b else f"rows {a}-{b}")
        if self.chars is not None:
            parts.append("characters {}-{}".format(*self.chars))
        return ", ".join(parts)


def clock(seconds: float) -> str:
    """Seconds as [h:]mm:ss.d, as sources are shown.

    >>> clock(63.14), clock(3723.0)
    ('01:03.1', '1:02:03.0')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    return f"{head}:{rest // 10:02d}.{rest % 10}"


def how_sure(confidence: float | None) -> str:
    """The end of a place in a signal: the confidence of what was perceived there; nothing where nothing was guessed.

    >>> how_sure(0.974), how_sure(None)
    (', confidence 97%', '')
    """
    return "" if confidence is None else f", {confidence_of(confidence)}"


def confidence_of(confidence: float) -> str:
    """A model's confidence in words; no model is certain, so it never says 100%.

    >>> confidence_of(0.5), confidence_of(0.9999)
    ('confidence 50%', 'confidence over 99%')
    """
    return f"confidence {confidence:.0%}" if confidence < _NEARLY else "confidence over 99%"


def counted(number: int, noun: str) -> str:
    """A number of things in words.

    >>> counted(1, "reading"), counted(3, "time")
    ('1 reading', '3 times')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True, slots=True)
class Line:
    """Written words of one row of a page, left to right; the cells are its parts where there are gaps between them."""

    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A form's label and the value that belongs to it; an empty value is one that was left blank."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class TickBox:
    """A box to tick, with the words beside it."""

    label: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Code:
    """A QR or bar code's content and symbology."""

    content: str
    symbology: str


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of a detector's or classifier's classes.

    Attributes:
        label: the class.
        sure: whether it was found. One that is not is too faint to be told or counted, but can confirm what another
            signal tells.
    """

    label: str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture in one sentence: the objects counted, by label, and faces under `face`."""

    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word with its time in seconds and probability."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken segment word by word."""

    words: tuple[Word, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number that code computed over rows of readings.

    Attributes:
        column: the column's name without its unit.
        unit: as in the header, or None.
        name: `range`, `max`, `min`, `mean`, `trend`, `step`, `outlier`, `gap`, `excursion`, ...
        value: the number, or None where only the rows matter.
        time: when, where one moment is meant.
    """

    column: str
    unit: str | None
    name: str
    value: float | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph of a text."""


Detail = Line | Field | TickBox | Code | Thing | Scene | Speech | Statistic | Passage


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing perceived.

    Attributes:
        id: `E1`, `E2`, ... given by the assistant in the order of the signals; empty until then.
        signal: id of the signal.
        text: what was perceived, in words that stand alone.
        confidence: 0 to 1 where the model gives one, else None.
        locator: where.
        detail: the same, typed; says what sort of evidence it is.
    """

    id: str
    signal: str
    text: str
    confidence: float | None
    locator: Locator
    detail: Detail

    def to_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            "id": self.id,
            "signal": self.signal,
            "text": self.text,
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "locator": self.locator.to_json(),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Evidence:
        """The evidence of the contract's object, which tells no details: a passage."""
        return cls(
            found["id"],
            found["signal"],
            found["text"],
            found["confidence"],
            Locator.from_json(found["locator"]),
            Passage(),
        )
