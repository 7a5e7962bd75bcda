"""Slots of what was said, and whether a transcript has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.metrics.slots import counted, slots

SAID = (
    "Hi Jonas, this is the night desk. Mrs. Oduya takes fifteen milligrams of ramipril, not fifty, from 9 May. "
    "On Tuesday fuse AX-7 blew at forty degrees Fahrenheit, and room B twelve isn't free before 10 pm."
)


def found(text: str) -> list[tuple[str, str]]:
    return [(slot.kind, " ".join(slot.words)) for slot in slots(text)]


def wrong(said: str, heard: str) -> dict[str, int]:
    return {kind: part for kind, (part, _) in counted(said, heard).items() if part}


def test_what_is_a_slot() -> None:
    assert found(SAID) == [
        ("name", "jonas"),
        ("name", "oduya"),
        ("number", "1 5"),
        ("unit", "milligrams"),
        ("negation", "not"),
        ("number", "5 0"),
        ("date", "9 may"),
        ("date", "tuesday"),
        ("code", "ax 7"),
        ("number", "4 0"),
        ("unit", "degrees fahrenheit"),
        ("code", "b 1 2"),
        ("negation", "not"),
        ("number", "1 0"),
        ("unit", "pm"),
    ]


@pytest.mark.parametrize(
    ("said", "is_slot"),
    [
        ("The old bus is still standing there.", []),  # a first word has its capital anyway
        ("It was Mister D I Y, I think.", [("name", "d i y")]),
        ("She met Yannick Dubreuil in Elm Quay.", [("name", "yannick dubreuil"), ("name", "elm quay")]),
        ("Serial A B four seven nine.", [("code", "a b 4 7 9")]),
        ("A four month old kitten, 3 a day.", [("number", "4"), ("unit", "month"), ("number", "3")]),
        ("It showed eighty four thousand two hundred and ten miles.", [("number", "8 4 2 1 0"), ("unit", "miles")]),
        ("Born on the second of April, twenty twenty one.", [("date", "2 april 2 0 2 1")]),
        ("They may leave, and march on.", []),
        ("On 9 May 5 mg.", [("date", "9 may"), ("number", "5"), ("unit", "milligrams")]),
        ("On 9 May 12345 people came.", [("date", "9 may"), ("number", "1 2 3 4 5")]),  # a year has four digits
        ("In elevator two I have none.", [("number", "2"), ("negation", "none")]),
        ("", []),
    ],
)
def test_which_words_belong_together(said: str, is_slot: list[tuple[str, str]]) -> None:
    assert found(said) == is_slot


@pytest.mark.parametrize(
    ("heard", "lost"),
    [
        (SAID.replace("fifteen", "fifty"), {"number": 1}),
        (SAID.replace("not ", ""), {"negation": 1}),
        (SAID.replace("isn't", "is"), {"negation": 1}),
        (SAID.replace("AX-7", "AK-7"), {"code": 1}),
        (SAID.replace("B twelve", "D twelve"), {"code": 1}),
        (SAID.replace("milligrams", "grams"), {"unit": 1}),
        (SAID.replace("pm", "am"), {"unit": 1}),
        (SAID.replace("9 May", "5 May"), {"date": 1}),
        (SAID.replace("9 May", "9 March"), {"date": 1}),
        (SAID.replace("Tuesday", "Thursday"), {"date": 1}),
        (SAID.replace("Oduya", "Odia"), {"name": 1}),
        (SAID.replace("forty", "forty four"), {"number": 1}),
        (SAID.replace("fifteen", "one hundred and fifteen"), {"number": 1}),
        (SAID.replace("night desk", "nine desks"), {}),  # a word error, and no slot
        (
            SAID.replace("fifteen milligrams", "15 mg").replace("9 May", "May 9th").replace("AX-7", "A X seven"),
            {},
        ),
        (SAID.replace("forty degrees Fahrenheit", "40 °F").replace("isn't", "is not").replace("B twelve", "B12"), {}),
    ],
)
def test_a_slot_is_wrong_as_a_whole(heard: str, lost: dict[str, int]) -> None:
    assert wrong(SAID, heard) == lost


def test_who_hears_nothing_has_every_slot_wrong() -> None:
    assert all(part == whole for part, whole in counted(SAID, "").values())
    assert counted(SAID, "")["date"] == (2, 2)
    assert counted("The pump is loud.", "") == {}


WORDS = st.sampled_from(
    [*SAID.split(), "twenty", "hundred", "and", "point", "May", "I", "A", "K", "7", "no.", "cannot"]
)


@given(st.lists(WORDS, max_size=25).map(" ".join), st.lists(WORDS, max_size=25).map(" ".join))
def test_no_word_is_in_two_slots_and_what_was_said_is_right(said: str, heard: str) -> None:
    places = [place for slot in slots(said) for place in range(slot.start, slot.end)]
    assert places == sorted(set(places))
    assert not wrong(said, said)
    assert all(0 <= part <= whole for part, whole in counted(said, heard).values())
    assert sum(whole for _, whole in counted(said, heard).values()) == len(slots(said))


@given(st.text(max_size=80))
def test_any_text_can_be_looked_at(text: str) -> None:
    assert not wrong(text, text)
