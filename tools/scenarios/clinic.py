"""Clinic: an intake form, and what the patient or the staff say about the same things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.desk import Desk, Told, approximation, as_rounded, typed
from scenarios.forms import LAYOUTS, Form, draw_form
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.patients import ALLERGENS, DRUGS, FACTS, FEMALE, LABELS, LAST, MALE, number
from scenarios.phrases import Person
from scenarios.talk import Note
from scenarios.values import Value, dose
from scenarios.words import listed, medicine

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
            value = FACTS[fact].value(self.desk, self.drug)
            if apart_from is None or FACTS[fact].far(apart_from, value):
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
        if chance < 0.5 and FACTS[fact].word and (against is None or abs(number(value) / number(against) - 1) > 0.25):
            about = approximation(number(value), FACTS[fact].word)
            return {"about": typed(about) if self.note.typed else about} if about else {}
        if chance < 0.3 and fact == "allergies":
            return {
                "negated": listed(
                    [
                        self.desk.draw.choice(
                            [a for a in self.desk.own("allergens", ALLERGENS) if a not in str(value.key)]
                        )
                    ]
                )
            }
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
    facts = desk.draw.sample(sorted(FACTS), 8)
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
    patient = Person(
        desk.pick(FEMALE, "female") if female else desk.pick(MALE, "male"),
        desk.pick(LAST, "last"),
        female,
        desk.chance(0.6),
    )
    drug = draw.choice(sorted(desk.own("drugs", DRUGS)))
    asked = {**patient.asked(), "drug": drug}
    words = {**patient.words(), "name": f"{patient.first} {patient.last}", "drug": drug}
    kind = desk.chance(0.3)
    note = Note(draw, desk.phrases, desk.common, words, typed=kind)
    return _Case(desk, patient, drug, note, {}, asked, "text:1" if kind else "audio:1")


def _medicines(case: _Case) -> tuple[list[list[str]], list[Question]]:
    """A list of medicines on the form; the note says which of them has run out: its dose or its hour is a join."""
    desk = case.desk
    known = desk.own("drugs", DRUGS)
    drugs = desk.draw.sample([d for d in sorted(known) if d != case.drug], 3)
    doses = [dose(desk.draw.choice(known[d])) for d in drugs]
    while len({d.key for d in doses}) < 3:
        doses = [dose(desk.draw.choice(known[d])) for d in drugs]
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
    form = Form(desk.pick(_TITLES, "titles"), desk.pick(_SUBTITLES, "subtitles"), fields, ticks, table)
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
    return desk.pick(LABELS[fact], f"labels.{fact}")
