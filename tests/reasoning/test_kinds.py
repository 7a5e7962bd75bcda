"""What a question asks of the things in a picture."""

from __future__ import annotations

import pytest

from edge_assistant.reasoning.kinds import kind_of_thing, labels
from edge_assistant.reasoning.question import understand


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Which animal is it?", "animal"),
        ("What sort of animal is it?", "animal"),
        ("What animals can be seen?", "animal"),
        ("What kind of creature is that?", "animal"),
        ("What's the vehicle in the picture?", "vehicle"),
        ("What means of transport is shown?", "vehicle"),
        ("What piece of furniture does the photo show?", "furniture"),
        ("Which pieces of furniture are there?", "furniture"),
        ("What kind of sports gear is it?", "sports equipment"),
        ("Which fruit can you see?", "fruit"),
        ("What kitchen things are on the counter?", "tableware"),
        ("Name the animal.", "animal"),
        ("Someone is named for a piece of furniture: which one is it?", "furniture"),
        ("Is there a dog in the picture?", "dog"),
        ("Are there any cars?", "car"),
        ("Does the picture show an animal?", "animal"),
        ("Can you see a bike on the photo?", "bicycle"),
        ("Do you see any people?", "person"),
        ("Is a cat visible?", "cat"),
        ("Are any kittens in the picture?", "cat"),
        ("What is the man riding?", "riding"),
        ("What's she holding in her hand?", "holding"),
        ("What is on the table?", "on the table"),
        ("What is the dog carrying?", "carrying"),
        ("What is the animal eating?", "eating"),
        ("Is there a red car?", None),
        ("Is there a woman?", None),
        ("Is there a bus stop?", None),
        ("Is there a warranty, and for how long?", None),
        ("What colour is the car?", None),
        ("What does the meal cost?", None),
        ("Is the dog asleep?", None),
        ("Where is the cat?", None),
    ],
)
def test_a_question_asks_for_a_kind(question: str, kind: str | None) -> None:
    assert kind_of_thing(question) == kind
    assert understand(question).category == kind


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Does the animal in the caption match the picture?", "animal"),
        ("Are there any differences in the vehicle between the picture and the recording?", "vehicle"),
        ("Is the recording right about the piece of furniture?", "furniture"),
        ("Is the piece of sports equipment the same in the picture and the recording?", "sports equipment"),
        ("Do the text and the photo agree on the food?", "food"),
        ("Do the form and the note agree on the weight?", None),
    ],
)
def test_an_agreement_may_be_about_a_kind(question: str, kind: str | None) -> None:
    query = understand(question)
    assert (query.agreement, query.category) == (True, kind)


def test_a_label_is_a_kind_of_its_own() -> None:
    assert labels("dog") == {"dog"}
    assert "dog" in labels("animal")
    assert "horse" in labels("riding")
