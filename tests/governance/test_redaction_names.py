"""Names that nothing announces, and what is German: what is found, what stays readable, and who is the same."""

from __future__ import annotations

import pytest

from edge_assistant.governance.redaction import tagger
from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.redactor import Redactor

KEY = bytes(32)
NAMED = [
    ("Harriet Oyelaran was seen in clinic today.", ["Harriet Oyelaran"]),
    ("Okonkwo called again about the pump.", ["Okonkwo"]),
    ("Elevator 2 stuck. Reset by P. Szczepański at 22:17.", ["Szczepański"]),
    ("okay so this is about margaret in bed six she had her apixaban", ["margaret"]),
    ("INVOICE 30912\nBILL TO O. BRANDVOLD\nLABOR 2.5 HR", ["BRANDVOLD"]),
    ("Thanks, Willemijn van der Schoot", ["Willemijn", "Schoot"]),
    ("Scan_Mueller_Anna.pdf is damaged", ["Mueller", "Anna"]),
    ("Name: MUELLER, Anna", ["MUELLER", "Anna"]),
    ("Gespräch mit Sohn Torben und Herrn Lämmle", ["Torben", "Lämmle"]),
    ("so ich bin jetzt bei öztürk im keller", ["öztürk"]),
    ("PRUEFER: H. STEIGENBERGER  ERGEBNIS I.O.", ["STEIGENBERGER"]),
    ("Mit freundlichen Grüßen\nNguyễn Thị Hồng", ["Nguyễn", "Hồng"]),
]
READABLE = [
    "Start Augmentin 625 mg three times a day for 7 days. Review in May if symptoms persist.",
    "Allen's test normal, Foley catheter size 16 in place, urine output 60 ml/h.",
    "Parkinson's disease, Hodgkin lymphoma, Crohn's disease",
    "Bridgeport mill: spindle run-out 0.01 mm. 14 August.",
    "Mark the box if you have ever had a reaction. Will you need a wheelchair?",
    "Morbus Crohn in Remission, Azathioprin unverändert. Kontrolle im August.",
    "Die Sprechstunde in der Hauptstraße entfällt im Mai.",
    "The train to Berlin leaves on Monday.",
]
GERMAN = [
    ("Ottokar Lämmle, geb. 17.02.1949, wohnhaft Amselweg 12, 72762 Reutlingen.", [PiiKind.BIRTH, PiiKind.ADDRESS]),
    ("Geburtsdatum: 30.06.1996", [PiiKind.BIRTH]),
    ("Kind: * 19.8.2017", [PiiKind.BIRTH]),
    ("geboren am siebzehnten Februar neunzehnhundertneunundvierzig", [PiiKind.BIRTH]),
    ("Deichstraße 3a, 26506 Norden", [PiiKind.ADDRESS]),
    ("BAHNHOFSTR. 88\n44137 DORTMUND", [PiiKind.ADDRESS]),
    ("Adresse: Hintere Gasse 41, 89073 Ulm", [PiiKind.ADDRESS]),
    ("adresse ist mühlgasse sieben in rottenburg", [PiiKind.ADDRESS]),
    ("Am Markt 3, 72070 Tübingen", [PiiKind.ADDRESS]),
    ("Krankenkasse-Nr.: T448203917", [PiiKind.ID]),
    ("Vers.-Nr. B990214477", [PiiKind.ID]),
    ("Steuer-ID 47 036 892 815", [PiiKind.ID]),
    ("Kennzeichen TÜ-AP 417", [PiiKind.ID]),
    ("PAT.-NR. 20118834", [PiiKind.RECORD]),
    ("Rückruf unter 07121 555 0184", [PiiKind.PHONE]),
    ("meine nummer ist null sieben eins zwei eins drei drei vier vier", [PiiKind.PHONE]),
    ("anna punkt maier klammeraffe beispiel punkt de", [PiiKind.EMAIL]),
    ("Der Benutzername lautet tlangner_prf", [PiiKind.ID]),
    ("Ihr Zugang lautet bhatt.sus24", [PiiKind.ID]),
    ("Gutenbergstr. 27 Hinterhaus, 04317 Leipzig", [PiiKind.ADDRESS]),
    ("Parkplatz 12, Arbeitsplatz 4, Radweg 3 km, Bearing 6204", []),
]
ENGLISH = [
    ("plate 7KXR204", PiiKind.ID),
    ("VRM LD19 KOV in for MOT", PiiKind.ID),
    ("left his badge EMP-004418 there", PiiKind.ID),
    ("taxpayer reference is 61 308 44719", PiiKind.ID),
    ("The login for the scale software is hpetrovic82", PiiKind.ID),
    ("@gregor_the_fitter: pump 2 is shot", PiiKind.ID),
    ("(555) 013-7742", PiiKind.PHONE),
    ("Bartholomew Quince (b. 03.03.51)", PiiKind.BIRTH),
    ("73b Alma Vale Rd", PiiKind.ADDRESS),
    ("Sycamore Farm\nNether Compton\nDorset DT9 4QE", PiiKind.ADDRESS),
    ("Emirates ID 784-1979-5482217-3", PiiKind.ID),
    ("Fridge van AB-123-CD", PiiKind.ID),
    ("locking out mhenshaw1947, pls reset", PiiKind.ID),
    ("by The Old Forge, Church Lane, Little Wexcombe SN8 3QR", PiiKind.ADDRESS),
]


