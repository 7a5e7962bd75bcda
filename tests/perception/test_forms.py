from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Field, Line, TickBox
from edge_assistant.perception.documents.forms import FormItem, read
from edge_assistant.perception.documents.labels import split_label
from edge_assistant.perception.documents.layout import Piece, rows
from edge_assistant.perception.documents.ticks import EMPTY, TICKED


def piece(text: str, x: float, y: float, height: float = 20) -> Piece:
    width = max(1, len(text)) * height * 0.4
    return Piece(text, 0.9, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


def page(*lines: str, column: int = 240, pitch: int = 40) -> list[FormItem]:
    """Lines as rows; ` | ` parts cells, which stand in columns; an empty cell leaves its column free."""
    pieces = [
        piece(cell.strip(), column * c, pitch * r)
        for r, line in enumerate(lines)
        for c, cell in enumerate(line.split("|"))
        if cell.strip()
    ]
    return read(rows(pieces))


def fields(found: list[FormItem]) -> list[tuple[str, str]]:
    return [(item.detail.label, item.detail.value) for item in found if isinstance(item.detail, Field)]


def lines(found: list[FormItem]) -> list[str]:
    return [item.text for item in found if isinstance(item.detail, Line)]


FIELDS = {
    "Allergies: none known": "Allergies = none known",
    "Allergies | penicillin": "Allergies = penicillin",
    "Name: | | Ruth Calder": "Name = Ruth Calder",
    "Name ______ John Smith": "Name = John Smith",
    "Name: ____John Smith____": "Name = John Smith",
    "Total ........ 34.80": "Total = 34.80",
    "Bill No | :CS0032277": "Bill No = CS0032277",
    "TOTAL | | RM | 34.80": "TOTAL = RM 34.80",
    "Date: 03/04/2018 | | Time: 12:32:00": "Date = 03/04/2018; Time = 12:32:00",
    "Tel: 03-5613 Fax: 03-5614": "Tel = 03-5613; Fax = 03-5614",
    "Receipt # | CS0011 | Date | 03/04/2018": "Receipt # = CS0011; Date = 03/04/2018",
    "(CO.REG :860671-D)": "CO.REG = 860671-D",
    "Signature:": "Signature = ",
    "Blood pressure | 142/88": "Blood pressure = 142/88",
    "Temperature range | -20 to +40 C": "Temperature range = -20 to +40 C",
    # rows of labels and values, which are no table
    "Type | BM 90L\nSerial No. | 220517\nVoltage | 400 V": "Type = BM 90L; Serial No. = 220517; Voltage = 400 V",
    "Operator: | shift B\nRoom: | B12": "Operator = shift B; Room = B12",
    "Operator | shift B\nRoom | B12": "Operator = shift B; Room = B12",
    "Order status | in stock\nPart | 77-03": "Order status = in stock; Part = 77-03",
    "Inspected | OK | Storage | cool\nRoom | 214 | Operator | K. Tanaka\nWeight | 71 kg | Bed | left": (
        "Inspected = OK; Storage = cool; Room = 214; Operator = K. Tanaka; Weight = 71 kg; Bed = left"
    ),
    # points that a faint print lost come back in a column of amounts
    "Tea | 2 40\nBread | 11 60\nMilk | 3.10\nBed | 12 34 56": "Tea = 2.40; Bread = 11.60; Milk = 3.10; Bed = 12 34 56",
    "Tea | 2 40\nBread | 11 60": "Tea = 2 40; Bread = 11 60",
    # a rate of tax and a symbol are labels, other short cells and words alone are none
    "VAT 20% | 16.86": "VAT 20% = 16.86",
    "Tax (20%) | €16.86": "Tax (20%) = €16.86",
    "GST @6% | 0.66": "GST @6% = 0.66",
    "U | 400 V": "U = 400 V",
    "f | 50Hz": "f = 50Hz",
    "P | 1.5 kW": "P = 1.5 kW",
    **dict.fromkeys(("x | 3", "A | 12.50", "50% | 4.20", "2 | 400 V", "North | Acorn | South | Maple"), ""),
}


@pytest.mark.parametrize("text", FIELDS)
def test_labels_and_their_values_are_fields(text: str) -> None:
    assert "; ".join(f"{label} = {value}" for label, value in fields(page(*text.split("\n")))) == FIELDS[text]


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
        "Tea 2 | 2.40 | Bread 1 | 11.60",
    ],
)
def test_other_rows_stay_lines(line: str) -> None:
    found = page(line)
    assert fields(found) == []
    assert lines(found) == [" ".join(cell.strip() for cell in line.split("|") if cell.strip())]


