"""Joins: what one signal singles out, and what another tells of it."""

from __future__ import annotations

import pytest
from fakes import source
from joins import GOODS, ITEMS, MEDICINES, PAGE, SUPPLY, joined, value, values

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.join import join
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.values.values import Truth
from edge_assistant.signals import Kind


@pytest.mark.parametrize(
    "question",
    [
        "What dose is the medicine he has run out of?",
        "Which strength does the tablet that is used up have?",
        "What is the dose of the one to be refilled?",
        "How many milligrams has the one that is missing?",
        "What dose has to be reordered?",
    ],
)
@pytest.mark.parametrize(
    "note",
    [
        "He has run out of the metformin.",
        "There is no metformin left.",
        "He hasn't got any more metformin.",
        "He needs a new prescription for metformin. The ramipril he takes as before.",
        "Could you refill the metformin, please?",
        "The metformin is used up.",
        "She lost the box with the metformin.",
        "The ibuprofen, no, sorry, the metformin has run out.",
        "He has not run out of the ramipril, but the metformin is all gone.",
    ],
)
def test_the_dose_of_what_has_run_out(question: str, note: str) -> None:
    assert values(question, MEDICINES, note) == ["850 mg"]


@pytest.mark.parametrize(
    "question",
    [
        "When does he take the medicine that has run out?",
        "At which time of day does she take what is used up?",
        "The one to be refilled, when is it taken?",
        "What time of day is the missing medicine for?",
    ],
)
def test_the_time_of_day_of_what_has_run_out(question: str) -> None:
    assert values(question, MEDICINES, "There are no tablets left of the ibuprofen.") == ["evening"]


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("Where do the goods that arrived go?", "B9"),
        ("On which shelf does the delivery belong?", "B9"),
        ("Where should the new goods be put?", "B9"),
        ("Which shelf is right for what came in?", "B9"),
        ("Where does what was delivered have to stand?", "B9"),
        ("Which storage temperature applies to the goods that came in?", "2 °C"),
        ("At what temperature must the delivery be kept?", "2 °C"),
        ("How cold should the new goods be stored?", "2 °C"),
    ],
)
@pytest.mark.parametrize(
    "note",
    [
        "The film reels arrived this morning.",
        "A pallet of film reels is here. The cheese wheels are still to be sold.",
        "We got a delivery of film reels.",
        "The driver left the film reels at the gate.",
        "The tulip bulbs, no, wait, the film reels came in today.",
    ],
)
def test_what_applies_to_the_goods_that_arrived(question: str, value: str, note: str) -> None:
    assert values(question, GOODS, note) == [value]


@pytest.mark.parametrize(
    ("question", "note", "prices"),
    [
        ("How much does the company pay?", "Only the lentil salad is on the company.", ["11.20"]),
        ("How much is to be reimbursed?", "Please pay me back the green tea only.", ["3.40"]),
        ("How much is to be reimbursed?", "For the claim only the tomato soup counts.", ["7.10"]),
        ("What did the item in question cost?", "It is about the tomato soup.", ["7.10"]),
        ("What did the item in question cost?", "Please refund the double chocolate slice.", ["4.80"]),
        ("How much should be refunded?", "I claim the green tea and the tomato soup.", ["3.40", "7.10"]),
        ("How much does the firm pay?", "All but the green tea is for the firm.", ["11.20", "4.80", "7.10"]),
        ("How much is reimbursed?", "The company pays everything except the tomato soup.", ["11.20", "3.40", "4.80"]),
        ("How much does the company pay?", "The green tea was mine.", ["11.20", "4.80", "7.10"]),
        ("How much was private?", "The green tea was private.", ["3.40"]),
        ("How much was private?", "Only the lentil salad is on the company.", ["3.40", "4.80", "7.10"]),
        ("How much is to be paid back?", "Not the green tea, just the tomato soup.", ["7.10"]),
        ("How much is to be paid back?", "Nothing but the green tea is to be paid back.", ["3.40"]),
        ("How much is to be paid back?", "The tomato soup is not to be paid back, but the green tea is.", ["3.40"]),
        ("What is the reimbursable amount?", "Only the tomato soup is for the office.", ["7.10"]),
        ("Which amount should be transferred?", "Please only reimburse the lentil salad.", ["11.20"]),
        ("How much money does he want back?", "He wants the money for the tomato soup back.", ["7.10"]),
        ("What did the business part come to?", "The lentil salad was for the business.", ["11.20"]),
        ("How much can I claim?", "The tomato soup goes on expenses.", ["7.10"]),
        ("What is the price of what is claimed?", "Of these only the lentil salad is for work.", ["11.20"]),
        ("How much does the employer cover?", "The tomato soup, sorry, I mean the green tea is covered.", ["3.40"]),
    ],
)
def test_what_of_a_receipt_is_meant(question: str, note: str, prices: list[str]) -> None:
    assert values(question, ITEMS, note) == sorted(prices)


