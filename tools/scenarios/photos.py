"""Photographs, and what somebody says is on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from scenarios.desk import Deal, Desk, Told
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.numerals import large
from scenarios.objects import KINDS, Photo, names, plural
from scenarios.talk import Note
from scenarios.values import Value, calendar_day, mark
from scenarios.words import person, phrase

_PLACES = ("Lisbon", "Hamburg", "Dublin", "Seattle", "Toronto", "Vienna", "Bristol", "Denver", "Oslo", "Boston")
_PEOPLE = (
    ("Ruth", "Calder"),
    ("Omar", "Haddad"),
    ("Nora", "Marsh"),
    ("Peter", "Lund"),
    ("Grace", "Tanaka"),
    ("Simon", "Grant"),
)


def make(desk: Desk, number: int, photo: Photo, *, count: bool) -> Scenario:
    """One scenario of a photograph: what it shows, or how many, is told twice."""
    draw = desk.draw
    kinds, countable = photo.kinds(), photo.countable()
    count = bool(countable) and (count or not kinds)
    note = Note(draw, desk.phrases, desk.common, {}, typed=desk.chance(0.35))
    sources = (
        {"dev": "picture", "test": "photo"}.get(desk.split, "image"),
        "caption" if note.typed else draw.choice(("recording", "voice note")),
    )
    deal = desk.deal()
    if count:
        label = draw.choice(countable)
        questions = [_counted(desk, note, photo, label, deal, sources)]
    else:
        kind = draw.choice(sorted(kinds))
        label = kinds[kind]
        questions = [_sorted(desk, note, photo, kind, deal, sources)]
    others = [kind for kind in sorted(kinds) if kinds[kind] != label]
    if others:
        questions.append(_other_kind(desk, note, kinds, draw.choice(others)))
    questions += _said_only(desk, note)
    if desk.chance(0.6):
        questions.append(desk.absent({}))
    draw.shuffle(questions)
    signals = [
        Signal("image", "photo.jpg", data=photo.data, evidence=photo.evidence()),
        note.signal("caption" if note.typed else "note"),
    ]
    return Scenario(f"photo-{number + 1:03d}", "photos", desk.ordered(signals), questions)


def _article(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _sort_value(label: str) -> Value:
    """A kind of thing with what people call it."""
    called = names(label)
    bare = "some broccoli" if label == "broccoli" else ""
    said = tuple(bare or _article(name) for name in called)
    answers = "|".join(dict.fromkeys(name.lower() for name in (label, *called)))
    return phrase("kind of thing", label, (label, label.capitalize(), *called), said, (answers,))


def _count_value(label: str, count: int) -> Value:
    """A number of things."""
    called = names(label)
    things = [name if count == 1 else plural(name) for name in called]
    said = [mark(f"{large(count)} {name}", f"{large(count)} {name}") for name in things]
    if count == 2:
        said += [mark(f"a couple of {name}", f"a couple of {name}") for name in things[:1]]
    if count == 1:
        said += [mark(f"a single {name}", f"a single {name}") for name in things[:1]]
    typed = [f"{count} {name}" for name in things] + [f"{large(count)} {name}" for name in things]
    extra = {1: "|single", 2: "|couple|pair"}.get(count, "")
    return Value(
        "count", count, (str(count), large(count)), tuple(said), tuple(typed), (f"{count}|{large(count)}{extra}",)
    )


def _told(desk: Desk, note: Note, fact: str, value: Value, wrong: Value, **more: str) -> Told:
    """Put it into the note, now and then corrected or beside another picture's."""
    signal = "text:1" if note.typed else "audio:1"
    corrected = wrong if not note.typed and desk.chance(0.2) else None
    words = note.tell(fact, value, wrong=corrected, more=more)
    if corrected is None and desk.chance(0.3):
        note.aside(fact, "other", wrong, more=more)
    return Told(signal, value, words)


def _sorted(desk: Desk, note: Note, photo: Photo, kind: str, deal: Deal, sources: Sequence[str]) -> Question:
    draw = desk.draw
    label = photo.kinds()[kind]
    free = [name for name in sorted(KINDS[kind]) if name not in photo.counts()]
    said, third = draw.sample(free, 2)
    value = _sort_value(label)
    words = {"kind": kind, "plural": "", "person": ""}
    told = _told(desk, note, "sort", value if deal.agree else _sort_value(said), _sort_value(third), kind=kind)
    return desk.compared("sort", deal, [_seen(photo, label, value), told], words, sources)


def _seen(photo: Photo, label: str, value: Value) -> Told:
    """What the picture tells: the words of the scene."""
    return Told("image:1", value, photo.evidence()[0].text)


def _counted(desk: Desk, note: Note, photo: Photo, label: str, deal: Deal, sources: Sequence[str]) -> Question:
    draw = desk.draw
    true = photo.counts()[label]
    said, third = draw.sample([n for n in range(1, 7) if n != true], 2)
    value = _count_value(label, true)
    words = {"kind": "", "plural": plural(draw.choice(names(label))), "person": ""}
    told = _told(
        desk,
        note,
        "number",
        value if deal.agree else _count_value(label, said),
        _count_value(label, third),
        be="is" if (true if deal.agree else said) == 1 else "are",
    )
    return desk.compared("number", deal, [_seen(photo, label, value), told], words, sources)


def _other_kind(desk: Desk, note: Note, kinds: Mapping[str, str], kind: str) -> Question:
    """Something that only the picture shows; the note may say whose it is."""
    value = _sort_value(kinds[kind])
    seen = Rest("image:1", kinds[kind] if kinds[kind] != "tv" else "television", value.answers)
    if desk.chance(0.4):
        return Question(desk.ask("sort", {"kind": kind}), "lookup", "supported", value.answers, (seen,))
    owner = person(*desk.draw.choice(desk.own("people", _PEOPLE)))
    told = note.tell("owner", owner, more={"kind": kind})
    ask = desk.ask("owner", {"kind": kind, "person": str(owner.key)})
    return Question(ask, "cross", "supported", value.answers, (seen, Rest("text:1" if note.typed else "audio:1", told)))


def _said_only(desk: Desk, note: Note) -> list[Question]:
    signal = "text:1" if note.typed else "audio:1"
    if desk.chance(0.5):
        place = desk.pick(_PLACES, "places")
        value = phrase("place", place, (), (place,), (place,))
        return [desk.lookup("place", Told(signal, value, note.tell("place", value)), {})]
    day = calendar_day(date(2022, 3, 1) + timedelta(days=desk.draw.randrange(1000)))
    return [desk.lookup("day", Told(signal, day, note.tell("day", day)), {})]
