"""What is said without a source: replies that stand in a table, and nothing risky."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from helpers.engines import model, scripted, source
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind
from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning import talk
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.talk import DECLINED, RISKY, ConversationContext, NearestExamples
from edge_assistant_models.model import InstalledModel

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
        ("Thank you so much!", "thanks"), ("What are you able to do?", "abilities"),
        ("How do I attach my file?", "attaching"), ("Is anything sent to the internet?", "privacy"),
        ("The dose was 80 mg.", "statement"),
    ],
)  # fmt: skip
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


def test_a_message_computes_only_its_own_words(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(models("embedder"), Runtime.detect())
    assert talk.prepare(embedder) == len(talk.example_texts()) > 100
    embed = embedder.embed
    embedded = list[str]()

    def counted(texts: Sequence[str]) -> NDArray[np.float32]:
        embedded.extend(texts)
        return embed(texts)

    monkeypatch.setattr(embedder, "embed", counted)
    likeness = NearestExamples(lambda: embedder, talk.example_texts())
    found = talk.topic("What are you able to do for me?", likeness, sources=False)
    assert found is not None
    assert found.name == "abilities"
    assert embedded == ["What are you able to do for me?"]


def test_what_prompts_begin_with_is_read_and_kept_before_there_is_a_question() -> None:
    engine = model({"Margarethe|Which tug": "the Margarethe"})
    assert prompts.read_prompts(engine) == len(engine.prefilled) == engine.settled
    sources = [
        source(["The tug in berth 4 is the Margarethe.", "It left at ten."], Kind.TEXT, n, 2 * n) for n in (1, 2)
    ]
    reasoner = Reasoner(lambda: engine, lambda: None, lambda event: None)
    for sort in ("value", "agreement"):
        engine.reply = model({"Margarethe|Which tug": "the Margarethe"}, sort=sort).reply
        assert list(reasoner.answer("Which tug lies in berth 4?", sources, Outcome()))
    assert len(engine.prompts) > 5
    assert all(any(prompt[: len(begin)] == begin for begin in engine.prefilled) for prompt in engine.prompts)
