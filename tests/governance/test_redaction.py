"""Personal data in a text: what is found as what, what is left, which values are the same, and linear time."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.redactor import Redactor
from edge_assistant.governance.redaction.rules import FOLDER, load, shipped
from evals.personal.lines import lines
from evals.redaction import HOSTILE

KEY = bytes(32)
EXAMPLES: dict[str, Any] = tomllib.loads((Path(__file__).parents[1] / "fixtures" / "redaction.toml").read_text("utf-8"))
GERMAN = """
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
"""


def redacted(text: str) -> str:
    return Redactor(KEY).redact(text).text


def kinds(text: str) -> list[PiiKind]:
    return [found.kind for found in Redactor(KEY).redact(text).found]


def test_what_is_found_and_what_is_left() -> None:
    for text, wanted in [*EXAMPLES["redacted"], *((text, text) for text in EXAMPLES["left"])]:
        assert redacted(text) == wanted


def test_what_a_recogniser_wrote_and_names_that_nothing_announces_are_found() -> None:
    for text, gone in [*((text, [gone]) for text, gone in EXAMPLES["heard"]), *EXAMPLES["named"]]:
        assert all(part in text and part not in redacted(text) for part in gone), text


def test_german_and_english_data_is_found_as_its_kind() -> None:
    for text, wanted in EXAMPLES["kinds"]:
        assert [kind.name for kind in kinds(text) if kind is not PiiKind.PERSON] == wanted, text
    for text, kind in EXAMPLES["among"]:
        assert PiiKind[kind] in kinds(text), text


def test_it_is_found_whatever_its_notation() -> None:
    for marked in EXAMPLES["marked"]:
        text = re.sub("[<>]", "", marked)
        found = Redactor(KEY).redact(text).found
        for match in re.finditer("<(.*?)>", marked):
            start = text.index(match[1])
            places = [place for place in range(start, start + len(match[1])) if text[place].isalnum()]
            assert all(any(one.start <= place < one.end for one in found) for place in places), marked


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


def test_dates_are_one_however_they_are_written() -> None:
    found = Redactor(KEY)
    for date in ("11/7/2011", "11 July 2011", "July the eleventh, 2011", "eleventh of July two thousand and eleven"):
        assert Redactor(KEY).redact(f"born {date}").text == "born [BIRTH-1]"
        assert found.redact(f"born {date}").text == "born [BIRTH-1]"
    found = Redactor(KEY)
    for date in ("12/03/1980", "1980-03-12", "12 March 1980", "March 12, 1980", "twelfth of March nineteen eighty"):
        assert found.redact(f"DOB: {date}").text == "DOB: [BIRTH-1]"
    for date in ("21/3/1980", "twenty first of March nineteen eighty"):
        assert found.redact(f"DOB: {date}").text == "DOB: [BIRTH-2]"


@pytest.mark.parametrize(
    "turns",
    [
        ["Name: <Anna Fischer>", "Name: <Fischer, Anna>", "Mrs <Fischer> and <Fischer>'s wife"],
        ["<Harriet Oyelaran> came.", "The pump of <Oyelaran> leaks.", "Mrs <Oyelaran, Harriet>"],
        ["Name: <Anna Koch>", "Frau <Koch> kommt.", "Der Koch ist krank."],  # another word too: not looked for
        ["Name: <Åsa Bergström>. <Bergstrom> came."],
    ],
)
def test_a_name_is_one_person_however_it_is_written(turns: list[str]) -> None:
    found = Redactor(KEY)
    for turn in turns:
        assert found.redact(re.sub("[<>]", "", turn)).text == re.sub("<.*?>", "[PERSON-1]", turn)


def test_several_people_are_told_apart_in_any_alphabet() -> None:
    found = Redactor(KEY)
    assert found.redact("Name: Иван Петров").text == "Name: [PERSON-1]"
    assert found.redact("Name: Олег Панкин").text == "Name: [PERSON-2]"
    assert found.redact("Mrs Fischer and Mr Novak").text == "Mrs [PERSON-3] and Mr [PERSON-4]"


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


def test_names_and_files_that_others_know_are_found() -> None:
    found = Redactor(KEY)
    assert found.redact("Pluto valve").found == ()
    assert found.know(PiiKind.PERSON, "Anna Pluto") == "[PERSON-1]"
    assert found.redact("Pluto valve, Anna Pluto came.").text == "[PERSON-1] valve, [PERSON-1] came."
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
    (tmp_path / "german.toml").write_text(GERMAN, "utf-8")
    found = Redactor(KEY, rules=load(tmp_path))
    assert found.redact("Frau Weiß sagt null eins sieben sieben null eins eins eins").text == (
        "Frau [PERSON-1] sagt [PHONE-1]"
    )
    assert found.redact("Mr Smith, oh one double seven oh one one one").text == "Mr [PERSON-2], [PHONE-1]"
    (tmp_path / "bad.toml").write_text("[[rule]]\nkind = 'id'\npattern = '(?=x)'\n")
    with pytest.raises(ValueError, match="is not a pattern"):
        load(tmp_path)


# what holds of every text


# fmt: off
PARTS = [
    "MRN ", "DOB ", "born ", "Mr ", "Dr. ", "Name: ", "my name is ", "Patient ", "Tel: ", "call ", "card ", "IBAN ",
    "account ", "NHS ", "SSN: ", "address: ", "lives at ", "email ", "number is ", "Anna ", "Smith", "O'Brien", "12 ",
    "Acacia ", "Street", ", ", ". ", "\n", " ", "oh ", "seven ", "double ", "four ", "twenty ", "plus ", "dash ",
    "07700 900123", "4111 1111 1111 1111", "GB82WEST12345698765432", "12/03/1980", "12 March ", "1980", "078-05-1120",
    "943 476 5919", "a.b@example.com", " at example dot com", "SW1A 1AA", "AB 12 34 56 C", "[PHONE-1]", "[", "]", "-",
    "+44", "(", ")", "1", "0", "9", "a", "Z", "é", "\u200b", "٣", "＠", ":", "=", '"', "|", ";", "/",
]
# fmt: on
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=60)


@settings(max_examples=100)
@given(TEXTS)
def test_what_is_around_is_kept_and_places_are_in_order(text: str) -> None:
    redacted = Redactor(KEY).redact(text)
    place, pieces = 0, []
    for found in redacted.found:
        assert place <= found.start < found.end <= len(text)
        pieces += [text[place : found.start], found.pseudonym]
        place = found.end
    assert "".join((*pieces, text[place:])) == redacted.text


@settings(max_examples=200)
@given(TEXTS)
def test_redacting_again_changes_nothing(text: str) -> None:
    redactor = Redactor(KEY)
    once = redactor.redact(text).text
    assert redactor.redact(once).text == once
    assert Redactor(KEY).redact(once).found == ()


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_one_value_has_one_pseudonym(first: str, second: str) -> None:
    redactor = Redactor(KEY)
    redactor.redact(first)
    known = redactor.redact(second).text
    assert redactor.redact(second).text == known


def test_the_lines_of_the_bench_stay_as_they_are_the_second_time() -> None:
    for line in lines(150, 1):
        redactor = Redactor(KEY)
        once = redactor.redact(line.text).text
        assert redactor.redact(once).text == once, line.text


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: str(rule.kind))  # the same in every process
def test_no_pattern_repeats_without_limit(rule: Any) -> None:
    parser: Any = re._parser  # type: ignore[attr-defined] - it knows the width of a pattern
    assert parser.parse(rule.pattern.pattern).getwidth()[1] < 1000


def steps(work: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def called(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_text_is_twice_the_steps(part: str) -> None:
    Redactor(KEY).redact(part * 40)  # what is loaded and remembered once
    counts = []
    for length in (4_000, 8_000):
        redactor, text = Redactor(KEY), (part * length)[:length]
        counts.append(steps(lambda redactor=redactor, text=text: redactor.redact(text)))  # type: ignore[misc]
    assert counts[1] < 2.1 * counts[0] + 1_000
