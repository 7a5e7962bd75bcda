"""Clinic: an intake form, and what the patient or the staff say about the same things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from scenarios.desk import Desk, Told, approximation, as_rounded, typed
from scenarios.forms import LAYOUTS, Form, draw_form
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.phrases import Person
from scenarios.talk import Note
from scenarios.values import (
    Value,
    blood_pressure,
    calendar_day,
    dose,
    listed,
    medicine,
    person,
    phrase,
    telephone,
    temperature,
    time_of_day,
    weight,
)

_LABELS = {
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
_FEMALE = ("Ruth", "Anna", "Maria", "Grace", "Helen", "Nora", "Emma", "Laura", "Irene", "Susan", "Clara", "Olive")
_MALE = (
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
_LAST = (
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
_DRUGS = {
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
_ALLERGENS = (
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
_DAYTIMES = ("morning", "noon", "evening", "bedtime")
_TITLES = (
    "Patient intake",
    "PATIENT RECORD",
    "Admission form",
    "Outpatient registration",
    "MEDICAL HISTORY",
    "Visit record",
)
_SUBTITLES = (
    "To be filled in at reception",
    "Please write clearly",
    "Riverside Clinic",
    "Northgate Health Centre",
    "Surgery at the Old Mill",
    "Confidential",
)
_RELATIVES = {True: ("son", "husband", "brother", "father"), False: ("daughter", "wife", "sister", "mother")}
YES = phrase(
    "yes or no", "yes", ("yes",), (), ("yes|smoke|smokes|smoker|smoking|cigarettes|ten a day|a pack|every day",)
)
NO = phrase("yes or no", "no", ("no",), (), ("no|not|never|non-smoker|doesn't|none|don't",))


@dataclass(frozen=True, slots=True)
class _Fact:
    """A fact of a person: how a value is drawn, how far another must be to contradict it, how it is rounded."""

    value: Callable[[Desk, str], Value]
    far: Callable[[Value, Value], bool]
    word: str = ""


def _number(value: Value) -> float:
    assert isinstance(value.key, int | float)
    return float(value.key)


def _apart(by: float, at_most: float = 1e9) -> Callable[[Value, Value], bool]:
    return lambda a, b: by <= abs(_number(a) - _number(b)) <= at_most


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
    return listed(desk.draw.sample(_ALLERGENS, desk.draw.choice((0, 1, 1, 1, 2))))


def _disjoint(a: Value, b: Value) -> bool:
    """Neither lists what the other does; one may list nothing."""
    assert isinstance(a.key, str)
    assert isinstance(b.key, str)
    return a.key != b.key and not set(a.key.split(", ")) & set(b.key.split(", "))


def _phone(desk: Desk, _: str) -> Value:
    area = desk.draw.choice(
        ("0113", "0114", "0115", "0116", "0117", "0118", "0121", "0131", "0141", "0151", "0161", "0191")
    )
    return telephone(f"{area} 496 0{desk.draw.randint(100, 999)}")


def _person(desk: Desk, _: str) -> Value:
    return person(desk.draw.choice(_FEMALE + _MALE), desk.draw.choice(_LAST))


def _names_apart(a: Value, b: Value) -> bool:
    return not set(str(a.key).split()) & set(str(b.key).split())


_FACTS: dict[str, _Fact] = {
    "dob": _Fact(_born, _days_apart),
    "dose": _Fact(lambda desk, drug: dose(desk.draw.choice(_DRUGS[drug])), lambda a, b: a.key != b.key),
    "allergies": _Fact(_allergens, _disjoint),
    "pressure": _Fact(
        lambda desk, _: blood_pressure(desk.draw.randint(104, 172), desk.draw.randint(62, 98)), _pressures_apart
    ),
    "weight": _Fact(lambda desk, _: weight(desk.draw.randint(48, 104)), _apart(6, 30), "kilos"),
    "heat": _Fact(lambda desk, _: temperature(desk.draw.randint(362, 396) / 10), _apart(0.7)),
    "phone": _Fact(_phone, lambda a, b: a.key != b.key),
    "contact": _Fact(_person, _names_apart),
    "visit": _Fact(
        lambda desk, _: time_of_day(desk.draw.randint(8, 17), desk.draw.choice((0, 10, 15, 20, 30, 40, 45, 50))),
        _apart(30),
    ),
    "next_date": _Fact(
        lambda desk, _: calendar_day(date(2024, 2, 1) + timedelta(days=desk.draw.randrange(600)), year_told=False),
        _days_apart_in_a_year,
    ),
    "smoker": _Fact(lambda desk, _: desk.draw.choice((YES, NO)), lambda a, b: a.key != b.key),
}


@dataclass(slots=True)
class _Case:
    """A scenario being made."""

    desk: Desk
    patient: Person
    drug: str
    note: Note
    form: dict[str, str]
    asked: Mapping[str, str]
    spoken: str

    def value(self, fact: str, apart_from: Value | None = None) -> Value:
        while True:
            value = _FACTS[fact].value(self.desk, self.drug)
            if apart_from is None or _FACTS[fact].far(apart_from, value):
                return value

    def print(self, fact: str, value: Value) -> Told:
        """Put a value on the form."""
        words = self.desk.draw.choice(value.printed)
        self.form[fact] = words
        if fact == "smoker":
            words = f"{words} (ticked)"
        return Told("image:1", value, words)

    def tell(self, fact: str, value: Value, against: Value | None = None) -> Told:
        """Put a value into the note, often with something beside it that must not be taken for it.

        Args:
            fact: the fact.
            value: what the note says.
            against: what the form says where that is another value.
        """
        if fact == "smoker" or value.key == "":
            what = "none" if value.key == "" else str(value.key)
            sentence = self.desk.phrases.pick(fact, what, self.note.words)
            self.note.add(sentence)
            return Told(self.spoken, value, sentence)
        options = self._beside(fact, value, against)
        words = self.note.tell(fact, value, **options)  # type: ignore[arg-type]
        if "about" in options:
            value = as_rounded(value, words)
        if not options:
            self._distract(fact, value)
        return Told(self.spoken, value, words)

    def _beside(self, fact: str, value: Value, against: Value | None) -> dict[str, object]:
        """A correction, a rounding (which differs clearly or not at all) or something ruled out; mostly nothing."""
        chance = self.desk.draw.random()
        if chance < 0.15 and not self.note.typed:
            wrong = self.value(fact, value)
            return {"wrong": wrong} if wrong.key else {}
        if (
            chance < 0.5
            and _FACTS[fact].word
            and (against is None or abs(_number(value) / _number(against) - 1) > 0.25)
        ):
            about = approximation(_number(value), _FACTS[fact].word)
            return {"about": typed(about) if self.note.typed else about} if about else {}
        if chance < 0.3 and fact == "allergies":
            return {"negated": listed([self.desk.draw.choice([a for a in _ALLERGENS if a not in str(value.key)])])}
        return {}

    def _distract(self, fact: str, value: Value) -> None:
        for what in ("older", "other"):
            if self.desk.phrases.has(fact, what) and self.desk.chance(0.3):
                another = self.value(fact, value)
                if another.key == "":
                    continue
                relative = self.desk.draw.choice(_RELATIVES[self.patient.female])
                self.note.aside(fact, what, another, more={"relative": relative})
                return

    def distract_only(self, fact: str, value: Value) -> None:
        """Somebody else's value in the note, of something that only the form tells about the patient."""
        if self.desk.phrases.has(fact, "other"):
            another = self.value(fact, value)
            if another.key != "":
                relative = self.desk.draw.choice(_RELATIVES[self.patient.female])
                self.note.aside(fact, "other", another, alone=True, more={"relative": relative})


