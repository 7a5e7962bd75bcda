"""Selection: what matters most, within the budget, in the source's own order."""

from __future__ import annotations

from helpers.engines import signal, source
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.evidence import Evidence, Locator, Scene, Thing
from edge_assistant.core.signals import Kind
from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.comprehension.prompts import KINDS
from edge_assistant.reasoning.sources import Source, select

WORDS = ["pump", "valve", "total", "is", "open", "42", "Ana", "checked"]


def words(text: str) -> int:
    return len(text.split())


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=30), st.integers(0, 60))
def test_what_is_selected_fits_the_budget_and_keeps_its_order(lines: list[str], budget: int) -> None:
    given_ = source(lines)
    chosen = select("Is the valve open?", given_, words, None, budget)
    assert sum(words(line.text) + 1 for line in chosen) <= budget or not chosen
    positions = [given_.evidence.index(line) for line in chosen]
    assert positions == sorted(set(positions))


def test_lines_with_words_of_the_question_come_first_and_bring_their_neighbours() -> None:
    given_ = source(
        ["nothing of note", "something else here", "coffee cake", "4.80", "nothing more", "and nothing again"]
    )
    chosen = select("How much was the coffee cake?", given_, words, None, budget=9)
    assert [line.id for line in chosen] == ["E2", "E3", "E4"]


def test_meaning_decides_where_no_word_is_shared(models) -> None:
    embedder = Embedder(models("embedder"), Runtime(2))
    lines = ["The invoice was paid on Monday", "Her blood pressure was high", "The dog slept on the sofa"]
    chosen = select("Where was the animal resting?", source(lines), words, embedder, budget=7)
    assert [line.text for line in chosen] == ["The dog slept on the sofa"]


def test_single_objects_are_told_by_the_scene_s_sentence() -> None:
    given_ = signal(Kind.IMAGE)
    scene = Evidence("E1", given_.id, "The picture shows one dog", None, Locator(), Scene((("dog", 1),)))
    dog = Evidence("E2", given_.id, "dog", 0.9, Locator(box=(0, 0, 1, 1)), Thing("dog"))
    assert Source(given_, (scene, dog)).lines == (scene,)


def test_every_kind_of_signal_is_described_to_the_model() -> None:
    assert set(KINDS) == set(Kind)