@pytest.mark.parametrize(
    ("question", "note", "value"),
    [
        ("What current does it draw the way it is connected?", "In our hall it gets 400 V.", "5.0 A"),
        ("What current does it draw on our supply?", "The voltage is two hundred and thirty volts.", "8.6 A"),
        ("How fast does it turn here?", "It is connected to 400 VAC.", "2880 rpm"),
        ("Which speed is right for us?", "We have it on 400 V, no, sorry, 230 V.", "2850 rpm"),
    ],
)
def test_a_row_is_meant_by_the_value_that_is_told(question: str, note: str, value: str) -> None:
    assert values(question, SUPPLY, note) == [value]


@pytest.mark.parametrize(
    ("question", "things", "note"),
    [
        ("What is the dose of ramipril?", MEDICINES, "He has run out of the metformin."),
        ("What is the dose of warfarin?", MEDICINES, "He has run out of the metformin."),
        ("What is the dose of his blood pressure medicine?", MEDICINES, "He has run out of the metformin."),
        ("When does he take the ramipril?", MEDICINES, "He has run out of the metformin."),
        ("What dose is the medicine he has run out of?", MEDICINES, "His mother has run out of the metformin."),
        ("What dose is the medicine he has run out of?", MEDICINES, "If he runs out of metformin, he will call."),
        ("What dose is the medicine he has run out of?", MEDICINES, "He does not like the metformin."),
        ("What dose is the medicine he has run out of?", MEDICINES, "He has run out of patience."),
        ("Where do the cheese wheels go?", GOODS, "The film reels arrived."),
        ("Where do the oranges go?", GOODS, "The film reels arrived."),
        ("Do the form and the note agree on the dose?", MEDICINES, "He has run out of the metformin."),
        ("Is the dose of what has run out 5 mg?", MEDICINES, "He has run out of the metformin."),
        ("How much did the green tea cost?", ITEMS, "Only the soup is on the company."),
        ("How much did he get back?", ITEMS, "Please pay me back the tomato soup."),
        ("What is the dose?", MEDICINES, "He takes ramipril."),
        ("What does he take?", MEDICINES, "He has run out of the ramipril."),
        ("When is his next appointment?", MEDICINES, "He has run out of the ramipril."),
        ("What is his temperature?", MEDICINES, "He has run out of the ramipril."),
        ("What current does it draw here?", SUPPLY, "It is connected to 110 V."),
        ("What current does it draw at 230 V?", SUPPLY, "It is connected to 400 V."),
        ("What is the serial number?", SUPPLY, "It is connected to 400 V."),
        ("How much does the company pay?", ITEMS, "I had a good day."),
    ],
)
def test_nothing_is_joined(question: str, things: dict[str, dict[str, str]], note: str) -> None:
    assert joined(question, things, note) == []


@pytest.mark.parametrize(
    "question",
    [
        "What was the total?",
        "How much was it altogether?",
        "How much was the bill?",
        "What did the lunch cost in all?",
        "How much was it?",
    ],
)
def test_the_whole_is_asked_for(question: str) -> None:
    total = Claim(PAGE.signal.id, value("money", "26.50"), "26.50", ("E1",), attribute="total")
    assert joined(question, ITEMS, "Only the lentil salad is on the company.", (total,)) == []


def test_both_signals_are_cited_and_several_places_are_listed() -> None:
    (claim,) = joined("What dose is the medicine he has run out of?", MEDICINES, "He ran out of the metformin.")
    assert (claim.evidence, claim.chosen_by, claim.subject) == (("E1", "E2"), "text:1", "Metformin")
    (claim,) = joined("Where do the goods that arrived go?", GOODS, "The film reels and the tulip bulbs arrived.")
    assert claim.text == "B9 (Film reels) and B23 (Tulip bulbs)"


def pictured(question: str, note: str, *things: str) -> list[Claim]:
    """What a picture of things and a note tell together."""
    text = source([note], Kind.TEXT, first=9)
    seen = [
        Claim("image:1", Truth(yes=True), thing, (f"E{i}",), attribute="presence", subject=thing)
        for i, thing in enumerate(things, 1)
    ]
    return join(understand(question), [PAGE, text], {"image:1": seen, text.signal.id: list(inventory(text))})


@pytest.mark.parametrize(
    ("question", "note", "things", "found"),
    [
        ("Which animal does Ada Hale own?", "Ada Hale owns the animal.", ("dog", "car"), ["dog"]),
        ("What piece of furniture is for Ben Cole?", "The piece of furniture is for Ben Cole.", ("couch",), ["couch"]),
        ("Which vehicle is Ada Hale waiting for?", "Ada Hale waits for the vehicle.", ("bus", "dog"), ["bus"]),
        ("Which animal does Ada Hale own?", "Ada Hale owns the animal.", ("dog", "cat"), []),
        ("Which animal does Ada Hale own?", "Ben Cole owns the animal.", ("dog", "car"), []),
        ("Which animal does Ada Hale own?", "Ada Hale owns the vehicle.", ("dog", "car"), []),
    ],
)
def test_a_thing_in_a_picture_of_which_a_note_speaks(
    question: str, note: str, things: tuple[str, ...], found: list[str]
) -> None:
    claims = pictured(question, note, *things)
    assert [claim.text for claim in claims] == found
    assert all("E9" in claim.evidence for claim in claims)
