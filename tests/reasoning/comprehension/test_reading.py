"""One source and one question with a scripted model: what is read, where it stands, how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.engines import ScriptedEngine, scripted, source
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Evidence, Line, Locator
from edge_assistant.core.signals import Kind
from edge_assistant.reasoning.comprehension.answer_types import AnswerType
from edge_assistant.reasoning.comprehension.reading import (
    ONLY,
    Reader,
    SourceReading,
    comparable_spans,
    confidence,
    locate,
    prompt_lines,
    words,
)
from edge_assistant.reasoning.values.values import Clock, Quantity, Value

LOG = source(
    [
        "The gate opened at nine.", "Ana carried 24 chairs into the hall.", "It rained until noon.",
        "Ben locked the gate again.", "Nobody came by bus.",
    ]
)  # fmt: skip


def near(*words: str) -> SimpleNamespace:
    """An embedder to which texts are near that have one of these words."""

    def embed(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if any(word in text for word in words) else [0.0, 1.0] for text in texts])

    return SimpleNamespace(embed=embed)


def copying(*answers: str, told: float = 1.0, choice: str = "") -> ScriptedEngine:
    """A model that copies these, one source after the other, and is so sure of each."""
    left = [*answers]

    def reply(prompt: str, options: Sequence[str]) -> str:
        if not options:
            return left.pop(0)
        return choice if choice in options else options[-1]

    return scripted(reply=reply, probability=told)


def read(
    engine: ScriptedEngine, question: str, kind: AnswerType, embedder: SimpleNamespace | None = None
) -> SourceReading | None:
    return Reader(lambda: engine, lambda: embedder).read(question, LOG, kind)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("copied", "kind", "where"),
    [
        ("24 chairs", AnswerType.NUMBER, ["E2"]), ("twenty-four.", AnswerType.NUMBER, ["E2"]),
        ("at nine", AnswerType.TIME, ["E1"]), ("Ana", AnswerType.WHO, ["E2"]),
        ("yes, Ben locked the gate again", AnswerType.TRUTH, ["E4"]), ("25 chairs", AnswerType.NUMBER, None),
        ("Ana", AnswerType.NUMBER, None), ("the hall", AnswerType.TIME, None), ("Eva", AnswerType.WHO, None),
        ("yes, Eva locked it", AnswerType.TRUTH, None), ("yes", AnswerType.TRUTH, None),
        ("not told", AnswerType.OTHER, None), ("Not told.", AnswerType.OTHER, None), ("", AnswerType.OTHER, None),
    ],
)  # fmt: skip
def test_what_is_copied_counts_where_it_stands_and_is_of_the_type(
    copied: str, kind: AnswerType, where: list[str] | None
) -> None:
    reading = read(copying(copied), "What about it?", kind)
    assert (None if reading is None else [line.id for line in reading.evidence]) == where


def test_a_bare_yes_rests_on_the_line_that_is_nearest_in_meaning() -> None:
    reading = read(copying("yes"), "Was the gate locked?", AnswerType.TRUTH, near("locked"))
    assert reading is not None
    assert (reading.text, [line.id for line in reading.evidence]) == ("yes", ["E4"])


def test_a_reading_is_as_sure_as_the_model_says() -> None:
    reading = read(copying("at nine", told=0.8), "When did it open?", AnswerType.TIME)
    assert reading is not None
    assert (reading.told, reading.fits) == (0.8, 0.8)
    assert reading.confidence == confidence(0.8, 0.8)


@given(*[st.floats(0, 1)] * 4)
def test_confidence_is_a_probability_that_grows_with_both(told: float, fits: float, more: float, better: float) -> None:
    low, high = confidence(min(told, more), min(fits, better)), confidence(max(told, more), max(fits, better))
    assert 0 < low <= high < 1


NINE, KILO, BARE = Clock((540,)), Quantity((Decimal(5),), "kg"), Quantity((Decimal(5),))


@pytest.mark.parametrize(
    ("text", "value", "words", "unit", "found"),
    [
        ("Open from half past eight, not at 9:15", NINE, "", False, ["half past eight", "9:15"]),
        ("7 kg in 3 boxes, 4 litres", KILO, "", False, ["7 kg", "3"]),
        ("7 kg in 3 boxes, 4 litres", KILO, "", True, ["7 kg"]),
        ("7 kg in 3 boxes for 12 euros", BARE, "", False, ["3", "12 euros"]),
        ("The blue door, the Blue room, bluer", None, "blue", False, ["blue"]),
        ("The red door", None, "blue", False, []),
    ],
)
def test_what_in_a_line_can_be_compared(text: str, value: Value, words: str, unit: bool, found: list[str]) -> None:
    assert [*comparable_spans(text, value, words, unit=unit)] == found


def test_what_is_sought_is_chosen_by_the_model_among_the_comparable_values_of_the_source() -> None:
    plate = source(["Motor 4, 5.5 kW, made in 1998", "max. 85 degC, store above 5 degC"], Kind.IMAGE)
    engine = copying(choice="85 degC")
    seek = Reader(lambda: engine, lambda: None).seek
    reading = seek("How hot may it get?", plate, Quantity((Decimal(80),), "degC"), "")
    assert reading is not None
    assert (reading.text, [line.id for line in reading.evidence]) == ("85 degC", ["E2"])
    assert engine.offered[0] == ("85 degC", "5 degC")
    assert seek("How hot may it get?", plate, Clock((540,)), "") is None


def test_the_only_value_of_its_kind_needs_no_model() -> None:
    plate, note = source(["Motor 4, max. 85 degC"], first=1), source(["It squeaked at 9:30."], number=2, first=2)
    engine = copying()
    only = Reader(lambda: engine, lambda: None).only_comparable
    reading = only([plate, note], Quantity((Decimal(0),), "degC"))
    assert reading == SourceReading("text:1", "85 degC", (plate.evidence[0],), ONLY, ONLY)
    assert only([plate, source(["85 degC at most"], number=3, first=3)], Quantity((Decimal(0),), "degC")) is None
    assert only([note], Quantity((Decimal(0),), "degC")) is None
    assert engine.prompts == []


LINES = (
    "Mrs Oduya in two fourteen wants to be woken at ten to six.",
    "The rye loaf takes one hundred and fifty grams of salt.", "Deposit paid: 120.00 on 3 May 2025",
    "Please call me back after four", "in the afternoon.",
)  # fmt: skip


def ids(copied: str) -> list[str]:
    lines = source(LINES).lines
    return [line.id for line in locate(copied, {line: line.text for line in lines})]


@pytest.mark.parametrize(
    ("copied", "where"),
    [
        ("ten to six", ["E1"]), ("Mrs. Oduya", ["E1"]), ("150 grams", ["E2"]), ("120.00", ["E3"]),
        ("3 May 2025", ["E3"]), ("after four in the afternoon", ["E4", "E5"]), ("12 grams", []), ("Mr Falk", []),
        ("130.00", []), ("", []),
    ],
)  # fmt: skip
def test_where_copied_words_stand(copied: str, where: list[str]) -> None:
    assert ids(copied) == where


@given(st.integers(0, len(LINES) - 1), st.data())
def test_every_piece_of_a_line_is_found(line: int, data: st.DataObject) -> None:
    said = LINES[line].split()
    start = data.draw(st.integers(0, len(said) - 1))
    end = data.draw(st.integers(start + 1, len(said)))
    piece = " ".join(said[start:end])
    lines = source(LINES).lines
    held = " ".join(item.text for item in locate(piece, {line: line.text for line in lines}))
    assert set(words(piece)) <= set(words(held))


def rows_of(*rows: tuple[str, ...]) -> list[Evidence]:
    return [
        Evidence(f"E{number}", "image:1", " ".join(cells), 1.0, Locator(), Line(cells))
        for number, cells in enumerate(rows, 1)
    ]


def test_the_cells_of_a_row_stand_behind_the_names_of_their_columns() -> None:
    lines = rows_of(
        ("DEPARTURES",), ("TO", "TIME", "GATE", "REMARK"), ("OSLO", "14:05", "11", "LATE"), ("ROME", "15:00", "8")
    )
    assert [*prompt_lines(lines).values()] == [
        "DEPARTURES",
        "TO TIME GATE REMARK",
        "TO: OSLO; TIME: 14:05; GATE: 11; REMARK: LATE",
        "TO: ROME; TIME: 15:00; GATE: 8",
    ]


def test_two_cells_are_a_label_and_its_value() -> None:
    lines = rows_of(("Load:", "630 kg"), ("Made by", "Kone"))
    assert [*prompt_lines(lines).values()] == ["Load: 630 kg", "Made by: Kone"]
