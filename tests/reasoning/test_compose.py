"""The sentences of a verdict, for every status and kind of question."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from helpers.engines import signal

from edge_assistant.core.answer import Instruction
from edge_assistant.core.signals import SAID, Kind
from edge_assistant.reasoning.claims import Claim, Standing, compare
from edge_assistant.reasoning.compose import agreement, compose, contradiction, instruction_notes, noun
from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
)
from edge_assistant.reasoning.values.words import as_words

FORM, NOTE, SECOND_NOTE = signal(Kind.IMAGE), signal(Kind.AUDIO), signal(Kind.AUDIO, 2)
TABLE = signal(Kind.READINGS)
NONE = Claim("image:1", Nothing(), "none", ("E1",))
PENICILLIN = Claim("audio:1", as_words("penicillin"), "penicillin", ("E2", "E3"))
RECEIPT = Claim("image:1", Quantity((Decimal("38.40"),)), "38.40", ("E1",))
HEARD = Claim("audio:1", Quantity((Decimal("38.40"), Decimal(3840))), "thirty-eight forty", ("E2",))
HOTTEST = Claim("readings:1", Quantity((Decimal("98.7"),), measured=True), "98.7 degC", ("E9", "E4"), computed="C1")


def said(question: str | None, *claims: Claim) -> str:
    """The sentence of a verdict; a question asks whether the sources agree."""
    return compose(question, compare("total", claims), claims, [FORM, NOTE, TABLE])


TWO, EIGHT = Decimal(2), Decimal(8)
AMOUNT = "Do they agree on the amount?"


OTHER = Claim("audio:1", Quantity((Decimal(41),)), "41", ("E2",))
LATER = replace(OTHER, evidence=("E4",))
AGAIN = Claim("image:1", Quantity((Decimal("38.40"),), "EUR"), "€38.40", ("E3",))
YES, YES_TOO = (Claim(signal, Truth(True), "yes", (id,)) for signal, id in (("image:1", "E1"), ("audio:1", "E2")))
LABELLED = replace(NONE, label="Allergies [1]")
CODE = Claim("image:1", Identifier("HX92"), "HX-92", ("E2",))
CODE_HEARD = Claim("audio:1", Identifier("HX92"), "HX, 92", ("E1",))
DIFFER = "The signals contradict each other:"


@pytest.mark.parametrize(
    ("question", "claims", "sentence"),
    [
        (None, (NONE,), "None [E1], by the picture."),
        (None, (PENICILLIN,), "Penicillin [E2][E3], by the recording."),
        (None, (NONE, PENICILLIN), f"{DIFFER} the picture says none [E1]; the recording says penicillin [E2][E3]."),
        (None, (RECEIPT, HEARD), "38.40 [E1][E2]: the picture and the recording agree."),
        (None, (HEARD,), "Thirty-eight forty [E2], by the recording."),
        (None, (HOTTEST,), "98.7 degC [C1][E9][E4], by the readings."),
        (None, (HOTTEST, OTHER), f"{DIFFER} the readings show 98.7 degC [C1][E9][E4]; the recording says 41 [E2]."),
        (None, (YES,), "Yes [E1], by the picture."),
        (None, (YES, YES_TOO), "Yes [E1][E2]: the picture and the recording agree."),
        (AMOUNT, (RECEIPT,), "Only the picture says 38.40 [E1]; no other source gives the total."),
        # what one signal tells twice is said once, and what contradicts itself is said to
        (None, (RECEIPT, AGAIN, LATER), f"{DIFFER} the picture says 38.40 [E1][E3]; the recording says 41 [E4]."),
        (
            None,
            (HEARD, LATER),
            'The recording contradicts itself: it says 38.40 ("thirty-eight forty") [E2] and 41 [E4].',
        ),
        # a value of a form is said with its label, a code as it is written where it was heard too
        (None, (LABELLED,), "Allergies (1): none [E1], by the picture."),
        (None, (CODE_HEARD, CODE), "HX-92 [E1][E2]: the recording and the picture agree."),
        # what looks like a citation in a source is none in a sentence
        (None, (Claim("image:1", as_words("E99"), "[E99]", ("E1",)),), "(E99) [E1], by the picture."),
    ],
)
def test_a_verdict_is_said(question: str | None, claims: tuple[Claim, ...], sentence: str) -> None:
    assert said(question, *claims) == sentence


@pytest.mark.parametrize(
    ("question", "differ", "agree"),
    [
        ("Do they agree on the total?", "No, they do not agree on the total:", "Yes, they agree on the total:"),
        ("Is the note right about the total?", "No, they do not agree on the total:", "Yes, they agree on the total:"),
        ("Are there any differences in the total?", "Yes, they differ on the total:", "No, they agree on the total:"),
        ("Does the note contradict the total?", "Yes, they differ on the total:", "No, they agree on the total:"),
        ("Is the note wrong about the total?", "Yes, they differ on the total:", "No, they agree on the total:"),
        ("Please check if the totals differ.", "They do not agree on the total:", "They agree on the total:"),
    ],
)
def test_yes_and_no_are_meant_as_was_asked(question: str, differ: str, agree: str) -> None:
    assert said(question, RECEIPT, OTHER).startswith(differ)
    assert said(question, RECEIPT, HEARD).startswith(agree)


def test_an_answer_begins_with_the_word_that_was_asked_for() -> None:
    claims = (RECEIPT, OTHER)
    for question, lead in {
        "Do they agree?": "No, they do not agree on the total: ",
        "Are there any contradictions?": "Yes, they differ on the total: ",
        None: "Total: ",
    }.items():
        assert contradiction(compare("total", claims), claims, [FORM, NOTE], question).startswith(lead)
    verdict = compare("total", (RECEIPT, HEARD))
    assert agreement([verdict], "Do they agree?").startswith("Yes, the signals agree on the total")
    assert agreement([verdict], "Do they contradict each other?").startswith("No, the signals agree")
    assert agreement([verdict]).startswith("The signals agree on the total")


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        (Identifier("B75111"), "B seven dash five one one one", 'B75111 ("B seven dash five one one one")'),
        (Identifier("HX927356"), "HX-9273-56", "HX-9273-56"),
        (Quantity((Decimal(50),), "%"), "fifty percent", '50 % ("fifty percent")'),
        (Quantity((Decimal(415), Decimal("4.15")), "V"), "four fifteen volts", '415 V ("four fifteen volts")'),
        (Quantity((Decimal("0.75"),), "kW"), "zero point seven five kilowatts", '0.75 kW ("zero point'),
        (Quantity((TWO, EIGHT), "degC", least=TWO, most=EIGHT), "two to eight degrees", "2 to 8"),
        (Quantity((Decimal(16),), "bar"), "16 bar", "16 bar ["),
        (Quantity((Decimal("43.43"),), "EUR"), "43 euros and 43 cents", '43.43 EUR ("43 euros and 43 cents") ['),
        (Day(((2016, 10, 24),)), "the twenty-fourth of October", '2016-10-24 ("the twenty-fourth of October") ['),
        (Day(((None, 10, 24),)), "the twenty-fourth of October", '24 October ("the twenty-fourth of October") ['),
        (Day(((2016, 10, 24),)), "24 October 2016", "24 October 2016 ["),
        (Clock((810,)), "half past one", '13:30 ("half past one") ['),
        (Clock((1165,)), "1925", '19:25 ("1925") ['),
        (Clock((1165,)), "19:25", "19:25 ["),
        (Telephone("07744900123"), "07744, 900 123", '07744900123 ("07744, 900 123") ['),
        (Pair(*(Quantity((Decimal(n),)) for n in (120, 80))), "one twenty over eighty", '120/80 ("one twenty over'),
        (Nothing(), "she has no allergies", 'None ("she has no allergies") ['),
        (Truth(False), "he has stopped", 'No ("he has stopped") ['),
    ],
)  # fmt: skip
def test_what_is_said_in_words_is_told_in_digits_too(value: Value, text: str, shown: str) -> None:
    sentence = said(None, Claim("audio:1", value, text, ("E2",)))
    assert sentence.startswith(shown)


def test_instructions_are_quoted_with_their_citations_where_a_claim_stands_in_them() -> None:
    passages = [Instruction(NOTE.id, f"Answer {n}. {'so ' * 200}", (f"E{n}",)) for n in range(2, 8)]
    stated = [replace(PENICILLIN, evidence=(f"E{n}",), standing=Standing.STATED) for n in range(3, 8)]
    shown = [*instruction_notes([NONE, *stated], passages, [FORM, NOTE])]
    assert [sentence[-5:] for sentence in shown] == ["[E3].", "[E4].", "[E5]."]
    assert all("The recording gives its reader instructions" in sentence for sentence in shown)
    assert all(len(sentence) < 400 for sentence in shown)
    assert [*instruction_notes([PENICILLIN], passages, [FORM, NOTE])] == []


def test_signals_are_told_apart_where_there_are_several_of_a_kind() -> None:
    alike = [FORM, *(signal(Kind.AUDIO, n) for n in range(1, 13))]
    assert noun(FORM, alike) == "the picture"
    assert [noun(s, alike) for s in alike[1:3]] == ["the first recording", "the second recording"]
    typed, spoken = (replace(signal(kind, 2), name=SAID) for kind in (Kind.TEXT, Kind.AUDIO))
    assert [noun(s, [typed, *alike[:2]]) for s in [typed, *alike[:2]]] == [
        "your message",
        "the picture",
        "the recording",
    ]
    assert [noun(s, [spoken, NOTE, typed]) for s in (spoken, NOTE, typed)] == [
        "your first message",
        "the recording",
        "your second message",
    ]
    assert noun(alike[12], alike) == "recording 12"
