"""Labels of stores and pharmacies, what is said about them, and readings of the room where they hang."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from scenarios.desk import Desk, Told
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.series import Series, compute, curve, lasting, round_limit
from scenarios.signs import LABELS, Sign, draw_label
from scenarios.talk import Note
from scenarios.telling import Fact, another, apart, number, tell, unlike
from scenarios.values import Value, calendar_day, dose, percentage, quantity, temperature, time_of_day
from scenarios.words import identifier, person, phrase

_GOODS = (
    "film reels",
    "vaccines",
    "blood samples",
    "seed potatoes",
    "cheese wheels",
    "tulip bulbs",
    "reagents",
    "ink cartridges",
    "test kits",
    "chocolate bars",
    "insulin pens",
    "orchids",
)
_THINGS = ("box", "crate", "carton", "case", "container", "parcel")
_OTHERS = ("the grey one", "the one below", "the next one", "the old stock", "the one by the door", "the blue one")
_TITLES = (
    "STORE ROOM 4",
    "COLD STORE",
    "ARCHIVE B",
    "GOODS IN",
    "WAREHOUSE 2",
    "CELLAR EAST",
    "DEPOT NORTH",
    "ROOM 12",
)
_PHARMACIES = ("Lion Pharmacy", "Market Street Chemist", "St. Anne Pharmacy", "Harbour Pharmacy")
_DRUGS = ("Ramipril", "Metformin", "Amlodipine", "Bisoprolol", "Atorvastatin", "Ibuprofen")
_LINES = (
    ("Take ONE tablet a day", "Swallow whole with water"),
    ("Take one tablet in the morning", "Do not chew"),
    ("One tablet after breakfast", "Avoid grapefruit juice"),
    ("Take with or after food", "Do not stop without advice"),
)
_NAMES = (
    ("Ruth", "Calder"),
    ("Peter", "Lund"),
    ("Anna", "Winter"),
    ("Oscar", "Marsh"),
    ("Nora", "Foster"),
    ("Henry", "Grant"),
    ("Clara", "Holland"),
    ("Simon", "Turner"),
)


def _goods(desk: Desk) -> Value:
    name = desk.draw.choice(desk.own("goods", _GOODS))
    return phrase("goods", name, (name.capitalize(), name.upper(), name), (name,), (name,))


def _pieces(desk: Desk) -> Value:
    return quantity(
        "count",
        desk.draw.choice((6, 10, 12, 14, 20, 24, 28, 30, 36, 40, 48, 50, 60, 72, 90, 96, 100, 120)),
        [(1, 0, (" pcs", " pieces", " pc"), "pieces", "piece")],
    )


def _expiry(desk: Desk) -> Value:
    return calendar_day(date(2025, 1, 3) + timedelta(days=desk.draw.randrange(1100)))


def _days(a: Value, b: Value) -> bool:
    assert isinstance(a.key, date)
    assert isinstance(b.key, date)
    return abs((a.key - b.key).days) > 5 and (a.key.day, a.key.month) != (b.key.month, b.key.day)


def _degrees(by: float) -> Fact:
    labels = ("Keep below", "Max. storage temp.", "Store below", "Maximum temperature")
    return Fact(
        labels,
        lambda d: temperature(d.draw.choice((4, 5, 6, 8, 12, 15, 16, 18, 20, 22, 24, 25))),
        lambda a, b: abs(number(a) - number(b)) >= by,
    )


_STORE = {
    "content": Fact(("Content", "Contents", "Goods", "Article"), _goods, unlike),
    "keep": _degrees(2),
    "humidity": Fact(
        ("Humidity", "Rel. humidity", "Humidity", "RH"),
        lambda d: percentage(d.draw.choice((30, 35, 40, 45, 50, 55, 60, 65, 70, 80))),
        apart(0.1),
    ),
    "expiry": Fact(("Use by", "Best before", "Expiry date", "EXP"), _expiry, _days),
    "lot": Fact(
        ("Lot", "Batch", "Lot no.", "Batch no."),
        lambda d: identifier(f"{d.draw.choice('ABLMT')}{d.draw.randint(1, 9)}-{d.draw.randint(1000, 9999)}"),
        unlike,
    ),
    "count": Fact(("Quantity", "Qty", "Pieces", "Number of pieces"), _pieces, apart(0.1), "pieces"),
}
_PHARMACY = {
    "owner": Fact(
        ("Patient", "For", "Name", "Patient"),
        lambda d: person(*d.draw.choice(d.own("names", _NAMES))),
        lambda a, b: not set(str(a.key).split()) & set(str(b.key).split()),
    ),
    "strength": Fact(
        ("Strength", "Per tablet", "Each tablet", "Strength"),
        lambda d: dose(d.draw.choice((2500, 5000, 10000, 20000, 40000, 80000, 500000))),
        unlike,
    ),
    "keep": _degrees(2),
    "expiry": _STORE["expiry"],
    "lot": _STORE["lot"],
    "count": Fact(("Quantity", "Tablets", "Pack of", "Pack size"), _pieces, apart(0.1)),
}


def make(desk: Desk, place: int) -> Scenario:
    """One scenario of a label."""
    draw = desk.draw
    layout = LABELS[place % 3]
    known: Mapping[str, Fact] = _PHARMACY if layout == "pharmacy" else _STORE
    words = {
        "thing": "pack" if layout == "pharmacy" else desk.pick(_THINGS, "things"),
        "other": draw.choice(desk.own("others", _OTHERS)),
        "q": "temperature",
    }
    note = Note(draw, desk.phrases, desk.common, words, typed=desk.chance(0.35))
    logged = place % 2 == 0
    facts = [fact for fact in draw.sample(sorted(known), len(known)) if not (logged and fact == "keep")]
    cross = layout != "pharmacy" and not logged
    if cross:  # a list of goods has temperatures of its own
        facts = [fact for fact in facts if fact not in ("keep", "content")]
    sources = ("label", "note" if note.typed else draw.choice(("recording", "voice note", "message")))
    fields: list[tuple[str, str]] = []
    questions: list[Question] = []
    for fact in facts[:3]:
        value = known[fact].value(desk)
        shown = draw.choice(value.printed)
        fields.append((desk.pick(known[fact].labels, f"labels.{fact}"), shown))
        if fact in facts[:2]:
            deal = desk.deal()
            said = value if deal.agree else another(desk, known[fact], value)
            told = tell(desk, note, known, fact, said, None if deal.agree else value)
            questions.append(desk.compared(fact, deal, [Told("image:1", value, shown), told], words, sources))
        else:
            questions.append(desk.lookup(fact, Told("image:1", value, shown), words))
    signals: list[Signal] = []
    if logged:
        series, limit = _room(desk)
        shown = draw.choice(limit.printed[:2])
        fields.append((desk.pick(known["keep"].labels, "labels.keep"), shown))
        questions += _over(desk, series, limit, shown, words, place)
        signals.append(Signal("readings", "room.csv", series=series))
    table, joined = _arrivals(desk, note) if cross else ([], [])
    questions += joined + _said_only(desk, note, words, shelf=not cross)
    signals.append(note.signal("note"))
    questions.append(desk.absent(words, facts[3] if len(facts) > 3 and desk.chance(0.35) else "absent"))
    draw.shuffle(questions)
    draw.shuffle(fields)
    title = desk.pick(_PHARMACIES, "pharmacies") if layout == "pharmacy" else desk.pick(_TITLES, "titles")
    lines = (
        [draw.choice(desk.own("drugs", _DRUGS)) + " tablets", *desk.draw.choice(_LINES)] if layout == "pharmacy" else []
    )
    sheet = draw_label(Sign(title, fields, table, lines), layout, draw)
    data, evidence = sheet.scanned(draw.randrange(1 << 30), draw.uniform(-1.5, 1.5), blur=draw.uniform(0.4, 0.8))
    signals.append(Signal("image", "label.jpg", data=data, evidence=evidence))
    return Scenario(f"label-{place + 1:03d}", "mixed", desk.ordered(signals), questions)


def _said_only(desk: Desk, note: Note, words: Mapping[str, str], *, shelf: bool) -> list[Question]:
    if desk.chance(0.5):
        return []
    fact = desk.draw.choice(("shelf", "signer")) if shelf else "signer"
    if fact == "shelf":
        value = identifier(f"{desk.draw.choice('ABCDEF')}{desk.draw.randint(11, 79)}")
    else:
        value = person(*desk.draw.choice(desk.own("names", _NAMES)))
    return [desk.lookup(fact, Told("text:1" if note.typed else "audio:1", value, note.tell(fact, value)), words)]


def _room(desk: Desk) -> tuple[Series, Value]:
    """Readings of a room that gets too warm once, and the temperature that it passes."""
    draw = desk.draw
    while True:
        start = datetime(2024, draw.randint(1, 12), draw.randint(1, 26), draw.choice((0, 6, 8)))
        low = draw.uniform(2, 16)
        rows, minutes = draw.choice(((96, 10), (64, 15), (90, 15)))
        series = curve(
            draw,
            "room temperature",
            "degC",
            start.replace(hour=0),
            rows=rows,
            minutes=minutes,
            low=low,
            high=low + draw.uniform(7, 11),
        )
        limit = round_limit(draw, series, 1)
        if limit is not None and limit > 2:
            return series, temperature(limit)


def _over(desk: Desk, series: Series, limit: Value, shown: str, words: Mapping[str, str], place: int) -> list[Question]:
    """When and for how long the room was warmer than the label allows, and how warm it got."""
    which = Rest("image:1", shown)
    found = []
    if place % 3 == 2:
        operation = f"minutes over {number(limit)}"
        minutes = compute(series.csv(), operation)
        assert isinstance(minutes, float)
        step = (series.times[1] - series.times[0]).seconds // 60
        entries: tuple[str, ...] = (lasting(int(minutes), step),)
        found.append(
            Question(
                desk.ask("room", words, "long"),
                "compute",
                "supported",
                entries,
                (Rest("readings:1", operation, entries), which),
            )
        )
    else:
        operation = f"first over {number(limit)}"
        first = compute(series.csv(), operation)
        assert isinstance(first, datetime)
        entries = time_of_day(first.hour, first.minute).answers
        found.append(
            Question(
                desk.ask("room", words),
                "compute",
                "supported",
                entries,
                (Rest("readings:1", operation, entries), which),
            )
        )
    what, operation = desk.draw.choice((("top", "max"), ("mean", "mean")))
    value = compute(series.csv(), operation)
    assert isinstance(value, float)
    entries = (f"~{value:.1f}",)
    found.append(
        Question(
            desk.ask("room", words, what), "compute", "supported", entries, (Rest("readings:1", operation, entries),)
        )
    )
    return found


def _arrivals(desk: Desk, note: Note) -> tuple[list[list[str]], list[Question]]:
    """A list of goods on the label; the note says which of them has come."""
    draw = desk.draw
    goods = draw.sample(desk.own("goods", _GOODS), 3)
    degrees = [temperature(c) for c in draw.sample((-18, 2, 4, 6, 8, 10, 12, 15, 18), 3)]
    shelves = draw.sample(range(1, 30), 3)
    table = [["Goods", "Keep at", "Shelf"]]
    table += [
        [good.capitalize(), value.printed[0], f"B{shelf}"]
        for good, value, shelf in zip(goods, degrees, shelves, strict=True)
    ]
    chosen = draw.randrange(3)
    told = note.tell("arrived", phrase("goods", goods[chosen], (), (goods[chosen],), (goods[chosen],)))
    which = Rest("text:1" if note.typed else "audio:1", told)
    what = draw.choice(("ask", "where"))
    answers = degrees[chosen].answers if what == "ask" else (f"B{shelves[chosen]}|B {shelves[chosen]}",)
    cell = Rest("image:1", table[chosen + 1][1 if what == "ask" else 2], answers)
    return table, [Question(desk.ask("arrived", note.words, what), "cross", "supported", answers, (cell, which))]
