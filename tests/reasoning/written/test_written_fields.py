"""Forms, plates, labels, tables, tick boxes and codes: what they state, each value with its attribute and type."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fakes import signal
from written_pages import numbered

from edge_assistant.evidence import Box, Code, Detail, Evidence, Field, Line, Locator, TickBox
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Items,
    Month,
    Name,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
    Words,
)
from edge_assistant.reasoning.written.fields import understood
from edge_assistant.reasoning.written.medicines import dose_of, drug_of
from edge_assistant.reasoning.written.stacked import is_label
from edge_assistant.reasoning.written.typed import is_nothing, quantities
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind

WRITTEN = vocabulary().written


def read(*details: Detail | tuple[str, Detail]) -> list[Claim]:
    """The claims of a page of these details; one that is in a table comes with the words of its evidence."""
    written = [detail if isinstance(detail, tuple) else (_text(detail), detail) for detail in details]
    return written_claims(Source(signal(Kind.IMAGE), numbered(written)))


def _text(detail: Detail) -> str:
    match detail:
        case Field(label=label, value=value):
            return f"{label}: {value or '(left blank)'}"
        case Line(cells=cells):
            return " ".join(cells)
        case TickBox(label=label, ticked=ticked):
            return f"{label} ({'ticked' if ticked else 'not ticked'})"
        case _:
            return str(detail)


def told(found: list[Claim]) -> list[tuple[str | None, str | None, str]]:
    return [(claim.attribute, claim.subject, claim.text) for claim in found]


def value(found: list[Claim], attribute: str) -> Value:
    (claim,) = [claim for claim in found if claim.attribute == attribute]
    return claim.value


def of(*numbers: str, unit: str | None = None) -> Quantity:
    return Quantity(tuple(map(Decimal, numbers)), unit)


def between(least: str, most: str, unit: str) -> Quantity:
    low, high = Decimal(least), Decimal(most)
    return Quantity((low, high), unit, least=low, most=high)


@pytest.mark.parametrize(
    ("label", "written", "attribute", "expected"),
    [
        ("Name", "Ruth Calder", "patient", Name(("ruth", "calder"))),
        ("Name", "ruth calder", "patient", Name(("ruth", "calder"))),
        ("Patient name", "Calder, Ruth", "patient", Name(("ruth", "calder"))),
        ("Doctor's name", "Dr. Jane Smith", "doctor", Name(("jane", "smith"))),
        ("Emergency contact", "Joan Hale, sister", "emergency contact", Name(("joan", "hale"))),
        ("Contact person (emergency)", "Anna Miller", "emergency contact", Name(("anna", "miller"))),
        ("Date of birth", "09/10/1971", "birth date", Day(((1971, 10, 9), (1971, 9, 10)))),
        ("D.O.B.", "09 Oct 1971", "birth date", Day(((1971, 10, 9),))),
        ("Born on", "22 5ul 1985", "birth date", Day(((1985, 7, 22),))),
        ("Next visit", "23 Nov 2024", "appointment", Day(((2024, 11, 23),))),
        ("Appointment (time)", "15:40:00", "appointment time", Clock((940,))),
        ("Allergies", "none known", "allergy", Nothing()),
        ("Allergies", "NKDA", "allergy", Nothing()),
        ("Allergies", "-", "allergy", Nothing()),
        ("Drug allergies", "nil", "allergy", Nothing()),
        ("Known allergies", "Latex", "allergy", Items(("latex",))),
        ("Allergies", "SHELLFISH, NICKEL", "allergy", Items(("shellfish", "nickel"))),
        ("Smoker", "never", "smoker", Truth(False)),
        ("Smoker", "10 a day", "smoker", Truth(True)),
        ("Do you smoke?", "no", "smoker", Truth(False)),
        ("Diabetes", "type 2", "diabetes", Truth(True)),
        ("Pacemaker", "none", "pacemaker", Truth(False)),
        ("Blood pressure", "142/88", "blood pressure", Pair(of("142"), of("88"))),
        ("Weight (kg)", "72", "weight", of("72", unit="kg")),
        ("Weight today", "48 kg", "weight", of("48", unit="kg")),
        ("Height", "1.72 m", "height", of("1.72", unit="m")),
        ("SpO2", "98 %", "oxygen saturation", of("98", unit="%")),
        ("Blood sugar (mmol/L)", "6.1", "blood sugar", of("6.1", unit="mmol/l")),
        ("Blood group", "A+", "blood type", Words(frozenset(["a+"]))),
        ("Phone", "(0117) 496 0689", "telephone", Telephone("01174960689")),
        ("Policy no.", "99 812-B", "insurance number", Identifier("99812B")),
        ("Type", "BM 90L", "model", Identifier("BM90L")),
        ("Serial No.", "220517", "serial number", Identifier("220517")),
        ("Year", "2019", "year", of("2019")),
        ("Manufacturer", "Brunn Motoren", "manufacturer", Name(("brunn", "motoren"))),
        ("Voltage", "400 V", "voltage", of("400", unit="V")),
        ("Voltage", "230/400 V", "voltage", of("230", "400", unit="V")),
        ("Power", "5.5 kW (7.5 hp)", "power", of("5.5", unit="kW")),
        ("Speed", "2850 rpm", "speed", of("2850", unit="rpm")),
        ("Max. pressure", "10 bar", "pressure", of("10", unit="bar")),
        ("Humidity", "30-60 %", "humidity", between("30", "60", "%")),
        ("Store at", "2-8 °C", "temperature", between("2", "8", "degC")),
        ("Keep below", "75 °F", "limit", of("75", unit="degF")),
        ("LOT", "A123", "batch", Identifier("A123")),
        ("EXP", "06/2027", "expiry date", Month(2027, 6)),
        ("Best before", "3 Apr 2027", "expiry date", Day(((2027, 4, 3),))),
        ("Net weight", "500 g", "weight", of("500", unit="g")),
        ("Insurer ref", "A-1234", "insurer ref", Words(frozenset(["a-1234"]))),
        ("Reason for visit", "chest pain", "reason for visit", Words(frozenset(["chest", "pain"]))),
        ("Due date", "28.02.2024", "due date", Day(((2024, 2, 28),))),
        ("Mother's name", "Anna", "mother's name", Words(frozenset(["anna"]))),
    ],
)
def test_a_field(label: str, written: str, attribute: str, expected: Value) -> None:
    found = read(Field(label, written))
    assert value(found, attribute) == expected
    assert all(claim.text in written for claim in found)


@pytest.mark.parametrize(
    ("label", "written"),
    [("Allergies", ""), ("Pregnant", "N/A"), ("Date of birth", "see file"), ("Weight", "heavy"), ("V", "")],
)
def test_a_field_that_states_nothing(label: str, written: str) -> None:
    assert read(Field(label, written)) == []


def test_a_label_with_two_names_takes_the_value_apart() -> None:
    assert told(read(Field("Height / Weight", "172 cm / 64 kg"))) == [
        ("height", None, "172 cm"),
        ("weight", None, "64 kg"),
    ]
    assert told(read(Field("BP / Pulse", "142/88, 76"))) == [("blood pressure", None, "142/88"), ("pulse", None, "76")]


def test_each_drug_has_its_dose() -> None:
    found = read(Field("Medication", "ramipril 5 mg once daily; aspirin 75 mg"))
    assert told(found) == [
        ("medication", None, "ramipril"),
        ("dose", "ramipril", "5 mg"),
        ("medication", None, "aspirin"),
        ("dose", "aspirin", "75 mg"),
    ]


@pytest.mark.parametrize(
    ("text", "drug", "dose"),
    [
        ("Ramipril 5 mg daily", "Ramipril", of("5", unit="mg")),
        ("Ramipril 5 my daily", "Ramipril", of("5", unit="mg")),
        ("Metformin 85C my daily", "Metformin", of("850", unit="mg")),
        ("75mg aspirin od", "aspirin", of("75", unit="mg")),
        ("20 mg of atorvastatin at night", "atorvastatin", of("20", unit="mg")),
        ("Insulin glargine 10 units", "Insulin glargine", of("10", unit="unit")),
        ("once daily", None, None),
        ("none other", None, None),
    ],
)
def test_a_drug_and_its_dose(text: str, drug: str | None, dose: Quantity | None) -> None:
    assert drug_of(text) == drug
    found = dose_of(text)
    assert (found.value if found else None) == dose


@pytest.mark.parametrize("form", sorted(WRITTEN["forms"]))
def test_a_medicine_with_its_form(form: str) -> None:
    assert told(read(Line((f"Ibuprofen 400 mg {form}",)))) == [
        ("medication", None, "Ibuprofen"),
        ("dose", "Ibuprofen", "400 mg"),
    ]
    assert read(Line((f"One {form}",))) == []


def test_a_dose_beside_a_drug_that_is_the_label() -> None:
    assert told(read(Field("Ramipril", "5 mg"))) == [("dose", "Ramipril", "5 mg")]


def test_whose_a_value_is() -> None:
    assert told(read(Field("Doctor's phone", "0171 234567"))) == [("telephone", "doctor", "0171 234567")]
    assert told(read(Field("Phone of next of kin", "0171 234567"))) == [
        ("telephone", "emergency contact", "0171 234567")
    ]
    assert told(read(Field("Mother's allergies", "latex"))) == [("allergy", "mother", "latex")]


def test_a_name_with_a_telephone_number() -> None:
    assert told(read(Field("Emergency contact", "Joan Hale, sister, 0171 234567"))) == [
        ("emergency contact", None, "Joan Hale"),
        ("telephone", "emergency contact", "0171 234567"),
    ]


@pytest.mark.parametrize(("letter", "word"), sorted(vocabulary().sexes.items()))
def test_a_letter_for_a_sex(letter: str, word: str) -> None:
    assert value(read(Field("Sex", letter.upper())), "sex") == Words(frozenset([word]))


def test_an_older_value_is_of_another_time() -> None:
    found = read(Field("Previous weight", "70 kg"), Field("Weight", "72 kg"))
    assert [(claim.text, claim.when) for claim in found] == [("70 kg", "previous"), ("72 kg", None)]


def test_two_machines_on_one_page_are_told_apart() -> None:
    found = read(Field("Pump 1 pressure", "4 bar"), Field("Pump 2 pressure", "5 bar"))
    assert told(found) == [("pressure", "pump 1", "4 bar"), ("pressure", "pump 2", "5 bar")]


def test_a_temperature_of_a_patient_is_that_of_the_body() -> None:
    patient, room = Field("Patient", "Ada Keller"), Field("Temperature", "37.2 °C")
    assert {claim.attribute for claim in read(patient, room)} >= {"temperature", "body temperature"}
    assert {claim.attribute for claim in read(room)} == {"temperature"}
    assert "body temperature" not in {claim.attribute for claim in read(patient, Field("Temperature", "21 °C"))}


# ---- tick boxes


def test_a_ticked_answer() -> None:
    assert read(TickBox("Smoker: yes", ticked=False), TickBox("Smoker: no", ticked=True))[0].value == Truth(False)
    assert read(TickBox("Smoker: yes", ticked=False), TickBox("Smoker: no", ticked=False)) == []
    assert read(TickBox("Consent given", ticked=True))[0].value == Truth(True)


def test_one_of_several_options() -> None:
    found = read(Field("Sex", ""), TickBox("Sex: M", ticked=False), TickBox("Sex: F", ticked=True))
    assert told(found) == [("sex", None, "F")]


def test_what_applies_of_a_list() -> None:
    found = read(
        Line(("Medical history",)),
        TickBox("Asthma", ticked=True),
        TickBox("Diabetes", ticked=False),
        TickBox("Pacemaker", ticked=True),
    )
    assert ("medical history", None, "Asthma") in told(found)
    assert value(found, "pacemaker") == Truth(True)
    assert not any(claim.attribute == "diabetes" for claim in found)


def test_items_that_are_ticked() -> None:
    found = read(TickBox("Allergies: penicillin", ticked=True), TickBox("Allergies: latex", ticked=False))
    assert value(found, "allergy") == Items(("penicillin",))


# ---- plates and labels

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
        Line(("Room", "Temperature", "Humidity")),
        Line(("A1", "21 °C", "40 %")),
        Line(("B2", "24 °C", "45 %")),
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
        Evidence(f"E{i}", "image:1", _text(detail), 1.0, Locator(box=box), detail)
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
        Evidence(f"E{i}", "image:1", _text(detail), 1.0, Locator(page=page), detail)
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


@pytest.mark.parametrize("text", ["none", "nil", "N/A", "-", "–", "./.", "no known allergies", "none known", "NKA"])
def test_a_word_or_stroke_for_nothing(text: str) -> None:
    assert is_nothing(text)


@pytest.mark.parametrize("text", ["no sugar", "Nora", "0", "yes", "none of the above but latex"])
def test_what_is_not_nothing(text: str) -> None:
    assert not is_nothing(text)


# ---- the words that ship


@pytest.mark.parametrize("word", sorted(WRITTEN["qualifiers"]))
def test_a_qualifier_places_a_value_in_another_time(word: str) -> None:
    assert understood(f"{word} oxygen saturation").when == word


@pytest.mark.parametrize("word", sorted(WRITTEN["others"]))
def test_somebody_else(word: str) -> None:
    assert understood(f"Allergies of {word}").subject == word


@pytest.mark.parametrize("word", sorted(WRITTEN["plain"]))
def test_a_plain_word_changes_nothing(word: str) -> None:
    label = understood(f"{word} allergies")
    assert (label.rest, label.subject, label.when, label.headed) == ((), None, None, False)


@pytest.mark.parametrize("word", sorted(WRITTEN["affirmed"]))
def test_a_word_for_yes(word: str) -> None:
    assert value(read(Field("Smoker", f"{word} 2")), "smoker") == Truth(True)


@pytest.mark.parametrize("word", sorted(WRITTEN["denied"]))
def test_a_word_for_no(word: str) -> None:
    assert value(read(Field("Smoker", word)), "smoker") == Truth(False)


@pytest.mark.parametrize("word", sorted(WRITTEN["regimen"]))
def test_a_word_of_how_a_drug_is_taken(word: str) -> None:
    assert drug_of(f"Ramipril {word}") == "Ramipril"


@pytest.mark.parametrize("word", sorted(WRITTEN["columns"]))
def test_a_word_over_a_column(word: str) -> None:
    found = read(
        Line(("Things", word, "Price")),
        Line(("Tea", "green", "3.00")),
        Line(("Total", "", "3.00")),
        Field("Total", "3.00"),
    )
    assert ("price", "Things", "3.00") not in told(found)


@pytest.mark.parametrize(("read_as", "unit"), sorted(vocabulary().misread.items()))
def test_a_unit_in_a_hurried_hand(read_as: str, unit: str) -> None:
    found = dose_of(f"Ramipril 5 {read_as} daily")
    assert found is not None
    assert found.value == of("5", unit=unit)


@pytest.mark.parametrize(("unit", "attribute"), sorted(vocabulary().unit_names.items()))
def test_a_unit_that_names_what_is_told(unit: str, attribute: str) -> None:
    found = read(Line((f"12 {unit}",)))
    assert [(claim.attribute, claim.value) for claim in found] == [(attribute, of("12", unit=unit))]
    assert unit in vocabulary().attributes[attribute].units


@pytest.mark.parametrize("label", ["Appointment (time)", "Allergies", "Date of birth", "Patient name", "Weight today"])
def test_a_text_that_is_a_label(label: str) -> None:
    assert is_label(label)


@pytest.mark.parametrize("text", ["Patient intake", "12 kg", "Maria Porter", "", "Allergy record", "Nickel"])
def test_a_text_that_is_no_label(text: str) -> None:
    assert not is_label(text)