def test_a_label_above_its_value_is_one_field() -> None:
    found = page("Name: | | Date of birth:", "Ruth Calder | | 09/10/1971", "Ward: | | Bed:", "North | | 12", pitch=26)
    assert fields(found) == [
        ("Name", "Ruth Calder"),
        ("Date of birth", "09/10/1971"),
        ("Ward", "North"),
        ("Bed", "12"),
    ]
    found = page("Rounding: | | ", "Total due: | | 12.00", pitch=24)
    assert fields(found) == [("Rounding", ""), ("Total due", "12.00")], "a blank does not take the next label"


def test_table_rows_name_their_columns() -> None:
    found = page("Item | Quantity | Price", "Tea | 2 | 4.50", "Bread | 1 | 11.60", "TOTAL | | 16.10")
    assert [item.text for item in found] == [
        "Item Quantity Price",
        "Item Tea, Quantity 2, Price 4.50",
        "Item Bread, Quantity 1, Price 11.60",
        "Item TOTAL, Price 16.10",
    ]
    assert found[1].detail == Line(("Tea", "2", "4.50"))
    assert fields(page("Item | Quantity | Price", "Tea | 2 | 4.50", " | TOTAL | 4.50")) == [("TOTAL", "4.50")]
    (row,) = page("SR: TEA | | 1 | 2.40 | 2.40")
    assert row.detail == Line(("SR: TEA", "1", "2.40", "2.40"))
    (blank,) = page("Allergies:")
    assert blank.text == "Allergies: (left blank)"


def boxes(found: list[FormItem]) -> list[tuple[str, bool]]:
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


# labels above their values


def laid(pieces: list[Piece]) -> list[tuple[str, str]]:
    return fields(read(rows(pieces)))


