"""Goods, packs and machines' plates: what is said of them, asked of them, and compared with what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import signal, source
from told_sentences import cases, rendered

from edge_assistant.evidence import Evidence, Field, Locator
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.lookup import looked_up
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.told import told_claims
from edge_assistant.signals import Kind

CASES = list(cases(Path(__file__).with_name("told_goods.txt")))


@pytest.mark.parametrize(("sentence", "claims"), CASES, ids=[sentence[:60] for sentence, _ in CASES])
def test_what_is_said_of_goods_and_plates(sentence: str, claims: list[str]) -> None:
    assert sorted(rendered(claim) for claim in told_claims(source([sentence]))) == claims


ASKED = {
    "batch": [
        "Which lot is it?", "From which lot does it come?", "Do they agree on the lot?", "What is the batch number?",
        "Does the lot number in the note match the label?",
    ],
    "expiry date": [
        "Until when is it good?", "How long can the carton be used?", "When does it expire?",
        "Until when may I use it?", "What is the best before date?",
        "How long does it keep?",
    ],
    "quantity": [
        "How many are there?", "How many pieces are in the pack?", "How many does it hold?", "What is the pack size?",
        "Is the quantity the same in the label and the note?",
    ],
    "receiver": ["Who accepted it?", "Who took in the delivery?", "Who signed for it?", "Who received the goods?"],
    "operator": ["Who checked the container?", "Who inspected the delivery?", "Who counted the boxes?"],
    "storage place": [
        "Where is the container?", "On which shelf is it?", "Where is it stored?", "Where can I find it?",
    ],
    "patient": ["Whose medicine is it?", "Who is it for?", "For whom are the tablets?"],
    "humidity": ["How humid should the room be?", "What humidity should it have?", "How damp may the air be?"],
    "strength": ["How strong are the tablets?", "What is the strength?", "How much is in each tablet?"],
    "product": ["What is in the box?", "Do the label and the note agree on the content?", "Which goods are they?"],
    "installation date": [
        "When was the motor put in?", "Since when is the pump running?", "On what date was it set up?",
        "When was it installed?", "When was it commissioned?",
    ],
    "power": ["How powerful is the motor?", "How many kilowatts does it have?", "What is its horsepower?"],
    "frequency": ["How many hertz does it need?", "For which mains frequency is it built?"],
    "current": ["How many amps does it draw?", "What is the rated current?"],
    "speed": ["How fast does it turn?", "How many revolutions per minute does it make?", "What is its rpm?"],
    "weight": ["How heavy is it?", "How much does the motor weigh?"],
    "serial number": ["What is the serial number?", "Which serial number does it have?"],
    "article number": ["What is the article number?", "What is the part number of the pump?"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("question", "attribute"), [(question, name) for name, questions in ASKED.items() for question in questions]
)
def test_what_is_asked_of_goods_and_plates(question: str, attribute: str) -> None:
    assert attribute == next((known.name for known in understand(question).attributes), None)


def label(**fields: str) -> Source:
    """A label with fields."""
    given = signal(Kind.IMAGE)
    lines = [
        Evidence(f"E{i}", given.id, f"{name}: {value}", 0.98, Locator(box=(10, 30 * i, 300, 20)), Field(name, value))
        for i, (name, value) in enumerate(((key.replace("_", " "), value) for key, value in fields.items()), 1)
    ]
    return Source(given, tuple(lines), None)


def answered(question: str, *sources: Source) -> dict[str, list[str]]:
    told = {one.signal.id: inventory(one) for one in sources}
    return {id: [claim.text for claim in found] for id, found in looked_up(understand(question), told).items()}


@pytest.mark.parametrize(
    ("question", "said", "value"),
    [
        ("Who accepted it?", "Ruth Calder checked it.", "Ruth Calder"),
        ("Who checked it?", "It was taken in by Simon Turner.", "Simon Turner"),
        ("Who accepted it?", "Ruth Calder checked it. It was taken in by Simon Turner.", "Simon Turner"),
    ],
)
def test_who_checked_goods_answers_where_nobody_is_said_to_have_received_them(
    question: str, said: str, value: str
) -> None:
    assert answered(question, source([said])) == {"text:1": [value]}


@pytest.mark.parametrize(
    ("written", "said", "both"),
    [
        ({"Max._pressure": "25 bar"}, "You must not go above 800 kPa.", True),
        ({"Max._pressure": "25 bar"}, "The maximum pressure is ten bar.", True),
        ({"Pressure": "25 bar"}, "You must not go above 800 kPa.", False),
        ({"Max._pressure": "25 bar"}, "You must not go above 80 degrees.", False),
    ],
)
def test_a_limit_stands_against_what_is_written_as_the_most(written: dict[str, str], said: str, both: bool) -> None:
    found = answered("What is the pressure?", label(**written), source([said]))
    assert (set(found) == {"image:1", "text:1"}) is both


@pytest.mark.parametrize(
    ("name", "value", "claim"),
    [
        ("Best bef.", "03/2027", "expiry date = Month(year=2027, month=3)"),
        ("BBE", "12 Mar 2027", "expiry date = 2027-03-12"),
        ("Lot / Batch", "A123", "batch = A123"),
        ("Storage conditions", "Store below 25 °C", "limit = 25 degC"),
        ("Temp.", "+2 to +8 °C", "temperature = 2-8 degC"),
        ("Keep between", "2 and 8 degrees", "temperature = 2-8 deg"),
        ("Keep refrigerated", "2°C - 8°C", "temperature = 2-8 degC"),
        ("Contents", "28 tablets", "quantity = 28"),
        ("Pack size", "30 capsules", "quantity = 30"),
        ("Pack of", "10 pcs", "quantity = 10"),
        ("Content", "500 ml", "capacity = 500 ml"),
        ("Content", "tulip bulbs", "product = bulb tulip"),
        ("Art. no.", "88-1200", "article number = 881200"),
        ("Ser.-Nr.", "4711", "serial number = 4711"),
        ("Shelf", "B 12", "storage place = B12"),
        ("Received by", "R. Calder", "receiver = r calder"),
        ("Each tablet contains", "5 mg", "strength = 5 mg"),
        ("Dispensed to", "Anna Winter", "patient = anna winter"),
        ("HP", "10", "power = 10 hp"),
        ("Built", "2014", "year = 2014"),
        ("Commissioned", "2018-03-12", "installation date = 2018-03-12"),
    ],
)
def test_what_labels_and_plates_state(name: str, value: str, claim: str) -> None:
    assert claim in [rendered(found) for found in inventory(label(**{name: value}))]


@pytest.mark.parametrize(("name", "value"), [("Content", "10 x 5 ml"), ("Contents", "28 tablets")])
def test_what_a_label_does_not_state(name: str, value: str) -> None:
    assert not {"capacity", "product"} & {found.attribute for found in inventory(label(**{name: value}))}
