"""Whatever a question or a sentence is compared with is computed by `prepare`: no question waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from fakes import source
from numpy.typing import NDArray

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning import prepared
from edge_assistant.reasoning.meaning import Meaning, by_example
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind
from edge_assistant_models.installed import InstalledModel


def test_a_question_computes_only_its_own_words(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(models("embedder"), Runtime.detect())
    assert prepared.prepare(embedder) == len(prepared.texts()) > 5_000
    embed = embedder.embed
    longest = 0

    def counted(texts: Sequence[str]) -> NDArray[np.float32]:
        nonlocal longest
        longest = max(longest, len(texts))
        return embed(texts)

    monkeypatch.setattr(embedder, "embed", counted)
    notes = [
        source(["The needle stopped at 76 kg. The needle of the other scales stopped at 81 kg."], Kind.TEXT, 1),
        source(["On the scales the needle rested at 76 kg."], Kind.TEXT, 2),
    ]
    query = by_example(understand("What figure did the scales land on?"), Meaning(lambda: embedder))
    assert query.attribute == "weight"
    reasoner = Reasoner(lambda: pytest.fail("the language model was opened"), lambda: embedder, lambda event: None)
    outcome = Outcome()
    assert list(reasoner.check(notes, outcome))
    assert {verdict.attribute for verdict in outcome.verdicts} == {"weight"}
    assert longest == 1


def test_each_text_is_prepared_once() -> None:
    texts = prepared.texts()
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if "{" in text]
