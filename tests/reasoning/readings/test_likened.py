"""Computations by example over the real embedder: questions and remarks in words that no rule knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from computed import asked_as, told_as
from fakes import scripted, source
from logged import furnace, read

from edge_assistant.answer import Status
from edge_assistant.language.embedder import Embedder
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.readings.likened import likened
from edge_assistant.reasoning.readings.measured import Kind, Wants
from edge_assistant.reasoning.readings.statements import MAX_LIKENED, stated
from edge_assistant.reasoning.readings.subjects import missing, subjects
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.rules.vocabulary import shipped
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind as SignalKind
from edge_assistant_models.installed import InstalledModel

HERE = Path(__file__)
WAYS = shipped().computing


def rows(name: str) -> list[list[str]]:
    lines = HERE.with_name(name).read_text(encoding="utf-8").splitlines()
    return [line.split("|") for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def meaning(models: Callable[[str], InstalledModel]) -> Meaning:
    embedder = Embedder(models("embedder"), Runtime.detect())
    return Meaning(lambda: embedder)


@pytest.fixture(scope="module")
def plant() -> Table:
    lines = [f"2026-03-03 {h:02}:{m:02},{70 + h},5,{90 - 2 * h},12" for h in range(5, 18) for m in (0, 20, 40)]
    return read("\n".join(["time,temperature [degC],pressure [bar],level [%],flow [l/min]", *lines]))


@pytest.mark.parametrize(("question", "wanted"), rows("asked_likened.txt"))
def test_a_question_by_example(question: str, wanted: str, meaning: Meaning, plant: Table) -> None:
    got = asked_as(likened(understand(question), [plant], meaning).computing)
    assert got == wanted if wanted.count("/") > 1 else got.split("/")[:2] == wanted.split("/")


@pytest.mark.parametrize(("remark", "told"), rows("told_likened.txt"))
def test_a_remark_by_example(remark: str, told: str, meaning: Meaning, plant: Table) -> None:
    assert [told_as(s) for s in stated(remark, plant, meaning=meaning)] == ([told] if told else [])


@pytest.mark.parametrize(("question", "wanted"), rows("asked_likened.txt"))
def test_without_an_embedder_nothing_changes(question: str, wanted: str, plant: Table) -> None:
    query = understand(question)
    assert likened(query, [plant], Meaning(lambda: None)) is query


def test_what_rules_know_stays(meaning: Meaning, plant: Table) -> None:
    query = understand("What was the highest temperature?")
    assert likened(query, [plant], meaning) is query


def test_without_readings_nothing_is_computed(meaning: Meaning) -> None:
    query = understand("What temperature did things escalate to?")
    assert likened(query, [], meaning) is query


def test_what_no_column_holds_is_not_computed(meaning: Meaning) -> None:
    query = understand("What did the humidity escalate to?")
    assert likened(query, [furnace()], meaning) is query


def test_only_so_many_clauses_are_compared(plant: Table) -> None:
    compared = []

    class Counting(Meaning):
        def near(self, text: str, examples: tuple[str, ...]) -> list[float]:
            compared.append(text)
            return []

    stated("It was 71 degrees here. " * (2 * MAX_LIKENED), plant, meaning=Counting(lambda: None))
    assert len(compared) == MAX_LIKENED


PUMPS = "time,pump 1 pressure [bar],pump 2 pressure [bar]\n2025-03-14T14:00:00,5,4\n2025-03-14T14:10:00,6,3\n"


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("What was the highest pressure of pump 2?", Status.SUPPORTED),
        ("What was the highest pressure?", Status.SUPPORTED),
        ("What was the highest pressure of pump 3?", Status.NOT_IN_EVIDENCE),
        ("Was pump three ever over 3 bar?", Status.NOT_IN_EVIDENCE),
        ("When did pump no. 3 have its highest pressure?", Status.NOT_IN_EVIDENCE),
    ],
)
def test_a_pump_of_which_there_are_no_readings(question: str, status: Status) -> None:
    readings = source([], SignalKind.READINGS, table=read(PUMPS))
    note = source(["Shift log, pump 1: it peaked at 6 bar."], number=2)
    outcome = Outcome()
    reasoner = Reasoner(scripted, lambda: None, lambda _: None)
    said = list(reasoner.answer(understand(question), [readings, note], outcome))
    assert outcome.status is status
    assert ("there are no readings of pump 3" in said[0]) is (status is Status.NOT_IN_EVIDENCE)


def test_a_thing_without_others_of_its_like_is_not_missing() -> None:
    assert missing(subjects("pump 3"), subjects("pump 1 and pump 2")) == "pump 3"
    assert missing(subjects("pump 2"), subjects("pump 1 and pump 2")) is None
    assert missing(subjects("pump 3"), subjects("the pump, and tank 1")) is None
    assert missing(subjects("the pump"), subjects("pump 1 and pump 2")) is None


@pytest.mark.parametrize("key", WAYS)
def test_an_example_is_of_a_computation(key: str) -> None:
    way = WAYS[key]
    assert (way.kind is None) == (way.wants is None) == (key == "none")
    if way.kind is not None and way.wants is not None:
        assert way.kind in list(Kind)
        assert way.wants in list(Wants)
    assert len(way.examples.asked) >= 12
    assert len(set(way.examples.asked)) == len(way.examples.asked)
    assert all(example.count("{x}") == 1 for example in way.examples.told)
    assert not any("{x}" in example for example in way.examples.asked)


@pytest.mark.parametrize("way", ["asked", "told"])
def test_no_example_is_of_two_computations(way: str) -> None:
    said = [(e, w.wants) for w in WAYS.values() for e in getattr(w.examples, way)]
    assert len(set(said)) == len(said)
