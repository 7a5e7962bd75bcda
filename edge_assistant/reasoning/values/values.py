"""Typed values and when two of them are the same.

A value keeps every way in which it can be read: a recogniser writes the spoken price "thirty-eight forty" as `3840`,
and 03/04/2018 is the third of April or the fourth of March. Two values agree where some reading of one is a reading of
the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from edge_assistant.reasoning.rules.vocabulary import Tolerance, vocabulary
from edge_assistant.reasoning.values import units
from edge_assistant.reasoning.values.phonetics import same_name

_ANYTHING = Fraction(10) ** 30  # the open end of a range
_FEW = 20  # up to which an approximate whole number may be off by one
_MINUTES = 24 * 60


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

    def exact(self) -> Quantity:
        """The number alone, as a limit is meant: "not more than 100" is a limit of 100."""
        return replace(self, approximate=False, side="", least=None, most=None)


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
    """A time of day; each reading is a minute from midnight. `approximate` and `side` as of a quantity.

    Attributes:
        day: the day, where several could be meant and it is told; the same time of two days is not the same.
    """

    readings: tuple[int, ...]
    approximate: bool = False
    side: str = ""
    day: Day | None = None


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
class Words:
    """Anything that is said in words, in lower case and singular."""

    tokens: frozenset[str]


Value = Quantity | Pair | Day | Month | Clock | Nothing | Truth | Telephone | Identifier | Name | Words


def same(a: Value, b: Value) -> bool:
    """Whether two values can both be true of one attribute, by the rules of tolerances.toml.

    It has no direction, and a value is the same as itself. What cannot be compared is not the same; ask `comparable`.
    """
    return any(_same(x, y) for x, y in ((a, b), (b, a)))


def comparable(a: Value, b: Value) -> bool:
    """Whether two values speak about the same, so that they either agree or contradict each other.

    A day and a time of day do not, nor do kilograms and volts. Amounts of two currencies do: they differ.
    """
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        money = units.is_currency(a.unit) and units.is_currency(b.unit)
        return money or a.unit is None or b.unit is None or bool(units.meanings(a.unit, b.unit))
    if isinstance(a, Nothing | Truth) or isinstance(b, Nothing | Truth):
        return not isinstance(a, Day | Month | Clock | Pair) and not isinstance(b, Day | Month | Clock | Pair)
    return any(isinstance(a, group) and isinstance(b, group) for group in _COMPARED)


def _same(a: Value, b: Value) -> bool:
    match a, b:
        case Quantity(), Quantity():
            return _same_quantity(a, b)
        case Pair(), Pair():
            return _same_quantity(a.first, b.first) and _same_quantity(a.second, b.second)
        case Day(), Day():
            pairs = ((x, y) for x in a.readings for y in b.readings if x[1:] == y[1:])
            return any(x[0] is None or y[0] is None or x[0] == y[0] for x, y in pairs)
        case Day(), Month():
            return any(m == b.month and (y is None or b.year in (None, y)) for y, m, _ in a.readings)
        case Month(), Month():
            return a.month == b.month and (a.year is None or b.year is None or a.year == b.year)
        case Clock(), Clock():
            days = a.day is None or b.day is None or _same(a.day, b.day)
            return days and any(_same_minute(x, y, a, b) for x in a.readings for y in b.readings)
        case Telephone(), Telephone():
            return _same_telephone(a.digits, b.digits)
        case Identifier(), Identifier():
            return _same_code(a.code, b.code)
        case _:
            return _same_in_words(a, b)


def _same_in_words(a: Value, b: Value) -> bool:
    match a, b:
        case Name(), Name():
            return a == b or same_name(a.words, b.words)
        case Words(), Words():
            within = bool(a.tokens and b.tokens) and (a.tokens <= b.tokens or b.tokens <= a.tokens)
            return a == b or (within and is_negated(a) == is_negated(b))
        case Nothing(), Truth(yes=yes):
            return not yes
        case Nothing(), Quantity():
            return 0 in b.readings
        case ((Words() | Name()), Truth(yes=yes)):
            return yes
        case Name(), Words():
            return same_name(a.words, sorted(b.tokens))
        case Identifier(code=code), Quantity(unit=None):
            return any(code == str(reading) for reading in b.readings)
        case _:
            return a == b


def is_negated(words: Words) -> bool:
    """Whether one of the words denies the others: not detected, no fracture."""
    return not vocabulary().words["no"].isdisjoint(words.tokens)


# Types of which values can be compared with one another
_COMPARED: tuple[tuple[type, ...], ...] = (
    (Pair,), (Day, Month), (Clock,), (Telephone,), (Identifier, Quantity), (Name, Words),
)  # fmt: skip


def _same_quantity(a: Quantity, b: Quantity) -> bool:
    meanings = units.meanings(a.unit, b.unit) if a.unit and b.unit else (("", ""),)
    return any(_agree(a, b, one, other) for one, other in meanings)


def _agree(a: Quantity, b: Quantity, one: str, other: str) -> bool:
    """Whether two quantities agree, a being of the unit `one` and b of the unit `other`."""
    if None not in (a.least, a.most, b.least, b.most):
        return _meet(a, b, one, other, a.least, b.least) and _meet(a, b, one, other, a.most, b.most)
    x_all, y_all = ((None,) if (q.least, q.most) != (None, None) else q.readings for q in (a, b))
    return any(_meet(a, b, one, other, x, y) for x in x_all for y in y_all)


def _meet(a: Quantity, b: Quantity, one: str, other: str, x: Decimal | None, y: Decimal | None) -> bool:
    """Whether the intervals of two numbers (None: of the whole range) meet, each as far as rounding admits."""
    (low, high), (least, most) = _interval(a, x), _interval(b, y)
    if one == other:
        slack = max(_rounding(a, b, x), _rounding(b, a, y))
        return low - slack <= most and least - slack <= high
    into = [units.convert(end, one, other) for end in (low, high)]
    back = [units.convert(end, other, one) for end in (least, most)]
    right, left = _conversion_slack(b, a, y, one, other), _conversion_slack(a, b, x, one, other)
    there = min(into) - right <= most and least - right <= max(into)
    return there or (min(back) - left <= high and low - left <= max(back))


def _interval(quantity: Quantity, number: Decimal | None) -> tuple[Fraction, Fraction]:
    """What a number can be, as it was said: the ends of a range, and as far beside them as the words admit."""
    ends = (quantity.least, quantity.most) if number is None else (number, number)
    low, high = (
        open_ if end is None else Fraction(end) for end, open_ in zip(ends, (-_ANYTHING, _ANYTHING), strict=True)
    )
    if not quantity.approximate:
        return low, high
    rule = _approximation(quantity)
    below, above = (max(rule.share * abs(end), rule.least) for end in (low, high))
    return low - below * (quantity.side != "over"), high + above * (quantity.side != "under")


def _approximation(quantity: Quantity) -> Tolerance:
    tolerances = vocabulary().tolerances
    first = quantity.readings[0]
    if units.is_temperature(quantity.unit):
        return tolerances["temperature"]
    if quantity.unit is None and first == int(first) and abs(first) <= _FEW:
        return tolerances["count"]
    return tolerances[quantity.side or "about"]


def _rounding(stated: Quantity, other: Quantity, number: Decimal | None) -> Fraction:
    """How far a stated number may be from a computed one that rounds to it."""
    if number is None or stated.measured or not other.measured or other.approximate or stated.approximate:
        return Fraction(0)
    whole = not number or units.is_temperature(stated.unit or other.unit)
    return _slack("measured", number, None if whole else other.readings[0])


def _conversion_slack(target: Quantity, source: Quantity, number: Decimal | None, one: str, other: str) -> Fraction:
    """How far a converted number may be from the one it is compared with, as precisely as that was stated."""
    if number is None or units.is_exact(one, other):
        return _rounding(target, source, number)
    return _slack("converted", number, None if units.is_temperature(one) else number)


def _slack(rule: str, stated: Decimal, of: Decimal | None) -> Fraction:
    """So many halves of a unit in the last digit that was stated, and no more than a share of a number."""
    tolerance = vocabulary().tolerances[rule]
    slack = tolerance.half_units * Fraction(10) ** int(stated.as_tuple().exponent) / 2
    return slack if of is None else min(slack, tolerance.share * abs(Fraction(of)))


def _same_minute(x: int, y: int, a: Clock, b: Clock) -> bool:
    """Whether two minutes of a day meet, around midnight too; later is y after x."""
    later = (y - x) % _MINUTES
    tolerances = vocabulary().tolerances
    rules = [tolerances["clock_about" if clock.approximate else "clock"].least for clock in (a, b)]
    after = rules[0] * (a.side != "under") + rules[1] * (b.side != "over")
    before = rules[0] * (a.side != "over") + rules[1] * (b.side != "under")
    return later <= after or _MINUTES - later <= before


def _same_telephone(a: str, b: str) -> bool:
    """The same digits, where a country's code of one to three digits may stand for a leading zero."""
    if a == b or (a.lstrip("0") == b.lstrip("0") and not a.startswith("00")):  # a recogniser drops a zero in front
        return True
    abroad, home = (a, b) if a.startswith("+") else (b, a)
    if not abroad.startswith("+") or home.startswith("+"):
        return False
    national = home.removeprefix("0")
    return abroad.endswith(national) and (abroad == f"+{home}" or 1 <= len(abroad) - 1 - len(national) <= 3)


def _same_code(a: str, b: str) -> bool:
    """The same letters and digits; letters before three digits or more may be left out: MRN 004512."""
    one, other = (code.translate(LOOKS_LIKE) for code in (a, b))
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return bool(re.fullmatch(r"\d{3,}", shorter)) and bool(re.fullmatch(rf"[A-Z]+{shorter}", longer))


LOOKS_LIKE = str.maketrans({"O": "0", "I": "1"})  # what recognisers of writing and of speech take for each other
