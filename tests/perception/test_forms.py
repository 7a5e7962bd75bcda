from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Field, Line, TickBox
from edge_assistant.perception.forms import Found, read
from edge_assistant.perception.labels import split_label
from edge_assistant.perception.layout import Piece, rows
from edge_assistant.perception.ticks import EMPTY, TICKED


def piece(text: str, x: float, y: float, height: float = 20) -> Piece:
    width = max(1, len(text)) * height * 0.4
    return Piece(text, 0.9, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


def page(*lines: str, column: int = 240, pitch: int = 40) -> list[Found]:
    """Lines as rows; ` | ` parts cells, which stand in columns; an empty cell leaves its column free."""
    pieces = [
        piece(cell.strip(), column * c, pitch * r)
        for r, line in enumerate(lines)
        for c, cell in enumerate(line.split("|"))
        if cell.strip()
    ]
    return read(rows(pieces))


def fields(found: list[Found]) -> list[tuple[str, str]]:
    return [(item.detail.label, item.detail.value) for item in found if isinstance(item.detail, Field)]


def lines(found: list[Found]) -> list[str]:
    return [item.text for item in found if isinstance(item.detail, Line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Allergies: none known", [("Allergies", "none known")]),
        ("Allergies | penicillin", [("Allergies", "penicillin")]),
        ("Name: | | Ruth Calder", [("Name", "Ruth Calder")]),
        ("Name ______ John Smith", [("Name", "John Smith")]),
        ("Name: ____John Smith____", [("Name", "John Smith")]),
        ("Total ........ 34.80", [("Total", "34.80")]),
        ("Bill No | :CS0032277", [("Bill No", "CS0032277")]),
        ("TOTAL | | RM | 34.80", [("TOTAL", "RM 34.80")]),
        ("Date: 03/04/2018 | | Time: 12:32:00", [("Date", "03/04/2018"), ("Time", "12:32:00")]),
        ("Tel: 03-5613 Fax: 03-5614", [("Tel", "03-5613"), ("Fax", "03-5614")]),
        ("Receipt # | CS0011 | Date | 03/04/2018", [("Receipt #", "CS0011"), ("Date", "03/04/2018")]),
        ("(CO.REG :860671-D)", [("CO.REG", "860671-D")]),
        ("Signature:", [("Signature", "")]),
        ("Blood pressure | 142/88", [("Blood pressure", "142/88")]),
        ("Temperature range | -20 to +40 C", [("Temperature range", "-20 to +40 C")]),
    ],
)
def test_a_label_and_its_value_are_one_field(line: str, expected: list[tuple[str, str]]) -> None:
    assert fields(page(line)) == expected


@pytest.mark.parametrize(
    "line",
    [
        "19-04-18 18:04 SH01 ZJ86 | | T1 R000118085",
        "https://example.com",
        "43300 SERI KEMBANGAN, SELANGOR",
        "SPONGE S/MAGIC 4S | *S",
        "For any further enquiry, please contact us:",
        "12:30",
        "1 X 25.90 | 25.90",
    ],
)
def test_other_rows_stay_lines(line: str) -> None:
    found = page(line)
    assert fields(found) == []
    assert lines(found) == [" ".join(cell.strip() for cell in line.split("|") if cell.strip())]


def test_a_blank_value_is_said() -> None:
    (found,) = page("Allergies:")
    assert found.text == "Allergies: (left blank)"


def test_a_label_above_its_value_is_one_field() -> None:
    found = page("Name: | | Date of birth:", "Ruth Calder | | 09/10/1971", "Ward: | | Bed:", "North | | 12", pitch=26)
    assert fields(found) == [
        ("Name", "Ruth Calder"),
        ("Date of birth", "09/10/1971"),
        ("Ward", "North"),
        ("Bed", "12"),
    ]


def test_labels_in_small_print_above_their_values() -> None:
    pieces = [
        *(piece("Surname", 0, 0, 12), piece("Calder", 0, 16, 22)),
        *(piece("Ward", 0, 60, 12), piece("North", 0, 76, 22)),
        *(piece("Bed", 0, 120, 12), piece("twelve", 0, 136, 22)),
    ]
    assert fields(read(rows(pieces))) == [("Surname", "Calder"), ("Ward", "North"), ("Bed", "twelve")]


def test_a_title_above_a_line_is_no_label() -> None:
    assert fields(page("Patient Intake", "To be filled in at reception")) == []


def test_a_blank_does_not_take_the_next_label_for_its_value() -> None:
    found = page("Rounding: | | ", "Total due: | | 12.00", pitch=24)
    assert fields(found) == [("Rounding", ""), ("Total due", "12.00")]


def test_table_rows_name_their_columns() -> None:
    found = page("Item | Quantity | Price", "Tea | 2 | 4.50", "Bread | 1 | 11.60", "TOTAL | | 16.10")
    assert [item.text for item in found] == [
        "Item Quantity Price",
        "Item Tea, Quantity 2, Price 4.50",
        "Item Bread, Quantity 1, Price 11.60",
        "Item TOTAL, Price 16.10",
    ]
    assert found[1].detail == Line(("Tea", "2", "4.50"))


def test_a_sum_beside_the_first_column_is_a_field() -> None:
    found = page("Item | Quantity | Price", "Tea | 2 | 4.50", " | TOTAL | 4.50")
    assert fields(found) == [("TOTAL", "4.50")]


def test_rows_without_a_header_are_their_cells() -> None:
    (found,) = page("Original Slice | 2 | RM26.00")
    assert (found.text, found.detail) == ("Original Slice 2 RM26.00", Line(("Original Slice", "2", "RM26.00")))


def test_an_item_with_a_colon_in_its_name_keeps_its_row_together() -> None:
    (found,) = page("SR: TEA | | 1 | 2.40 | 2.40")
    assert found.detail == Line(("SR: TEA", "1", "2.40", "2.40"))


def test_a_form_in_two_columns_is_no_table() -> None:
    found = page("Type | BM 90L", "Serial No. | 220517", "Voltage | 400 V")
    assert fields(found) == [("Type", "BM 90L"), ("Serial No.", "220517"), ("Voltage", "400 V")]


def test_points_that_a_faint_print_lost_come_back_in_a_column_of_amounts() -> None:
    found = page("Tea | 2 40", "Bread | 11 60", "Milk | 3.10", "Room | 12 34 56")
    assert fields(found) == [("Tea", "2.40"), ("Bread", "11.60"), ("Milk", "3.10"), ("Room", "12 34 56")]
    assert fields(page("Tea | 2 40", "Bread | 11 60")) == [("Tea", "2 40"), ("Bread", "11 60")]


def boxes(found: list[Found]) -> list[tuple[str, bool]]:
    return [(item.detail.label, item.detail.ticked) for item in found if isinstance(item.detail, TickBox)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{EMPTY} | Penicillin", [("Penicillin", False)]),
        (f"{TICKED} | I agree to the terms", [("I agree to the terms", True)]),
        (f"Smoker: | {EMPTY} | yes | {TICKED} | no", [("Smoker: yes", False), ("Smoker: no", True)]),
        (f"Smoker | {EMPTY} | yes | {TICKED} | no", [("Smoker: yes", False), ("Smoker: no", True)]),
        (f"yes | {EMPTY} | no | {TICKED}", [("yes", False), ("no", True)]),
        (f"Smoker: yes | {EMPTY} | no | {TICKED}", [("Smoker: yes", False), ("Smoker: no", True)]),
        (f"{EMPTY} | A | {TICKED} | B | {EMPTY} | C", [("A", False), ("B", True), ("C", False)]),
        (f"Diabetic | {TICKED}", [("Diabetic", True)]),
    ],
)
def test_tick_boxes_have_the_words_beside_them(line: str, expected: list[tuple[str, bool]]) -> None:
    found = page(line)
    assert boxes(found) == expected
    assert [("not ticked" in item.text) for item in found] == [not ticked for _, ticked in expected]


@given(st.text(max_size=200))
def test_any_text_is_split_without_a_fault(text: str) -> None:
    label, value = split_label(text)
    assert label is None or label
    assert label is not None or value == text


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12), max_size=30))
def test_every_word_is_told_once(words: list[str]) -> None:
    """Fields drop colons and leaders; letters and digits stay."""
    pieces = [piece(word, 90.0 * (i % 3), 30.0 * (i // 3)) for i, word in enumerate(words)]
    plain = [c for item in read(rows(pieces)) for c in item.text if c.isalnum()]
    told = [c for word in words for c in word if c.isalnum()]
    assert len(plain) >= len(told)


def test_hostile_rows_are_read_soon() -> None:
    start = time.process_time()
    read(rows([piece("_" * 50_000 + ":" * 50_000, 0, 0), piece("A: " * 20_000, 0, 50), piece("." * 100_000, 0, 90)]))
    assert time.process_time() - start < 5
