"""What two sources tell of one thing without a question: the values of a line, pairs that the model confirms, calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.assistants import CSV
from helpers.engines import ScriptedEngine, scripted, source
from helpers.readings import read
from hypothesis import example, given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Field, Line
from edge_assistant.core.signals import Kind
from edge_assistant.reasoning.claims import Claim, Ledger, Standing
from edge_assistant.reasoning.comprehension.pairing import MOST, Pairing, statements
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Clock, Day, Identifier, Pair, Quantity, Telephone, same

NEAR = SimpleNamespace(embed=lambda texts: np.ones((len(texts), 1), np.float32))
FAR = SimpleNamespace(embed=lambda texts: np.zeros((len(texts), 1), np.float32))


def form(*pairs: tuple[str, str], number: int = 1, first: int = 1) -> Source:
    """A picture of fields."""
    given = source([f"{label}: {value}" for label, value in pairs], Kind.IMAGE, number, first)
    fields = (
        replace(line, detail=Field(label, value)) for line, (label, value) in zip(given.evidence, pairs, strict=True)
    )
    return replace(given, evidence=tuple(fields))


def asking(
    questions: Mapping[str, str], answers: Mapping[str, str], call: str = "none", same: bool = True
) -> ScriptedEngine:
    """A model that makes questions of values in brackets, and answers them.

    Args:
        questions: by the value in brackets.
        answers: by a part of the prompt of a source, words of its lines and of the question with "|" between.
        call: what it writes over readings.
        same: whether it takes a computed and a stated value for the same thing.
    """

    def reply(prompt: str, options: Sequence[str]) -> str:
        if prompt.startswith("One: "):
            return options[same]
        if options:
            return options[-1]
        if prompt.startswith("Source, "):
            return next((text for key, text in answers.items() if all(k in prompt for k in key.split("|"))), "not told")
        if "[degC]" in prompt:
            return call
        return next((asked for value, asked in questions.items() if f"[{value}]" in prompt), "What?")

    return scripted(reply=reply)


def paired(
    engine: ScriptedEngine, *sources: Source, embedder: object = NEAR, ledger: Ledger | None = None
) -> list[tuple[str, tuple[Claim, Claim]]]:
    pairing = Pairing(lambda: engine, lambda: embedder, lambda event: None)  # type: ignore[arg-type, return-value]
    return list(pairing.pairs([(given, Standing.PLAIN) for given in sources], ledger or Ledger(99)))


def told(found: Sequence[tuple[str, tuple[Claim, Claim]]]) -> list[tuple[str, tuple[str, str], tuple[str, str]]]:
    return [(about_, (a.text, b.text), (*a.evidence, *b.evidence)) for about_, (a, b) in found]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("Price: 48.00", [("48.00", Quantity((Decimal("48.00"),)))]),
        ("It got 90 degrees hot.", [("90 degrees", Quantity((Decimal(90),), "deg"))]),
        ("The lamp was forty-eight euros.", [("forty-eight euros", Quantity((Decimal(48),), "EUR"))]),
        ("Total: RM 38400.50", [("RM 38400.50", Quantity((Decimal("38400.50"),), "MYR"))]),
        ("Total: 38400.50", [("38400.50", Quantity((Decimal("38400.50"),)))]),
        ("70kg, batch B75111", [("70kg", Quantity((Decimal(70),), "kg")), ("B75111", Identifier("B75111"))]),
        ("BP 120/80", [("120/80", Pair(*(Quantity((Decimal(n),)) for n in (120, 80))))]),
        ("Tel. 07744 900123, 5 May", [("07744 900123", Telephone("07744900123")), ("5 May", Day(((None, 5, 5),)))]),
        ("Open until half past six.", [("half past six", Clock((390, 1110)))]),
        ("Nothing is told here.", []),
    ],
)  # fmt: skip
def test_the_values_of_a_line_are_typed_each_once(line: str, values: list[tuple[str, object]]) -> None:
    found = statements(source([line]))
    assert [(one.words, one.value) for one in found] == values
    for one in found:
        assert one.bracketed == line.replace(one.words, f"[{one.words}]")


PIECES = ["14", "forty", "AB-12", "5 May", "at ten", "120/80", "0800 123456", "kg", "euros", "Room", ":", ".", " ", ","]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
@example("14 euros 120/80 14")
def test_values_of_a_line_never_overlap(line: str) -> None:
    found = statements(source([line]))
    assert all(one.text[one.start : one.end] == one.words for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


BILL = form(("Total", "48.00"), ("Date", "5 May 2025"), number=1, first=1)
SAID = source(["The lamp was forty-five euros.", "I bought it on the fifth of May."], Kind.AUDIO, 1, 3)


QUESTIONS = {
    "48.00": "What is the total?",
    "5 May 2025": "What is the date?",
    "forty-five euros": "What did the lamp cost?",
    "fifth of May": "When was it bought?",
}
ANSWERS = {
    "forty-five euros|the total?": "forty-five euros",
    "fifth of May|the date?": "the fifth of May",
    "48.00|the total?": "48.00",
}


def test_each_value_is_a_question_to_the_other_sources() -> None:
    assert sorted(told(paired(asking(QUESTIONS, ANSWERS), BILL, SAID))) == [
        ("date", ("5 May 2025", "the fifth of May"), ("E2", "E4")),
        ("total", ("48.00", "forty-five euros"), ("E1", "E3")),
    ]
    assert told(paired(asking(QUESTIONS, {}), BILL, SAID)) == []


def test_a_source_that_does_not_give_its_own_value_contradicts_nobody() -> None:
    without = {key: answer for key, answer in ANSWERS.items() if not key.startswith("48.00")}
    assert [about_ for about_, _, _ in told(paired(asking(QUESTIONS, without), BILL, SAID))] == ["date"]


def test_only_lines_of_like_meaning_are_asked_about() -> None:
    for embedder in (FAR, None):
        engine = asking(QUESTIONS, ANSWERS)
        assert paired(engine, BILL, SAID, embedder=embedder) == []
        assert engine.prompts == []


def test_a_row_of_many_cells_asks_nothing_and_answers() -> None:
    row = replace(
        source(["Gate: 14"], Kind.IMAGE).evidence[0], text="VL 517 14", detail=Line(("VL 517", "TALLINN", "14"))
    )
    board = replace(source(["x"], Kind.IMAGE), evidence=(row,))
    call = source(["Boarding is at gate nineteen."], Kind.AUDIO, 1, 5)
    answers = {"VL 517|gate": "14", "nineteen|gate": "nineteen"}
    found = paired(asking({"nineteen": "At which gate is boarding?"}, answers), board, call)
    assert told(found) == [("gate boarding", ("nineteen", "14"), ("E5", "E1"))]


def test_the_model_is_asked_about_so_many_values_only() -> None:
    many = [source([f"It is {n} kg." for n in range(1, 30)], Kind.TEXT, k, 100 * k) for k in (1, 2)]
    engine = asking({}, {})
    assert paired(engine, *many) == []
    assert sum("[" in messages[-1].content for messages in engine.prompts) == MOST


@given(st.permutations([BILL, SAID, source(["It rained at noon."], Kind.TEXT, 1, 7)]))
def test_neither_the_order_nor_an_unrelated_source_changes_what_is_paired(sources: list[Source]) -> None:
    both = ANSWERS | {
        "48.00|the lamp": "48.00",
        "5 May 2025|bought": "5 May 2025",
        "five euros|the lamp": "forty-five euros",
    }
    found = {frozenset(ids) for _, _, ids in told(paired(asking(QUESTIONS, both), *sources))}
    assert found == {frozenset({"E1", "E3"}), frozenset({"E2", "E4"})}


BURST, CAME = "a pipe under the sink burst", "water came through the kitchen ceiling"


@pytest.mark.parametrize(
    ("label", "value", "said", "question", "copied", "found"),
    [
        ("Name", "Ada Hale", "The name is Ada Hale.", "Who is it?", "Ada Hale", True),
        ("Name", "Ada Hale", "Her name is Hale, Ada.", "Who is it?", "Hale, Ada", True),
        ("Name", "Ada Hale", "It is Tom Reed.", "Who is it?", "Tom Reed", None),  # it may be of somebody else
        ("Allergies", "none", "I am allergic to penicillin.", "Which allergies?", "penicillin", False),
        ("Telephone", "07700 900123", "Ring me on 07700 900124.", "Which number?", "07700 900124", False),
        ("What happened", BURST, f"{CAME}.", "What happened?", CAME, None),
    ],
)
def test_a_label_and_a_sentence_are_the_same_or_differ_or_are_not_compared(
    label: str, value: str, said: str, question: str, copied: str, found: bool | None
) -> None:
    engine = asking({value: question}, {f"{said}|{question}": copied, f"{label}: {value}|{question}": value})
    pairs = paired(engine, form((label, value)), source([said], Kind.AUDIO, 1, 5))
    assert [
        (name, one.text, one.evidence, other.text, other.evidence, same(one.value, other.value))
        for name, (one, other) in pairs
    ] == ([] if found is None else [(label.lower(), value, ("E1",), copied, ("E5",), found)])


def test_two_forms_with_the_same_label_are_compared_on_it_once() -> None:
    names = {"Name: Ada Hale|Who": "Ada Hale", "Name: Tom Reed|Who": "Tom Reed"}
    engine = asking({"Ada Hale": "Who is it?", "Tom Reed": "Who is it?"}, names)
    two = form(("Name", "Tom Reed"), number=2, first=5)
    assert told(paired(engine, form(("Name", "Ada Hale")), two)) == [("name", ("Ada Hale", "Tom Reed"), ("E1", "E5"))]


def test_each_value_of_a_line_is_compared() -> None:
    texts = [source([f"Open at 8:00, {n} euros."], Kind.TEXT, n, n) for n in (12, 13)]
    questions = {"8:00": "When is it open?", "12 euros": "What does it cost?", "13 euros": "What does it cost?"}
    answers = {"Open|When": "8:00", "12 euros|cost": "12 euros", "13 euros|cost": "13 euros"}
    found = paired(asking(questions, answers), *texts)
    assert sorted((one.text, other.text) for _, (one, other) in found) == [("12 euros", "13 euros"), ("8:00", "8:00")]


@pytest.mark.parametrize(
    ("line", "call", "found"),
    [
        ("The motor got 99 degrees hot.", "max(motor temperature)", ("99 degC", "99 degrees")),
        ("The motor got 91 degrees hot.", "max(motor temperature)", ("99 degC", "91 degrees")),
        ("It was hottest at 14:39.", "time_of_max(motor temperature)", ("2025-03-14 14:39", "14:39")),
        ("The motor weighs 91 kg.", "max(motor temperature)", None),
        ("The motor got 99 degrees hot.", "none", None),
        ("The motor got 99 degrees hot.", 'count_above(motor temperature, ask "What is the limit?")', None),
        ("The motor is old.", "max(motor temperature)", None),
    ],
)
def test_what_a_sentence_says_of_readings_is_computed_beside_it(
    line: str, call: str, found: tuple[str, str] | None
) -> None:
    table, remark, ledger = source(["x"], Kind.READINGS, 1, 1, read(CSV.decode())), source([line], first=5), Ledger(9)
    pairs = paired(asking({}, {}, call), table, remark, ledger=ledger)
    assert [(one.text, other.text) for _, (one, other) in pairs] == ([found] if found else [])
    assert len(ledger.computed) == len(pairs)
    for text, (one, other) in pairs:
        assert text == call.replace("_", " ").replace("(", " ").rstrip(")")
        assert (one.computed, one.evidence, other.evidence) == ("C1", ("E10",), ("E5",))
    assert paired(asking({}, {}, call, same=False), table, remark) == []
