"""Values: sameness is symmetric and reflexive, and knows readings, units, rounding and missing years."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.candidates import as_words
from edge_assistant.reasoning.values import Clock, Day, Nothing, Quantity, Truth, Value, Words, same


def numbers() -> st.SearchStrategy[Decimal]:
    return st.decimals(-100_000, 100_000, places=2)


def values() -> st.SearchStrategy[Value]:
    """Any value as candidates make them: each has at least one reading."""
    day = st.tuples(st.none() | st.integers(2000, 2003), st.integers(1, 2), st.integers(1, 3))
    return st.one_of(
        st.builds(
            Quantity,
            st.lists(numbers() | st.integers(0, 5).map(Decimal), min_size=1, max_size=2).map(tuple),
            st.sampled_from([None, "kg", "V"]),
            st.booleans(),
            st.booleans(),
        ),
        st.builds(Day, st.lists(day, min_size=1, max_size=2).map(tuple)),
        st.builds(Clock, st.lists(st.integers(0, 5), min_size=1, max_size=2).map(tuple)),
        st.builds(Truth, st.booleans()),
        st.builds(Words, st.frozensets(st.sampled_from("abc"), max_size=3)),
        st.just(Nothing()),
    )


@given(values())
def test_a_value_is_the_same_as_itself(value: Value) -> None:
    assert same(value, value)


@given(values(), values())
def test_sameness_has_no_direction(a: Value, b: Value) -> None:
    assert same(a, b) == same(b, a)


@given(values(), values())
def test_values_of_different_types_are_never_the_same(a: Value, b: Value) -> None:
    assert type(a) is type(b) or not same(a, b)


def quantity(*readings: str, unit: str | None = None, approximate: bool = False, measured: bool = False) -> Quantity:
    return Quantity(tuple(Decimal(reading) for reading in readings), unit, approximate, measured)


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
    ],
)
def test_what_is_the_same(a: Value, b: Value, expected: bool) -> None:
    assert same(a, b) is expected


def test_degrees_are_of_whatever_scale_the_other_value_is() -> None:
    celsius, bare, volts = (Quantity((Decimal(75),), unit) for unit in ("degC", "deg", "V"))
    assert same(celsius, bare)
    assert not same(bare, volts)
