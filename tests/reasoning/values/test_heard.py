"""Values as recognisers of speech write them: parted, glued together, or with the word that sounds alike."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_assistant.reasoning.told.told import told_in
from edge_assistant.reasoning.values.candidates import find
from edge_assistant.reasoning.values.values import Clock, Day, Identifier, Nothing, Pair, Quantity, same


def quantity(text: str) -> tuple[list[str], str | None]:
    """The readings and the unit of the first quantity of a text that has a unit."""
    found = next(c.value for c in find("quantity", text) if isinstance(c.value, Quantity) and c.value.unit)
    return [str(reading) for reading in found.readings], found.unit


@pytest.mark.parametrize(
    ("heard", "number", "unit"),
    [
        ("it was 100 and 45.4 degrees", "145.4", "deg"),
        ("at 300 and 10 kPa", "310", "kPa"),
        ("it weighs 200 and 7 kilos", "207", "kg"),
        ("we read 400 and 80 volts", "480", "V"),
        ("it took 100 and 5 minutes", "105", "minute"),
        ("the limit is 100 and 2.5 bar", "102.5", "bar"),
        ("4 point 2 bar", "4.2", "bar"),
        ("38 point 6 degrees Celsius", "38.6", "degC"),
        ("it was 0 point 75 kilowatts", "0.75", "kW"),
        ("a hundred and two point four Fahrenheit", "102.4", "degF"),
        ("the meal was 54lbs 17", "54.17", "GBP"),
        ("I paid 73 lbs 40 for it", "73.40", "GBP"),
        ("it came to 94 years 98", "94.98", "EUR"),
        ("126 euros, 57 in total", "126.57", "EUR"),
        ("12 pounds, 35 altogether", "12.35", "GBP"),
        ("8 dollars, 40.", "8.40", "USD"),
        ("I took 10mg", "10", "mg"),
    ],
)
def test_a_number_that_was_parted_is_one(heard: str, number: str, unit: str) -> None:
    readings, found = quantity(heard)
    assert (readings[0], found) == (number, unit)


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("between 100 and 20 mg", ["20"]),
        ("either 100 and 20 mg", ["20"]),
        ("126 euros, 57 guests came", ["126", "1.26"]),
        ("the baby was 7 lbs 12", ["7"]),
        ("it is 94 years 6 months old", ["1134"]),
        ("150 and 20 mg", ["20"]),
        ("100 and 250 mg", ["250"]),
    ],
)
def test_two_numbers_stay_two(said: str, numbers: list[str]) -> None:
    assert quantity(said)[0] == numbers


@given(st.integers(1, 9), st.integers(1, 99), st.sampled_from(["volts", "kPa", "kg", "degrees", "mg"]), st.data())
def test_a_broken_hundred_is_the_number_and_no_other(hundreds: int, rest: int, unit: str, data: st.DataObject) -> None:
    heard = next(c.value for c in find("quantity", f"it was {hundreds}00 and {rest} {unit} today"))
    number = 100 * hundreds + rest
    other = data.draw(st.integers(1, 999).filter(lambda n: n != number))
    written, wrong = (next(find("quantity", f"{n} {unit}")).value for n in (number, other))
    assert same(heard, written)
    assert not same(heard, wrong)


@pytest.mark.parametrize(
    ("heard", "pair"),
    [
        ("it was 120 4 over 72", (124, 72)),
        ("it was 120, 4 over 72", (124, 72)),
        ("pressure 100 and 20 over 80", (120, 80)),
        ("pressure 100 35 over 90", (135, 90)),
        ("pressure 130 over 70 5", (130, 75)),
        ("120 over 80", (120, 80)),
        ("room 2, 120 over 80", (120, 80)),
    ],
)
def test_a_pressure_that_was_parted_is_one(heard: str, pair: tuple[int, int]) -> None:
    found = next(find("pair", heard)).value
    assert isinstance(found, Pair)
    assert (found.first.readings[0], found.second.readings[0]) == tuple(Decimal(number) for number in pair)


@pytest.mark.parametrize(
    ("heard", "minutes"),
    [
        ("the alarm came at 1030pm", [22 * 60 + 30]),
        ("it was 938 p.m. when I paid", [21 * 60 + 38]),
        ("at 605 PM", [18 * 60 + 5]),
        ("at 1145 am", [11 * 60 + 45]),
        ("at 1205 am", [5]),
        ("5-1 in the afternoon", [12 * 60 + 55]),
        ("20-3 in the afternoon", [14 * 60 + 40]),
        ("at 10-9 in the evening", [20 * 60 + 50]),
        ("we met at half 3", [3 * 60 + 30, 15 * 60 + 30]),
        ("half seven in the evening", [19 * 60 + 30]),
        ("at half twelve", [30, 12 * 60 + 30]),
    ],
)
def test_a_time_as_it_was_heard(heard: str, minutes: list[int]) -> None:
    found = next(find("clock", heard)).value
    assert isinstance(found, Clock)
    assert sorted(found.readings) == minutes


@pytest.mark.parametrize("said", ["half 3 tablets", "half a tablet", "5-6 kg", "20-3", "1390 pm", "2560 am"])
def test_what_is_no_time(said: str) -> None:
    assert not [c for c in find("clock", said) if c.start == 0]


@given(st.integers(1, 12), st.integers(0, 59), st.sampled_from(["am", "pm", "p.m.", "AM"]), st.integers(1, 719))
def test_a_time_without_its_colon_is_that_time_only(hour: int, minute: int, half: str, later: int) -> None:
    heard = next(find("clock", f"at {hour}{minute:02d} {half}")).value
    written = next(find("clock", f"{hour}:{minute:02d} {half}")).value
    assert same(heard, written)
    total = hour * 60 + minute + later
    other = next(find("clock", f"{total // 60 % 12 or 12}:{total % 60:02d} {half}")).value
    assume(other != written)
    assert not same(heard, other)


@pytest.mark.parametrize(
    ("heard", "day"),
    [
        ("on March 4th. 2022, it was put in", (2022, 3, 4)),
        ("since October 1st. 2019.", (2019, 10, 1)),
        ("until July 20, 20, 25.", (2025, 7, 20)),
        ("on the 5th of July 20 25", (2025, 7, 5)),
        ("the 9th of June, 19, 45, I think", (1945, 6, 9)),
        ("the 17th of September", (None, 9, 17)),
        ("on 5 July 20, 25 people came", (None, 7, 5)),
        ("October 1st. 2022 was a good year", (None, 10, 1)),
    ],
)
def test_a_year_that_was_parted(heard: str, day: tuple[int | None, int, int]) -> None:
    found = next(find("date", heard)).value
    assert isinstance(found, Day)
    assert found.readings[0] == day


def codes(text: str) -> list[str]:
    return [c.value.code for c in find("identifier", text) if isinstance(c.value, Identifier)]


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        ("lot C3, 4082.", "C34082"),
        ("lot T six, two eight oh nine. That is all", "T62809"),
        ("the order is P R, seven four five five nine", "PR74559"),
        ("the serial number, CK, 578155, I had to look", "CK578155"),
        ("it says KD, 2323, 85 and no more", "KD232385"),
        ("the pack is A eight, three eight five three, no", "A83853"),
        ("L 3, 3 8 4 4.", "L33844"),
        ("B four dash five one one one", "B45111"),
    ],
)
def test_a_code_with_pauses_is_one(heard: str, code: str) -> None:
    assert code in codes(heard)


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("room B1, 25 people", "B1"),
        ("room B1, 2500 people", "B1"),
        ("lot C3, 4082 kg", "C3"),
        ("I live in room B1, on May 3, 2024.", "B1"),
        ("OK, 2500.", "2500"),
        ("I, 2500.", "2500"),
    ],
)
def test_a_number_behind_a_code_is_not_always_its_own(said: str, first: str) -> None:
    assert codes(said)[0] == first


@pytest.mark.parametrize(
    ("heard", "claims"),
    [
        ("The picture shows a tennis racket. Sorry, I mean a surfboard.", {("presence", "surfboard")}),
        ("It was the 4th of May. Sorry, I mean the 18th of April.", {("date", None)}),
        ("There is a dog. Wait, no. A cat.", {("presence", "cat")}),
        ("The motor has 18 kilowatts. Wait. No. 750 watts.", {("power", None)}),
        ("He takes ramipril. Sorry, I was late.", {("medication", None)}),
    ],
)
def test_a_correction_that_is_a_sentence_of_its_own_corrects(heard: str, claims: set[tuple[str, str | None]]) -> None:
    assert {(found.attribute, found.subject) for found in told_in(heard)} == claims


@pytest.mark.parametrize(
    "said",
    [
        "There are no tablets left of renbro.",
        "There were no tablets left.",
        "We have no medicine in stock.",
        "No tablets at home.",
    ],
)
def test_what_has_run_out_is_taken_all_the_same(said: str) -> None:
    assert not [found for found in told_in(said) if isinstance(found.value, Nothing)]
