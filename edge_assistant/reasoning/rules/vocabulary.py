"""The words and rules of the reasoning stage: the English that ships with it, and what a domain file adds.

The stage asks `vocabulary()` for the one in force, as code asks `decimal.getcontext()` for the arithmetic in force; a
question is answered `within()` the vocabulary of its domain.
"""

from __future__ import annotations

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

SHIPPED = (
    "english.toml",
    "attributes.toml",
    "written.toml",
    "readings.toml",
    "computing.toml",
    "values.toml",
    "units.toml",
    "tolerances.toml",
    "told.toml",
    "objects.toml",
    "pointing.toml",
    "pointed.toml",
    "asking.toml",
    "asides.toml",
    "instructions.toml",
)  # files of this package: the default vocabulary
EXAMPLES = "examples"  # folder of this package, see `Examples`
NONE = "none"  # key of the examples that are about no attribute
VALUE = "x"  # place of the value in an example
PLACES = ("name", "thing", "drug")  # other places in examples: of a person, of the thing at hand, of a medicine

_builders: list[Callable[[Vocabulary], object]] = []  # of `per_vocabulary`, of the modules that are loaded


@dataclass(frozen=True, slots=True)
class Attribute:
    """What can be asked for and told of a subject; see attributes.toml.

    Attributes:
        name: as verdicts show it.
        value: type of its values, a key of `candidates.FINDERS`.
        names: what it is called, on a label or in a sentence; lower case, singular.
        labels: what it is called on labels only.
        asked: phrases that mean it in questions only.
        told: phrases that mean it in what is told only.
        units: canonical units its values can have; empty for any.
        per: what its subject is (`drug`, `item`, ...), where one signal tells it of several subjects; else None.
        adverse: its values are bad for the subject, so a question what he may have does not ask for it.
        general: narrower attributes of the same type and unit are one too: any date is a date.
        instead: keys of attributes that answer where no signal tells it.
        question: how one source is asked for it; None for "What is the <name>?".
    """

    name: str
    value: str
    names: tuple[str, ...]
    labels: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    units: frozenset[str] = frozenset()
    per: str | None = None
    general: bool = False
    question: str | None = None
    instead: tuple[str, ...] = ()
    adverse: bool = False


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
class Examples:
    """How an attribute or a matter is asked for and told; see the files in examples/, and pointed.toml."""

    asked: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A computation over readings by examples; see computing.toml.

    Attributes:
        kind: the value of a `measured.Kind`; None for no computation.
        wants: the value of a `measured.Wants`.
        over: on which side a limit lies or a trend goes.
        examples: how it is asked for and told.
    """

    kind: str | None
    wants: str | None
    over: bool | None
    examples: Examples


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Numbers, months, ordinals, units, plurals, attributes, word lists and how questions are understood."""

    numbers: Mapping[str, int]
    months: Mapping[str, int]
    ordinals: Mapping[str, int]
    units: Mapping[str, str]
    singular: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    question: Mapping[str, tuple[str, ...]]
    categories: Mapping[str, frozenset[str]]
    category_names: Mapping[str, str] = field(default_factory=dict)
    activities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    synonyms: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unit_names: Mapping[str, str] = field(default_factory=dict)
    misread: Mapping[str, str] = field(default_factory=dict)
    misread_months: Mapping[str, str] = field(default_factory=dict)
    misheard: Mapping[str, str] = field(default_factory=dict)
    sexes: Mapping[str, str] = field(default_factory=dict)
    shorthand: Mapping[str, str] = field(
        default_factory=dict
    )  # words of labels as they are cut short, see written.toml
    measuring: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # see readings.toml
    telling: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # see told.toml
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
    pointing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # see pointing.toml
    matters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # see asking.toml
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kinds of signals by the words for them
    examples: Mapping[str, Examples] = field(default_factory=dict)  # by the key of the attribute, and "none"
    computing: Mapping[str, Way] = field(default_factory=dict)  # see computing.toml
    pointed: Mapping[str, Mapping[str, Examples]] = field(default_factory=dict)  # by kind of thing and matter
    asides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # see asides.toml
    instructions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # see instructions.toml


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
    _builders.append(built)
    return lambda: built(vocabulary())


def build_all() -> None:
    """Build all that the modules which are loaded build of the vocabulary in force, before a question needs it."""
    for built in _builders:
        built(vocabulary())


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
    tables["examples"] = _shipped_examples()
    return tables


