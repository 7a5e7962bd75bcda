"""Questions as they are asked: what each asks for, of questions.txt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_assistant.reasoning.agreement import asks_agreement
from edge_assistant.reasoning.question import Expect, Query, understand
from edge_assistant.reasoning.sourcenames import named_kinds
from edge_assistant.signals import Kind

LISTED = Path(__file__).with_name("questions.txt")


def _rows() -> Iterator[tuple[str, str]]:
    group = ""
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            group = line[1:-1]
        elif line and not line.startswith("#"):
            yield group, line


def _asked_for(query: Query) -> str:
    """What a question asks for, as the headings of the list name it."""
    attribute = query.attributes[0].name if query.attributes else ""
    if query.agreement:
        return f"agree {attribute}".strip()
    if query.counted:
        return f"count {query.counted}"
    if query.expects is Expect.TRUTH and attribute:
        return f"truth {attribute}"
    return attribute or "untyped"


@pytest.mark.parametrize(("group", "question"), list(_rows()))
def test_what_a_question_asks_for(group: str, question: str) -> None:
    assert _asked_for(understand(question)) == group


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("What does the note say about the price?", {Kind.TEXT, Kind.AUDIO}),
        ("What does the receipt say about the price?", {Kind.IMAGE}),
        ("According to the recording, who is the doctor?", {Kind.AUDIO, Kind.VIDEO}),
        ("Which dose did the message mention?", {Kind.TEXT, Kind.AUDIO}),
        ("What was the peak according to the readings?", {Kind.READINGS}),
        ("What does the plate state as the voltage?", {Kind.IMAGE}),
        ("What was the price?", set()),
        ("How many people does the photo show?", set()),
        ("How many people are in the picture?", set()),
        ("What does the label say and what the note?", set()),
        ("What is the total according to the receipt and the claim?", set()),
    ],
)
def test_the_one_source_that_is_asked_what_it_says(question: str, kinds: set[Kind]) -> None:
    assert named_kinds(question) == kinds


@pytest.mark.parametrize(
    "question",
    [
        "What is the right dose?",
        "Which tyre is on the same axle?",
        "What is the correct answer?",
        "What is wrong with the pump?",
        "Who signed the agreement?",
        "How big is the price difference?",
        "What is the difference between the inlet and the outlet temperature?",
        "Which hand is it, the right one?",
        "What is the true name of the seller?",
        "When was the machine verified?",
        "What was the deviation at noon?",
        "What is the correct spelling of the name?",
        "Is the tyre on the same axle?",
        "Is there a wrong part in the box?",
    ],
)
def test_words_of_agreement_before_a_noun_ask_for_none(question: str) -> None:
    assert not asks_agreement(question)
