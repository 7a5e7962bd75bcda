"""Where a value stands in a source."""

from __future__ import annotations

import pytest
from helpers.engines import source

from edge_assistant.reasoning.comprehension.standing import as_told, rows, standing


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Allergies: none", "none"),
        ("She never took aspirin, only paracetamol.", "paracetamol"),
        ("No allergies. Takes ibuprofen.", "ibuprofen"),
        ("It costs 1,450.00 euros", "1450"),
        ("At two o'clock in the afternoon", "14:00"),
        ("Total\t3.55", "3.55"),
        ("At 9:30", "09:30"),
        ("On 13/04/2024", "2024-04-13"),
        ("20-30 people", "30"),
        ("On the 2nd floor", "2"),
        ("16GB", "16"),
        ("Age: 45y, 3x married", "45"),
        ("1.450 mV", "1.45"),
        ("3 May 2024", "2024"),
        ("CRP < 5 mg/l", "< 5 mg/l"),
        ("Write to ana.berg@example.org.", "Ana.Berg@example.org"),
        ("It costs $96", "$96"),
        ("It costs 96 dollars", "$96"),
        ("It is 5 degrees Celsius", "5 °C"),
        ("No fever. He takes aspirin, ibuprofen or both.", "ibuprofen"),
        ("Send it to Ana, not to Tom or Ben", "Ana"),
        ("How is the weather in Paris? No rush.", "Paris"),
        ("Frame no.: WK 77310 C", "WK 77310 C"),
        ("Then twelve loaves, no, make that fourteen", "14"),
        ("Room 5. No. 12 is upstairs.", "5"),
        ("Donor No. 4471-B", "4471-B"),
        ("She takes para-\ncetamol", "paracetamol"),
        ("On 3 May 2024 at half past two in the afternoon", "2024-05-03 14:30"),
        ("It was read on 2 May. We meet at 9 am on May 3, 2024.", "2024-05-03 09:00"),
        ("Noon on the third of May 2024, not later", "2024-05-03 12:00"),
    ],
)
def test_a_value_may_stand_there_in_another_notation(line: str, value: str) -> None:
    given = source([line])
    assert standing(value, dict.fromkeys(given.evidence, line)) == given.evidence


@pytest.mark.parametrize(
    ("line", "value"),
    [
        # Another number
        ("20 mg daily", ".20 mg"),
        ("-5 degrees", "5"),
        ("5 degrees", "-5"),
        ("\u22125 degrees", "5"),
        ("1.20", "20"),
        ("It is minus 5 degrees", "5"),
        ("5 degrees below zero", "5"),
        ("Balance: -€5.00", "5"),
        ("CRP < 5 mg/l", "5"),
        ("20 ±5", "5"),
        ("A turnover of 3 million euros", "3"),
        ("A turnover of 3 bn euros", "3"),
        ("A turnover of €3m", "3"),
        ("Total 1.450 EUR", "1.45"),
        ("2 dozen", "2"),
        ("It costs 50 cents", "50"),
        ("1½ tablets", "1"),
        ("1 1/2 tablets", "1"),
        ("Order 3840", "38.4"),
        ("Total 1 450 euros", "450"),
        ("Total 1'450.00 CHF", "450"),
        ("Room 5B", "5"),
        ("12k", "12"),
        ("3e6 cells", "3"),
        ("Version 3.14.2", "3.14"),
        # Written otherwise, or to be read in two ways
        ("CRP < 5 mg/l", "> 5 mg/l"),
        ("He writes C", "C#"),
        ("ana.berg@example.org", "ana-berg@example.org"),
        ("On 03/04/2024", "2024-04-03"),
        ("On 03/04/2024", "2024-03-04"),
        ("At 2:30", "14:30"),
        ("At half past two", "02:30"),
        # Denied by its clause
        ("Is she allergic to latex? No.", "latex"),
        ("He denies chest pain", "chest pain"),
        ("He denied chest pain", "chest pain"),
        ("She can't take aspirin", "aspirin"),
        ("She won\u2019t take aspirin", "aspirin"),
        ("They weren't in Paris", "Paris"),
        ("Nobody was in Paris", "Paris"),
        ("No fever, cough or rash", "cough"),
        ("It is not on 3 May 2024", "2024-05-03"),
        ("He does not owe 45.00 euros", "45"),
        ("She does not take para-\ncetamol", "paracetamol"),
        ("Was it broken? No. Glass", "broken"),
        ("Then twelve loaves, no, make that fourteen", "12"),
        ("Six frames. No, I counted again, seven.", "6"),
        # A day and a time that are not told together
        ("On 3 May 2024 at half past two", "2024-05-03 14:30"),
        ("We came on 3 May 2024. The bus goes at 14:30.", "2024-05-03 14:30"),
        ("From 3 May 2024, 14:30 to 4 May 2024, 16:00", "2024-05-04 14:30"),
        ("It is not on 3 May 2024 at 14:30", "2024-05-03 14:30"),
    ],
)
def test_what_is_another_value_or_unclear_or_denied_does_not_stand_there(line: str, value: str) -> None:
    given = source([line])
    assert standing(value, dict.fromkeys(given.evidence, line)) == ()