def _shipped_examples() -> dict[str, dict[str, list[str]]]:
    """The examples of all files; one attribute may have some in several."""
    examples: dict[str, dict[str, list[str]]] = {}
    for file in sorted((files(__package__) / EXAMPLES).iterdir(), key=lambda entry: entry.name):
        for key, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            kept = examples.setdefault(key, {})
            for way, sentences in table.items():
                kept[way] = [*kept.get(way, []), *sentences]
    return examples


def build(tables: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of tables that are all there and valid."""
    return Vocabulary(
        numbers=tables["numbers"],
        months=tables["months"],
        ordinals=tables["ordinals"],
        units={written: unit for unit, entry in tables["unit"].items() for written in entry["written"]},
        singular=tables["singular"],
        words={key: frozenset(values) for key, values in (tables["words"] | tables["value_words"]).items()},
        question={key: tuple(values) for key, values in tables["question"].items()},
        categories={key: frozenset(values) for key, values in tables["categories"].items()},
        category_names=tables["category_names"],
        activities={key: frozenset(values) for key, values in tables["activities"].items()},
        attributes={key: _attribute(key, entry) for key, entry in tables["attributes"].items()},
        synonyms=tables.get("synonyms", {}),
        written={key: frozenset(values) for key, values in tables["written"].items()},
        unit_names=tables["unit_names"],
        misread=tables["misread"],
        misread_months=tables["misread_months"],
        misheard=tables["misheard"],
        sexes=tables["sexes"],
        shorthand=tables["shorthand"],
        measuring={
            key: {name: tuple(values) for name, values in table.items()} for key, table in tables["measuring"].items()
        },
        telling={
            key: {name: tuple(values) for name, values in table.items()} for key, table in tables["telling"].items()
        },
        scales={key: _scale(entry) for key, entry in tables["unit"].items()},
        also={key: frozenset(values) for key, values in tables["also"].items()},
        hundredths=tables["hundredths"],
        tolerances={key: _tolerance(entry) for key, entry in tables["tolerance"].items()},
        fractions={key: Decimal(value) for key, value in tables["fractions"].items()},
        repeats=tables["repeats"],
        spelling=tables["spelling"],
        hours=tables["hours"],
        halves={key: (first, after) for key, (first, after) in tables["halves"].items()},
        hedges={key: frozenset(values) for key, values in tables["hedges"].items()},
        pointing={key: tuple(values) for key, values in tables["pointing"].items()},
        asking={key: tuple(values) for key, values in tables["asking"].items()},
        sources={key: tuple(values) for key, values in tables["sources"].items()},
        matters={key: tuple(values) for key, values in tables["matters"].items()},
        examples=_examples(tables["examples"]),
        computing=_ways(tables["computing"]),
        pointed={kind: _examples(matters) for kind, matters in tables["pointed"].items()},
        asides={key: tuple(values) for key, values in tables["asides"].items()},
        instructions={key: tuple(values) for key, values in tables["instructions"].items()},
    )


def _examples(tables: Mapping[str, Any]) -> dict[str, Examples]:
    return {key: Examples(tuple(table.get("asked", ())), tuple(table.get("told", ()))) for key, table in tables.items()}


def _ways(tables: Mapping[str, Any]) -> dict[str, Way]:
    examples = _examples(tables)
    return {key: Way(t.get("kind"), t.get("wants"), t.get("over"), examples[key]) for key, t in tables.items()}


def _attribute(key: str, entry: Mapping[str, Any]) -> Attribute:
    return Attribute(
        name=key.replace("_", " "),
        value=entry["value"],
        names=tuple(entry["names"]),
        labels=tuple(entry.get("labels", ())),
        asked=tuple(entry.get("asked", ())),
        told=tuple(entry.get("told", ())),
        units=frozenset(entry.get("units", ())),
        per=entry.get("per"),
        general=entry.get("general", False),
        question=entry.get("question"),
        instead=tuple(entry.get("instead", ())),
        adverse=entry.get("adverse", False),
    )


def _scale(entry: Mapping[str, Any]) -> Scale:
    return Scale(entry.get("dimension"), Fraction(entry.get("size", 1)), Fraction(entry.get("zero", 0)))


def _tolerance(entry: Mapping[str, Any]) -> Tolerance:
    return Tolerance(Fraction(entry.get("share", 0)), Fraction(entry.get("least", 0)), entry.get("half_units", 0))


_chosen: ContextVar[Vocabulary | None] = ContextVar("vocabulary", default=None)
