"""Whose a thing in a picture is: questions and notes in many words, and what must not be joined."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fakes import signal, source

from edge_assistant.evidence import Evidence, Locator, Scene, Thing
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.join import join
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.sources import Source
from edge_assistant.signals import Kind

OWNING = [
    "The animal belongs to Ruth Calder.",
    "Ruth Calder owns the animal on it.",
    "The animal that you see is Ruth Calder's.",
    "By the way, the animal is Ruth Calder's.",
    "That animal is the property of Ruth Calder.",
    "It's Ruth Calder to whom the animal belongs.",
    "Ruth Calder brought the animal along.",
    "The animal was a present for Ruth Calder.",
    "We got the animal from Ruth Calder.",
    "Ruth Calder asked me to send it because of the animal.",
    "There is an animal on it. It belongs to Ruth Calder.",
    "The creature on the photo is there thanks to Ruth Calder.",
    "Please tell Ruth Calder that I met her animal.",
    "The beast? That's Ruth Calder's.",
    "The dog is Ruth Calder's.",
    "Ruth Calder came with her dog.",
    "I took it for Ruth Calder, who looks after the animal.",
    "Say hello to Ruth Calder's animal.",
]
ASKING = [
    "Which animal does Ruth Calder own?",
    "Which animal goes with Ruth Calder?",
    "What animal is it that Ruth Calder is named for?",
    "Ruth Calder's animal: what is it?",
    "Of what sort is the animal of Ruth Calder?",
    "What animal has to do with Ruth Calder?",
    "Which animal did the note connect with Ruth Calder?",
    "Ruth Calder is named for an animal: which one is it?",
    "What is the animal of Ruth Calder?",
    "What is Ruth Calder's animal?",
    "Which animal belongs to Ruth Calder?",
    "Which animal is Ruth Calder's?",
    "What kind of animal did Ruth Calder bring?",
    "What sort of animal was the present for Ruth Calder?",
    "To which animal does Ruth Calder belong?",
    "Tell me which animal is Ruth Calder's.",
    "Which animal is Ruth's?",
    "Which animal is connected with Mrs Calder?",
]


def picture(things: Sequence[str]) -> Source:
    given = signal(Kind.IMAGE)
    details = [Scene(tuple((thing, 1) for thing in things)), *(Thing(thing) for thing in things)]
    return Source(
        given, tuple(Evidence(f"E{i}", given.id, str(d), 0.9, Locator(), d) for i, d in enumerate(details, 1))
    )


def joined(question: str, note: str, things: Sequence[str] = ("dog", "car")) -> list[tuple[str, bool]]:
    sources = [picture(things), source([note], first=100)]
    claims = join(understand(question), sources, {s.signal.id: inventory(s) for s in sources})
    return [(claim.text, "E100" in claim.evidence) for claim in claims]


@pytest.mark.parametrize("note", OWNING)
def test_what_a_note_says_of_an_owner_joins(note: str) -> None:
    assert joined(ASKING[0], note) == [("dog", True)]


@pytest.mark.parametrize("question", ASKING)
def test_what_a_question_asks_of_an_owner_joins(question: str) -> None:
    assert joined(question, OWNING[0]) == [("dog", True)]


@pytest.mark.parametrize(
    ("note", "things"),
    [
        ("Ben Cole owns the animal.", ("dog", "car")),
        ("Ruth Calder owns the vehicle.", ("dog", "car")),
        ("The animal is not Ruth Calder's.", ("dog", "car")),
        ("Ruth Calder owns the animal.", ("dog", "cat")),
        ("Ruth Calder says hello.", ("dog", "car")),
        ("Ruth Marsh owns the animal.", ("dog", "car")),
        ("Ruth Calder owns the animal.", ("car",)),
        ("There is a vehicle on it. It belongs to Ruth Calder.", ("dog", "car")),
    ],
)
def test_what_is_not_said_joins_nothing(note: str, things: Sequence[str]) -> None:
    assert joined("Which animal does Ruth Calder own?", note, things) == []


def test_of_several_the_one_that_is_named_is_meant() -> None:
    assert joined("Which animal is Ruth Calder's?", "The cat is Ruth Calder's.", ("dog", "cat")) == [("cat", True)]
