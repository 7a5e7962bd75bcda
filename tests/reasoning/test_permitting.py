"""What somebody may have is no question for what he must not: the opposite of an answer is worse than none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import signal

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compare import compare
from edge_assistant.reasoning.compose import compose
from edge_assistant.reasoning.permitting import may_mean, warned
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.values import Items, Nothing
from edge_assistant.signals import Kind


@pytest.mark.parametrize(
    "question",
    [
        "What does the patient tolerate?",
        "What can the patient have?",
        "What may she be given?",
        "What can we give her for the pain?",
        "Which antibiotics are tolerated?",
        "What is she allowed to eat?",
        "What might he safely take?",
        "Given her allergy, what can she have?",
        "What can she take despite her known allergies?",
    ],
)
def test_what_is_permitted_is_no_allergy(question: str) -> None:
    allergy = vocabulary().attributes["allergy"]
    assert not may_mean(question, allergy)
    assert allergy not in understand(question).attributes


@pytest.mark.parametrize(
    "question",
    [
        "What does she not tolerate?",
        "What can't he tolerate?",
        "What doesn\u2019t the patient tolerate?",
        "What must she never be given?",
        "What could give her a rash?",
        "What should she stay away from?",
        "Is there anything she can have a bad reaction to?",
        "Can she take penicillin, or is she allergic?",
        "Which allergies may she have?",
        "Given her allergy, what must she avoid?",
        "What is she allergic to, and what can she have?",
    ],
)
def test_what_is_not_permitted_may_be_one(question: str) -> None:
    assert may_mean(question, vocabulary().attributes["allergy"])


def test_what_is_not_bad_for_anybody_is_asked_for_in_any_way() -> None:
    assert may_mean("What can she have?", vocabulary().attributes["medication"])


def claim(attribute: str | None, text: str, evidence: str = "E1", negated: bool = False) -> Claim:
    return Claim("text:1", Items((text,)), text, (evidence,), attribute=attribute, negated=negated)


def test_whatever_found_it_a_bad_value_is_said_to_be_one() -> None:
    told = {"text:1": [claim("allergy", "penicillin"), claim("medication", "metformin")]}
    read = [claim("patient", "Penicillin"), claim("medication", "metformin"), claim("drug", "penicillin", "E2")]
    assert [c.attribute for c in warned(read, told)] == ["allergy", "medication", "drug"]


def test_what_is_told_to_be_no_longer_bad_warns_of_nothing() -> None:
    told = {"text:1": [claim("allergy", "penicillin", negated=True)]}
    assert [c.attribute for c in warned([claim("drug", "penicillin")], told)] == ["drug"]


@pytest.mark.parametrize("question", ["What would suit her?", "What is she allergic to?", "Tell me what is fine."])
def test_an_allergy_is_never_said_without_what_it_is(question: str) -> None:
    claims = [claim("allergy", "penicillin")]
    signals = [signal(Kind.TEXT)]
    (said,) = compose(understand(question), compare("allergy", claims), claims, signals)
    assert said.startswith("Allergy: penicillin [E1]")


def test_nor_is_a_contradiction_on_it() -> None:
    none = replace(claim("allergy", "none"), value=Nothing(), signal="text:2")
    claims = [claim("allergy", "penicillin"), none]
    signals = [signal(Kind.TEXT), signal(Kind.TEXT, 2)]
    (said,) = compose(understand("What would suit her?"), compare("allergy", claims), claims, signals)
    assert said.startswith("The signals contradict each other on the allergy: ")
