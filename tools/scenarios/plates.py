"""Rating plates: what is engraved on a machine, and what a fitter says about it."""

from __future__ import annotations

import random
from datetime import date, timedelta

from scenarios.desk import Desk, Told
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.signs import PLATES, Sign, draw_plate
from scenarios.talk import Note
from scenarios.telling import Fact, another, apart, tell, unlike
from scenarios.values import Value, calendar_day, current, frequency, power, pressure, speed, voltage, weight
from scenarios.words import identifier


def _serial(desk: Desk) -> Value:
    draw = desk.draw
    letters = "".join(draw.choice("BCDFHKMRTX") for _ in range(2))
    return identifier(f"{letters}-{draw.randint(1000, 9999)}-{draw.randint(10, 99)}")


def _day(draw: random.Random) -> Value:
    return calendar_day(date(2012, 1, 5) + timedelta(days=draw.randrange(4000)))


_FACTS = {
    "voltage": Fact(
        ("Voltage", "Rated voltage", "U", "Supply"),
        lambda d: voltage(d.draw.choice((110, 220, 230, 240, 380, 400, 415, 460, 480, 690))),
        apart(0.1),
    ),
    "current": Fact(
        ("Current", "Rated current", "I", "Full load current"),
        lambda d: current(d.draw.choice((12, 21, 4.2, 8.5, 14, 15.5, 16, 18, 32, 41, 63, 36, 26))),
        apart(0.15),
        "amps",
    ),
    "power": Fact(
        ("Power", "Rated power", "P", "Output"),
        lambda d: power(d.draw.choice((0.75, 1.5, 2.2, 3, 4, 5.5, 7.5, 11, 15, 18.5, 22, 30, 45))),
        apart(0.2),
    ),
    "speed": Fact(
        ("Speed", "Rated speed", "n", "Revolutions"),
        lambda d: speed(d.draw.choice((720, 960, 980, 1440, 1450, 1480, 2850, 2900, 2940))),
        apart(0.2),
    ),
    "frequency": Fact(
        ("Frequency", "Freq.", "f", "Mains frequency"), lambda d: frequency(d.draw.choice((50, 60))), unlike
    ),
    "serial": Fact(("Serial No.", "Serial number", "S/N", "Ser. No."), _serial, unlike),
    "pressure": Fact(
        ("Max. pressure", "Pressure max.", "Max. working pressure", "Design pressure"),
        lambda d: pressure(d.draw.choice((6, 7.5, 8, 10, 12.5, 16, 25, 3.5))),
        apart(0.15),
        "bar",
    ),
    "mass": Fact(
        ("Weight", "Mass", "Net weight", "Total weight"),
        lambda d: weight(d.draw.randint(38, 390)),
        apart(0.12),
        "kilos",
    ),
}
_THINGS = ("motor", "pump", "compressor", "fan", "gear motor", "blower")
_MAKERS = (
    "BRANDT MOTOREN",
    "NORDIC DRIVES",
    "KELLER & SONS",
    "ALPINE PUMPS",
    "TORVA",
    "WESTFIELD ELECTRIC",
    "HELIX DRIVES",
    "OSTERMANN",
)
_OTHERS = (
    "the one on the roof",
    "the spare in the store",
    "the neighbour to the left",
    "the one in hall two",
    "number seven",
    "the big one outside",
)
_MODELS = ("BM 90L", "VX 22", "DR 132", "K 40-2", "PN 80", "HT 6", "GX 112M", "AT 3")
_POINTS = ((115, 17.2, 2820), (230, 8.6, 2850), (400, 5.0, 2880), (480, 4.1, 3450))


def make(desk: Desk, number: int) -> Scenario:
    """One scenario of a rating plate."""
    draw = desk.draw
    thing = desk.pick(_THINGS, "things")
    words = {"thing": thing, "other": draw.choice(desk.own("others", _OTHERS))}
    note = Note(draw, desk.phrases, desk.common, words, typed=desk.chance(0.3))
    joined = number % 3 == 1
    names = [name for name in _FACTS if not joined or name not in ("voltage", "current", "speed")]
    names = [name for name in names if name != "pressure" or thing in ("pump", "compressor")]
    facts = draw.sample(names, min(5, len(names)))
    sources = ("plate", "note" if note.typed else draw.choice(("recording", "voice note", "message")))
    fields, questions = [("Type", draw.choice(desk.own("models", _MODELS)))], []
    values = {fact: _FACTS[fact].value(desk) for fact in facts[:4]}
    for fact, value in values.items():
        shown = draw.choice(value.printed[:2] if fact in ("voltage", "serial") else value.printed)
        fields.append((desk.pick(_FACTS[fact].labels, f"labels.{fact}"), shown))
        if fact in facts[:2]:
            deal = desk.deal()
            said = value if deal.agree else another(desk, _FACTS[fact], value)
            told = tell(desk, note, _FACTS, fact, said, None if deal.agree else value)
            questions.append(desk.compared(fact, deal, [Told("image:1", value, shown), told], words, sources))
        elif fact == facts[2]:
            questions.append(desk.lookup(fact, Told("image:1", value, shown), words))
            if desk.phrases.has(fact, "other") and desk.chance(0.4):
                note.aside(fact, "other", another(desk, _FACTS[fact], value), alone=True)
    table, cross = _points(desk, note) if joined else ([], [])
    questions += cross
    if desk.chance(0.5):
        day = _day(draw)
        told = Told("text:1" if note.typed else "audio:1", day, note.tell("installed", day))
        questions.append(desk.lookup("installed", told, words))
    questions.append(desk.absent(words, facts[4] if desk.chance(0.35) and not joined else "absent"))
    draw.shuffle(questions)
    draw.shuffle(fields)
    sheet = draw_plate(
        Sign(desk.pick(_MAKERS, "makers"), fields, table), PLATES[number % 3 if not joined else draw.randrange(3)], draw
    )
    data, evidence = sheet.scanned(draw.randrange(1 << 30), draw.uniform(-1.5, 1.5), blur=draw.uniform(0.4, 0.9))
    signals = [Signal("image", "plate.jpg", data=data, evidence=evidence), note.signal("note")]
    if desk.chance(0.15) and not note.typed:
        signals.append(desk.unrelated())
    return Scenario(f"plate-{number + 1:03d}", "machines", desk.ordered(signals), questions)


def _points(desk: Desk, note: Note) -> tuple[list[list[str]], list[Question]]:
    """Ways to connect it, as a table; the note says which one is in use."""
    draw = desk.draw
    rows = sorted(draw.sample(_POINTS, 3))
    table = [["Voltage", "Current", "Speed"]]
    table += [[f"{volts} V", f"{amperes} A", f"{rpm} rpm"] for volts, amperes, rpm in rows]
    volts, amperes, rpm = chosen = draw.choice(rows)
    what = draw.choice(("ask", "spin"))
    value = current(amperes) if what == "ask" else speed(rpm)
    cell = table[rows.index(chosen) + 1][1 if what == "ask" else 2]
    spare = voltage(draw.choice([row[0] for row in rows if row is not chosen]))
    used = voltage(volts)
    told = note.tell("connected", used, wrong=spare if not note.typed and desk.chance(0.25) else None)
    which = Rest("text:1" if note.typed else "audio:1", told)
    ask = desk.ask("connected", note.words, what)
    return table, [Question(ask, "cross", "supported", value.answers, (Rest("image:1", cell, value.answers), which))]
