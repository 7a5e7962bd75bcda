"""What is said without a source: replies that stand in a table, and nothing risky."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers.engines import scripted
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning import talk
from edge_assistant.reasoning.talk import DECLINED, RISKY, ConversationContext, NearestExamples
from edge_assistant_models.installed import InstalledModel

BLIND = NearestExamples(lambda: None, talk.example_texts())


@pytest.fixture(scope="module")
def likeness(models: Callable[[str], InstalledModel]) -> NearestExamples:
    embedder = Embedder(models("embedder"), Runtime.detect())
    return NearestExamples(lambda: embedder, talk.example_texts())


def test_without_an_embedder_remarks_are_known_and_everything_is_risky() -> None:
    assert talk.topic("Thanks!", BLIND, sources=True) is not None
    assert talk.topic("What can you do?", BLIND, sources=False) is None
    found = talk.reply("Write a poem.", ConversationContext(), BLIND, lambda: iter(["never said"]))
    assert found is not None
    assert list(found[1]) == [RISKY]


@given(st.text(max_size=60))
def test_without_an_embedder_every_message_is_answered_or_left_to_the_sources(message: str) -> None:
    without = talk.reply(message, ConversationContext(), BLIND, None)
    assert without is not None
    assert all(without[1])
    over = talk.reply(message, ConversationContext(attached=["form.jpg"]), BLIND, None)
    assert over is None or DECLINED not in list(over[1])


@pytest.mark.parametrize("message", ["What is it?", "the total on the receipt", "warranty period of the drill", "Who?"])
def test_a_question_over_sources_is_left_to_them(message: str, likeness: NearestExamples) -> None:
    assert talk.topic(message, likeness, sources=True) is None


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Thank you so much!", "thanks"),
        ("What are you able to do?", "abilities"),
        ("How do I attach my file?", "attaching"),
        ("Is anything sent to the internet?", "privacy"),
        ("The dose was 80 mg.", "statement"),
    ],
)
def test_what_is_no_question_for_sources_is_told_by_its_likeness(
    message: str, name: str, likeness: NearestExamples
) -> None:
    about = talk.topic(message, likeness, sources=False)
    assert about is not None
    assert about.name == name


def test_free_talk_ends_before_a_risky_sentence(likeness: NearestExamples) -> None:
    engine = scripted("The sea is wide [E1]. You can take up to 4 grams a day. The sea is blue.")
    assert list(talk.free_talk("A poem", lambda: engine, likeness, 0)) == ["The sea is wide.", RISKY]


def test_replies_name_what_the_conversation_holds() -> None:
    said = ConversationContext(["What was the total?"], ["a.txt", "b.csv"])
    assert said.fill("{asked}") == 'So far you wrote: "What was the total?".'
    assert said.fill("{attached}") == "Attached: a.txt, b.csv."
    assert (ConversationContext().fill("{asked}"), ConversationContext().fill("{attached}")) == (
        "You have asked nothing before.",
        "Nothing is attached.",
    )