def redacted(text: str) -> str:
    return Redactor(KEY).redact(text).text


def test_a_name_is_found_that_nothing_announces() -> None:
    for text, gone in NAMED:
        assert [name for name in gone if name in redacted(text)] == [], text


def test_what_is_named_after_somebody_stays() -> None:
    for text in READABLE:
        assert redacted(text) == text


def test_german_and_english_data_is_found() -> None:
    for text, kinds in GERMAN:
        found = [one.kind for one in Redactor(KEY).redact(text).found if one.kind is not PiiKind.PERSON]
        assert found == kinds, text
    for text, kind in ENGLISH:
        assert kind in [found.kind for found in Redactor(KEY).redact(text).found], text


def test_a_family_name_alone_is_the_person_that_is_known() -> None:
    found = Redactor(KEY)
    assert found.redact("Harriet Oyelaran came.").text == "[PERSON-1] came."
    assert found.redact("The pump of Oyelaran leaks.").text == "The pump of [PERSON-1] leaks."
    assert found.redact("Mrs Oyelaran, Harriet").text == "Mrs [PERSON-1]"


def test_a_name_that_is_another_word_too_is_one_person_and_not_looked_for() -> None:
    found = Redactor(KEY)
    assert found.redact("Name: Anna Koch").text == "Name: [PERSON-1]"
    assert found.redact("Frau Koch kommt.").text == "Frau [PERSON-1] kommt."
    assert found.redact("Der Koch ist krank.").text == "Der Koch ist krank."


def test_a_name_ends_with_its_column_and_has_what_stands_behind_its_comma() -> None:
    assert redacted("PATIENT: ABU BAKR, SULEIMAN") == "PATIENT: [PERSON-1]"
    assert redacted("Anna Fischer  Peter Novak") == "[PERSON-1]  [PERSON-2]"


def test_a_sign_or_a_letter_is_no_name() -> None:
    view = tagger.shipped().lines(b"x = a + b ; A.\n\n \x01\x01 --")
    assert [mode for _, mode in view]
    assert redacted("x = a + b ; A.\n\n -- ?") == "x = a + b ; A.\n\n -- ?"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("so mister farquharson can't keep his tablets down", "so mister [PERSON-1] can't keep his tablets down"),
        ("could jarek swap with dilnoza tomorrow", "could [PERSON-1] swap with [PERSON-2] tomorrow"),
        ("der zdravko hat gesagt die pumpe läuft wieder", "der [PERSON-1] hat gesagt die pumpe läuft wieder"),
        ("schlüssel liegt bei hülya im büro", "schlüssel liegt bei [PERSON-1] im büro"),
        ("HR: exit interview booked with Fionnuala.", "HR: exit interview booked with [PERSON-1]."),
        ("CONSIGNEE HALVORSEN  3 CTNS  18 KG", "CONSIGNEE [PERSON-1]  3 CTNS  18 KG"),
        ("SCHÄUFELE, Gotthilf: Gicht", "[PERSON-1]: Gicht"),
        ("geo: queued, retry in 5 s", "geo: queued, retry in 5 s"),
        ("Aadhaar pending, bring original", "Aadhaar pending, bring original"),  # the label of a rule
    ],
)
def test_names_in_speech_and_on_slips_are_found(text: str, wanted: str) -> None:
    assert redacted(text) == wanted
