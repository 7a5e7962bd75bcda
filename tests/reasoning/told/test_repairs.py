"""What a speaker takes back or denies, for values of every type, however it is said and written."""

from __future__ import annotations

from itertools import cycle, islice

import pytest
from fakes import source
from told_sentences import rendered

from edge_assistant.reasoning.told.told import told_claims

# attribute, sentence, right value, wrong value, right value as it is rendered
TOLD = [
    ("weight", "She weighs {}.", "74 kg", "58 kg", "74 kg"),
    ("blood pressure", "Her blood pressure is {}.", "120 over 80", "145 over 90", "120/80"),
    ("body temperature", "Her body temperature was {}.", "38.2 degrees Celsius", "37.1 degrees Celsius", "38.2 degC"),
    ("birth date", "She was born on {}.", "12 May 1961", "21 May 1961", "1961-05-12"),
    ("telephone", "Her phone number is {}.", "0114 496 0974", "0114 496 0812", "01144960974"),
    ("appointment", "The next appointment is on {}.", "3 March 2025", "5 March 2025", "2025-03-03"),
    ("appointment time", "Her appointment is at {}.", "10:30", "11:15", "10:30"),
    ("emergency contact", "The emergency contact is {}.", "Olive Hale", "Martin Hale", "olive hale"),
    ("voltage", "The pump runs on {}.", "400 V", "230 V", "400 V"),
    ("power", "The rated power is {}.", "7.5 kW", "11 kW", "7.5 kW"),
    ("serial number", "The serial number is {}.", "KT-2210-45", "BT-3421-17", "KT221045"),
    ("serial number", "The serial number is {}.", "AX-2210", "BP-1001", "AX2210"),
    ("serial number", "The serial number is {}.", "AH-5534", "UM-9220", "AH5534"),  # letters of hesitations
    ("total", "The total was {}.", "63.20 euros", "65.20 euros", "63.20 EUR"),
    ("change", "The change was {}.", "6.80 euros", "8.60 euros", "6.80 EUR"),
    ("date", "I bought it on {}.", "6 January 2024", "12 January 2024", "2024-01-06"),
    ("time", "I paid at {}.", "18:05", "20:20", "18:05"),
    ("quantity", "The box holds {}.", "20 pieces", "36 pieces", "20"),
    ("humidity", "The humidity is {}.", "40 %", "45 %", "40 %"),
    ("batch", "The batch is {}.", "L4-5559", "A7-1835", "L45559"),
    ("expiry date", "It expires on {}.", "10 November 2026", "3 April 2027", "2026-11-10"),
    ("storage place", "It is on shelf {}.", "C48", "E38", "C48"),
    ("limit", "The limit is {}.", "85 degrees Celsius", "80 degrees Celsius", "85 degC"),
    ("speed", "It turns at {}.", "1450 rpm", "2900 rpm", "1450 rpm"),
    ("operator", "The operator was {}.", "Clara Turner", "Henry Foster", "clara turner"),
    ("order number", "The order number is {}.", "WO-75205", "WO-25168", "WO75205"),
]  # fmt: skip

