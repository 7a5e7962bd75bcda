"""The same value in another writing or unit is always the same; one beyond the tolerance never is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from helpers import writings
from helpers.typed import whole
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_assistant.reasoning.rules.vocabulary import shipped
from edge_assistant.reasoning.values import units
from edge_assistant.reasoning.values.values import Quantity, comparable, same

SCALES = {name: scale for name, scale in shipped().scales.items() if scale.dimension}
CENTS = st.integers(1, 99_999)
DAYS = st.dates(date(1930, 1, 1), date(2029, 12, 31))
# Drugs and surnames as recognisers write them, in several words or another spelling
HEARD = [
    ("Ramipril", "rammy pril"), ("Amlodipine", "am low dipping"), ("Metformin", "met for min"),
    ("Simvastatin", "sim a statin"), ("Bisoprolol", "bis oprolol"), ("Hale", "Hail"), ("Meyer", "Maier"),
    ("Stephens", "Stevens"), ("Clark", "Clarke"),
    ("Phillips", "Filips"), ("O'Brien", "O Brian"), ("Thompson", "Tompson"), ("Levothyroxine", "Levo thyroxin"),
    ("Warfarin", "war far in"), ("Katharine", "Catherine"), ("Sören", "Soren"), ("McKay", "Mackay"),
    ("Allopurinol", "Alo purinol"),
]  # fmt: skip


def agree(kind: str, a: str, b: str) -> bool:
    one, other = whole(kind, a), whole(kind, b)
    assert comparable(one, other)
    assert comparable(other, one)
    assert same(one, other) == same(other, one)
    return same(one, other)


LETTERS = st.text(st.sampled_from("ABCDEFGHJKLMNPQR"), min_size=1, max_size=4)
DIGITS = st.text(st.sampled_from("0123456789"), min_size=2, max_size=8)
# Each type: its values, their writings, and whether two values differ in any of these
WRITTEN: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], list[str]], Callable[[Any, Any], bool]]] = {
    # 38 and 3800 may have lost a point
    "money": (CENTS, writings.money, lambda a, b: a not in (b, b * 100) and b != a * 100),
    "date": (
        DAYS, writings.days,
        lambda a, b: (a.month, a.day) not in ((b.month, b.day), (b.day, b.month)),
    ),
    "clock": (st.integers(0, 1439), lambda at: writings.clocks(*divmod(at, 60)), lambda a, b: (a - b) % 720 != 0),
    "telephone": (st.from_regex(r"07[0-9]{9}", fullmatch=True), writings.telephones, lambda a, b: a != b),
    "identifier": (
        st.tuples(LETTERS, DIGITS), lambda code: writings.identifiers(*code), lambda a, b: a[1] != b[1],
    ),
    "pair": (
        st.tuples(st.integers(90, 220), st.integers(40, 89)),
        lambda p: [f"{p[0]}/{p[1]}", f"{p[0]} over {p[1]}", " over ".join(map(writings.in_words, p))],
        lambda a, b: a != b,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
@given(st.data())
def test_a_value_is_the_same_in_another_writing_and_another_value_in_none(kind: str, data: st.DataObject) -> None:
    values, write, differ = WRITTEN[kind]
    value, other = data.draw(values), data.draw(values)
    one, again = (data.draw(st.sampled_from(write(value))) for _ in range(2))
    assert agree(kind, one, again)
    if differ(value, other):
        assert not agree(kind, one, data.draw(st.sampled_from(write(other))))


@given(CENTS, st.integers(11, 40), st.booleans())
def test_an_approximate_amount_admits_a_tenth(cents: int, percent: int, more: bool) -> None:
    said, exact = f"about {cents / 100:.2f}", Decimal(cents) * (100 + (percent if more else -percent)) / 10_000
    assume(cents > 4000)  # whole numbers up to 20 have a rule of their own
    assert not agree("money", said, f"{exact:.4f}")
    assert agree("money", said, f"{Decimal(cents) * (109 if more else 91) / 10_000:.4f}")


@given(st.decimals(-400, 4000, places=2), st.sampled_from(sorted(shipped().units.items())))
def test_a_quantity_in_words_and_in_another_writing_of_its_unit_is_the_same(
    number: Decimal, unit: tuple[str, str]
) -> None:
    written, canonical = unit
    assume(written not in ("second", "$", "€", "£", "¥", "￥", "₹", "us$", "s$", "a$", "au$", "c$", "ca$"))
    assert agree("quantity", f"{number} {written}", f"{writings.decimal_words(number)} {written}")
    value = whole("quantity", f"{number} {written}")
    assert isinstance(value, Quantity)
    assert value.unit == canonical


def in_unit(number: Decimal, unit: str, into: str, digits: int) -> Decimal:
    """A quantity in another unit, rounded to some significant digits as people and gauges do."""
    converted = units.convert(Fraction(number), unit, into)
    exact = Decimal(converted.numerator) / Decimal(converted.denominator)
    digits = max(digits, len(str(abs(int(exact)))))  # nobody can tell a zero that was rounded from one that was not
    return Decimal(f"{float(exact):.{digits}g}") if exact else Decimal(0)


@st.composite
def pairs_of_units(draw: st.DrawFn) -> tuple[str, str]:
    unit = draw(st.sampled_from(sorted(SCALES)))
    alike = [u for u in SCALES if SCALES[u].dimension == SCALES[unit].dimension and u != unit]
    assume(alike)
    return unit, draw(st.sampled_from(sorted(alike)))


def quantity(number: Decimal, unit: str) -> Quantity:
    plain = number.quantize(Decimal(1)) if number == number.to_integral_value() else number
    return Quantity((Decimal(f"{plain:f}"),), unit)


@given(st.decimals("0.5", 900, places=1), pairs_of_units(), st.integers(3, 5))
def test_a_quantity_in_another_unit_is_the_same(number: Decimal, pair: tuple[str, str], digits: int) -> None:
    unit, other = pair
    digits = 12 if units.is_exact(unit, other) else digits  # nobody rounds grams to write milligrams
    assert same(quantity(number, unit), quantity(in_unit(number, unit, other, digits), other))


@given(st.decimals(1, 900, places=1), pairs_of_units(), st.sampled_from(["0.93", "0.8", "1.07", "1.3", "10"]))
def test_another_quantity_in_another_unit_is_different(number: Decimal, pair: tuple[str, str], factor: str) -> None:
    unit, other = pair
    off = number * Decimal(factor)
    if units.is_temperature(unit):
        assume(abs(off - number) > 3)
    assert not same(quantity(number, unit), quantity(in_unit(off, unit, other, 6), other))


@given(DAYS)
def test_a_month_has_all_its_days(day: date) -> None:
    for month in (f"{writings.MONTHS[day.month - 1]} {day.year}", f"{day.month:02d}/{day.year}", f"{day:%Y-%m}"):
        assert agree("date", month, f"{min(day.day, 28)} {writings.MONTHS[day.month - 1]} {day.year}")
        assert not agree("date", month, f"{min(day.day, 28)} {writings.MONTHS[day.month - 1]} {day.year + 1}")


def test_a_name_as_heard_is_the_name_as_written() -> None:
    assert [pair for pair in HEARD if not agree("name", *pair)] == []


@given(st.sampled_from(HEARD), st.sampled_from(HEARD))
def test_another_name_is_different(a: tuple[str, str], b: tuple[str, str]) -> None:
    assume(a != b)
    assert not agree("name", a[0], b[1])


@given(st.sampled_from(["Hale", "Okafor", "Lindqvist"]), st.sampled_from(["Martin", "Ada", "Grace"]))
def test_a_name_with_title_order_or_initial_is_the_same(last: str, first: str) -> None:
    for other in (
        f"Dr {first} {last}",
        f"{last}, {first}",
        f"{last.upper()} {first.upper()}",
        f"{first[0]}. {last}",
        last,
    ):
        assert agree("name", f"{first} {last}", other)
    assert not agree("name", f"{first} {last}", f"Robert {last}")
