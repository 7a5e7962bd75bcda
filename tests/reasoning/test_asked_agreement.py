"""Questions whether sources agree, in the wordings of asked_agreement.txt, over attributes and names of sources."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from edge_assistant.reasoning.agreement import agreement_word, asks_agreement
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.sourcenames import compared_sources

LISTED = Path(__file__).with_name("asked_agreement.txt")
TRIED = 3  # attributes and pairs of sources that each wording is tried with

ATTRIBUTES = {
    "dose": "dose",
    "allergies": "allergy",
    "total amount": "total",
    "change": "change",
    "time of the purchase": "time",
    "serial number": "serial number",
    "rated current": "current",
    "weight": "weight",
    "humidity": "humidity",
    "blood pressure": "blood pressure",
    "expiry date": "expiry date",
    "batch number": "batch",
    "storage temperature": "temperature",
    "content": "product",
    "protection class": "protection class",
    "date of birth": "birth date",
    "phone number": "telephone",
    "place": "place",
    "tip": "tip",
    "date of the follow-up": "appointment",
    "number of pieces": "quantity",
    "total weight": "weight",
}
COUNTED = {"number of people": "person", "number of dogs": "dog", "number of televisions": "tv"}
SOURCES = (
    ("form", "note"),
    ("label", "voice note"),
    ("receipt", "claim"),
    ("plate", "recording"),
    ("photo", "caption"),
    ("sticker", "message"),
    ("till slip", "memo"),
    ("registration sheet", "voice mail"),
    ("readings", "log"),
    ("scan", "handover"),
    ("chart", "dictation"),
    ("bill", "expense claim"),
    ("logger", "operator's note"),
)


def _rows(group: str) -> Iterator[str]:
    heading = ""
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            heading = line[1:-1]
        elif line and not line.startswith("#") and heading == group:
            yield line


def _filled(wording: str, number: int, nouns: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The question of a wording for some attributes and sources, and what it asks sources to agree on."""
    pairs = zip(cycle(nouns.items()), cycle(SOURCES))
    for (noun, attribute), (first, second) in islice(pairs, number, number + TRIED):
        text = wording.replace("{S}", first).replace("{T}", second).replace("{a}", noun)
        yield text[0].upper() + text[1:], attribute


@pytest.mark.parametrize(("number", "wording"), list(enumerate(_rows("alike"))))
def test_what_sources_shall_agree_on(number: int, wording: str) -> None:
    for text, attribute in _filled(wording, number, ATTRIBUTES):
        query = understand(text)
        assert query.agreement, text
        assert [a.name for a in query.attributes[:1]] == [attribute], text


@pytest.mark.parametrize(("number", "wording"), list(enumerate(_rows("alike")))[::4])
def test_what_is_counted_in_each_source(number: int, wording: str) -> None:
    for text, noun in _filled(wording, number, COUNTED):
        query = understand(text)
        assert (query.agreement, query.counted) == (True, noun), text


@pytest.mark.parametrize("question", list(_rows("other")))
def test_no_sources_are_compared(question: str) -> None:
    assert not asks_agreement(question)


@pytest.mark.parametrize(
    ("question", "agree", "word"),
    [
        ("Does the dose in the note fit the form?", True, "Yes, "),
        ("Does the dose in the note fit the form?", False, "No, "),
        ("Same dose in both?", True, "Yes, "),
        ("Dose right?", False, "No, "),
        ("Does the form say otherwise about the dose?", False, "Yes, "),
        ("Does the note give another dose than the form?", True, "No, "),
        ("Has anybody mixed up the dose?", False, "Yes, "),
        ("The dose is the same in both, isn't it?", True, "Yes, "),
        ("As to the dose, do they agree?", True, "Yes, "),
        ("Which dose is right?", True, ""),
        ("Check the dose in the note against the form.", True, ""),
    ],
)
def test_how_the_answer_begins(question: str, agree: bool, word: str) -> None:
    assert agreement_word(question, agree) == word


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Is the pump operator's note in line with the type plate?", ["the pump operator's note", "the type plate"]),
        ("Do plate and technician agree?", ["plate", "technician"]),
        ("Is the operator in the log the one on the sheet?", ["the log", "the sheet"]),
        ("Is the nurse right about the receipt number?", ["the nurse"]),
    ],
)
def test_sources_that_are_compared(question: str, named: list[str]) -> None:
    assert [question[a:b] for a, b in compared_sources(question)] == named
