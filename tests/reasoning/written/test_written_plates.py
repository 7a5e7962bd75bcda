"""Plates, labels, tables and codes: what they state, each value with its attribute and type."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fakes import signal
from written_details import of, read, text_of, told, value

from edge_assistant.evidence import Box, Code, Detail, Evidence, Field, Line, Locator
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Day, Identifier, Month, Quantity, Value
from edge_assistant.reasoning.written.typed import quantities
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind

WRITTEN = vocabulary().written
PLATE = {"voltage": "400", "frequency": "50", "current": "12", "power": "5.5", "speed": "1450"}


@pytest.mark.parametrize(
    "page",
    [
        [Line(("V 400  Hz 50  A 12  kW 5.5  rpm 1450",))],
        [Line(("V 400", "Hz 50", "A 12", "kW 5.5", "rpm 1450"))],
        [Line(("400 V", "50 Hz", "12 A", "5.5 kW", "1450 rpm"))],
        [Line(("400V 50Hz 12A",)), Line(("5.5kW 1450rpm",))],
        [Field("V", "400"), Field("Hz", "50"), Field("A", "12"), Field("kW", "5.5"), Field("rpm", "1450")],
        [Field(label, number) for label, number in (("Voltage", "400 V"), ("Frequency", "50 Hz"))]
        + [Line(("12 A", "5.5 kW", "1450 min-1"))],
        [Line(("V", "Hz", "A", "kW", "rpm")), Line(("400", "50", "12", "5.5", "1450"))],
        [Line(("V", "400")), Line(("Hz", "50")), Line(("A", "12")), Line(("kW", "5.5")), Line(("rpm", "1450"))],
        [
            *(Field("Rated voltage", "400 V"), Field("Frequency", "50 Hz"), Field("Rated current", "12 A")),
            *(Field("Power", "5.5 kW (7.5 hp)"), Field("Speed", "1450 rpm")),
        ],
    ],
)
def test_a_plate_in_any_layout(page: list[Detail]) -> None:
    found = read(*page)
    assert {claim.attribute for claim in found} == set(PLATE)
    for claim in found:
        assert isinstance(claim.value, Quantity)
        assert claim.value.readings == (Decimal(PLATE[claim.attribute or ""]),)


def test_two_voltages_with_one_unit() -> None:
    found = read(Line(("400/690 V", "50 Hz")), Line(("12.1/7.0 A",)))
    assert value(found, "voltage") == of("400", "690", unit="V")
    assert value(found, "current") == of("12.1", "7.0", unit="A")


def test_symbols_of_a_plate() -> None:
    found = told(read(Field("U", "400 V"), Field("I", "12 A"), Field("P", "5.5 kW"), Field("f", "50 Hz")))
    assert found == [
        ("voltage", None, "400 V"),
        ("current", None, "12 A"),
        ("power", None, "5.5 kW"),
        ("frequency", None, "50 Hz"),
    ]


def test_ratings_in_a_table_are_told_of_their_rows() -> None:
    found = read(
        Line(("Voltage", "Current", "Speed")), Line(("230 V", "8.6 A", "2850 rpm")), Line(("400 V", "5 A", "2880 rpm"))
    )
    assert [item for item in told(found) if item[0] == "current"] == [
        ("current", "230 V", "8.6 A"),
        ("current", "400 V", "5 A"),
    ]
    assert not any(claim.attribute == "voltage" and claim.subject is None for claim in found)


def test_input_and_output_are_told_apart() -> None:
    found = told(read(Field("Input", "230 V 50 Hz 1.5 A"), Field("Output", "12 V 5 A")))
    assert {("voltage", "input", "230 V"), ("voltage", "output", "12 V"), ("current", "output", "5 A")} <= set(found)


@pytest.mark.parametrize("text", ["IP55", "IP 55", "IP-55"])
def test_protection(text: str) -> None:
    assert value(read(Line((text, "IM B3"))), "protection class") == Identifier("IP55")


@pytest.mark.parametrize(
    ("cells", "attribute", "text"),
    [
        (("S/N 220517",), "serial number", "220517"),
        (("Type BM 90L",), "model", "BM 90L"),
        (("Year of manufacture 2019",), "year", "2019"),
        (("EXP 06/2027", "LOT A123"), "expiry date", "06/2027"),
        (("EXP 06/2027", "LOT A123"), "batch", "A123"),
        (("LOT: A123",), "batch", "A123"),
        (("Best before 03.04.2027  Batch L77",), "batch", "L77"),
        (("Net wt 500 g",), "weight", "500 g"),
        (("Store at 2-8 °C",), "temperature", "2-8 °C"),
        (("Store below 25 °C", "40 % RH"), "limit", "25 °C"),
        (("Tel. 099 496 0669",), "telephone", "099 496 0669"),
    ],
)
def test_a_name_before_its_value(cells: tuple[str, ...], attribute: str, text: str) -> None:
    assert (attribute, None, text) in told(read(Line(cells)))


@pytest.mark.parametrize(
    "text",
    [
        "Patient intake, to be filled in at reception",
        "I confirm that the date of birth above is correct",
        "Please state the weight",
        "Page 1 of 1",
        "Allergy record",
        "Use before the date on the lid",
    ],
)
def test_a_line_that_states_nothing(text: str) -> None:
    assert read(Line((text,))) == []


# ---- tables and what stands above


def test_a_table_of_medicines() -> None:
    found = read(
        Line(("Medicine", "Dose", "When")),
        Line(("Atorvastatin", "20mg", "morning")),
        ("Medicine Ramipril, Dose 2.5 mg, When noon", Line(("Ramipril", "2.5 mg", "noon"))),
    )
    assert [item for item in told(found) if item[0] in ("medication", "dose")] == [
        ("medication", None, "Atorvastatin"),
        ("dose", "Atorvastatin", "20mg"),
        ("medication", None, "Ramipril"),
        ("dose", "Ramipril", "2.5 mg"),
    ]


def test_a_table_says_of_which_row() -> None:
    found = read(
        Line(("Room", "Temperature", "Humidity")), Line(("A1", "21 °C", "40 %")), Line(("B2", "24 °C", "45 %"))
    )
    assert ("temperature", "B2", "24 °C") in told(found)
    assert ("humidity", "A1", "40 %") in told(found)


def test_a_header_with_one_known_name() -> None:
    found = told(
        read(
            Line(("Goods", "Keep at", "Shelf")),
            Line(("Tulip bulbs", "8 °C", "B23")),
            Line(("Film reels", "6 °C", "B9")),
        )
    )
    assert {("temperature", "Tulip bulbs", "8 °C"), ("storage place", "Film reels", "B9")} <= set(found)


def test_two_labels_over_two_values_that_were_taken_for_fields() -> None:
    found = read(Field("Allergies", "Appointment (time)"), Field("Nickel", "15:40"))
    assert told(found) == [("allergy", None, "Nickel"), ("appointment time", None, "15:40")]


def test_a_label_over_its_value() -> None:
    rows: list[tuple[Detail, Box]] = [
        (Line(("Patient",)), (98, 218, 52, 18)),
        (Field("Tel.", "(0116) 496 0726"), (554, 228, 206, 60)),
        (Line(("Maria Porter",)), (105, 250, 152, 28)),
        (Line(("Weight",)), (550, 400, 54, 18)),
        (Line(("227 lb",)), (558, 432, 74, 28)),
        (Line(("Page 1 of 1",)), (78, 500, 97, 18)),
    ]
    evidence = tuple(
        Evidence(f"E{i}", "image:1", text_of(detail), 1.0, Locator(box=box), detail)
        for i, (detail, box) in enumerate(rows, 1)
    )
    found = written_claims(Source(signal(Kind.IMAGE), evidence))
    assert ("patient", None, "Maria Porter") in told(found)
    assert value(found, "weight") == of("227", unit="lb")


def test_two_pages_are_read_apart() -> None:
    details: list[tuple[int, Detail]] = [
        (1, Field("Tea", "2.00")),
        (1, Field("Total", "2.00")),
        (2, Field("Bread", "3.50")),
        (2, Field("Total", "3.50")),
    ]
    evidence = tuple(
        Evidence(f"E{i}", "image:1", text_of(detail), 1.0, Locator(page=page), detail)
        for i, (page, detail) in enumerate(details, 1)
    )
    found = written_claims(Source(signal(Kind.IMAGE), evidence))
    assert [claim.text for claim in found if claim.attribute == "total"] == ["2.00", "3.50"]


# ---- codes


@pytest.mark.parametrize(
    ("content", "attribute", "expected"),
    [
        ("(01)09506000134352(17)270600(10)A123", "batch", Identifier("A123")),
        ("(01)09506000134352(17)270600(10)A123", "expiry date", Month(2027, 6)),
        ("(17)270615(21)X1", "expiry date", Day(((2027, 6, 15),))),
        ("(17)270615(21)X1", "serial number", Identifier("X1")),
        ("LOT:A123;EXP:2027-06-30", "expiry date", Day(((2027, 6, 30),))),
        ("SN=77-12|MODEL=BM 90L", "model", Identifier("BM90L")),
        ("9506000134352", "code", Identifier("9506000134352")),
    ],
)
def test_a_code(content: str, attribute: str, expected: Value) -> None:
    assert value(read(Code(content, "QRCode")), attribute) == expected


def test_an_address_in_a_code_is_no_field() -> None:
    assert [claim.attribute for claim in read(Code("https://example.org/a?serial=1", "QRCode"))] == ["code"]


# ---- small parts


def test_several_quantities_in_one_text() -> None:
    assert [found.text for found in quantities("400/690 V 50 Hz 12 A")] == ["400/690 V", "50 Hz", "12 A"]


# ---- the words that ship


@pytest.mark.parametrize("word", sorted(WRITTEN["columns"]))
def test_a_word_over_a_column(word: str) -> None:
    found = read(
        Line(("Things", word, "Price")),
        Line(("Tea", "green", "3.00")),
        Line(("Total", "", "3.00")),
        Field("Total", "3.00"),
    )
    assert ("price", "Things", "3.00") not in told(found)


@pytest.mark.parametrize(("unit", "attribute"), sorted(vocabulary().unit_names.items()))
def test_a_unit_that_names_what_is_told(unit: str, attribute: str) -> None:
    found = read(Line((f"12 {unit}",)))
    assert [(claim.attribute, claim.value) for claim in found] == [(attribute, of("12", unit=unit))]
    assert unit in vocabulary().attributes[attribute].units
