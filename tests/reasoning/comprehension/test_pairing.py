"""What two sources tell of one thing without a question: the values of a line, pairs that the model confirms, calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from facades import CSV
from fakes import ScriptedEngine, scripted, source
from hypothesis import given
from hypothesis import strategies as st
from logged import read

from edge_assistant.evidence import Field
from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.claims import Claim, Standing
from edge_assistant.reasoning.comprehension.pairing import MOST, Pairing, about, statements
from edge_assistant.reasoning.ledger import Ledger
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Clock, Day, Identifier, Pair, Quantity, Telephone, same
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind
from edge_assistant_models.installed import InstalledModel

NEAR = SimpleNamespace(embed=lambda texts: np.ones((len(texts), 1), np.float32))
FAR = SimpleNamespace(embed=lambda texts: np.zeros((len(texts), 1), np.float32))


def form(*pairs: tuple[str, str], number: int = 1, first: int = 1) -> Source:
    """A picture of fields."""
    given = source([f"{label}: {value}" for label, value in pairs], Kind.IMAGE, number, first)
    fields = (
        replace(line, detail=Field(label, value)) for line, (label, value) in zip(given.evidence, pairs, strict=True)
    )
    return replace(given, evidence=tuple(fields))


def confirming(*pairs: tuple[str, str], told: Callable[[str], str] = lambda prompt: "not told") -> ScriptedEngine:
    """A model that takes these values for the same thing, in either order, and no others."""

    def reply(prompt: str, options: Sequence[str]) -> str:
        if prompt.startswith("One: "):
            one, other = prompt.split("\n")
            return options[
                any(
                    (f"[{a}]" in one and f"[{b}]" in other) or (f"[{b}]" in one and f"[{a}]" in other) for a, b in pairs
                )
            ]
        return options[-1] if options else told(prompt)

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
    assert [(one.said, one.value) for one in found] == values
    for one in found:
        assert one.around == line.replace(one.said, "...")
        assert one.marked == line.replace(one.said, f"[{one.said}]")


PIECES = ["14", "forty", "AB-12", "5 May", "at ten", "120/80", "0800 123456", "kg", "euros", "Room", ":", ".", " ", ","]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_values_of_a_line_never_overlap(line: str) -> None:
    found = statements(source([line]))
    assert all(one.text[one.start : one.end] == one.said for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


BILL = form(("Total", "48.00"), ("Date", "5 May 2025"), number=1, first=1)
SAID = source(["The lamp was forty-five euros.", "I bought it on the fifth of May."], Kind.AUDIO, 1, 3)


def test_values_are_paired_where_the_model_takes_them_for_the_same_thing() -> None:
    engine = confirming(("48.00", "forty-five euros"), ("5 May 2025", "fifth of May"))
    assert sorted(told(paired(engine, BILL, SAID))) == [
        ("date", ("5 May 2025", "fifth of May"), ("E2", "E4")),
        ("total", ("48.00", "forty-five euros"), ("E1", "E3")),
    ]
    assert told(paired(confirming(), BILL, SAID)) == []


def test_a_pair_that_the_model_is_not_sure_of_is_none() -> None:
    engine = confirming(("48.00", "forty-five euros"))
    engine.probability = 0.69
    assert paired(engine, BILL, SAID) == []


def test_only_comparable_values_of_two_sources_in_lines_of_like_meaning_are_shown_to_the_model() -> None:
    engine = confirming()
    paired(engine, BILL, SAID)
    shown = {messages[-1].content for messages in engine.prompts if messages[-1].content.startswith("One: ")}
    assert shown == {
        "One: Total: [48.00]\nOther: The lamp was [forty-five euros].",
        "One: Date: [5 May 2025]\nOther: I bought it on the [fifth of May].",
    }
    for embedder in (FAR, None):
        engine = confirming()
        assert paired(engine, BILL, SAID, embedder=embedder) == []
        assert engine.prompts == []


def test_a_value_is_paired_once_and_the_model_is_asked_about_so_many_pairs_only() -> None:
    copies = [source(["It was 12 kg."], Kind.TEXT, n, n) for n in (1, 2, 3)]
    assert len(paired(confirming(("12 kg", "12 kg")), *copies)) == 1
    many = [source(["12 kg and 13 kg"] * 20, Kind.TEXT, n, 20 * n) for n in (1, 2)]
    engine = confirming()
    assert paired(engine, *many) == []
    assert len(engine.prompts) == MOST


@given(st.permutations([BILL, SAID, source(["It rained at noon."], Kind.TEXT, 1, 7)]))
def test_neither_the_order_nor_an_unrelated_source_changes_what_is_paired(sources: list[Source]) -> None:
    engine = confirming(("48.00", "forty-five euros"), ("5 May 2025", "fifth of May"))
    found = {(about_, frozenset(ids)) for about_, _, ids in told(paired(engine, *sources))}
    assert found == {("total", frozenset({"E1", "E3"})), ("date", frozenset({"E2", "E4"}))}


@pytest.mark.parametrize(
    ("said", "agree"), [("The name is Ada Hale.", True), ("Her name is Hale, Ada.", True), ("It is Tom Reed.", False)]
)
def test_what_a_form_has_in_words_is_asked_of_the_others_by_its_label(said: str, agree: bool) -> None:
    copied = {"Ada Hale": "Ada Hale", "Hale, Ada": "Hale, Ada", "Tom Reed": "Tom Reed"}
    answer = next(text for name, text in copied.items() if name in said)
    engine = confirming(told=lambda prompt: answer if said in prompt and "What is the name?" in prompt else "not told")
    ((name, (one, other)),) = paired(engine, form(("Name", "Ada Hale")), source([said], Kind.AUDIO, 1, 5))
    assert (name, one.text, other.text) == ("name", "Ada Hale", answer)
    assert (one.evidence, other.evidence) == (("E1",), ("E5",))
    assert same(one.value, other.value) is agree


def test_two_forms_with_the_same_label_are_compared_on_it_once() -> None:
    names = {"Name: Ada Hale": "Ada Hale", "Name: Tom Reed": "Tom Reed"}
    engine = confirming(told=lambda prompt: next((v for k, v in names.items() if k in prompt), "not told"))
    two = form(("Name", "Tom Reed"), number=2, first=5)
    assert told(paired(engine, form(("Name", "Ada Hale")), two)) == [("name", ("Ada Hale", "Tom Reed"), ("E1", "E5"))]


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
    calls = {"motor temperature [degC]": call}
    engine = confirming(*filter(None, [found]), told=lambda prompt: calls.get(prompt.split("\n")[0], "not told"))
    table, remark, ledger = source(["x"], Kind.READINGS, 1, 1, read(CSV.decode())), source([line], first=5), Ledger(9)
    pairs = paired(engine, table, remark, ledger=ledger)
    assert [(one.text, other.text) for _, (one, other) in pairs] == ([found] if found else [])
    assert len(ledger.computed) == len(pairs)
    for text, (one, other) in pairs:
        assert text == "max(motor temperature)"
        assert (one.computed, one.evidence, other.evidence) == ("C1", ("E10",), ("E5",))


def test_what_two_statements_are_about() -> None:
    (total, _), (lamp, _) = statements(BILL), statements(SAID)
    (other,) = statements(source(["The price of the lamp was 40."], first=9))
    assert about(total, lamp) == about(lamp, total) == "total"
    assert about(lamp, other) == "lamp"


def test_the_meaning_of_lines_decides_which_are_shown(models: Callable[[str], InstalledModel]) -> None:
    embedder = Embedder(models("embedder"), Runtime(2))
    engine = confirming()
    form_ = form(("Departure of the coach", "14:30"))
    said = source(["The coach leaves at ten past three.", "She is 40 and sleeps till noon."], first=5)
    paired(engine, form_, said, embedder=embedder)
    shown = [messages[-1].content for messages in engine.prompts if messages[-1].content.startswith("One: ")]
    assert shown == ["One: Departure of the coach: [14:30]\nOther: The coach leaves at [ten past three]."]
