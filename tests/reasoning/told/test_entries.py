"""Typed lines that are a label and its value are read as a form's fields are; the lines of a chat are not."""

from __future__ import annotations

import pytest
from fakes import source
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.values.values import Name, Words

RECORD = "Name: Ada Hale\nTriage: orange\nBlood pressure: 132/84\nNext appointment: 4 July 2025, 10:30"


def told(text: str) -> dict[str, object]:
    return {claim.attribute or "": claim.value for claim in inventory(source([text]))}


def test_a_record_of_labelled_lines() -> None:
    found = told(RECORD)
    assert found["patient"] == Name(("ada", "hale"))
    assert found["triage"] == Words(frozenset({"orange"}))
    assert {"blood pressure", "appointment", "appointment time"} <= found.keys()


@pytest.mark.parametrize(
    "text", ["Anna: yes\nTom: see you at ten", "Anna: I smoke\nTom: me too", "Reminder: bring the umbrella, please"]
)
def test_the_lines_of_a_chat_are_no_fields(text: str) -> None:
    assert not {"anna", "tom", "reminder"} & told(text).keys()


def test_what_a_sentence_tells_is_not_told_twice() -> None:
    claims = inventory(source(["Allergies: none\nPhone: 0113 496 0270"]))
    assert sorted(claim.attribute or "" for claim in claims) == ["allergy", "telephone"]


def test_a_temperature_among_a_patients_lines_is_the_bodys() -> None:
    assert {"temperature", "body temperature"} <= told("Her temperature was 39.6 C. She is allergic to nuts.").keys()
    assert "body temperature" not in told("The oil temperature was 39.6 C.")


@given(st.text(alphabet="Name: Ada\n.,-0123:ab", max_size=120))
def test_any_text_is_read(text: str) -> None:
    inventory(source([text or "x"]))
