"""Questions understood: type, attribute, agreement, counts, statistics and limits."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_assistant.reasoning.question import Expect, understand


@pytest.mark.parametrize(
    ("question", "expects"),
    [
        ("What is the patient allergic to?", Expect.ITEMS),
        ("Who signed the form?", Expect.NAME),
        ("Where was the pump built?", Expect.NAME),
        ("Whose current badge is it?", Expect.WORDS),
        ("What was the total?", Expect.MONEY),
        ("How much did it cost?", Expect.MONEY),
        ("HOW MANY giraffes are there?", Expect.QUANTITY),
        ("What is the motor's temperature?", Expect.QUANTITY),
        ("When was the invoice issued?", Expect.DATE),
        ("What is the date of the receipt?", Expect.DATE),
        ("At what time did it stop?", Expect.CLOCK),
        ("What time was it?", Expect.CLOCK),
        ("Is the valve open?", Expect.TRUTH),
        ("Did the pressure stay below 4 bar?", Expect.TRUTH),
        ("Has she ever smoked?", Expect.TRUTH),
        ("Describe the picture.", Expect.PROSE),
        ("Summarise the recording", Expect.PROSE),
        ("Why did the line stop?", Expect.PROSE),
        ("What happened at noon?", Expect.PROSE),
        ("Is it timeless?", Expect.TRUTH),
        ("Which colour is the description on?", Expect.WORDS),
    ],
)
def test_the_type_of_the_answer(question: str, expects: Expect) -> None:
    assert understand(question).expects is expects


@pytest.mark.parametrize(
    ("question", "attribute", "expects", "restated"),
    [
        (
            "Does the claim agree with the receipt on the amount?",
            "total",
            Expect.MONEY,
            "What is the total amount to pay?",
        ),
        ("Do both give the same date?", "date", Expect.DATE, "What is the date?"),
        ("Is the amount in the recording correct?", "total", Expect.MONEY, "What is the total amount to pay?"),
        ("Do they agree on the colour?", "colour", Expect.WORDS, "What is the colour?"),
        ("Do the picture and the text agree about his employer?", "employer", Expect.WORDS, "What is the employer?"),
        ("Do the form and the note agree on the allergy.", "allergy", Expect.ITEMS, "What is the allergy?"),
        ("Is the temperature consistent?", "temperature", Expect.QUANTITY, "What is the temperature?"),
    ],
)
def test_a_question_about_agreement_is_put_to_each_source(
    question: str, attribute: str, expects: Expect, restated: str
) -> None:
    query = understand(question)
    assert (query.agreement, query.attribute, query.expects, query.restated) == (True, attribute, expects, restated)


@pytest.mark.parametrize("question", ["Do they agree?", "Same as before?", "Agree", "Is it correct?", "Any conflict?"])
def test_a_question_about_agreement_without_a_noun_has_still_an_attribute(question: str) -> None:
    query = understand(question)
    assert query.agreement
    assert query.attribute.strip()


@pytest.mark.parametrize(
    ("question", "counted"),
    [
        ("How many giraffes are in the picture?", "giraffe"),
        ("how many red cars can be seen?", "car"),
        ("How many people are there?", "person"),
        ("How many horses?", "horse"),
        ("How many buses do you see?", "bus"),
        ("How much water?", None),
    ],
)
def test_what_is_counted(question: str, counted: str | None) -> None:
    assert understand(question).counted == counted


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("Which allergies are known?", "allergy"),
        ("Which colour has the handle of the pump?", "colour handle pump"),
        ("What?", "What"),
        ("...", "..."),
    ],
)
def test_the_attribute_is_what_carries_the_question(question: str, attribute: str) -> None:
    assert understand(question).attribute == attribute


def test_blanks_and_line_ends_do_not_matter() -> None:
    assert understand("  What\n was   the total? ") == understand("What was the total?")


@given(st.text(st.characters(), min_size=1).filter(str.strip))
@example("...")
def test_any_question_is_understood_somehow(question: str) -> None:
    query = understand(question)
    assert query.text == query.restated or query.agreement
    assert query.attribute
