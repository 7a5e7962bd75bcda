"""What questions about photographs ask for: how many, which kind, where and when; of asked_photos.txt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_assistant.reasoning.counting import counted
from edge_assistant.reasoning.question import Expect, understand

LISTED = Path(__file__).with_name("asked_photos.txt")


def _rows() -> Iterator[tuple[str, str]]:
    group = ""
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            group = line[1:-1]
        elif line and not line.startswith("# "):
            yield group, line


@pytest.mark.parametrize(("group", "question"), list(_rows()))
def test_what_a_question_about_a_photograph_asks_for(group: str, question: str) -> None:
    query = understand(question)
    sort, _, what = group.partition(" ")
    if sort == "kind":
        assert query.category == what
    elif sort in ("count", "agree"):
        assert (query.counted, query.agreement) == (what, sort == "agree")
        assert sort == "agree" or query.expects in (Expect.QUANTITY, Expect.TRUTH)
    else:
        assert group in [attribute.name for attribute in query.attributes]


@pytest.mark.parametrize(
    "question",
    [
        "What is the total?",
        "What is the blood count?",
        "How much does the bed cost?",
        "Is the count right?",
        "Which bottle is it?",
        "On what does the dog lie?",
        "The table in the corner?",
        "Count on me?",
        "What is the number of the table?",
        "What is the number of this bus?",
    ],
)
def test_other_questions_count_nothing(question: str) -> None:
    assert counted(question) is None


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("How many tablets are in the bottle?", "quantity"),
        ("How many people were at the table, guests I mean?", None),
    ],
)
def test_numbers_of_other_things_stay_attributes(question: str, attribute: str | None) -> None:
    query = understand(question)
    assert (query.attributes[0].name if query.attributes else None) == attribute