def stacked(
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
def test_labels_in_small_print_above_many_values(pairs: list[tuple[str, str]], columns: int) -> None:
    assert laid(stacked(*pairs, columns=columns)) == pairs


@pytest.mark.parametrize("pairs", [CLINIC, SHELF, GATE, PLATE])
def test_labels_in_the_same_print_are_known_by_where_they_stand(pairs: list[tuple[str, str]]) -> None:
    assert laid(stacked(*pairs, label=20, value=20)) == pairs


def test_a_heading_above_a_line_is_no_label() -> None:
    heading = [piece("Patient intake", 0, 0, 30), piece("Surgery at the Old Mill", 0, 42, 22)]
    assert laid([*heading, *stacked(*CLINIC)]) == CLINIC


def test_a_table_under_such_a_form_stays_one() -> None:
    cells = [("Medicine", "Dose", "When"), ("Aspirin", "75 mg", "noon"), ("Ramipril", "5 mg", "bedtime")]
    table = [piece(cell, 250 * c, 400 + 45 * r, 20) for r, row in enumerate(cells) for c, cell in enumerate(row)]
    found = read(rows([*stacked(*CLINIC), *table]))
    assert [item.text for item in found[-3:]] == [
        "Medicine Dose When",
        "Medicine Aspirin, Dose 75 mg, When noon",
        "Medicine Ramipril, Dose 5 mg, When bedtime",
    ]
    assert laid([*stacked(*CLINIC), *table]) == CLINIC


def test_a_blank_value_takes_no_other() -> None:
    pairs = [("Ward", "North"), ("Bed", ""), ("Admitted", "3 May 2024"), ("Seen by", "Ada Keller")]
    assert laid(stacked(*pairs)) == [pair for pair in pairs if pair[1]]


@pytest.mark.parametrize(
    "lines",
    [
        ["ACME TRADING LTD", "43 High Street", "Mill Lane", "43300 Seri Kembangan"],
        ["Wood glue", "2 x 7.47", "Paint brush set", "1 x 12.94"],
        ["Ibuprofen tablets", "Take one tablet a day", "Swallow whole", "Keep below 25 °C"],
    ],
)
def test_lines_that_follow_each_other_evenly_are_no_labels(lines: list[str]) -> None:
    assert laid([piece(line, 0, 30 * i, 22) for i, line in enumerate(lines)]) == []


def test_a_unit_under_a_heading_is_no_value() -> None:
    heads = [("Amount", 0, 0), ("Tax", 300, 0), ("(RM)", 0, 20), ("(RM)", 300, 20)]
    assert ("Amount", "RM") not in laid([piece(*head) for head in heads])


@given(st.lists(st.tuples(st.sampled_from(["Ward", "7", "a b", "☐", "x:", "(y)"]), st.integers(0, 900)), max_size=12))
def test_any_stack_of_lines_is_read(lines: list[tuple[str, int]]) -> None:
    pieces = [piece(text, x, 25 * i, 10 + x % 30) for i, (text, x) in enumerate(lines)]
    words = sorted(
        word for text, _ in lines for word in text.replace(":", "").replace("(", "").replace(")", "").split()
    )
    found = " ".join(item.text for item in read(rows(pieces)))
    assert all(word in found or word == "☐" for word in words)


# tables and rows of labels


def spoken(found: list[FormItem]) -> list[str]:
    return [item.text for item in found]


@pytest.mark.parametrize(
    "lines",
    [
        ["Medicine | Dose | When", "Aspirin | 75 mg | noon"],
        ["Goods | Keep at | Shelf", "Tulip bulbs | -18 °C | B23", "Orchids | 8 °C | A9"],
        ["Analyte | FormItem | Expected", "Sodium | 138 | 135-145", "Potassium | 4.1 | 3.5-5.0"],
        ["Voltage | Current | Speed", "230 V | 8.6 A | 2850 rpm", "400 V | 5.0 A | 2880 rpm"],
        ["Vessel | Berth | Draught", "Aurora | 7 | 4.2 m", "Sea Lark 2 | 11 | 3.9 m"],
    ],
)
def test_a_header_is_known_by_its_words_or_by_the_numbers_under_it(lines: list[str]) -> None:
    header, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
    told = [", ".join(f"{name} {cell}" for name, cell in zip(header, row, strict=True)) for row in body]
    assert spoken(page(*lines)) == [" ".join(header), *told]


def test_heads_that_were_read_as_one_are_parted() -> None:
    pieces = [piece(text, x, 0) for text, x in (("Description", 0), ("Quantity Unit price", 300), ("Total", 540))]
    for row, cells in enumerate([("Ball pens 10pk", "3", "4.59", "13.77"), ("Stapler", "1", "6.84", "6.84")], 1):
        places = (0, 364 - 8 * len(cells[1]), 452 - 8 * len(cells[2]), 580 - 8 * len(cells[3]))
        pieces += [piece(text, x, 40 * row) for text, x in zip(cells, places, strict=True)]
    assert spoken(read(rows(pieces))) == [
        "Description Quantity Unit price Total",
        "Description Ball pens 10pk, Quantity 3, Unit price 4.59, Total 13.77",
        "Description Stapler, Quantity 1, Unit price 6.84, Total 6.84",
    ]
