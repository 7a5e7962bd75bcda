"""What two signals can tell of one attribute: a form and a note, each value in every writing, and what else is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import writings
from fakes import signal
from hypothesis import strategies as st

from edge_assistant.evidence import Detail, Evidence, Field, Locator, Passage, Scene, Speech, Thing
from edge_assistant.perception.readings import Readings
from edge_assistant.perception.sense import Request
from edge_assistant.reasoning.sources import Source
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind, Origin, take_bytes


@dataclass(frozen=True)
class Topic:
    """An attribute, how it is asked for, and how a form and a note tell it.

    Attributes:
        attribute: as a verdict names it.
        question: asks for it.
        written: what a form has of a value: its fields, or a scene; in all its writings.
        spoken: a value in the ways that people say it.
        sentence: what a note says; `{}` is the value.
        values: two values that are not the same.
        others: sentences of somebody or something else, of another time, of what is not so; `{}` is the other value.
    """

    attribute: str
    question: str
    written: Callable[[object], list[Detail]]
    spoken: Callable[[object], list[str]]
    sentence: str
    values: st.SearchStrategy[tuple[object, object]]
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.attribute


def form(details: Iterable[Detail], number: int = 1, first: int = 1) -> Source:
    """A picture of which this was read or seen."""
    return _source(Kind.IMAGE, number, first, [(detail, _text(detail)) for detail in details])


def note(*sentences: str, number: int = 1, first: int = 100) -> Source:
    """A recording in which this is said."""
    return _source(Kind.AUDIO, number, first, [(Speech((), "en"), sentence) for sentence in sentences])


def typed(*paragraphs: str, number: int = 1, first: int = 200) -> Source:
    """A text."""
    return _source(Kind.TEXT, number, first, [(Passage(), paragraph) for paragraph in paragraphs])


def measured(name: str, column: str, values: Sequence[float], number: int = 1, first: int = 300) -> Source:
    """Readings of one column, a row every ten minutes from midnight on."""
    rows = "".join(
        f"2025-03-14T{minute // 60:02d}:{minute % 60:02d}:00,{value}\n"
        for minute, value in zip(range(0, 1440, 10), values, strict=False)
    )
    given = take_bytes(
        f"time,{column}\n{rows}".encode(), Kind.READINGS, number, origin=Origin.SENSOR, name=f"{name}.csv"
    )
    percept = Readings({}, Runtime(1)).perceive(given, Request())
    evidence = tuple(
        Evidence(f"E{first + i}", given.id, e.text, e.confidence, e.locator, e.detail)
        for i, e in enumerate(percept.evidence)
    )
    return Source(given, evidence, percept.table)


def _source(kind: Kind, number: int, first: int, items: Sequence[tuple[Detail, str]]) -> Source:
    given = signal(kind, number)
    evidence = (
        Evidence(f"E{first + i}", given.id, text, 0.9, Locator(), detail) for i, (detail, text) in enumerate(items)
    )
    return Source(given, tuple(evidence))


def _text(detail: Detail) -> str:
    match detail:
        case Field(label, value):
            return f"{label}: {value}"
        case Scene(counts):
            return "The picture shows " + ", ".join(f"{count} {label}" for label, count in counts)
        case Thing(label):
            return label
        case _:
            raise AssertionError(detail)


def _field(label: str, write: Callable[[object], list[str]]) -> Callable[[object], list[Detail]]:
    return lambda value: [Field(label, text) for text in write(value)]


def _differing(values: st.SearchStrategy[object], differ: Callable[[object, object], bool]) -> st.SearchStrategy:
    return st.tuples(values, values).filter(lambda pair: differ(*pair))


def _far(share: str) -> Callable[[object, object], bool]:
    return lambda a, b: abs(Decimal(str(a)) - Decimal(str(b))) > Decimal(share) * max(Decimal(str(a)), Decimal(str(b)))


def _written_day(day: object) -> list[str]:
    assert isinstance(day, date)
    return [f"{day:%Y-%m-%d}", f"{day:%d/%m/%Y}", f"{day.day} {writings.MONTHS[day.month - 1]} {day.year}"]


def _spoken_day(day: object) -> list[str]:
    assert isinstance(day, date)
    month = writings.MONTHS[day.month - 1]
    return [text for text in writings.days(day) if month in text and f"{day.year}" in text and "," not in text]


def _money(cents: object) -> list[str]:
    assert isinstance(cents, int)
    return [f"{cents / 100:.2f}", f"£{cents / 100:.2f}"]


def _pounds(cents: object) -> list[str]:
    assert isinstance(cents, int)
    whole, rest = divmod(cents, 100)
    said = [f"{whole}.{rest:02d}", f"£{whole}.{rest:02d}", f"{whole}.{rest:02d} pounds"]
    return said if not rest else [*said, f"{writings.in_words(whole)} pounds {writings.in_words(rest)}"]


def _in(unit: str, *others: tuple[str, str]) -> Callable[[object], list[str]]:
    """Writers of a whole number with its unit, in digits and words, and in other units by a factor."""

    def write(number: object) -> list[str]:
        assert isinstance(number, int)
        return [f"{number} {unit}", *(f"{_plain(number * Decimal(factor))} {other}" for other, factor in others)]

    return write


def _say(unit: str, *others: tuple[str, str]) -> Callable[[object], list[str]]:
    write = _in(unit, *others)
    return lambda number: [*write(number), f"{writings.in_words(int(str(number)))} {unit}"]


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _celsius(number: object) -> list[str]:
    assert isinstance(number, int)
    fahrenheit = _plain(Decimal(number) * 9 / 5 + 32)
    return [f"{number} °C", f"{number} degrees Celsius", f"{fahrenheit} °F", f"{fahrenheit} degrees Fahrenheit"]


def _pressures(pair: object) -> list[str]:
    assert isinstance(pair, tuple)
    return [f"{pair[0]}/{pair[1]}", f"{pair[0]} / {pair[1]}", f"{pair[0]}/{pair[1]} mmHg"]


def _over(pair: object) -> list[str]:
    assert isinstance(pair, tuple)
    return [f"{pair[0]} over {pair[1]}", f"{pair[0]}/{pair[1]}", " over ".join(map(writings.in_words, pair))]


def _scenes(count: object) -> list[Detail]:
    assert isinstance(count, int)
    return [Scene((("dog", count),)), Scene((("dog", count), ("bench", 1)))]


def _dogs(count: object) -> list[str]:
    assert isinstance(count, int)
    noun = "dog" if count == 1 else "dogs"
    return [f"{count} {noun}", f"{writings.in_words(count)} {noun}"]


def _smokes(yes: object) -> list[str]:
    return ["I smoke", "I am a smoker"] if yes else ["I don't smoke", "I am not a smoker", "I do not smoke"]


NUMBERS = st.integers(0, 99_999).map(lambda n: f"0161{4960000 + n:07d}"[:11])
CODES = st.tuples(st.text(st.sampled_from("ABCDEFGHKLNP"), min_size=2, max_size=2), st.integers(1000, 9999))
THINGS = ("penicillin", "latex", "nuts", "aspirin", "shellfish", "pollen", "ibuprofen")
ITEMS = st.lists(st.sampled_from(THINGS), min_size=1, max_size=3, unique=True).map(tuple)
DAYS = st.dates(date(2024, 1, 13), date(2027, 12, 28)).filter(lambda day: day.day > 12)

TOPICS = (
    Topic(
        "total",
        "What was the total?",
        _field("Total", _money),
        _pounds,
        "The total was {}.",
        _differing(st.integers(101, 90_000), lambda a, b: a not in (b, b * 100, b * 10) and b not in (a * 100, a * 10)),
        ("The previous total was {}.", "My colleague's total was {}.", "If the total was {} I would know."),
    ),
    Topic(
        "birth date",
        "What is the date of birth?",
        _field("Date of birth", _written_day),
        _spoken_day,
        "I was born on {}.",
        _differing(DAYS, lambda a, b: a != b),
        ("My son was born on {}.",),
    ),
    Topic(
        "expiry date",
        "When does it expire?",
        _field("Expiry date", _written_day),
        _spoken_day,
        "The expiry date is {}.",
        st.tuples(DAYS, st.integers(1, 300))
        .map(lambda d: (d[0], d[0] + timedelta(d[1])))
        .filter(lambda d: d[1].day > 12),
        ("The expiry date of the old batch was {}.",),
    ),
    Topic(
        "dose",
        "What is the dose of ramipril?",
        _field("Medication", lambda n: [f"Ramipril {t}" for t in _in("mg")(n)]),
        _say("mg"),
        "I take {} of ramipril.",
        _differing(st.integers(1, 90), _far("0.3")),
        ("My wife takes {} of ramipril.", "Last year I took {} of ramipril."),
    ),
    Topic(
        "weight",
        "What is the weight?",
        _field("Weight", _in("kg", ("g", "1000"))),
        _say("kg"),
        "The weight is {}.",
        _differing(st.integers(2, 180), _far("0.1")),
        ("My brother weighs {}.", "Last year the weight was {}."),
    ),
    Topic(
        "blood pressure",
        "What is the blood pressure?",
        _field("Blood pressure", _pressures),
        _over,
        "The blood pressure is {}.",
        _differing(st.tuples(st.integers(101, 190), st.integers(50, 99)), lambda a, b: a != b),
        ("Last year the blood pressure was {}.", "My mother's blood pressure is {}."),
    ),
    Topic(
        "telephone",
        "What is the telephone number?",
        _field("Telephone", lambda n: writings.telephones(str(n))[:5]),
        lambda n: writings.telephones(str(n)),
        "My phone number is {}.",
        _differing(NUMBERS, lambda a, b: a != b),
        ("My old phone number was {}.", "My son's phone number is {}."),
    ),
    Topic(
        "serial number",
        "What is the serial number?",
        _field("Serial number", lambda c: writings.identifiers(c[0], str(c[1]))[:3]),  # type: ignore[index]
        lambda c: writings.identifiers(c[0], str(c[1])),
        "The serial number is {}.",  # type: ignore[index]
        _differing(CODES, lambda a, b: a[1] != b[1]),
        ("The serial number of the other pump is {}.",),  # type: ignore[index]
    ),
    Topic(
        "limit",
        "What is the limit?",
        _field("Alarm limit", _celsius),
        _celsius,
        "The alarm limit is {}.",
        _differing(st.integers(20, 140), _far("0.1")),
        ("The old limit was {}.", "The limit of the other pump is {}."),
    ),
    Topic(
        "temperature",
        "What is the temperature?",
        _field("Temperature", _celsius),
        _celsius,
        "The temperature is {}.",
        _differing(st.integers(20, 140), _far("0.1")),
        ("The temperature of the other pump is {}.", "Last week the temperature was {}."),
    ),
    Topic(
        "allergy",
        "What is the patient allergic to?",
        _field("Allergies", lambda i: writings.lists(i)[:3]),  # type: ignore[arg-type]
        lambda i: writings.lists(i)[:2],
        "I am allergic to {}.",  # type: ignore[arg-type]
        _differing(ITEMS, lambda a, b: set(a) != set(b)),  # type: ignore[call-overload]
        ("My son is allergic to {}.", "I am not allergic to eggs."),
    ),
    Topic(
        "count",
        "How many dogs are there?",
        _scenes,
        _dogs,
        "There are {} in the picture.",
        _differing(st.integers(2, 9), lambda a, b: a != b),
        ("Yesterday there were {} in the picture.",),
    ),
    Topic(
        "smoker",
        "Does the patient smoke?",
        _field("Smoker", lambda yes: ["yes", "Yes"] if yes else ["no", "No"]),
        _smokes,
        "{}.",
        st.booleans().map(lambda yes: (yes, not yes)),
        ("My husband smokes.", "If I smoked I would say so."),
    ),
)
