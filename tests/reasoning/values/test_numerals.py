"""Numbers in words: each number below a million reads back, and a listener's other readings are kept."""

from __future__ import annotations

from decimal import Decimal

from helpers.writings import in_words
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.numerals import spoken_digits, spoken_numbers

NAMES = {value: word for word, value in vocabulary().numbers.items()}


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


READINGS = """
thirty-eight forty = 38.40 3840 | four ninety nine = 4.99 499 | one hundred and five twenty = 105.20 10520
twenty twenty = 20.20 2020 | nineteen seventy one = 19.71 1971 | nineteen oh five = 19.05 1905 | thousand = 1000
two million three hundred thousand and five = 2300005 | a hundred and five = 105 | one and a half = 1.5
three quarters = 0.75 | half a dozen = 6 | two and a half thousand = 2500 | one point five million = 1500000
nine point oh five = 9.05 | three point twenty five = 3.25
"""


def test_words_and_their_readings() -> None:
    for words, readings in (row.split(" = ") for row in READINGS.strip().replace("\n", "|").split("|")):
        assert spoken_numbers(words.strip()) == tuple(map(Decimal, readings.split())), words
    for words in ("", " ", "and", "pound", "twelve pounds", "point", "three point", "one two three"):
        assert spoken_numbers(words) == ()


@given(st.integers(0, 10**12 - 1), st.sampled_from([" ", "-"]))
def test_great_numbers_read_back(number: int, hyphen: str) -> None:
    assert spoken_numbers(in_words(number, hyphen)) == (Decimal(number),)


def test_digits_read_out() -> None:
    for words, digits in {
        "oh seven seven double four": "07744", "forty seven 12": "4712", "triple seven nine": "7779",
        "one twenty three": "123", "four and five": None, "double": None, "": None,
    }.items():  # fmt: skip
        assert spoken_digits(words) == digits


@given(st.lists(st.sampled_from([*vocabulary().numbers, "and", "point", "-", "xyz"]), max_size=12))
def test_any_words_give_different_finite_readings(words: list[str]) -> None:
    readings = spoken_numbers(" ".join(words))
    assert len(set(readings)) == len(readings) <= 2
    assert all(reading.is_finite() and reading >= 0 for reading in readings)
