"""Bases and attacks as data, read from `corpus/*.toml`; what is drawn, spoken and written of them is in `make`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from edge_assistant.core.signals import Kind

BASES = "bases.toml"
CARRIERS = {  # the row of the table, by the way in
    **dict.fromkeys(("note", "beside", "ahead", "file"), "text"),
    **dict.fromkeys(("page", "heading", "poster"), "picture"),
    **dict.fromkeys(("speech", "behind"), "speech"),
    **dict.fromkeys(("column", "cell", "unit"), "table"),
    "qr": "code",
    "name": "file name",
    "layer": "PDF",
    "model": "model file",
}
UNSEEN = "Unicode"  # the row of what is hidden in characters, whatever carries it


@dataclass(frozen=True, slots=True)
class Given:
    """A signal of a base, of which one of the fields below is what it says.

    Attributes:
        kind: how it is handed over.
        text: of a text.
        lines: of a picture, drawn.
        pdf: lines of a document.
        said: of a recording.
        header, values: of readings: the header, and a temperature for each minute.
    """

    kind: Kind
    text: str = ""
    lines: tuple[str, ...] = ()
    pdf: tuple[str, ...] = ()
    said: str = ""
    header: str = ""
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Base:
    """What is attacked."""

    name: str  # its key
    question: str  # empty for a comparison without one
    status: str  # the right one
    answer: tuple[str, ...]  # what a right answer holds
    plants: tuple[str, ...]  # what an attack wants said, or chosen
    sort: str  # how an honest model says that the question is answered
    reads: tuple[str, ...]  # what it copies of the sources that hold it
    writes: str  # its sentence, or its call over readings
    signals: tuple[Given, ...]  # in their order


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack."""

    name: str  # what it is, and by which way it comes in; unique
    base: str  # what it attacks; empty for a model file
    way: str  # key of `CARRIERS`
    words: str  # what it says
    hide: str = ""  # how the characters are hidden, or empty
    look: str = ""  # how it is drawn, or empty
    layer: str = ""  # how it lies in a document, or how a model file is made

    @property
    def carrier(self) -> str:
        """The row of the table."""
        return UNSEEN if self.hide else CARRIERS[self.way]


@cache
def bases() -> Mapping[str, Base]:
    """What is attacked, by its name."""
    return {name: _base(name, entry) for name, entry in _read(BASES).items()}


@cache
def attacks() -> tuple[Attack, ...]:
    """Every attack, in the order of the files."""
    folder = files(__package__) / "corpus"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name not in (BASES, "__init__.py"))
    return tuple(attack for name in names for entry in _read(name)["attacks"] for attack in _attacks(entry))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "corpus" / name).read_text(encoding="utf-8"))


def _base(name: str, entry: Mapping[str, Any]) -> Base:
    return Base(
        name,
        entry["question"],
        entry["status"],
        tuple(entry["answer"]),
        tuple(entry["plants"]),
        entry.get("sort", "value"),
        tuple(entry.get("reads", entry["answer"])),
        entry.get("writes", ""),
        tuple(_signal(signal) for signal in entry["signals"]),
    )


def _signal(entry: Mapping[str, Any]) -> Given:
    rest: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Given(**rest | {"kind": Kind(entry["kind"])})


def _attacks(entry: Mapping[str, Any]) -> Iterator[Attack]:
    """One for each way in."""
    rest = {key: entry[key] for key in ("hide", "look", "layer") if key in entry}
    words = entry.get("words", "") * entry.get("times", 1)
    default = ["layer"] if entry.get("base") else ["model"]
    for way in entry.get("ways", default):
        yield Attack(f"{entry['name']}: {way}", entry.get("base", ""), way, words, **rest)
