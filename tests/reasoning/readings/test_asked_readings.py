"""Questions over readings in the words in which people ask them: which computation each wants."""

from __future__ import annotations

from pathlib import Path

import pytest
from computed import asked_as

from edge_assistant.reasoning.readings.measured import statistic
from edge_assistant.reasoning.readings.moves import asked_extent

ROWS = [
    line.split("|")
    for name in ("asked_readings.txt", "asked_limits.txt")
    for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("question", "wanted"), ROWS)
def test_a_question_names_its_computation(question: str, wanted: str) -> None:
    kind, wants, *side = wanted.split("/")
    got = asked_as(statistic(question)).split("/")
    assert got[:2] == [kind, wants]
    if side:
        assert got[2].startswith("D") is side[0].startswith("D")
        assert got[2].lstrip("UD") == side[0].lstrip("UOD")


@pytest.mark.parametrize(
    "question",
    [
        "What's the permitted bearing temperature?",
        "Up to what temperature may it be stored?",
        "Below what temperature must the pack be kept?",
        "What's the most the pressure may rise to?",
        "Who changed the filter?",
        "When was the filter changed?",
        "When is her appointment?",
        "When did the pump go into operation?",
        "When was the first visit?",
        "Which part broke first?",
        "What is the rated speed of the motor?",
        "Which storage temperature applies to the goods that came in?",
        "How much did the dinner cost?",
    ],
)
def test_a_question_for_something_else_names_none(question: str) -> None:
    assert statistic(question) is None


def test_how_far_it_went_is_asked_upwards_or_downwards() -> None:
    assert asked_extent("Down to what temperature did the store cool?") is False
    assert asked_extent("How far above the limit did it rise?") is None
