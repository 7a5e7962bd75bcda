"""The same value in another writing or unit is always the same; one beyond the tolerance never is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

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


@given(CENTS, st.data())
def test_an_amount_in_another_writing_is_the_same(cents: int, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(writings.money(cents))) for _ in range(2))
    assert agree("money", one, other)


@given(CENTS, CENTS, st.data())
def test_another_amount_is_different_in_any_writing(a: int, b: int, data: st.DataObject) -> None:
    assume(a != b and a * 100 != b and b * 100 != a)  # 38 and 3800 may have lost a point
    assert not agree("money", *(data.draw(st.sampled_from(writings.money(cents))) for cents in (a, b)))


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


@given(DAYS, st.data())
def test_a_day_in_another_writing_is_the_same(day: date, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(writings.days(day))) for _ in range(2))
    assert agree("date", one, other)


@given(DAYS, DAYS, st.data())
def test_another_day_is_different_in_any_writing(a: date, b: date, data: st.DataObject) -> None:
    assume((a.month, a.day) not in ((b.month, b.day), (b.day, b.month)))
    assert not agree("date", *(data.draw(st.sampled_from(writings.days(day))) for day in (a, b)))


@given(DAYS)
def test_a_month_has_all_its_days(day: date) -> None:
    for month in (f"{writings.MONTHS[day.month - 1]} {day.year}", f"{day.month:02d}/{day.year}", f"{day:%Y-%m}"):
        assert agree("date", month, f"{min(day.day, 28)} {writings.MONTHS[day.month - 1]} {day.year}")
        assert not agree("date", month, f"{min(day.day, 28)} {writings.MONTHS[day.month - 1]} {day.year + 1}")


@given(st.integers(0, 23), st.integers(0, 59), st.data())
def test_a_time_of_day_in_another_writing_is_the_same(hour: int, minute: int, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(writings.clocks(hour, minute))) for _ in range(2))
    assert agree("clock", one, other)


@given(st.integers(0, 1439), st.integers(1, 719), st.data())
def test_another_time_of_day_is_different_in_any_writing(at: int, later: int, data: st.DataObject) -> None:
    one, other = (writings.clocks(*divmod(minute % 1440, 60)) for minute in (at, at + later))
    assert not agree("clock", data.draw(st.sampled_from(one)), data.draw(st.sampled_from(other)))


NUMBERS = st.from_regex(r"07[0-9]{9}", fullmatch=True)


@given(NUMBERS, st.data())
def test_a_telephone_number_in_another_writing_is_the_same(digits: str, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(writings.telephones(digits))) for _ in range(2))
    assert agree("telephone", one, other)


@given(NUMBERS, st.integers(1, 10), st.integers(1, 9), st.data())
def test_another_telephone_number_is_different(digits: str, at: int, more: int, data: st.DataObject) -> None:
    wrong = digits[:at] + str((int(digits[at]) + more) % 10) + digits[at + 1 :]
    assert not agree("telephone", *(data.draw(st.sampled_from(writings.telephones(n))) for n in (digits, wrong)))


LETTERS = st.text(st.sampled_from("ABCDEFGHJKLMNPQR"), min_size=1, max_size=4)
DIGITS = st.text(st.sampled_from("0123456789"), min_size=2, max_size=8)


@given(LETTERS, DIGITS, st.data())
def test_an_identifier_in_another_writing_is_the_same(letters: str, digits: str, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(writings.identifiers(letters, digits))) for _ in range(2))
    assert agree("identifier", one, other)


@given(LETTERS, DIGITS, DIGITS, st.data())
def test_another_identifier_is_different(letters: str, a: str, b: str, data: st.DataObject) -> None:
    assume(a != b)
    assert not agree("identifier", *(data.draw(st.sampled_from(writings.identifiers(letters, n))) for n in (a, b)))


@given(st.integers(90, 220), st.integers(40, 89), st.integers(1, 30))
def test_a_pair_in_another_writing_is_the_same_and_another_is_not(first: int, second: int, off: int) -> None:
    written = f"{first}/{second}"
    for said in (f"{first} over {second}", f"{writings.in_words(first)} over {writings.in_words(second)}"):
        assert agree("pair", written, said)
        assert not agree("pair", f"{first + off}/{second}", said)
        assert not agree("pair", f"{first}/{second + off}", said)


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