@pytest.mark.parametrize(
    ("lines", "value", "found"),
    [
        (["Carrier: Nord-", "trans", "Paid"], "Nordtrans", 2),
        (["Patient: Ana", "Maria Berg", "Paid"], "Ana Maria Berg", 2),
        (["The patient does not take", "any aspirin", "Paid"], "aspirin", 0),
        (["The patient does not take any", "drugs such", "as aspirin"], "aspirin", 0),
        (["Smoker: no", "Drugs: aspirin"], "aspirin", 1),
        (["He is not here", "Aspirin"], "Aspirin", 1),
    ],
)
def test_a_value_and_its_denial_may_go_over_lines(lines: list[str], value: str, found: int) -> None:
    given = source(lines)
    assert len(standing(value, {item: item.text for item in given.evidence})) == found


def test_a_date_time_is_told_with_its_day() -> None:
    assert as_told("2024-05-03 14:30", "We meet on 3 May 2024 at 2:30 pm.") == "3 May 2024 at 2:30 pm"


def test_of_several_lines_it_is_the_one_of_the_matter() -> None:
    given = source(["Chairs: 6", "Tables: 6"])
    page = {item: item.text for item in given.evidence}
    assert standing("6", page, "What is the number of tables?") == given.evidence[1:]


def test_of_lines_that_share_as_much_it_is_the_one_with_the_number_itself() -> None:
    given = source(["Room 5B", "5 pumps"])
    page = {item: item.text for item in given.evidence}
    assert standing("5", page, "How many are there?") == given.evidence[1:]


def test_each_object_of_a_list_has_a_line_or_its_part_of_one() -> None:
    given = source(["Milk 1.20", "6 chairs at 45.00 each, 2 tables at 120.00 each"])
    page = {item: item.text for item in given.evidence}
    found = rows({"[0]": ["tables", "1.2"], "[1]": ["chairs", "45"], "[2]": ["tables", "120"], "[3]": ["Milk"]}, page)
    assert [" ".join(row.values()) for row in found.values()] == [
        "",
        "6 chairs at 45.00",
        " each, 2 tables at 120.00",
        "Milk",
    ]


def test_a_number_of_a_list_is_read_with_what_goes_on_behind_it() -> None:
    given = source(["Sales 3 million", "Room 5B"])
    page = {item: item.text for item in given.evidence}
    found = rows({"[0]": ["sales", "3"], "[1]": ["room", "5"]}, page)
    assert [" ".join(row.values()) for row in found.values()] == ["Sales 3 million", "Room 5B"]


def test_a_unit_belongs_to_the_number_before_it() -> None:
    given = source(["Crate 82 kg, barrel 7 l"])
    found = rows({"[0]": ["crate", "82"], "[1]": ["barrel", "7"]}, {item: item.text for item in given.evidence})
    assert [" ".join(row.values()) for row in found.values()] == ["Crate 82 kg", ", barrel 7 l"]
