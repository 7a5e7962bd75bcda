"""What a person says for a text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.voice.normalization import MAX_FIRST, MAX_SENTENCE, clauses, sentences, spoken_form

SPOKEN = {
    # citations and markdown
    "Two, by the text [E1].": "Two, by the text.",
    "26.5 degC [C1][E5], by the readings.": "26.5 degrees Celsius, by the readings.",
    "None [E8, E13]; penicillin [E13-E15](evidence:E13).": "None; penicillin.",
    "**Yes**, `it` is _so_ [there](https://example.org/x).": "Yes, it is so there.",
    "# Head\n\n- one\n* two!\n1. three": "Head. one. two! three.",
    "| a | b |\n| --- | --- |\n| c | d |": "a, b. c, d.",
    "See https://example.org/a?b=c now": "See a link now.",
    "<b>Bold</b> & sure": "Bold and sure.",
    "\"Quoted\" — it's John's (perhaps)…": "Quoted, it's John's, perhaps.",
    "Really?? Yes!!! No...": "Really? Yes! No.",
    # numbers and units
    "1,234,567.5": "1234567.5.",
    "-5 °C": "minus 5 degrees Celsius.",
    "37.2 C": "37.2 degrees Celsius.",
    "1 kg, 12.5kg, 3 mg/dl": "1 kilogram, 12.5 kilograms, 3 milligrams per deciliter.",
    "9.81 m/s², 2 m², 5 m3": "9.81 meters per second squared, 2 square meters, 5 cubic meters.",
    "1 kWh, 1 bpm, 72 bpm, 1 ft": "1 kilowatt hour, 1 beat per minute, 72 beats per minute, 1 foot.",
    "50% of 3 in the box": "50 percent of 3 in the box.",
    "128/82 mmHg": "128 over 82 millimeters of mercury.",
    "3-5 mm, 3 – 5": "3 to 5 millimeters, 3 to 5.",
    "the 1990s": "the 19 90's.",
    "0.05 and 12.50": "0.05 and 12.50.",
    "#4, 2 × 3 ≥ 5 ± 1": "number 4, 2 times 3 at least 5 plus or minus 1.",
    # money
    "$60.30": "60 dollars and 30 cents.",
    "60.30 EUR": "60 euros and 30 cents.",
    "EUR 60.00": "60 euros.",
    "£0.99": "99 pence.",
    "€1.01": "1 euro and 1 cent.",
    "RM 1,234.50": "1234 ringgit and 50 sen.",
    "¥500": "500 yen.",
    "$0.00": "0 dollars.",
    "$1.005": "1.005 dollars.",
    # dates and times
    "2024-03-05": "March 5th, 2024.",
    "1998-12-31": "December 31st, 19 98.",
    "1905-11-12": "November 12th, 1905.",
    "2024-03-02T14:05:00": "March 2nd, 2024 at 14 oh 5.",
    "2024-13-45": "2 0 2 4, 1 3, 4 5.",
    "05/03/2024": "5, 3, 2024.",
    "9:00, 09:05, 14:30": "9 o'clock, 9 oh 5, 14 30.",
    "14:05:09": "14 oh 5 and 9 seconds.",
    "00:01:01": "0 hours 1 minute and 1 second.",
    "02:03.5": "2 minutes and 3.5 seconds.",
    "10:30 a.m.": "10 30 AM.",
    # codes and abbreviations
    "555-0134": "5 5 5, 0 1 3 4.",
    "MRN-00123": "MRN-0 0 1 2 3.",
    "12345678": "1 2 3 4 5 6 7 8.",
    "007": "0 0 7.",
    "Dr. Smith, e.g. No. 5": "Doctor Smith, for example number 5.",
    "J. R. Hale": "J R Hale.",
    "192.168.0.1": "192.168.0.1.",
}


@pytest.mark.parametrize("text", SPOKEN)
def test_what_is_said_for_a_text(text: str) -> None:
    assert spoken_form(text) == SPOKEN[text]


@pytest.mark.parametrize("text", ["", " \n\t", "[E1]", "***", "---", "漢字 Привет 😀", "\x00\x1b[", "…", "| --- |"])
def test_what_has_no_sound_says_nothing(text: str) -> None:
    assert re.sub(r"[.?!\s]", "", spoken_form(text)) == ""
    assert [words for sentence in sentences(spoken_form(text)) for words, _ in clauses(sentence)] == []


def test_options_phonemes_and_commands_are_but_words() -> None:
    spoken = spoken_form("-f /etc/passwd\n--punct='.' [[h@l@U]] <voice name='x'>$(id) `id`; \x1b[31m -v en")
    assert spoken.split(". ")[0] == "f etc passwd"
    assert not set(spoken) & set("[]<>()$`\x1b/@")
    assert not any(words.startswith("-") for sentence in sentences(spoken) for words, _ in clauses(sentence))


@given(st.text(max_size=400) | st.text("[]()E12,.;:-/$€%°C *_#|<>'\n\t\x00aZé漢0", max_size=400))
def test_any_text_becomes_words_and_marks(text: str) -> None:
    spoken = spoken_form(text)
    assert all(character.isalnum() or character in " .,;:?!'-" for character in spoken)
    assert not re.search(r"\[[A-Z]\d", spoken)
    pieces = list(sentences(spoken))
    assert "".join(pieces).replace(" ", "") == spoken.replace(" ", "")
    assert all(0 < len(piece) <= MAX_SENTENCE for piece in pieces)
    for piece in pieces:
        for words, mark in clauses(piece):
            assert words == words.strip() != ""
            assert "\n" not in words
            assert not re.search(r"[;?!]|[.,:](?!\d)", words)
            assert mark in {"", *".,;:?!"}


def test_the_first_piece_is_short_where_a_mark_allows_it() -> None:
    long = "The signals contradict each other: the first text says one thing, and the second text says another thing."
    first, second = sentences(long)
    assert first == "The signals contradict each other: the first text says one thing,"
    assert len(first) <= MAX_FIRST
    assert second == "and the second text says another thing."
    assert list(sentences(f"Yes. {long}")) == ["Yes.", long]


def test_a_sentence_without_an_end_is_divided_at_words() -> None:
    pieces = list(sentences("word " * 100 + "a" * 500))
    assert all(len(piece) <= MAX_SENTENCE for piece in pieces)
    assert " ".join(pieces[:2]) == "word " * 79 + "word"


def test_hostile_texts_take_no_longer_than_others() -> None:
    """No assertion on seconds: a pattern that backtracked would not come to an end."""
    for part in ("[E1,", "1-", "1,", "<a", "[a](", "*", "a.", "12:34:", "$1", "- ", "'-", "1 m/", "\n", " "):
        list(sentences(spoken_form(part * 20_000)))
