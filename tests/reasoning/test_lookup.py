"""Claims that answer a question, by attribute, subject and time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.lookup import bought, looked_up, lookup
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.values.values import Day, Items, Name, Nothing, Quantity, Truth, Value, Words


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
    ("question", "attribute"),
    [
        ("How much money came back at the till?", "change"),
        ("What change did they get?", "change"),
        ("What was returned?", "change"),
        ("What did the cashier give back?", "change"),
        ("What did we hand over?", "cash"),
        ("How much cash was given?", "cash"),
        ("What was the amount of cash?", "cash"),
        ("How much was given to the cashier?", "cash"),
        ("Which number is on the slip?", "receipt number"),
        ("What number does the bill carry?", "receipt number"),
        ("Under which number is it filed?", "receipt number"),
        ("What's the invoice number?", "receipt number"),
        ("What's the VAT?", "tax"),
        ("How much tax is in it?", "tax"),
        ("What does the tax come to?", "tax"),
        ("How much of it is VAT?", "tax"),
        ("What did it cost before VAT?", "subtotal"),
        ("What did it all come to?", "total"),
        ("How much did lunch set us back?", "total"),
        ("How much was paid for the lunch?", "total"),
        ("What did the shop charge?", "total"),
        ("When during the day was it paid?", "time"),
        ("At what time was it paid?", "time"),
        ("When was the money spent?", "date"),
        ("Which day is the receipt from?", "date"),
        ("Which shop issued the receipt?", "seller"),
        ("Which project does it belong to?", "project"),
        ("Whom did they meet?", "guest"),
        ("Who came along?", "guest"),
        ("Where was it taken?", "place"),
        ("In which town was the picture taken?", "place"),
        ("Do they agree on the amount of cash given?", "cash"),
        ("Is the amount of change the same in both?", "change"),
        ("Is the date of the purchase right?", "date"),
    ],
)
def test_what_is_asked_of_a_receipt_or_photo(question: str, attribute: str) -> None:
    assert understand(question).attributes[0].name == attribute


def test_a_question_means_one_attribute_in_all_sources() -> None:
    told = {"image:1": RECEIPT, "audio:1": [claim("subtotal", amount("1"), "1")]}
    told |= {"text:1": [claim("total", amount("42"), "42")]}
    found = looked_up(understand("What does the subtotal come to?"), told)
    assert {id: [c.text for c in claims] for id, claims in found.items()} == {"image:1": ["40.00"], "audio:1": ["1"]}


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What did the soup cost?", ["6.50"]),
        ("How much was the tea?", ["3.20"]),
        ("What was the total with the soup?", ["42.40"]),
        ("How much was it?", ["42.40"]),
    ],
)
def test_a_price_is_that_of_the_item_that_is_named(question: str, texts: list[str]) -> None:
    assert [c.text for c in looked_up(understand(question), {"image:1": RECEIPT})["image:1"]] == texts


def test_how_many_of_an_item_were_bought() -> None:
    told = {
        "image:1": [claim("quantity", amount("3"), "3", "Ball Pens"), claim("quantity", amount("1"), "1", "Stapler")]
    }
    assert [c.text for c in bought("stapler", told)["image:1"]] == ["1"]
    assert bought("ruler", told) == {}


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What is the temperature?", ["21 degC"]),
        ("What was the highest temperature?", ["21 degC", "30 degC"]),
        ("How hot did it get?", ["21 degC", "30 degC"]),
    ],
)
def test_the_highest_of_many_is_told_where_it_is_asked_for(question: str, texts: list[str]) -> None:
    plain = claim("temperature", amount("21", "degC"), "21 degC")
    highest = replace(claim("temperature", amount("30", "degC"), "30 degC"), statistic="maximum")
    assert [c.text for c in lookup(understand(question), [plain, highest])] == texts


def test_of_two_values_the_one_is_meant_whose_sentence_is_asked_for() -> None:
    bought_on = replace(claim("date", Day(((2025, 3, 14),)), "14 March"), sentence="We paid on 14 March")
    filed_on = replace(claim("date", Day(((2025, 3, 20),)), "20 March"), sentence="The claim was filed on 20 March")
    assert [c.text for c in lookup(understand("When was it paid?"), [bought_on, filed_on])] == ["14 March"]
    assert [c.text for c in lookup(understand("When was it filed?"), [bought_on, filed_on])] == ["20 March"]
    assert len(lookup(understand("Which date was it?"), [bought_on, filed_on])) == 2


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
