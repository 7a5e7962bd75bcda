"""What forms and notes tell of a patient: how a value is drawn, and how far another has to be to contradict it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from scenarios.desk import Desk
from scenarios.values import Value, blood_pressure, calendar_day, dose, temperature, time_of_day, weight
from scenarios.words import listed, person, phrase, telephone

LABELS = {
    "dob": ("Date of birth", "DOB", "Born on", "Birth date"),
    "dose": ("Medication", "Current medication", "Medicines", "Regular medication"),
    "allergies": ("Allergies", "Allergy", "Known allergies", "Allergic to"),
    "pressure": ("Blood pressure", "BP", "BP (mmHg)", "Blood pressure, seated"),
    "weight": ("Weight", "Body weight", "Weight today", "Wt"),
    "heat": ("Temperature", "Body temperature", "Temp.", "Temperature on arrival"),
    "phone": ("Phone", "Telephone", "Tel.", "Phone number"),
    "contact": ("Emergency contact", "In case of emergency", "Contact person (emergency)", "Emergency contact person"),
    "visit": ("Time of appointment", "Appointment time", "Appointment (time)", "Appointment at"),
    "next_date": ("Next visit", "Follow-up", "Next appointment", "Follow-up on"),
    "smoker": ("Smoker", "Do you smoke?", "Smoking", "Tobacco"),
}
FEMALE = ("Ruth", "Anna", "Maria", "Grace", "Helen", "Nora", "Emma", "Laura", "Irene", "Susan", "Clara", "Olive")
MALE = (
    "Peter",
    "David",
    "Martin",
    "Thomas",
    "Oscar",
    "Daniel",
    "Victor",
    "Robert",
    "Simon",
    "Henry",
    "Paul",
    "Walter",
)
LAST = (
    "Calder",
    "Lund",
    "Hale",
    "Winter",
    "Barker",
    "Dawson",
    "Porter",
    "Miller",
    "Foster",
    "Novak",
    "Parker",
    "Weaver",
    "Grant",
    "Holland",
    "Marsh",
    "Turner",
)
DRUGS = {
    "ramipril": (2500, 5000, 10000),
    "metformin": (500000, 850000, 1000000),
    "amlodipine": (5000, 10000),
    "aspirin": (75000, 100000, 300000),
    "levothyroxine": (50, 75, 100, 125),
    "ibuprofen": (200000, 400000, 600000),
    "atorvastatin": (10000, 20000, 40000),
    "bisoprolol": (2500, 5000, 7500),
    "omeprazole": (20000, 40000),
    "prednisone": (5000, 20000, 30000),
}
_PHONES = tuple(
    f"{area} 496 0"
    for area in ("0113", "0114", "0115", "0116", "0117", "0118", "0121", "0131", "0141", "0151", "0161", "0191")
)
ALLERGENS = (
    "penicillin",
    "latex",
    "peanuts",
    "aspirin",
    "shellfish",
    "pollen",
    "eggs",
    "bee stings",
    "codeine",
    "nickel",
)
YES = phrase(
    "yes or no", "yes", ("yes",), (), ("yes|smoke|smokes|smoker|smoking|cigarettes|ten a day|a pack|every day",)
)
NO = phrase("yes or no", "no", ("no",), (), ("no|not|never|non-smoker|doesn't|none|don't",))


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of a person: how a value is drawn, how far another must be to contradict it, how it is rounded."""

    value: Callable[[Desk, str], Value]
    far: Callable[[Value, Value], bool]
    word: str = ""


def number(value: Value) -> float:
    """The number that a value is compared by."""
    assert isinstance(value.key, int | float)
    return float(value.key)


def _apart(by: float, at_most: float = 1e9) -> Callable[[Value, Value], bool]:
    return lambda a, b: by <= abs(number(a) - number(b)) <= at_most


def _days_apart(a: Value, b: Value) -> bool:
    """Other days, even if day and month are taken for each other."""
    assert isinstance(a.key, date)
    assert isinstance(b.key, date)
    return a.key != b.key and (a.key.day, a.key.month) not in ((b.key.day, b.key.month), (b.key.month, b.key.day))


def _days_apart_in_a_year(a: Value, b: Value) -> bool:
    """The same for days whose year is not told."""
    assert isinstance(a.key, date)
    assert isinstance(b.key, date)
    return _days_apart(a, b) and a.key.year == b.key.year


def _pressures_apart(a: Value, b: Value) -> bool:
    assert isinstance(a.key, tuple)
    assert isinstance(b.key, tuple)
    return bool(abs(a.key[0] - b.key[0]) >= 8 and a.key[1] != b.key[1])


def _born(desk: Desk, _: str) -> Value:
    return calendar_day(date(1938, 1, 1) + timedelta(days=desk.draw.randrange(60 * 365)))


def _allergens(desk: Desk, _: str) -> Value:
    return listed(desk.draw.sample(desk.own("allergens", ALLERGENS), desk.draw.choice((0, 1, 1, 1, 2))))


def _disjoint(a: Value, b: Value) -> bool:
    """Neither lists what the other does; one may list nothing."""
    assert isinstance(a.key, str)
    assert isinstance(b.key, str)
    return a.key != b.key and not set(a.key.split(", ")) & set(b.key.split(", "))


def _phone(desk: Desk, _: str) -> Value:
    front = desk.draw.choice(desk.own("phones", _PHONES))
    return telephone(f"{front}{desk.draw.randint(100, 999)}")


def _person(desk: Desk, _: str) -> Value:
    first = desk.draw.choice(desk.own("female", FEMALE) + desk.own("male", MALE))
    return person(first, desk.draw.choice(desk.own("last", LAST)))


def _names_apart(a: Value, b: Value) -> bool:
    return not set(str(a.key).split()) & set(str(b.key).split())


FACTS: dict[str, Fact] = {
    "dob": Fact(_born, _days_apart),
    "dose": Fact(
        lambda desk, drug: dose(desk.draw.choice(desk.own("drugs", DRUGS)[drug])), lambda a, b: a.key != b.key
    ),
    "allergies": Fact(_allergens, _disjoint),
    "pressure": Fact(
        lambda desk, _: blood_pressure(desk.draw.randint(104, 172), desk.draw.randint(62, 98)), _pressures_apart
    ),
    "weight": Fact(lambda desk, _: weight(desk.draw.randint(48, 104)), _apart(6, 30), "kilos"),
    "heat": Fact(lambda desk, _: temperature(desk.draw.randint(362, 396) / 10), _apart(0.7)),
    "phone": Fact(_phone, lambda a, b: a.key != b.key),
    "contact": Fact(_person, _names_apart),
    "visit": Fact(
        lambda desk, _: time_of_day(desk.draw.randint(8, 17), desk.draw.choice((0, 10, 15, 20, 30, 40, 45, 50))),
        _apart(30),
    ),
    "next_date": Fact(
        lambda desk, _: calendar_day(date(2024, 2, 1) + timedelta(days=desk.draw.randrange(600)), year_told=False),
        _days_apart_in_a_year,
    ),
    "smoker": Fact(lambda desk, _: desk.draw.choice((YES, NO)), lambda a, b: a.key != b.key),
}
