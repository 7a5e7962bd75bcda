"""The sentences of a verdict, for every status and kind of question."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from fakes import signal

from edge_assistant.answer import Agreement
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compare import compare
from edge_assistant.reasoning.compose import STATUS, compose, concluded, contradiction, noun
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.values.candidates import as_words
from edge_assistant.reasoning.values.values import Identifier, Nothing, Quantity, Truth, Value
from edge_assistant.signals import SAID, Kind

FORM, NOTE, SECOND_NOTE = signal(Kind.IMAGE), signal(Kind.AUDIO), signal(Kind.AUDIO, 2)
TABLE = signal(Kind.READINGS)
NONE = Claim("image:1", Nothing(), "none", ("E1",))
PENICILLIN = Claim("audio:1", as_words("penicillin"), "penicillin", ("E2", "E3"))
RECEIPT = Claim("image:1", Quantity((Decimal("38.40"),)), "38.40", ("E1",))
HEARD = Claim("audio:1", Quantity((Decimal("38.40"), Decimal(3840))), "thirty-eight forty", ("E2",))
HOTTEST = Claim("readings:1", Quantity((Decimal("98.7"),), measured=True), "98.7 degC", ("E9", "E4"), computed="C1")


def said(question: str, *claims: Claim) -> list[str]:
    query = understand(question)
    verdict = compare(query.attribute, claims)
    return compose(query, verdict, claims, [FORM, NOTE, TABLE])


TWO, EIGHT = Decimal(2), Decimal(8)
ALLERGIC = "What is the patient allergic to?"
AMOUNT = "Do they agree on the amount?"


@pytest.mark.parametrize(
    ("question", "claims", "sentence"),
    [
        (ALLERGIC, (NONE,), "None [E1], by the picture."),
        (ALLERGIC, (PENICILLIN,), "Penicillin [E2][E3], by the recording."),
        (
            ALLERGIC,
            (NONE, PENICILLIN),
            "The signals contradict each other: the picture says none [E1]; the recording says penicillin [E2][E3].",
        ),
        ("What was the total?", (RECEIPT, HEARD), "38.40 [E1][E2]: the picture and the recording agree."),
        ("What was the total?", (HEARD,), "Thirty-eight forty [E2], by the recording."),
        (
            AMOUNT,
            (RECEIPT, HEARD),
            "Yes, they agree on the total: the picture says 38.40 [E1]; "
            'the recording says 38.40 ("thirty-eight forty") [E2].',
        ),
        (AMOUNT, (RECEIPT,), "Only the picture says 38.40 [E1]; nothing else tells the total."),
        (
            AMOUNT,
            (RECEIPT, Claim("audio:1", Quantity((Decimal(41),)), "41", ("E2",))),
            "No, they do not agree on the total: the picture says 38.40 [E1]; the recording says 41 [E2].",
        ),
        ("How hot did it get?", (HOTTEST,), "98.7 degC [C1][E9][E4], by the readings."),
        (
            "How hot did it get?",
            (HOTTEST, Claim("audio:1", Quantity((Decimal(90),)), "90", ("E2",))),
            "The signals contradict each other: the readings show 98.7 degC [C1][E9][E4]; the recording says 90 [E2].",
        ),
        ("Is the valve open?", (Claim("image:1", Truth(True), "yes", ("E1",)),), "Yes [E1], by the picture."),
        (
            "Is the valve open?",
            (Claim("image:1", Truth(True), "yes", ("E1",)), Claim("audio:1", Truth(True), "yes", ("E2",))),
            "Yes [E1][E2]: the picture and the recording agree.",
        ),
    ],
)
def test_a_verdict_is_said(question: str, claims: tuple[Claim, ...], sentence: str) -> None:
    assert said(question, *claims) == [sentence]


@pytest.mark.parametrize(
    ("question", "differ", "agree"),
    [
        ("Do they agree on the total?", "No, they do not agree on the total:", "Yes, they agree on the total:"),
        ("Is the note right about the total?", "No, they do not agree on the total:", "Yes, they agree on the total:"),
        ("Are there any differences in the total?", "Yes, they differ on the total:", "No, they agree on the total:"),
        ("Does the note contradict the total?", "Yes, they differ on the total:", "No, they agree on the total:"),
        ("Is the note wrong about the total?", "Yes, they differ on the total:", "No, they agree on the total:"),
        ("Please check if the totals differ.", "Yes, they differ on the total:", "No, they agree on the total:"),
    ],
)
def test_yes_and_no_are_meant_as_was_asked(question: str, differ: str, agree: str) -> None:
    other = Claim("audio:1", Quantity((Decimal(41),)), "41", ("E2",))
    assert said(question, RECEIPT, other)[0].startswith(differ)
    assert said(question, RECEIPT, HEARD)[0].startswith(agree)


def test_a_signal_that_contradicts_itself_is_said_to() -> None:
    later = Claim("audio:1", Quantity((Decimal(41),)), "41", ("E4",))
    (sentence,) = said("What was the total?", HEARD, later)
    assert sentence == 'The recording contradicts itself: it says 38.40 ("thirty-eight forty") [E2] and 41 [E4].'


def test_what_one_signal_tells_twice_is_said_once() -> None:
    again = Claim("image:1", Quantity((Decimal("38.40"),), "EUR"), "€38.40", ("E3",))
    other = Claim("audio:1", Quantity((Decimal(41),)), "41", ("E4",))
    (sentence,) = said("What was the total?", RECEIPT, again, other)
    assert sentence.endswith("the picture says 38.40 [E1][E3]; the recording says 41 [E4].")


def test_values_of_several_things_are_said_of_each() -> None:
    soup = Claim("image:1", Quantity((Decimal("6.50"),)), "6.50", ("E1",), attribute="price", subject="soup")
    tea = Claim("image:1", Quantity((Decimal("3.20"),)), "3.20", ("E2",), attribute="price", subject="tea")
    (sentence,) = said("What is the price of the soup and of the tea?", soup, tea)
    assert sentence == "6.50 for soup [E1] and 3.20 for tea [E2], by the picture."


def test_what_is_counted_is_called_as_in_the_question() -> None:
    one, two = (Claim(id, Quantity((Decimal(n),)), str(n), (f"E{n}",)) for n, id in ((1, "image:1"), (2, "audio:1")))
    (sentence,) = said("Do they agree on the number of people?", one, two)
    assert sentence.startswith("No, they do not agree on the number of people: the picture says 1")


@pytest.mark.parametrize(
    ("question", "lead"),
    [
        ("Do they agree?", "No, they do not agree on the total: "),
        ("Are there any contradictions?", "Yes, they differ on the total: "),
    ],
)
def test_a_contradiction_may_begin_an_answer(question: str, lead: str) -> None:
    claims = (RECEIPT, Claim("audio:1", Quantity((Decimal(41),)), "41", ("E2",)))
    query, verdict = understand(question), compare("total", claims)
    assert query.whole
    assert contradiction(verdict, claims, [FORM, NOTE], query).startswith(lead)
    assert contradiction(verdict, claims, [FORM, NOTE]).startswith("Total: ")


def test_an_agreement_on_everything_begins_with_the_word_that_was_asked_for() -> None:
    verdict = compare("total", (RECEIPT, HEARD))
    assert concluded([verdict], understand("Do they agree?")).startswith("Yes, the signals agree on the total")
    assert concluded([verdict], understand("Do they contradict each other?")).startswith("No, the signals agree")
    assert concluded([verdict]).startswith("The signals agree on the total")


def test_a_spoken_price_against_another_amount_is_told_as_a_price() -> None:
    other = Claim("image:1", Quantity((Decimal("41.20"),)), "41.20", ("E1",))
    (sentence,) = said("What was the total?", other, HEARD)
    assert 'the recording says 38.40 ("thirty-eight forty") [E2]' in sentence


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
    ],
)  # fmt: skip
def test_what_is_said_in_words_is_told_in_digits_too(value: Value, text: str, shown: str) -> None:
    (sentence,) = said("What is it?", Claim("audio:1", value, text, ("E2",)))
    assert sentence.startswith(shown)


def test_every_status_of_a_verdict_has_one_of_an_answer() -> None:
    assert set(STATUS) == set(Agreement)


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


def test_a_signal_that_failed_leaves_the_numbers_of_the_others() -> None:
    assert noun(SECOND_NOTE, [FORM, SECOND_NOTE, signal(Kind.AUDIO, 3)]) == "the second recording"
    assert noun(SECOND_NOTE, [FORM, SECOND_NOTE]) == "the recording"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_signal_has_a_noun(kind: Kind) -> None:
    assert noun(signal(kind), [signal(kind)]).startswith("the ")


def test_what_looks_like_a_citation_in_a_source_is_none_in_a_sentence() -> None:
    (sentence,) = said("What is the code?", Claim("image:1", as_words("E99"), "[E99]", ("E1",)))
    assert sentence == "(E99) [E1], by the picture."
