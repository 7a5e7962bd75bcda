from __future__ import annotations

import pytest

from edge_assistant.core.evidence import Field
from edge_assistant.perception.forms import Found, read
from edge_assistant.perception.layout import Piece, rows


def piece(text: str, x: float, y: float) -> Piece:
    width = max(1, len(text)) * 8
    return Piece(text, 0.9, ((x, y), (x + width, y), (x + width, y + 20), (x, y + 20)))


def page(*lines: str, column: int = 240) -> list[Found]:
    """Lines as rows; `|` parts cells, which stand in columns."""
    cells = [(r, c, cell.strip()) for r, line in enumerate(lines) for c, cell in enumerate(line.split("|"))]
    return read(rows([piece(text, column * c, 40 * r) for r, c, text in cells if text]))


def texts(found: list[Found]) -> list[str]:
    return [item.text for item in found]


def fields(found: list[Found]) -> list[tuple[str, str]]:
    return [(item.detail.label, item.detail.value) for item in found if isinstance(item.detail, Field)]


@pytest.mark.parametrize(
    "lines",
    [
        ["Medicine | Dose | When", "Aspirin | 75 mg | noon"],
        ["Goods | Keep at | Shelf", "Tulip bulbs | -18 °C | B23", "Orchids | 8 °C | A9"],
        ["Analyte | Found | Expected", "Sodium | 138 | 135-145", "Potassium | 4.1 | 3.5-5.0"],
        ["Voltage | Current | Speed", "230 V | 8.6 A | 2850 rpm", "400 V | 5.0 A | 2880 rpm"],
        ["Vessel | Berth | Draught", "Aurora | 7 | 4.2 m", "Sea Lark 2 | 11 | 3.9 m"],
    ],
)
def test_a_header_is_known_by_its_words_or_by_the_numbers_under_it(lines: list[str]) -> None:
    header, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
    told = [", ".join(f"{name} {cell}" for name, cell in zip(header, row, strict=True)) for row in body]
    assert texts(page(*lines)) == [" ".join(header), *told]


@pytest.mark.parametrize(
    "lines",
    [
        ["Operator: | shift B", "Room: | B12"],
        ["Operator | shift B", "Room | B12"],
        ["Order status | in stock", "Part | 77-03"],
    ],
)
def test_labels_with_words_of_headers_are_fields(lines: list[str]) -> None:
    expected = [tuple(cell.strip(" :") for cell in line.split("|")) for line in lines]
    assert fields(page(*lines)) == expected


def test_heads_that_were_read_as_one_are_parted() -> None:
    pieces = [piece(text, x, 0) for text, x in (("Description", 0), ("Quantity Unit price", 300), ("Total", 540))]
    for row, cells in enumerate([("Ball pens 10pk", "3", "4.59", "13.77"), ("Stapler", "1", "6.84", "6.84")], 1):
        places = (0, 364 - 8 * len(cells[1]), 452 - 8 * len(cells[2]), 580 - 8 * len(cells[3]))
        pieces += [piece(text, x, 40 * row) for text, x in zip(cells, places, strict=True)]
    assert texts(read(rows(pieces))) == [
        "Description Quantity Unit price Total",
        "Description Ball pens 10pk, Quantity 3, Unit price 4.59, Total 13.77",
        "Description Stapler, Quantity 1, Unit price 6.84, Total 6.84",
    ]


def test_labels_and_values_may_take_turns_in_a_row() -> None:
    found = page("Inspected | OK | Storage | cool", "Room | 214 | Operator | K. Tanaka", "Weight | 71 kg | Bed | left")
    assert fields(found) == [
        ("Inspected", "OK"),
        ("Storage", "cool"),
        ("Room", "214"),
        ("Operator", "K. Tanaka"),
        ("Weight", "71 kg"),
        ("Bed", "left"),
    ]


def test_a_row_of_words_alone_stays_a_line() -> None:
    assert fields(page("North | Acorn | South | Maple")) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("VAT 20% | 16.86", ("VAT 20%", "16.86")),
        ("Tax (20%) | €16.86", ("Tax (20%)", "€16.86")),
        ("GST @6% | 0.66", ("GST @6%", "0.66")),
        ("U | 400 V", ("U", "400 V")),
        ("f | 50Hz", ("f", "50Hz")),
        ("P | 1.5 kW", ("P", "1.5 kW")),
    ],
)
def test_a_rate_of_tax_and_a_symbol_are_labels(line: str, expected: tuple[str, str]) -> None:
    assert fields(page(line)) == [expected]


@pytest.mark.parametrize("line", ["x | 3", "A | 12.50", "50% | 4.20", "2 | 400 V"])
def test_other_short_cells_are_none(line: str) -> None:
    assert fields(page(line)) == []
