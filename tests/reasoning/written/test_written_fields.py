"""Forms and tick boxes: what they state, each value with its attribute and type."""

from __future__ import annotations

import pytest
from written_details import between, of, read, told, value

from edge_assistant.evidence import Field, Line, TickBox
from edge_assistant.reasoning.rules.vocabulary import vocabulary
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
from edge_assistant.reasoning.written.typed import is_nothing

WRITTEN = vocabulary().written


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


# ---- small parts


@pytest.mark.parametrize("text", ["none", "nil", "N/A", "-", "–", "./.", "no known allergies", "none known", "NKA"])
def test_a_word_or_stroke_for_nothing(text: str) -> None:
    assert is_nothing(text)


@pytest.mark.parametrize("text", ["no sugar", "Nora", "0", "yes", "none of the above but latex"])
def test_what_is_not_nothing(text: str) -> None:
    assert not is_nothing(text)


@pytest.mark.parametrize("label", ["Appointment (time)", "Allergies", "Date of birth", "Patient name", "Weight today"])
def test_a_text_that_is_a_label(label: str) -> None:
    assert is_label(label)


@pytest.mark.parametrize("text", ["Patient intake", "12 kg", "Maria Porter", "", "Allergy record", "Nickel"])
def test_a_text_that_is_no_label(text: str) -> None:
    assert not is_label(text)


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


@pytest.mark.parametrize(("read_as", "unit"), sorted(vocabulary().misread.items()))
def test_a_unit_in_a_hurried_hand(read_as: str, unit: str) -> None:
    found = dose_of(f"Ramipril 5 {read_as} daily")
    assert found is not None
    assert found.value == of("5", unit=unit)
