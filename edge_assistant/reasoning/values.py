"""Typed values and when two of them are the same.

A value keeps every way in which it can be read: a recogniser writes the spoken price "thirty-eight forty" as `3840`,
and 03/04/2018 is the third of April or the fourth of March. Two values agree where some reading of one is a reading of
the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

DEGREES = "deg"
APPROXIMATE = Decimal("0.10")  # "about twelve" admits a tenth to either side


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with an optional unit.

    Attributes:
        readings: every number it can stand for, the likeliest first.
        unit: canonical unit or currency, or None.
        approximate: said to be about so much.
        measured: computed over readings, so that a stated value need only round to it.
        side: of an approximate number, the only side that the words admit: "under" (nearly), "over" (just over), or "".
        least: lower end of a range ("2 to 8", "at least 2"), or None; the ends are among the readings.
        most: upper end of a range, or None.
    """

    readings: tuple[Decimal, ...]
    unit: str | None = None
    approximate: bool = False
    measured: bool = False
    side: str = ""
    least: Decimal | None = None
    most: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers said together: a blood pressure of 120/80."""

    first: Quantity
    second: Quantity


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day; each reading is (year or None, month, day)."""

    readings: tuple[tuple[int | None, int, int], ...]


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a year, or of any year; it agrees with every day in it."""

    year: int | None
    month: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; each reading is a minute from midnight. `approximate` and `side` as of a quantity."""

    readings: tuple[int, ...]
    approximate: bool = False
    side: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Said to be none: "none", "no known allergies", "nil"."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Yes or no."""

    yes: bool


@dataclass(frozen=True, slots=True)
class Telephone:
    """A telephone number: its digits, with a leading + where the country is told."""

    digits: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """A serial number, a batch, a room: its letters and digits in upper case, without what separates them."""

    code: str


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a person, a drug or a firm: its words in lower case, given name first, without titles."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, item by item, each as it is compared: lower case, singular, without stop words and doses."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Anything that is said in words, in lower case and singular."""

    tokens: frozenset[str]


Value = Quantity | Pair | Day | Month | Clock | Nothing | Truth | Telephone | Identifier | Name | Items | Words


def same(a: Value, b: Value) -> bool:
    """Whether two values can both be true of one attribute.

    Values of different types never are, except that a number in words is still words: `Words` that share no token with
    other `Words` are different.
    """
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _same_quantity(a, b)
    if isinstance(a, Day) and isinstance(b, Day):
        return any(_same_day(x, y) for x in a.readings for y in b.readings)
    if isinstance(a, Clock) and isinstance(b, Clock):
        return bool(set(a.readings) & set(b.readings))
    if isinstance(a, Words) and isinstance(b, Words):
        return a == b or (bool(a.tokens and b.tokens) and (a.tokens <= b.tokens or b.tokens <= a.tokens))
    return a == b


def _same_quantity(a: Quantity, b: Quantity) -> bool:
    if a.unit and b.unit and not _same_unit(a.unit, b.unit):
        return False
    return any(_close(x, y, a, b) for x in a.readings for y in b.readings)


def _same_unit(a: str, b: str) -> bool:
    """Whether two units can be the same: "degrees" are of whatever scale the other is."""
    return a == b or (DEGREES in (a, b) and a.startswith(DEGREES) and b.startswith(DEGREES))


def _close(x: Decimal, y: Decimal, a: Quantity, b: Quantity) -> bool:
    if a.approximate or b.approximate:
        return abs(x - y) <= APPROXIMATE * max(abs(x), abs(y))
    if a.measured != b.measured:
        measured, stated = (x, y) if a.measured else (y, x)
        return abs(measured - stated) <= _half_unit(stated)
    return x == y


def _half_unit(number: Decimal) -> Decimal:
    """Half a unit in the last digit that was stated: 0.05 for 99.9."""
    exponent = number.as_tuple().exponent
    return Decimal(5).scaleb(int(exponent) - 1)


def _same_day(a: tuple[int | None, int, int], b: tuple[int | None, int, int]) -> bool:
    return a[1:] == b[1:] and (a[0] is None or b[0] is None or a[0] == b[0])