def make(desk: Desk, number: int) -> Scenario:
    """One scenario of the clinic."""
    case = _case(desk)
    facts = desk.draw.sample(sorted(_FACTS), 8)
    both, form_only, note_only = facts[:2], facts[2:5], facts[5:6]
    questions: list[Question] = []
    names = ("form", "note" if case.note.typed else desk.draw.choice(("recording", "voice note", "note")))
    for fact in both:
        deal = desk.deal()
        told = case.value(fact)
        tellings = [case.print(fact, told)]
        tellings.append(case.tell(fact, told) if deal.agree else case.tell(fact, case.value(fact, told), told))
        questions.append(desk.compared(fact, deal, tellings, case.asked, names))
    printed = {fact: case.print(fact, case.value(fact)) for fact in form_only}
    questions.append(desk.lookup(form_only[0], printed[form_only[0]], case.asked))
    if desk.chance(0.35):
        case.distract_only(form_only[0], printed[form_only[0]].value)
    if desk.chance(0.6):
        questions.append(desk.lookup(note_only[0], case.tell(note_only[0], case.value(note_only[0])), case.asked))
    missing = facts[6] if facts[6] != "dose" and desk.chance(0.4) else ""
    questions.append(desk.absent(case.asked, missing or "absent"))
    table, joined = _medicines(case) if number % 2 else ([], [])
    return _finished(case, number, table, questions + joined)


