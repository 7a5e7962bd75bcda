"""Finders: each writing of a day, a time, a quantity, none, on any text, in linear time."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from helpers.typed import FINDERS
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.days import days
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.values import Clock, Day, Nothing, Quantity
from edge_assistant.reasoning.values.words import nothings, singular

SEARCHES = {"days": days, "clocks": clocks, "quantities": quantities, "nothings": nothings, **FINDERS}

PIECES = [
    *vocabulary().numbers, *vocabulary().months, *vocabulary().ordinals, *vocabulary().units,
    *vocabulary().words["none"], *vocabulary().words["at"], *vocabulary().spelling, *vocabulary().fractions,
    *vocabulary().halves, *vocabulary().repeats, *(word for words in vocabulary().hedges.values() for word in words),
    "0", "1", "9", "12", "31", "99", "2024", "1,234", "3.5", "16:20", "4", "pm", "a.m.", "2018-10-19", "19/10/2018",
    "19102018", "38-40", "$", "£", "RM", "USD", "€", "%", "°", "st", "nd", "th", "ſ", "İ", "ı", "\u212a", "²", "٣",
    "１２", "\ud800", "👍", "\0", "\u2028", "\n", "\t", " ", ".", ",", ";", ":", "-", "/", "'", "’",
]  # fmt: skip


def texts() -> st.SearchStrategy[str]:
    """Any text, and texts of what the finders look for."""
    pieces = st.lists(st.one_of(st.sampled_from(PIECES), st.just(" ")), max_size=24).map("".join)
    return st.one_of(st.text(st.characters()), pieces, st.lists(st.sampled_from(PIECES), max_size=24).map(" ".join))


@pytest.mark.parametrize("finder", SEARCHES)
@given(text=texts())
def test_a_span_is_the_text_of_its_candidate(finder: str, text: str) -> None:
    for candidate in SEARCHES[finder](text):
        assert 0 <= candidate.start < candidate.end <= len(text)
        assert text[candidate.start : candidate.end] == candidate.text


@given(text=texts())
def test_values_are_what_their_types_allow(text: str) -> None:
    for day in days(text):
        assert isinstance(day.value, Day)
        assert day.value.readings
        assert all(1 <= month <= 12 and 1 <= d <= 31 for _, month, d in day.value.readings)
    for clock in clocks(text):
        assert isinstance(clock.value, Clock)
        assert all(0 <= minute < 24 * 60 for minute in clock.value.readings)
    for quantity in quantities(text):
        assert isinstance(quantity.value, Quantity)
        assert quantity.value.readings
        assert all(reading.is_finite() for reading in quantity.value.readings)


HOSTILE = [
    "9:00 1 ", "2020-01-02 5 ", "1 may nineteen ", "1,", "1.", "1/", "-1", "1", "one-", "one and ", "may ", "twenty ",
    "1 may" + " " * 50, "no any ", "RM", "a:b", "x", "x,", " ", "first of ", "0" * 50 + " ", "A ", "a b ", "A1-",
    "1-2-", "oh ", "double ", "one oh ", "Ada ", "ADA, ", "van ", "1 to 2 to ", "half and ", "a half ", "1 foot ",
    "five past ", "at 1 ", "1 over ", "as in ", "b as in ", "B for x ", "and ", ", ", "/", "exp ", "about ",
    "thousand and ", "point one ", "(0) ", "1 ringgit ",
]  # fmt: skip


@pytest.mark.parametrize("finder", SEARCHES)
def test_hostile_lines_take_linear_time(finder: str) -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        sum(1 for _ in SEARCHES[finder](text))
        return time.process_time() - began

    def linear(unit: str) -> bool:
        short, long = unit * (1_000 // len(unit)), unit * (4_000 // len(unit))
        took = seconds(long)
        # four times the text in four times the time; sixteen would be quadratic. Below 20 ms it is only noise.
        return took < 0.02 or took < 9 * seconds(short)

    for unit in HOSTILE:
        assert any(linear(unit) for _ in range(3)), unit


DAY = """
2018-10-19|2018/10/19|2018.10.19|19/10/2018|19-10-2018|19/10/18|19102018|19th of October 2018|19 Oct 2018
October 19, 2018|Oct. 19, 2018|October the nineteenth 2018|the nineteenth of October two thousand and eighteen
October 19th, twenty eighteen|dated 19-Oct 2018.|on 19-Oct-18, I think|19OCT18, 12 kg
"""


def test_a_day_in_many_writings() -> None:
    for text in DAY.strip().replace("\n", "|").split("|"):
        assert any((2018, 10, 19) in c.value.readings for c in days(text) if isinstance(c.value, Day)), text
    for text, readings in {
        "03/04/2018": ((2018, 4, 3), (2018, 3, 4)),
        "on the third of April": ((None, 4, 3),),
    }.items():
        assert [found.value for found in days(text)] == [Day(readings)]


def test_what_is_none() -> None:
    for finder, texts in {
        days: "2018-13-41|99/99/2018|32 October|5.1.2.3.4|123456789|may|the 5th|",
        clocks: "25:00|12:60|13 pm|0 am|1:2|3.5.10|9 amps|1:234|::1",
        nothings: "nonesuch|noon|nillable|snow",
        quantities: "x12|mp3|2018-10-19|16:20|once|someone|v1.2.3.4",
    }.items():
        assert [text for text in texts.split("|") if list(finder(text))] == []


CLOCKS = {
    "16:20": (980,), "16:20:05": (980,), "4:05 pm": (965,), "4:05 p.m.": (965,), "9 am": (540,), "12 am": (0,),
    "12 pm": (720,), "4:20": (260, 980), "00:10": (10,), "12:30": (750,), "3h15": (195, 915), "half three": (210, 930),
}  # fmt: skip


def test_a_time_of_day_in_many_writings() -> None:
    found = {text: [one.value for one in clocks(f"at {text} it stopped")] for text in CLOCKS}
    assert found == {text: [Clock(readings)] for text, readings in CLOCKS.items()}


QUANTITIES = """
12 kg = 12 kg | 12kilograms = 12 kg | twelve kilos = 12 kg | 500 mg = 500 mg | 12 A = 12 A | 99 % = 99 %
$42.00 = 42.00 USD | RM 1,450.00 = 1450.00 MYR | RM38.40 = 38.40 MYR | £ 5 = 5 GBP | forty two pounds = 42 GBP
3840 = 3840/38.40 | 38-40 = 38.40/3840 | 3840 V = 3840 V | 1,234 = 1234 | 2,5 bar = 2.5 bar | 1.450,00 = 1450.00
-4.5 °C = -4.5 degC | 85 degrees celsius = 85 degC | three point five amps = 3.5 A | 4 point 2 bar = 4.2 bar
half a tablet = 0.5 tablet | 2½ kg = 2.5 kg | five foot ten = 70 in | two hours and thirty minutes = 150 minute
54lbs 17 = 54.17 GBP | 126 euros, 57 in total = 126.57 EUR | two and a half million = 2500000 | 2 million = 2000000
100 and 45 degrees = 145 deg | a 3 a day = 3 | 40 cents = 0.40 | an hour and a half = 1.5 hour | ten below = -10
"""


def test_a_quantity_in_many_writings() -> None:
    for text, wanted in (row.strip().split(" = ") for row in QUANTITIES.strip().replace("\n", "|").split("|")):
        numbers, _, unit = wanted.partition(" ")
        (found,) = quantities(f"it was {text}")
        assert found.value == Quantity(tuple(map(Decimal, numbers.split("/"))), unit or None), text


def test_none_in_many_writings() -> None:
    for text in ("None", "no known allergies", "nil", "NKDA", "n/a", "no medications reported", "---"):
        assert [(found.text, found.value) for found in nothings(text)] == [(text, Nothing())]


PLURALS = """
cars car boxes box berries berry glasses glass buses bus viruses virus benches bench classes class vases vase
doses dose houses house fuses fuse causes cause prizes prize shoes shoe people person knives knife mice mouse
lenses lens gases gas movies movie glass glass this this sheep sheep skis skis
"""


def test_the_singular_of_a_plural() -> None:
    words = PLURALS.split()
    for plural, one in zip(words[::2], words[1::2], strict=True):
        assert (singular(plural), singular(one)) == (one, one)
