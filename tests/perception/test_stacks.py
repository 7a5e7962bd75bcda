from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Field
from edge_assistant.perception.forms import Found, read
from edge_assistant.perception.layout import Piece, rows


def piece(text: str, x: float, y: float, height: float) -> Piece:
    width = max(1, len(text)) * height * 0.4
    return Piece(text, 0.9, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


def page(
    *pairs: tuple[str, str], columns: int = 2, label: float = 18, value: float = 22, gap: float = 3, apart: float = 12
) -> list[Piece]:
    """Labels above values, row by row; `gap` is between the two, `apart` before the next label."""
    pitch = label + gap + value + apart
    places = [(400 * (i % columns), 100 + pitch * (i // columns)) for i in range(len(pairs))]
    return [
        part
        for (x, y), (name, what) in zip(places, pairs, strict=True)
        for part in (piece(name, x, y, label), *([piece(what, x + 5, y + label + gap, value)] if what else []))
    ]


def fields(pieces: list[Piece]) -> list[tuple[str, str]]:
    found: list[Found] = read(rows(pieces))
    return [(item.detail.label, item.detail.value) for item in found if isinstance(item.detail, Field)]


CLINIC = [
    ("Appointment at", "14:00"),
    ("Follow-up", "13 Feb 2024"),
    ("Temp.", "98.1 °F"),
    ("Contact person (emergency)", "David Lund"),
    ("Known allergies", "codeine"),
]
SHELF = [("Number of pieces", "90"), ("Best before", "08/11/2027"), ("Lot no.", "A9 7847"), ("Keep at", "-18 °C")]
DESK = [("Approved by", "Grace Tanaka"), ("Department", "Finance"), ("Project", "Harbour"), ("Paid by", "card")]
GATE = [("Visitor", "Omar Haddad"), ("Company", "Acme Works"), ("Badge", "214"), ("Signed in", "09:40")]
PLATE = [("Serial No.", "SN-20814"), ("Built", "2019"), ("Rated pressure", "8 bar"), ("Medium", "water")]


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("pairs", [CLINIC, SHELF, DESK, GATE, PLATE])
def test_labels_in_small_print_above_their_values(pairs: list[tuple[str, str]], columns: int) -> None:
    assert fields(page(*pairs, columns=columns)) == pairs


@pytest.mark.parametrize("pairs", [CLINIC, SHELF, GATE, PLATE])
def test_labels_in_the_same_print_are_known_by_where_they_stand(pairs: list[tuple[str, str]]) -> None:
    assert fields(page(*pairs, label=20, value=20)) == pairs


def test_a_heading_above_a_line_is_no_label() -> None:
    heading = [piece("Patient intake", 0, 0, 30), piece("Surgery at the Old Mill", 0, 42, 22)]
    assert fields([*heading, *page(*CLINIC)]) == CLINIC


def test_a_table_under_such_a_form_stays_one() -> None:
    cells = [("Medicine", "Dose", "When"), ("Aspirin", "75 mg", "noon"), ("Ramipril", "5 mg", "bedtime")]
    table = [piece(cell, 250 * c, 400 + 45 * r, 20) for r, row in enumerate(cells) for c, cell in enumerate(row)]
    found = read(rows([*page(*CLINIC), *table]))
    assert [item.text for item in found[-3:]] == [
        "Medicine Dose When",
        "Medicine Aspirin, Dose 75 mg, When noon",
        "Medicine Ramipril, Dose 5 mg, When bedtime",
    ]
    assert fields([*page(*CLINIC), *table]) == CLINIC


def test_a_blank_value_takes_no_other() -> None:
    pairs = [("Ward", "North"), ("Bed", ""), ("Admitted", "3 May 2024"), ("Seen by", "Ada Keller")]
    assert fields(page(*pairs)) == [pair for pair in pairs if pair[1]]


@pytest.mark.parametrize(
    "lines",
    [
        ["ACME TRADING LTD", "43 High Street", "Mill Lane", "43300 Seri Kembangan"],
        ["Wood glue", "2 x 7.47", "Paint brush set", "1 x 12.94"],
        ["Ibuprofen tablets", "Take one tablet a day", "Swallow whole", "Keep below 25 °C"],
    ],
)
def test_lines_that_follow_each_other_evenly_are_no_labels(lines: list[str]) -> None:
    assert fields([piece(line, 0, 30 * i, 22) for i, line in enumerate(lines)]) == []


def test_a_unit_under_a_heading_is_no_value() -> None:
    heads = [piece(head, 300 * i, 0, 20) for i, head in enumerate(("Amount", "Tax"))]
    units = [piece("(RM)", 300 * i, 20, 20) for i in range(2)]
    assert ("Amount", "RM") not in fields([*heads, *units])


@given(st.lists(st.tuples(st.sampled_from(["Ward", "7", "a b", "☐", "x:", "(y)"]), st.integers(0, 900)), max_size=12))
def test_any_stack_of_lines_is_read(lines: list[tuple[str, int]]) -> None:
    pieces = [piece(text, x, 25 * i, 10 + x % 30) for i, (text, x) in enumerate(lines)]
    words = sorted(
        word for text, _ in lines for word in text.replace(":", "").replace("(", "").replace(")", "").split()
    )
    found = " ".join(item.text for item in read(rows(pieces)))
    assert all(word in found or word == "☐" for word in words)
