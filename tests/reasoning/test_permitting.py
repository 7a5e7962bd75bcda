"""What somebody may have is no question for what he must not: the opposite of an answer is worse than none."""

from __future__ import annotations

import pytest

from edge_assistant.reasoning.permitting import may_mean
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.rules.vocabulary import vocabulary


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
