"""Whatever a message is compared with is computed by `prepare`, and prompts are read before: no question waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from helpers.engines import model, source
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind
from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning import talk
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.talk import NearestExamples
from edge_assistant_models.installed import InstalledModel


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
