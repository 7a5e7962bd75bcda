"""Claims by code: what a form states of a yes-or-no question, without the model."""

from __future__ import annotations

import pytest
from fakes import signal

from edge_assistant.evidence import Detail, Evidence, Field, Line, Locator, TickBox
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.seen import by_code
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values import Truth
from edge_assistant.signals import Kind

FORM = (
    Line(("Patient intake, to be filled in at reception",)),
    Field("Allergies", "none"),
    Field("Medication", "ramipril 5 mg"),
    Field("Consent given", "yes"),
    Field("Remarks", ""),
    TickBox("Smoker: yes", ticked=False),
    TickBox("Smoker: no", ticked=True),
    TickBox("Diabetes", ticked=True),
)


def form(*details: Detail) -> Source:
    given = signal(Kind.IMAGE)
    evidence = (Evidence(f"E{i}", given.id, str(d), 1.0, Locator(), d) for i, d in enumerate(details, 1))
    return Source(given, tuple(evidence))


@pytest.mark.parametrize(
    ("question", "yes", "evidence"),
    [
        ("Is the patient a smoker?", False, "E7"),
        ("Does he smoke?", False, "E7"),
        ("Does the patient have diabetes?", True, "E8"),
        ("Is the patient allergic to penicillin?", False, "E2"),
        ("Does she have any allergies?", False, "E2"),
        ("Is ramipril part of the medication?", True, "E3"),
        ("Was consent given?", True, "E4"),
    ],
)
def test_a_form_states_yes_or_no(question: str, yes: bool, evidence: str) -> None:
    claim = by_code(understand(question), form(*FORM))
    assert claim is not None
    assert (claim.value, claim.evidence) == (Truth(yes), (evidence,))


@pytest.mark.parametrize("question", ["Is the patient married?", "Has the medication an end?", "Are there remarks?"])
def test_a_form_that_states_neither(question: str) -> None:
    assert by_code(understand(question), form(*FORM)) is None
