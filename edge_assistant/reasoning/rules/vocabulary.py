"""The words of the reasoning stage: the English that ships with it, and what a domain file adds.

The stage asks `vocabulary()` for the one in force, as code asks `decimal.getcontext()` for the arithmetic in force; a
question is answered `within()` the vocabulary of its domain.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, TypeVar

T = TypeVar("T")

# Files of this package: the default vocabulary
SHIPPED = tuple(
    f"{name}.toml" for name in ("english", "times", "values", "units", "tolerances", "asking", "instructions")
)


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit: how it converts to the base unit of its dimension; see units.toml.

    Attributes:
        dimension: only units of one dimension convert; None where nothing does.
        size: how many base units it is.
        zero: where its scale begins, in base units.
    """

    dimension: str | None
    size: Fraction = Fraction(1)
    zero: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two values may be apart that are still the same; see tolerances.toml.

    Attributes:
        share: of the number (of the letters, for a name).
        least: as far at any rate, in the value's own unit (minutes, for a time of day).
        half_units: halves of a unit in the last place that was stated.
    """

    share: Fraction = Fraction(0)
    least: Fraction = Fraction(0)
    half_units: int = 0


@dataclass(frozen=True, slots=True)
class DomainExample:
    """A source of a domain and what it answers; the language model is shown it behind the examples that ship."""

    lines: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]  # questions, each with its answer


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Numbers, months, units, tolerances, word lists, and the names and examples of a domain."""

    numbers: Mapping[str, int]
    months: Mapping[str, int]
    ordinals: Mapping[str, int]
    units: Mapping[str, str]
    singular: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    question: Mapping[str, tuple[str, ...]]
    measuring: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # see times.toml
    scales: Mapping[str, Scale] = field(default_factory=dict)
    also: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hundredths: Mapping[str, str] = field(default_factory=dict)
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    fractions: Mapping[str, Decimal] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)
    spelling: Mapping[str, str] = field(default_factory=dict)
    hours: Mapping[str, int] = field(default_factory=dict)
    halves: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    hedges: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # see asking.toml
    instructions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # see instructions.toml
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # other names of what a domain speaks of
    examples: tuple[DomainExample, ...] = ()


def vocabulary() -> Vocabulary:
    """The vocabulary in force: the shipped one, or the one that `within` chose."""
    return _chosen.get() or shipped()


@contextmanager
def within(chosen: Vocabulary) -> Iterator[None]:
    """Put a vocabulary in force."""
    token = _chosen.set(chosen)
    try:
        yield
    finally:
        _chosen.reset(token)


def per_vocabulary(build: Callable[[Vocabulary], T]) -> Callable[[], T]:
    """Make a function that builds something of a vocabulary once for each: a pattern of all its units, say."""
    built = lru_cache(maxsize=8)(build)
    return lambda: built(vocabulary())


def word_pattern(write: Callable[[Vocabulary], str]) -> Callable[[], re.Pattern[str]]:
    """A function that gives a pattern of a vocabulary's words, in any case; it is compiled once for each vocabulary."""
    return per_vocabulary(lambda vocabulary: re.compile(write(vocabulary), re.I))


@cache
def shipped() -> Vocabulary:
    """The vocabulary that ships with the package."""
    return build(shipped_tables())


@cache
def shipped_tables() -> Mapping[str, Any]:
    """The tables of all shipped files as TOML has them; what a domain file is merged over."""
    tables: dict[str, Any] = {}
    for name in SHIPPED:
        tables |= tomllib.loads((files(__package__) / name).read_text(encoding="utf-8"))
    return tables


def build(tables: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of tables that are all there and valid."""
    return Vocabulary(
        numbers=tables["numbers"],
        months=tables["months"],
        ordinals=tables["ordinals"],
        units={written: unit for unit, entry in tables["unit"].items() for written in entry["written"]},
        singular=tables["singular"],
        words={key: frozenset(values) for key, values in (tables["words"] | tables["value_words"]).items()},
        question=_lists(tables["question"]),
        measuring={key: _lists(table) for key, table in tables["measuring"].items()},
        scales={
            key: Scale(entry.get("dimension"), Fraction(entry.get("size", 1)), Fraction(entry.get("zero", 0)))
            for key, entry in tables["unit"].items()
        },
        also={key: frozenset(values) for key, values in tables["also"].items()},
        hundredths=tables["hundredths"],
        tolerances={
            key: Tolerance(Fraction(row.get("share", 0)), Fraction(row.get("least", 0)), row.get("half_units", 0))
            for key, row in tables["tolerance"].items()
        },
        fractions={key: Decimal(value) for key, value in tables["fractions"].items()},
        repeats=tables["repeats"],
        spelling=tables["spelling"],
        hours=tables["hours"],
        halves={key: (first, after) for key, (first, after) in tables["halves"].items()},
        hedges={key: frozenset(values) for key, values in tables["hedges"].items()},
        asking=_lists(tables["asking"]),
        instructions=_lists(tables["instructions"]),
        names=_lists(tables.get("names", {})),
        examples=tuple(
            DomainExample(tuple(entry["lines"]), tuple((question, answer) for question, answer in entry["asked"]))
            for entry in tables.get("examples", ())
        ),
    )


def _lists(table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(values) for key, values in table.items()}


_chosen: ContextVar[Vocabulary | None] = ContextVar("vocabulary", default=None)
