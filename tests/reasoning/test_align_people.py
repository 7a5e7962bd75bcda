"""Whom sources are about: the patient whom one names is that of another; who is not asked about is left out."""

from __future__ import annotations

import pytest
from fakes import signal, source

from edge_assistant.evidence import Evidence, Field, Locator
from edge_assistant.reasoning.align import about_others, at_hand
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.sources import Source
from edge_assistant.signals import Kind


def form(name: str, number: int) -> Source:
    """A form that tells whose it is and no more."""
    given = signal(Kind.IMAGE, number)
    line = Evidence(f"F{number}", given.id, f"Patient: {name}", 1.0, Locator(), Field("Patient", name))
    return Source(given, (line,))


def told(*sources: Source) -> dict[str, tuple[Claim, ...]]:
    return {one.signal.id: inventory(one) for one in sources}


@pytest.mark.parametrize(
    "note", ["Paul Porter is allergic to nuts.", "Paul is allergic to nuts.", "Mr Porter is allergic to nuts."]
)
def test_the_patient_of_a_form_is_whom_a_note_names(note: str) -> None:
    claims = at_hand(told(form("Paul Porter", 1), source([note])))
    assert [c.subject for found in claims.values() for c in found if c.attribute == "allergy"] == [None]


def test_another_person_stays_another() -> None:
    claims = at_hand(told(form("Paul Porter", 1), source(["My son is allergic to nuts. Ada is allergic to eggs."])))
    assert {c.subject for found in claims.values() for c in found if c.attribute == "allergy"} == {"son", "Ada"}


def test_of_two_patients_neither_is_at_hand() -> None:
    claims = at_hand(told(form("Paul Porter", 1), form("Ada Hale", 2), source(["Paul is allergic to nuts."])))
    assert [c.subject for found in claims.values() for c in found if c.attribute == "allergy"] == ["Paul"]


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("Does Ada Hale smoke?", {"image:2"}),
        ("Does Tom Hale smoke?", {"image:1"}),
        ("Does Mrs Hale smoke?", set()),
        ("Does she smoke?", set()),
    ],
)
def test_the_form_of_a_relative_is_not_meant(question: str, left: set[str]) -> None:
    assert about_others(understand(question), told(form("Ada Hale", 1), form("Tom Hale", 2))) == left