def _case(desk: Desk) -> _Case:
    draw = desk.draw
    female = desk.chance(0.5)
    patient = Person(desk.pick(_FEMALE if female else _MALE), desk.pick(_LAST), female, desk.chance(0.6))
    drug = draw.choice(sorted(_DRUGS))
    asked = {**patient.asked(), "drug": drug}
    words = {**patient.words(), "name": f"{patient.first} {patient.last}", "drug": drug}
    kind = desk.chance(0.3)
    note = Note(draw, desk.phrases, desk.common, words, typed=kind)
    return _Case(desk, patient, drug, note, {}, asked, "text:1" if kind else "audio:1")


def _medicines(case: _Case) -> tuple[list[list[str]], list[Question]]:
    """A list of medicines on the form; the note says which of them has run out: its dose or its hour is a join."""
    desk = case.desk
    drugs = desk.draw.sample([d for d in sorted(_DRUGS) if d != case.drug], 3)
    doses = [dose(desk.draw.choice(_DRUGS[d])) for d in drugs]
    while len({d.key for d in doses}) < 3:
        doses = [dose(desk.draw.choice(_DRUGS[d])) for d in drugs]
    hours = desk.draw.sample(_DAYTIMES, 3)
    rows = [["Medicine", "Dose", "When"]]
    rows += [
        [d.capitalize(), desk.draw.choice(v.printed[:2]), hour] for d, v, hour in zip(drugs, doses, hours, strict=True)
    ]
    chosen = desk.draw.randrange(3)
    words = case.note.tell("ran_out", medicine(drugs[chosen]))
    which = Rest(case.spoken, words)
    what = desk.draw.choice(("ask", "when"))
    answers = doses[chosen].answers if what == "ask" else (hours[chosen],)
    cell = Rest("image:1", rows[chosen + 1][1 if what == "ask" else 2], answers)
    return rows, [Question(desk.ask("ran_out", case.asked, what), "cross", "supported", answers, (cell, which))]


def _finished(case: _Case, number: int, table: list[list[str]], questions: list[Question]) -> Scenario:
    desk, patient = case.desk, case.patient
    name = f"{patient.first} {patient.last}"
    fields = [
        (_label("dose", desk), f"{case.drug.capitalize()} {words} daily")
        if fact == "dose"
        else (_label(fact, desk), words)
        for fact, words in case.form.items()
        if fact != "smoker"
    ]
    desk.draw.shuffle(fields)
    fields.insert(0, (desk.draw.choice(("Name", "Patient", "Patient name")), name))
    ticks = []
    if "smoker" in case.form:
        options = desk.draw.choice((("yes", "no"), ("no", "yes")))
        ticks.append((_label("smoker", desk).rstrip("?"), options, options.index(case.form["smoker"])))
    form = Form(desk.pick(_TITLES), desk.pick(_SUBTITLES), fields, ticks, table)
    sheet = draw_form(form, LAYOUTS[number % 3], desk.draw)
    data, evidence = sheet.scanned(desk.draw.randrange(1 << 30), desk.draw.uniform(-1.5, 1.5))
    signals = [Signal("image", "form.jpg", data=data, evidence=evidence)]
    intro = "self_intro" if patient.speaks else "intro"
    opening = [desk.phrases.pick(intro, "say", case.note.words)] if not patient.speaks or desk.chance(0.4) else []
    signals.append(case.note.signal("note", opening))
    if desk.chance(0.2) and not case.note.typed:
        signals.append(desk.unrelated())
    desk.draw.shuffle(questions)
    return Scenario(f"clinic-{number + 1:03d}", "clinic", desk.ordered(signals), questions)


def _label(fact: str, desk: Desk) -> str:
    return desk.pick(_LABELS[fact])
