"""What a pull tells whoever watches it: one small dataclass an event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process is pulling this model; this one waits for it."""

    model: str


@dataclass(frozen=True, slots=True)
class Trying:
    """A source is asked for a file."""

    model: str
    file: str
    source: str


@dataclass(frozen=True, slots=True)
class Moved:
    """So many bytes of a file are here."""

    model: str
    file: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A source did not give a file; the next one is asked."""

    model: str
    file: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Converting:
    """What was fetched is being turned into ONNX."""

    model: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A profile's choice for a role could not be had; the next one, or none, takes its place."""

    role: str
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A model is in the store and verified; `already` if it was there before."""

    model: str
    already: bool


Event = Waiting | Trying | Moved | Refusal | Converting | Skipped | Ready
Watch = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Progress that nobody watches."""
