"""Values: sameness is symmetric and reflexive, and knows readings, units, rounding and missing years."""

from __future__ import annotations

from decimal import Decimal

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


@given(values(), values())
def test_sameness_has_no_direction_and_implies_that_values_are_comparable(a: Value, b: Value) -> None:
    assert same(a, a)
    assert same(a, b) == same(b, a)
    assert comparable(a, b) == comparable(b, a)
    assert comparable(a, b) or not same(a, b)
    if isinstance(a, Name | Telephone | Identifier | Words):
        assert comparable(a, Nothing())
        assert not same(a, Nothing())


def quantity(*readings: str, unit: str | None = None, approximate: bool = False, measured: bool = False) -> Quantity:
    return Quantity(tuple(Decimal(reading) for reading in readings), unit, approximate, measured)


MOST = Quantity((Decimal(100),), "degC", most=Decimal(100))
APART = (
    (Day(((2018, 1, 2),)), Clock((260,))), (quantity("5", unit="kg"), quantity("5", unit="V")),
    (quantity("5", unit="MYR"), Clock((260,))), (Pair(quantity("120"), quantity("80")), quantity("120")),
    (Name(("hale",)), quantity("5")), (Nothing(), Day(((2018, 1, 2),))),
)  # fmt: skip
SAME = (
    (quantity("38.40"), quantity("3840", "38.40")), (quantity("38.4"), quantity("38.40")),
    (quantity("12", unit="kg"), quantity("12")), (quantity("12"), quantity("13", approximate=True)),
    (quantity("-12"), quantity("-13", approximate=True)), (quantity("0"), quantity("0", approximate=True)),
    (quantity("85.04", measured=True), quantity("85.0")), (quantity("85.4", measured=True), quantity("85")),
    (quantity("75", unit="degC"), quantity("75", unit="deg")), (MOST, quantity("90", unit="degC")),
    (Day(((2018, 4, 3), (2018, 3, 4))), Day(((2018, 3, 4),))), (Day(((None, 3, 4),)), Day(((2018, 3, 4),))),
    (Clock((260, 980)), Clock((980,))), (as_words("a school bus"), as_words("bus")),
    (as_words("red cars"), as_words("a red car")), (Nothing(), Nothing()),
)  # fmt: skip
DIFFERENT = (
    (quantity("38.40"), quantity("3841", "38.41")), (quantity("12", unit="kg"), quantity("12", unit="V")),
    (quantity("12"), quantity("14", approximate=True)), (quantity("85.06", measured=True), quantity("85.0")),
    (quantity("85.04", measured=True), quantity("85.0", measured=True)), (Day(((2017, 3, 4),)), Day(((2018, 3, 4),))),
    (Clock((260,)), Clock((980,))), (as_words("penicillin"), as_words("latex")), (Truth(True), Truth(False)),
    (as_words("---"), as_words("penicillin")), (as_words("the"), as_words("penicillin")),
    (Nothing(), as_words("penicillin")), (quantity("75", unit="deg"), quantity("75", unit="V")),
    (MOST.exact(), quantity("90", unit="degC")),
)  # fmt: skip


def test_what_is_the_same_differs_or_cannot_be_compared() -> None:
    assert [pair for pair in SAME if not same(*pair)] == []
    assert [pair for pair in DIFFERENT if same(*pair)] == []
    assert [pair for pair in APART if comparable(*pair)] == []
