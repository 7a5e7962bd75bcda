"""Machines: readings of one quantity, and what the shift writes or says about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scenarios.desk import Desk, Told, approximation, as_rounded, typed
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.numerals import MONTHS
from scenarios.series import Series, compute, curve, lasting, round_limit
from scenarios.talk import Note
from scenarios.values import Value, current, percentage, plain, power, pressure, quantity, temperature, time_of_day
from scenarios.words import identifier, person, phrase


@dataclass(frozen=True, slots=True)
class _Quantity:
    """Something that is measured: name, unit in the header, range, step of a round limit, and its values."""

    name: str
    unit: str
    low: tuple[float, float]
    span: tuple[float, float]
    step: float
    word: str
    value: Callable[[float], Value]


def _fahrenheit(number: float) -> Value:
    return quantity("temperature", number, [(1, 1, (" °F", " F"), "degrees Fahrenheit", "degree Fahrenheit")])


def _speed(number: float) -> Value:
    return quantity("vibration", number, [(1, 1, (" mm/s", "mm/s"), "millimetres per second", "millimetre per second")])


def _flow(number: float) -> Value:
    return quantity("flow", number, [(1, 1, (" l/min", "l/min"), "litres per minute", "litre per minute")])


_QUANTITIES = (
    _Quantity(
        "motor temperature", "degC", (45, 60), (30, 45), 1, "degrees", lambda v: temperature(v, fahrenheit=False)
    ),
    _Quantity("oven temperature", "degC", (150, 190), (50, 70), 5, "degrees", temperature),
    _Quantity("bearing temperature", "degC", (38, 48), (25, 40), 1, "degrees", temperature),
    _Quantity("furnace temperature", "degF", (900, 1100), (200, 300), 10, "degrees", _fahrenheit),
    _Quantity("oil pressure", "bar", (2.5, 4), (3, 4), 0.1, "bar", pressure),
    _Quantity("line pressure", "bar", (5, 6), (3, 5), 0.1, "bar", pressure),
    _Quantity("motor current", "A", (10, 14), (12, 18), 0.5, "amps", current),
    _Quantity("power", "kW", (20, 35), (25, 40), 1, "kilowatts", power),
    _Quantity("vibration", "mm/s", (1, 2), (4, 6), 0.1, "millimetres per second", _speed),
    _Quantity("coolant flow", "l/min", (20, 30), (25, 35), 1, "litres per minute", _flow),
    _Quantity("tank level", "%", (20, 30), (45, 60), 1, "percent", percentage),
)
_MACHINES = (
    "compressor 2",
    "the press",
    "line 3",
    "the extruder",
    "mixer 1",
    "the main pump",
    "the packaging line",
    "lathe 4",
)
_OTHERS = ("the machine next door", "line 7", "the old press", "the backup pump", "mixer 9", "the second compressor")
_EVENTS = (
    "the belt squeaked",
    "the filter was changed",
    "the safety door was opened",
    "the coolant was topped up",
    "the alarm lamp flickered",
    "the conveyor stopped",
    "the fuse was replaced",
    "the roll was changed",
)
_CREW = (
    ("Oscar", "Winter"),
    ("Nora", "Marsh"),
    ("Henry", "Foster"),
    ("Clara", "Turner"),
    ("Simon", "Grant"),
    ("Irene", "Holland"),
)
_YES = "yes|stayed|remained|always|below|under|never|throughout|did not|didn't|at no time|not once|no moment"
_NO = "no|not|isn't|doesn't|don't|didn't|wasn't|above|exceeded|over"


@dataclass(slots=True)
class _Shift:
    """A scenario being made."""

    desk: Desk
    what: _Quantity
    series: Series
    note: Note
    words: dict[str, str]
    days: tuple[datetime, ...]

    @property
    def spoken(self) -> str:
        return "text:1" if self.note.typed else "audio:1"

    def computed(self, operation: str) -> float | datetime:
        found = compute(self.series.csv(), operation)
        assert found is not None
        return found

    def number(self, operation: str) -> float:
        found = self.computed(operation)
        assert isinstance(found, float)
        return found

    def read(self, operation: str) -> Told:
        """What the readings tell: a number or a time of day."""
        found = self.computed(operation)
        if isinstance(found, datetime):
            return Told("readings:1", time_of_day(found.hour, found.minute), operation)
        value = self.what.value(found)
        entry = f"~{found:.{self.series.places}f}" if operation != "mean" else f"~{found:.1f}"
        return Told("readings:1", Value(value.kind, found, value.printed, value.said, value.typed, (entry,)), operation)


def make(desk: Desk, number: int) -> Scenario:
    """One scenario of a machine."""
    shift = _shift(desk, several=number % 4 == 3)
    facts = (
        ["daily", "daily"] if shift.days[1:] else desk.draw.sample(("peak", "when", "low", "spot", "stayed", "peak"), 2)
    )
    if facts == ["peak", "peak"] or ("stayed" in facts and "peak" in facts):
        facts = ["peak", "when"]
    questions = [_over_two(shift, fact, place) for place, fact in enumerate(facts)]
    questions += _computed(shift, number, facts)
    if number % 2:
        questions.append(_event(shift))
    if desk.chance(0.5):
        fact = desk.draw.choice(("who", "order"))
        value = (
            person(*desk.draw.choice(desk.own("crew", _CREW)))
            if fact == "who"
            else identifier(f"WO-{desk.draw.randint(10000, 99999)}")
        )
        questions.append(desk.lookup(fact, Told(shift.spoken, value, shift.note.tell(fact, value)), shift.words))
    if desk.chance(0.5):
        questions.append(desk.absent(shift.words))
    desk.draw.shuffle(questions)
    readings = Signal("readings", "readings.csv", series=shift.series)
    opening = [f"{desk.phrases.pick('log_opening', 'say', shift.words)}:"] if shift.note.typed else []
    note = shift.note.signal("shift_log" if shift.note.typed else "note", opening)
    note.joint = desk.draw.choice((" ", "\n"))
    signals = [readings, note, *([desk.unrelated()] if not shift.note.typed and desk.chance(0.2) else [])]
    return Scenario(f"machine-{number + 1:03d}", "machines", desk.ordered(signals), questions)


def _shift(desk: Desk, *, several: bool) -> _Shift:
    draw = desk.draw
    what = draw.choice(_QUANTITIES)
    names = desk.own("quantities", [quantity.name for quantity in _QUANTITIES])
    what = replace(what, name=names[_QUANTITIES.index(what)])
    start = datetime(2024, draw.randint(1, 12), draw.randint(1, 25), draw.choice((0, 5, 6, 13)))
    rows, minutes = (144, 30) if several else draw.choice(((97, 5), (49, 10), (145, 10), (64, 15)))
    if several or rows * minutes > 1000:
        start = start.replace(hour=0)
    low = draw.uniform(*what.low)
    series = curve(
        draw, what.name, what.unit, start, rows=rows, minutes=minutes, low=low, high=low + draw.uniform(*what.span)
    )
    words = {
        "q": what.name,
        "machine": desk.pick(_MACHINES, "machines"),
        "other": draw.choice(desk.own("others", _OTHERS)),
    }
    note = Note(draw, desk.phrases, desk.common, words, typed=desk.chance(0.45))
    days = tuple(start + timedelta(days=n) for n in range(3 if several else 1))
    return _Shift(desk, what, series, note, words, days)


def _over_two(shift: _Shift, fact: str, place: int) -> Question:
    """What readings and note both tell."""
    deal = shift.desk.deal()
    names = ("readings", "log" if shift.note.typed else "recording")
    if fact == "stayed":
        return _stayed(shift, deal.agree)
    operation, words = {"peak": "max", "low": "min", "when": "when max"}.get(fact, ""), dict(shift.words)
    if fact == "spot":
        time = shift.series.times[shift.desk.draw.randrange(4, len(shift.series.times) - 4)]
        operation, words["clock"] = f"at {time.isoformat()}", f"{time:%H:%M}"
    if fact == "daily":
        day = shift.days[2 * place]
        operation, words["day"] = (
            f"max on {day.date().isoformat()}",
            f"the {_ordinal(day.day)} of {MONTHS[day.month - 1]}",
        )
    read = shift.read(operation)
    return shift.desk.compared(fact, deal, [read, _told(shift, fact, read, words, agree=deal.agree)], words, names)


def _ordinal(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _told(shift: _Shift, fact: str, read: Told, words: Mapping[str, str], *, agree: bool) -> Told:
    """What the note says of it: the same, the same rounded, or something else."""
    desk, note = shift.desk, shift.note
    more = {key: words[key] for key in ("clock", "day") if key in words}
    if "clock" in more and not note.typed:
        hour, minute = (int(part) for part in more["clock"].split(":"))
        more["clock"] = desk.draw.choice(time_of_day(hour, minute).said)
    if fact == "when":
        assert isinstance(read.value.key, int)
        value = read.value if agree else _another_time(shift, read.value.key)
        wrong = _another_time(shift, read.value.key) if desk.chance(0.2) and not note.typed else None
        if wrong is not None and wrong.key == value.key:
            wrong = None
        words_told = note.tell(fact, value, wrong=wrong)
        if wrong is None and desk.chance(0.25):
            note.aside(fact, "other", _another_time(shift, read.value.key))
        return Told(shift.spoken, value, words_told)
    assert isinstance(read.value.key, float)
    return _told_number(shift, fact, read.value.key, more, agree=agree)


def _told_number(shift: _Shift, fact: str, true: float, more: Mapping[str, str], *, agree: bool) -> Told:
    desk, note, what = shift.desk, shift.note, shift.what
    value = what.value(true) if agree else what.value(_another(shift, true))
    if agree and desk.chance(0.25):
        about = approximation(true, what.word, 0.02)
        if about:
            return Told(
                shift.spoken,
                as_rounded(value, about),
                note.tell(fact, value, about=typed(about) if note.typed else about, more=more),
            )
    wrong = what.value(_another(shift, true, value)) if desk.chance(0.15) and not note.typed else None
    negated = what.value(_another(shift, true, value)) if wrong is None and desk.chance(0.12) else None
    words = note.tell(fact, value, wrong=wrong, negated=negated, more=more)
    for kind in ("older", "other"):
        if wrong is None and negated is None and desk.phrases.has(fact, kind) and desk.chance(0.3):
            note.aside(fact, kind, what.value(_another(shift, true)), more=more)
            break
    return Told(shift.spoken, value, words)


def _another(shift: _Shift, true: float, apart_from: Value | None = None) -> float:
    """Another number that somebody could have read, well away from the true one, and from one more value."""
    draw, span = shift.desk.draw, max(shift.series.values) - min(shift.series.values)
    while True:
        found = round(true + draw.choice((-1, 1)) * draw.uniform(0.1, 0.6) * span, draw.choice((0, 1)))
        near = apart_from is not None and abs(found - _key(apart_from)) < 0.04 * span
        if abs(found - true) > max(0.03 * abs(true), 0.08 * span) and found > 0 and not near:
            return found


def _key(value: Value) -> float:
    assert isinstance(value.key, int | float)
    return float(value.key)


def _another_time(shift: _Shift, true: int) -> Value:
    while True:
        time = shift.desk.draw.choice(shift.series.times)
        if abs(time.hour * 60 + time.minute - true) >= 45:
            return time_of_day(time.hour, time.minute)


def _stayed(shift: _Shift, agree: bool) -> Question:
    """The note says that a level was never passed; readings show whether that is so."""
    desk, top = shift.desk, shift.number("max")
    span = top - min(shift.series.values)
    step = shift.what.step
    level = top + span * desk.draw.uniform(0.06, 0.2) if agree else top - span * desk.draw.uniform(0.1, 0.3)
    level = round((level // step + (1 if agree else 0)) * step, 1)
    value = shift.what.value(level)
    shift.note.tell("stayed", value)
    sentence = shift.note.groups[-1][0]
    limit = desk.draw.choice(value.typed)
    ask = desk.ask("stayed", {**shift.words, "limit": limit})
    shown = f"~{top:.1f}"
    entry = f"{shown}|{_YES if agree else _NO}"
    told = entry if agree else value.answers[0]
    rests = (Rest("readings:1", "max", (entry,)), Rest(shift.spoken, sentence, (told,)))
    return Question(ask, "spontaneous", "supported" if agree else "conflict", (entry,), rests)


def _computed(shift: _Shift, number: int, facts: list[str]) -> list[Question]:
    """Numbers computed over the rows, and over a limit that the note tells."""
    desk, words = shift.desk, shift.words
    if shift.days[1:]:
        day = shift.days[1]
        words_of_day = {**words, "day": f"the {_ordinal(day.day)} of {MONTHS[day.month - 1]}"}
        return [_plain(shift, "daily", f"max on {day.date().isoformat()}", words_of_day)]
    if "stayed" not in facts and (limit := round_limit(desk.draw, shift.series, shift.what.step)) is not None:
        return _over_limit(shift, limit, number)
    free = [fact for fact in ("peak", "low", "when", "mean") if fact not in facts and "stayed" not in facts] or ["mean"]
    fact = desk.draw.choice(free)
    return [_plain(shift, fact, {"peak": "max", "low": "min", "when": "when max", "mean": "mean"}[fact], words)]


def _plain(shift: _Shift, fact: str, operation: str, words: Mapping[str, str]) -> Question:
    read = shift.read(operation)
    return Question(shift.desk.ask(fact, words), "compute", "supported", read.value.answers, (read.rest(),))


def _over_limit(shift: _Shift, limit: float, number: int) -> list[Question]:
    """When the limit was first passed, and for how long; the note tells the limit."""
    desk, note, value = shift.desk, shift.note, shift.what.value(limit)
    wrong = shift.what.value(_another(shift, limit)) if desk.chance(0.2) and not note.typed else None
    told = Told(shift.spoken, value, note.tell("limit", value, wrong=wrong))
    if wrong is None and desk.chance(0.4):
        note.aside("limit", desk.draw.choice(("older", "other")), shift.what.value(_another(shift, limit)))
    which = Rest(told.signal, told.words)
    if number % 3 == 2:
        minutes = shift.number(f"minutes over {plain(limit)}")
        step = (shift.series.times[1] - shift.series.times[0]).seconds // 60
        entries = (lasting(int(minutes), step),)
        rest = Rest("readings:1", f"minutes over {plain(limit)}", entries)
        found = [Question(desk.ask("limit", shift.words, "long"), "compute", "supported", entries, (rest, which))]
    else:
        read = shift.read(f"first over {plain(limit)}")
        found = [
            Question(
                desk.ask("limit", shift.words, "first"),
                "compute",
                "supported",
                read.value.answers,
                (read.rest(), which),
            )
        ]
    if desk.chance(0.3):
        found.append(desk.lookup("limit", told, shift.words))
    return found


def _event(shift: _Shift) -> Question:
    """The note says when something happened, the readings what they were then."""
    desk = shift.desk
    row = desk.draw.randrange(6, len(shift.series.times) - 6)
    while shift.days[1:] and shift.series.times[row].date() != shift.days[0].date():
        row = desk.draw.randrange(6, len(shift.series.times) - 6)
    time, event = shift.series.times[row], desk.pick(_EVENTS, "events")
    value = time_of_day(time.hour, time.minute)
    if shift.days[1:]:
        when = f" on the {_ordinal(time.day)}"
        value = phrase("time", value.answers[0], (), tuple(f"{text}{when}" for text in value.typed), ())
    words = shift.note.tell("event", value, more={"event": event})
    read = shift.read(f"at {time.isoformat()}")
    ask = desk.ask("event", {**shift.words, "event": event})
    return Question(ask, "cross", "supported", read.value.answers, (read.rest(), Rest(shift.spoken, words)))
