"""Values: sameness is symmetric and reflexive, and knows readings, units, rounding and missing years."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Month,
    Name,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
    Words,
    comparable,
    same,
)
from edge_assistant.reasoning.values.words import as_words


def numbers() -> st.SearchStrategy[Decimal]:
    return st.decimals(-100_000, 100_000, places=2)


UNITS = [None, "kg", "g", "lb", "V", "degC", "degF", "deg", "MYR", "USD", "SGD", "GBP"]


def quantities() -> st.SearchStrategy[Quantity]:
    return st.builds(
        Quantity,
        st.lists(numbers() | st.integers(0, 5).map(Decimal), min_size=1, max_size=2).map(tuple),
        st.sampled_from(UNITS),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "under", "over"]),
        st.none() | st.integers(-3, 3).map(Decimal),
        st.none() | st.integers(3, 9).map(Decimal),
    )


def values() -> st.SearchStrategy[Value]:
    """Any value as candidates make them: each has at least one reading."""
    year = st.none() | st.integers(2000, 2003)
    day = st.tuples(year, st.integers(1, 2), st.integers(1, 3))
    minutes = st.lists(st.integers(0, 30) | st.just(1439), min_size=1, max_size=2).map(tuple)
    words = st.lists(st.sampled_from(["ada", "hale", "hail", "m", "penicillin", "12"]), min_size=1, max_size=3)
    return st.one_of(
        quantities(),
        st.builds(Pair, quantities(), quantities()),
        st.builds(Day, st.lists(day, min_size=1, max_size=2).map(tuple)),
        st.builds(Month, year, st.integers(1, 2)),
        st.builds(Clock, minutes, st.booleans(), st.sampled_from(["", "under", "over"])),
        st.builds(Truth, st.booleans()),
        st.builds(Words, st.frozensets(st.sampled_from("abc"), max_size=3)),
        st.builds(Name, words.map(tuple)),
        st.builds(Telephone, st.from_regex(r"(\+44|0)?7[0-9]{5}", fullmatch=True)),
        st.builds(Identifier, st.text("A0O1I7", min_size=1, max_size=5)),
        st.just(Nothing()),
    )


@given(values())
def test_a_value_is_the_same_as_itself(value: Value) -> None:
    assert same(value, value)
    assert comparable(value, value)


@given(values(), values())
def test_sameness_has_no_direction(a: Value, b: Value) -> None:
    assert same(a, b) == same(b, a)
    assert comparable(a, b) == comparable(b, a)


@given(values(), values())
def test_what_cannot_be_compared_is_not_the_same(a: Value, b: Value) -> None:
    assert comparable(a, b) or not same(a, b)


@given(values())
def test_what_is_told_contradicts_none(value: Value) -> None:
    told = isinstance(value, Name | Telephone | Identifier | Words)
    assert not told or (comparable(value, Nothing()) and not same(value, Nothing()))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Day(((2018, 1, 2),)), Clock((260,))),
        (Quantity((Decimal(5),), "kg"), Quantity((Decimal(5),), "V")),
        (Quantity((Decimal(5),), "MYR"), Clock((260,))),
        (Pair(Quantity((Decimal(120),)), Quantity((Decimal(80),))), Quantity((Decimal(120),))),
        (Name(("hale",)), Quantity((Decimal(5),))),
        (Nothing(), Day(((2018, 1, 2),))),
    ],
)
def test_what_cannot_be_compared(a: Value, b: Value) -> None:
    assert not comparable(a, b)


def quantity(*readings: str, unit: str | None = None, approximate: bool = False, measured: bool = False) -> Quantity:
    return Quantity(tuple(Decimal(reading) for reading in readings), unit, approximate, measured)


MOST = Quantity((Decimal(100),), "degC", most=Decimal(100))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (quantity("38.40"), quantity("3840", "38.40"), True),
        (quantity("38.4"), quantity("38.40"), True),
        (quantity("38.40"), quantity("3841", "38.41"), False),
        (quantity("12", unit="kg"), quantity("12"), True),
        (quantity("12", unit="kg"), quantity("12", unit="V"), False),
        (quantity("12"), quantity("13", approximate=True), True),
        (quantity("12"), quantity("14", approximate=True), False),
        (quantity("-12"), quantity("-13", approximate=True), True),
        (quantity("0"), quantity("0", approximate=True), True),
        (quantity("85.04", measured=True), quantity("85.0"), True),
        (quantity("85.06", measured=True), quantity("85.0"), False),
        (quantity("85.4", measured=True), quantity("85"), True),
        (quantity("1234", measured=True), quantity("1234"), True),
        (quantity("85.04", measured=True), quantity("85.0", measured=True), False),
        (Day(((2018, 4, 3), (2018, 3, 4))), Day(((2018, 3, 4),)), True),
        (Day(((None, 3, 4),)), Day(((2018, 3, 4),)), True),
        (Day(((2017, 3, 4),)), Day(((2018, 3, 4),)), False),
        (Clock((260, 980)), Clock((980,)), True),
        (Clock((260,)), Clock((980,)), False),
        (as_words("a school bus"), as_words("bus"), True),
        (as_words("penicillin"), as_words("latex"), False),
        (as_words("red cars"), as_words("a red car"), True),
        (as_words("---"), as_words("penicillin"), False),
        (as_words("the"), as_words("penicillin"), False),
        (Nothing(), as_words("penicillin"), False),
        (Nothing(), Nothing(), True),
        (Truth(True), Truth(False), False),
        (quantity("75", unit="degC"), quantity("75", unit="deg"), True),
        (quantity("75", unit="deg"), quantity("75", unit="V"), False),
        (MOST, quantity("90", unit="degC"), True),
        (MOST.exact(), quantity("90", unit="degC"), False),
    ],
)
def test_what_is_the_same(a: Value, b: Value, expected: bool) -> None:
    assert same(a, b) is expected
