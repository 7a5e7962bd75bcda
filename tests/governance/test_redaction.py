"""Personal data in a text: what is found as what, what is left, and which values are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.redactor import Redactor
from edge_assistant.governance.redaction.rules import FOLDER, load

KEY = bytes(32)
REDACTED = [
    ("call me on 07700 900123 please", "call me on [PHONE-1] please"),
    ("+44 7700 900123, (0161) 496 0000, 212-555-0123 x12", "[PHONE-1], [PHONE-2], [PHONE-3]"),
    ("Tel:07700900123", "Tel:[PHONE-1]"),
    ("0-7-7-0-0-9-0-0-1-2-3", "[PHONE-1]"),
    ("john.smith@example.co.uk wrote", "[EMAIL-1] wrote"),
    ("email john dot smith at example dot com", "email [EMAIL-1]"),
    ("card 4111 1111 1111 1111, expiry 12/27", "card [CARD-1], expiry 12/27"),
    ("paid with 378282246310005", "paid with [CARD-1]"),
    ("to GB82 WEST 1234 5698 7654 32 and back", "to [ACCOUNT-1] and back"),
    ("Sort code 12-34-56 account 12345678", "Sort code [ACCOUNT-1] account [ACCOUNT-2]"),
    ("078-05-1120 or 943 476 5919 or AB 12 34 56 C", "[ID-1] or [ID-2] or [ID-3]"),
    ("12345678Z, 811218-9876, RSSMRA85T10A562S", "[ID-1], [ID-2], [ID-3]"),
    ("1 85 05 78 006 084 91; 756.9217.0769.85; 131052-308T", "[ID-1]; [ID-2]; [ID-3]"),
    ("Passport number: 123456789", "Passport number: [ID-1]"),
    ("DOB 12/03/1980", "DOB [BIRTH-1]"),
    ("born on March 12th, 1980 in Leeds", "born on [BIRTH-1] in Leeds"),
    ("date of birth: the twelfth of March nineteen eighty.", "date of birth: [BIRTH-1]."),
    ('{"birthDate": "1980-03-12"}', '{"birthDate": "[BIRTH-1]"}'),
    ("He lives at 12 Acacia Avenue, London SW1A 1AA. Then", "He lives at [ADDRESS-1]. Then"),
    ("Flat 3, 12 Elm Road, Leeds, LS1 4AB", "[ADDRESS-1]"),
    ("123 Main St, Springfield, IL 62704", "[ADDRESS-1]"),
    ("Address: Rose Cottage, Ambleside; phone: 015394 32345", "Address: [ADDRESS-1]; phone: [PHONE-1]"),
    ("MRN: 00-123-456", "MRN: [RECORD-1]"),
    ("patient_id=AB12345 ok", "patient_id=[RECORD-1] ok"),
    ("hospital number one two three four five six", "hospital number [RECORD-1]"),
    ("Mr Smith saw Dr. John O'Brien", "Mr [PERSON-1] saw Dr. [PERSON-2]"),
    ("Name: Anna Fischer DOB: 12/03/1980", "Name: [PERSON-1] DOB: [BIRTH-1]"),
    ("My name is Anna Fischer, I was born", "My name is [PERSON-1], I was born"),
    ("my name is anna and i am here", "my name is [PERSON-1] and i am here"),
    ("Patient: FISCHER, ANNA", "Patient: [PERSON-1]"),
    ("Patient: Иван Петров", "Patient: [PERSON-1]"),
    ("Tel: ٠٧٧٠٠ ٩٠٠١٢٣ or ０７７００９００１２３", "Tel: [PHONE-1] or [PHONE-1]"),
    ("078\u200b-05\u00ad-1120", "[ID-1]"),
    ("07700\u2011900\u2011123", "[PHONE-1]"),
]
LEFT = [
    "The pressure was 123.45 bar at 2024-03-12T10:30:00.123+01:00 on line 12",
    "Invoice total 1,234.56, VAT 246.91, due 12/03/2024",
    "Part 6204-2RS, lot 20240312, serial SN12345678",
    "Version 10.0.19045.3693 on 192.168.10.254",
    "Give ibuprofen 400 mg at 08:00, 14:00 and 20:00",
    "Blood pressure 120/80, pulse 72, saturation 98 %",
    "one hundred and twenty over eighty, four hundred milligrams",
    "19.2 13.8 73.5 91.5 93.8 54.6 43.4 80.8",
    "4111 1111 1111 1112 fails its check digit",
    "my name is on the list",
    "The file name: report.txt, model name: X200",
    "47.37012, 8.54183",
    "zero point four five bar",
    "one thousand four hundred and fifty ringgit",
    "EAN 5901234123457, peak 99.9 at 2.10 a.m.",
    "[PERSON-1] and [PHONE-2] stay",
    "",
]
# What whisper-base wrote of lines that espeak-ng and a Piper voice had spoken.
HEARD = [
    ("My numbers 077-449-12345.", "449"),
    ("You can reach beyond 07-911-123-456.", "911"),
    ("Call me on 020-79946-0958.", "79946"),
    ("My phone number is 212-555-199.", "555"),
    ("My number is 07744i12345.", "07744"),
    ("Please ring plus 44,7700, 90123.", "7700"),
    ("Please ring plus 44-7700-900123.", "7700"),
    ("The card number is for 1111 1111 1111 1111 1111.", "1111"),
    ("The card number is 411111111111111111111", "1111"),
    ("My date of birth is the 12th of March 1980.", "March"),
    ("my mate on birth in the 12th of March, 1980.", "March"),
    ("She was born on March, 3rd, 1974.", "1974"),
    ("date of birth 12, 3, 1980.", "1980"),
    ("Made on birth 1231980.", "1231980"),
    ("My NHS number is 943-476-519.", "476"),
    ("Mayn H. S. Numbers 943-476-5919.", "476"),
    ("My Social Security Numbers 1-2-3-456789.", "456789"),
    ("My Social Security number is 1-2-3-45-6-889.", "889"),
    ("My email is john.smithatexample.com.", "smith"),
    ("Her email address is Anna underscore Fisher at mail.example.org.", "Fisher"),
    ("My account number is 1-2-3-4-5-6-7-8, and the sort code is 12-34-56.", "34"),
    ("The medical record number is 447129.", "447129"),
    ("The medical record number is 44712i.", "44712"),
    ("The hospital number is a B12345.", "12345"),
    ("National Insurance Number QQ123456C.", "123456"),
    ("National Insurance Number QQ1234560.", "123456"),
    ("I live at 42 Akasha Avenue, leads.", "Akasha"),
    ("My name is Anna Fisher and I was born in 1962.", "Fisher"),
    ("This is Dr Patel speaking, please call me", "Patel"),
]


def redacted(text: str) -> str:
    return Redactor(KEY).redact(text).text


def test_what_is_found_and_what_is_left() -> None:
    for text, wanted in [*REDACTED, *((text, text) for text in LEFT)]:
        assert redacted(text) == wanted


def test_what_a_recogniser_wrote_is_found() -> None:
    for text, gone in HEARD:
        assert gone in text
        assert gone not in redacted(text), text


def test_a_number_is_one_however_it_is_written() -> None:
    for spoken in (
        "oh seven seven double four nine one two three four five",
        "Zero seven seven four four, nine one two, three four five",
        "oh-seven-seven-double-four nine one two three four five",
        "07 seven double four 9 one two three four five",
        "oh seven seven double four nine, er, one two three four five",
        "077449 12345",
        "07744 912345",
        "+44 7744 912345",
        "plus four four seven seven four four nine one two three four five",
        "0044 7744 912 345",
    ):
        found = Redactor(KEY)
        assert found.redact("07744912345").text == "[PHONE-1]"
        assert found.redact(f"It is {spoken}.").text == "It is [PHONE-1].", spoken


def test_dates_and_names_are_one_however_they_are_written() -> None:
    found = Redactor(KEY)
    for date in ("11/7/2011", "11 July 2011", "July the eleventh, 2011", "eleventh of July two thousand and eleven"):
        assert Redactor(KEY).redact(f"born {date}").text == "born [BIRTH-1]"
        assert found.redact(f"born {date}").text == "born [BIRTH-1]"
    found = Redactor(KEY)
    for date in ("12/03/1980", "1980-03-12", "12 March 1980", "March 12, 1980", "twelfth of March nineteen eighty"):
        assert found.redact(f"DOB: {date}").text == "DOB: [BIRTH-1]"
    assert found.redact("Name: Anna Fischer").text == "Name: [PERSON-1]"
    assert found.redact("Name: Fischer, Anna").text == "Name: [PERSON-1]"
    assert found.redact("Mrs Fischer and Mr Novak; Fischer's wife").text == (
        "Mrs [PERSON-1] and Mr [PERSON-2]; [PERSON-1]'s wife"
    )


def test_letters_of_any_alphabet_tell_people_apart() -> None:
    found = Redactor(KEY)
    assert found.redact("Name: Иван Петров").text == "Name: [PERSON-1]"
    assert found.redact("Name: Олег Панкин").text == "Name: [PERSON-2]"
    assert found.redact("Name: Åsa Bergström. Bergstrom came.").text == "Name: [PERSON-3]. [PERSON-3] came."


def test_an_address_of_mail_is_one_as_it_is_said_and_written() -> None:
    found = Redactor(KEY)
    assert found.redact("email john dot smith at example dot com").text == "email [EMAIL-1]"
    assert found.redact("John.Smith@example.com").text == "[EMAIL-1]"


def test_what_was_named_once_is_found_where_nothing_names_it() -> None:
    found = Redactor(KEY)
    assert found.redact("12 March 1980, 00-123-456").found == ()
    found.redact("DOB 12/03/1980, MRN 00-123-456")
    assert found.redact("12 March 1980, 00123456").text == "[BIRTH-1], [RECORD-1]"
    assert found.redact("13 March 1980, 00123457").found == ()


def test_names_that_others_know_are_found() -> None:
    found = Redactor(KEY)
    assert found.redact("Pluto valve").found == ()
    assert found.know(PiiKind.PERSON, "Anna Pluto") == "[PERSON-1]"
    assert found.redact("Pluto valve, Anna Pluto came.").text == "[PERSON-1] valve, [PERSON-1] came."


def test_a_file_is_known_by_its_name() -> None:
    found = Redactor(KEY)
    assert found.file("Anna Fischer (1980).pdf") == "[FILE-1].pdf"
    assert found.file("notes") == "[FILE-2]"
    assert found.redact("Anna Fischer (1980).pdf is damaged").text == "[FILE-1].pdf is damaged"


def test_numbers_tell_nothing_of_the_key_and_keyed_ones_do_not_link() -> None:
    text = "07700 900123 and a@example.com"
    assert Redactor(b"1" * 32).redact(text).text == Redactor(b"2" * 32).redact(text).text
    first, again, other = (Redactor(key * 32, keyed=True).redact(text).text for key in (b"1", b"1", b"2"))
    assert first == again
    assert set(first.split()) & set(other.split()) == {"and"}
    assert "[PHONE-1]" not in first


def test_a_language_is_a_file(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "german.toml").write_text(
        """
[spoken]
fillers = ["äh"]
[spoken.digits]
0 = ["null"]
1 = ["eins"]
7 = ["sieben"]
[spoken.times]
2 = ["doppel"]
[spoken.marks]
[words]
title = ["herr", "frau"]
[[rule]]
kind = "person"
pattern = '(?i:{title}) ([A-Z][a-z]{1,20})'
""",
        "utf-8",
    )
    found = Redactor(KEY, rules=load(tmp_path))
    assert found.redact("Frau Weiß sagt null eins sieben sieben null eins eins eins").text == (
        "Frau [PERSON-1] sagt [PHONE-1]"
    )
    assert found.redact("Mr Smith, oh one double seven oh one one one").text == "Mr [PERSON-2], [PHONE-1]"


def test_a_pattern_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[[rule]]\nkind = 'id'\npattern = '(?=x)'\n")
    with pytest.raises(ValueError, match="is not a pattern"):
        load(tmp_path)
