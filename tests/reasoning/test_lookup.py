"""Claims that answer a question, by attribute, subject and time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.lookup import lookup
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.values import Day, Items, Name, Nothing, Quantity, Truth, Value, Words


def claim(attribute: str, value: Value, text: str, subject: str | None = None, when: str | None = None) -> Claim:
    return Claim("image:1", value, text, ("E1",), attribute=attribute, subject=subject, when=when)


def amount(number: str, unit: str | None = None) -> Quantity:
    return Quantity((Decimal(number),), unit)


RECEIPT = [
    claim("subtotal", amount("40.00"), "40.00"),
    claim("total", amount("42.40"), "42.40"),
    claim("cash", amount("50.00"), "50.00"),
    claim("change", amount("7.60"), "7.60"),
    claim("date", Day(((2025, 3, 14),)), "14/03/2025"),
    claim("seller", Name(("copper", "kettle")), "Copper Kettle"),
    claim("price", amount("6.50"), "6.50", "soup"),
    claim("price", amount("3.20"), "3.20", "tea"),
]
FORM = [
    claim("patient", Name(("ada", "hale")), "Ada Hale"),
    claim("allergy", Items(("penicillin", "latex")), "penicillin, latex"),
    claim("allergy", Items(("peanut",)), "peanuts", "son"),
    claim("weight", amount("64", "kg"), "64 kg"),
    claim("weight", amount("70", "kg"), "70 kg", when="last year"),
    claim("dose", amount("5", "mg"), "5 mg", "ramipril"),
    claim("dose", amount("75", "mg"), "75 mg", "aspirin"),
    claim("smoker", Truth(False), "no"),
    claim("diabetes", Nothing(), "none"),
    claim("consent given", Words(frozenset({"yes"})), "yes"),
    claim("remark", Words(frozenset({"fasting"})), "fasting"),
]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What was the total?", ["42.40"]),
        ("How much was lunch?", ["42.40"]),
        ("How much change was there?", ["7.60"]),
        ("How much did he pay with?", ["50.00"]),
        ("When was it?", ["14/03/2025"]),
        ("What is the price of the soup?", ["6.50"]),
        ("What is the subtotal?", ["40.00"]),
        ("Which shop was it?", ["Copper Kettle"]),
        ("What is the tip?", []),
        ("Who approved the purchase?", []),
    ],
)
def test_a_receipt_is_looked_up(question: str, texts: list[str]) -> None:
    assert [claim.text for claim in lookup(understand(question), RECEIPT)] == texts


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What is the patient allergic to?", ["penicillin, latex"]),
        ("What is her son allergic to?", ["peanuts"]),
        ("How much does she weigh?", ["64 kg"]),
        ("How much ramipril does she take?", ["5 mg"]),
        ("What dose does she take?", []),
        ("What is the remark?", ["fasting"]),
        ("What is the blood pressure?", []),
    ],
)
def test_a_form_is_looked_up_by_subject_and_time(question: str, texts: list[str]) -> None:
    assert [claim.text for claim in lookup(understand(question), FORM)] == texts


@pytest.mark.parametrize(
    ("question", "yes"),
    [
        ("Does she smoke?", False),
        ("Is she allergic to latex?", True),
        ("Is she allergic to shellfish?", False),
        ("Does she have any allergies?", True),
        ("Does the patient have diabetes?", False),
        ("Is her weight 64 kg?", True),
        ("Is her weight 70 kg?", False),
        ("Was consent given?", True),
        ("Is she married?", None),
    ],
)
def test_a_yes_or_no_question_is_decided_by_the_value(question: str, yes: bool | None) -> None:
    found = lookup(understand(question), FORM)
    assert [claim.value for claim in found] == ([] if yes is None else [Truth(yes)])
