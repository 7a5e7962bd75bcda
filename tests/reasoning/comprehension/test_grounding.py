"""What the model copied is found in its lines, or was not read there."""

from __future__ import annotations

import pytest
from helpers.engines import source
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Evidence, Line, Locator
from edge_assistant.reasoning.comprehension.reading import locate, prompt_lines, words

LINES = (
    "Mrs Oduya in two fourteen wants to be woken at ten to six.",
    "The rye loaf takes one hundred and fifty grams of salt.",
    "Deposit paid: 120.00 on 3 May 2025",
    "Please call me back after four",
    "in the afternoon.",
)


def ids(copied: str) -> list[str]:
    lines = source(LINES).lines
    return [line.id for line in locate(copied, {line: line.text for line in lines})]


@pytest.mark.parametrize(
    ("copied", "where"),
    [
        ("ten to six", ["E1"]),
        ("Mrs. Oduya", ["E1"]),
        ("150 grams", ["E2"]),
        ("120.00", ["E3"]),
        ("3 May 2025", ["E3"]),
        ("after four in the afternoon", ["E4", "E5"]),
        ("12 grams", []),
        ("Mr Falk", []),
        ("130.00", []),
        ("", []),
    ],
)
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


def page(*rows: tuple[str, ...]) -> list[Evidence]:
    return [
        Evidence(f"E{number}", "image:1", " ".join(cells), 1.0, Locator(), Line(cells))
        for number, cells in enumerate(rows, 1)
    ]


def test_the_cells_of_a_row_stand_behind_the_names_of_their_columns() -> None:
    lines = page(
        ("DEPARTURES",), ("TO", "TIME", "GATE", "REMARK"), ("OSLO", "14:05", "11", "LATE"), ("ROME", "15:00", "8")
    )
    assert [*prompt_lines(lines).values()] == [
        "DEPARTURES",
        "TO TIME GATE REMARK",
        "TO: OSLO; TIME: 14:05; GATE: 11; REMARK: LATE",
        "TO: ROME; TIME: 15:00; GATE: 8",
    ]


def test_two_cells_are_a_label_and_its_value() -> None:
    lines = page(("Load:", "630 kg"), ("Made by", "Kone"))
    assert [*prompt_lines(lines).values()] == ["Load: 630 kg", "Made by: Kone"]
