"""Numbers in words: each number below a million reads back, and a listener's other readings are kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.vocabulary import vocabulary
from edge_assistant.reasoning.spoken import spoken_numbers

NAMES = {value: word for word, value in vocabulary().numbers.items()}


def in_words(number: int, hyphen: str = "-", joined: str = " and ") -> str:
    """A number below a million as it is written in words."""
    if number in NAMES and number < 100:
        return NAMES[number]
    if number < 100:
        return f"{NAMES[number - number % 10]}{hyphen}{NAMES[number % 10]}"
    place, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    head, rest = divmod(number, place)
    words = f"{in_words(head, hyphen, joined)} {name}"
    if not rest:
        return words
    return words + (joined if rest < 100 else " ") + in_words(rest, hyphen, joined)


@pytest.mark.parametrize(("hyphen", "joined"), [("-", " and "), (" ", " ")])
def test_every_number_below_ten_thousand_reads_back(hyphen: str, joined: str) -> None:
    for number in range(10_000):
        assert spoken_numbers(in_words(number, hyphen, joined)) == (Decimal(number),)


@given(st.integers(0, 999_999), st.sampled_from([" ", "-"]), st.sampled_from([" ", " and "]), st.booleans())
def test_every_number_below_a_million_reads_back(number: int, hyphen: str, joined: str, upper: bool) -> None:
    words = in_words(number, hyphen, joined)
    assert spoken_numbers(words.upper() if upper else words) == (Decimal(number),)


@given(st.integers(1, 999), st.integers(10, 99), st.sampled_from([" ", "-"]))
def test_a_price_without_its_point_keeps_both_readings(whole: int, cents: int, hyphen: str) -> None:
    readings = spoken_numbers(f"{in_words(whole, hyphen)} {in_words(cents, hyphen)}")
    if len(readings) == 1:  # "twenty" and "five hundred" go on with what follows: it is one number
        assert readings[0] in (whole + cents, whole * 100 + cents)
    else:
        assert readings == (Decimal(f"{whole}.{cents}"), Decimal(whole * 100 + cents))


@given(st.integers(0, 999), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_a_decimal_point_is_spoken(whole: int, digits: list[int]) -> None:
    words = f"{in_words(whole)} point {' '.join(NAMES[digit] for digit in digits)}"
    assert spoken_numbers(words) == (Decimal(f"{whole}.{''.join(map(str, digits))}"),)


@pytest.mark.parametrize(
    ("words", "readings"),
    [
        ("thirty-eight forty", ["38.40", "3840"]),
        ("thirty eight forty", ["38.40", "3840"]),
        ("four ninety nine", ["4.99", "499"]),
        ("one hundred and five twenty", ["105.20", "10520"]),
        ("twenty twenty", ["20.20", "2020"]),
        ("nineteen seventy one", ["19.71", "1971"]),
        ("twelve hundred and fifty", ["1250"]),
        ("thousand", ["1000"]),
        ("two thousand and six", ["2006"]),
        ("zero", ["0"]),
    ],
)
def test_words_and_their_readings(words: str, readings: list[str]) -> None:
    assert spoken_numbers(words) == tuple(Decimal(reading) for reading in readings)


@pytest.mark.parametrize(
    "words", ["", " ", "and", "pound", "twelve pounds", "point", "three point", "one two three"]
)
def test_what_is_no_number(words: str) -> None:
    assert spoken_numbers(words) == ()


@given(st.lists(st.sampled_from([*vocabulary().numbers, "and", "point", "-", "xyz"]), max_size=12))
def test_any_words_give_different_finite_readings(words: list[str]) -> None:
    readings = spoken_numbers(" ".join(words))
    assert len(set(readings)) == len(readings) <= 2
    assert all(reading.is_finite() and reading >= 0 for reading in readings)