REPAIRS = [
    "no hang on", "hang on", "hang on, no", "hold on", "no, hold on", "wait", "no wait", "wait, no",
    "oh no, make that", "make that", "oh sorry", "sorry", "sorry, I mean", "I mean", "no, I mean", "correction",
    "scratch that", "strike that", "no, scratch that", "no, actually", "or rather", "rather", "sorry, wrong line",
    "wrong line", "wrong one, sorry", "let me read that again", "let me look again", "let me check again",
    "I misread, it's", "I misread that, it's", "I misspoke, it's", "my mistake", "my mistake, it's", "my bad",
    "oops", "whoops", "no, that's wrong, it's", "that's not right, it's", "that's not right", "pardon",
    "I beg your pardon", "excuse me", "apologies", "let me correct that", "I correct myself",
    "no sorry, that should be", "forget that", "ignore that", "cancel that", "delete that", "no, not that",
    "no that's the other one, it's", "sorry that was the old one, it's", "to be precise", "no it's", "no, it's",
    "actually it's", "actually, it's", "wait it's", "sorry it's", "I mean it's", "rather it's",
    "what am I saying", "I take that back", "change that to", "change it to", "no make that", "make it",
    "no hold on, it's", "let me start over", "I said it wrong", "oh wait, I mixed them up",
    "sorry, that's the one next to it, it should read", "hmm, let me count again", "that was a typo, it's",
    "disregard that please", "I got that wrong, it's", "erm, no, wrong column",
]  # fmt: skip
DENIALS = [
    "{g}, not {b}", "{g}, definitely not {b}", "{g}, certainly not {b}", "{g}, it is not {b}",
    "{g}, it isn't {b}", "{g} and not {b}", "{g} and definitely not {b}", "not {b} but {g}", "not {b}, but {g}",
    "not {b} but rather {g}", "{g} rather than {b}", "{g} instead of {b}", "{g}, rather than {b}",
    "{g}, no longer {b}", "{g}, not the {b} I said before", "{g}, never {b}", "{g}, and by no means {b}",
    "{g}, not {b} as I said", "{g} as opposed to {b}", "{g}, contrary to the {b} on the form", "{g} (not {b})",
    "{g}, surely not {b}", "{g} though, not {b}", "{g}, so not {b}", "not {b}, it's {g}", "not {b}. It's {g}",
    "{g}, in no case {b}", "{g}, and it was never {b}", "{g}, hardly {b}", "{g}, unlike the {b} they wrote",
    "{g}, really not {b}",
]  # fmt: skip
WRITTEN = ["{b}, %s, {g}", "{b} %s {g}", "{b}. %s. {g}", "{b}... %s {g}"]


def told(text: str, attribute: str) -> list[str]:
    claims = [c for c in told_claims(source([text])) if c.attribute == attribute and c.present and c.subject is None]
    return sorted({rendered(claim).partition(" = ")[2] for claim in claims})


@pytest.mark.parametrize(("attribute", "sentence", "right", "wrong", "value"), TOLD, ids=[row[0] for row in TOLD])
def test_what_is_told_without_a_repair(attribute: str, sentence: str, right: str, wrong: str, value: str) -> None:
    assert told(sentence.format(right), attribute) == [value]


@pytest.mark.parametrize(("number", "repair"), list(enumerate(REPAIRS)), ids=REPAIRS)
def test_a_repair_leaves_the_right_value_alone(number: int, repair: str) -> None:
    for at, (attribute, sentence, right, wrong, value) in enumerate(islice(cycle(TOLD), number * 5, number * 5 + 12)):
        form = WRITTEN[at % len(WRITTEN)]
        words = repair.capitalize() if ". %s" in form and not repair.startswith("I ") else repair
        text = sentence.format((form % words).format(g=right, b=wrong))
        assert told(text, attribute) == [value], text


@pytest.mark.parametrize("denial", DENIALS)
def test_a_denial_leaves_the_right_value_alone(denial: str) -> None:
    for attribute, sentence, right, wrong, value in TOLD:
        text = sentence.format(denial.format(g=right, b=wrong))
        assert told(text, attribute) == [value], text


@pytest.mark.parametrize(
    ("text", "attribute", "values"),
    [
        ("The total is 20 euros no change.", "total", ["20 EUR"]),
        ("She weighs 74 kg no other weight is known.", "weight", ["74 kg"]),
        ("The limit is 80 degrees Celsius, the temperature I mean.", "limit", ["80 degC"]),
        ("The humidity is 40 %. Before the change it was 45 %.", "humidity", ["40 %"]),
        ("The total was 63.20 euros. Sorry, the paper got crumpled in my pocket.", "total", ["63.20 EUR"]),
        ("The weight is not 58 kg.", "weight", []),
        ("It is no longer 400 V.", "voltage", []),
        ("KT-2210-45 is the serial number, no wait, BT-3421-17.", "serial number", ["BT342117"]),
        ("She weighs 58 kg at 10:30, no wait, 74 kg.", "weight", ["74 kg"]),
        ("There are two dogs, hang on, three dogs in the picture.", "weight", []),
        ("Emergency contact, Maria Porter, no hang on, Anna Winter.", "emergency contact", ["anna winter"]),
    ],
)  # fmt: skip
def test_what_a_repair_or_denial_reaches(text: str, attribute: str, values: list[str]) -> None:
    assert told(text, attribute) == values
