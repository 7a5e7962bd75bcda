"""Words that say when: days, times of day, parts of the day and lengths of time, as they stand in a text.

What they are on the clock of some readings is told by `moments.period`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from edge_assistant.core import limits
from edge_assistant.reasoning.readings.clockwords import times
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary, word_pattern
from edge_assistant.reasoning.values.days import days, ordinal
from edge_assistant.reasoning.values.numerals import number_words, spoken_numbers
from edge_assistant.reasoning.values.spans import alternatives
from edge_assistant.reasoning.values.values import Day

_SHORT = 3  # letters of a weekday's name that has to be capitalised
_PLACES = {"last": -1, "final": -1}


class Relation(StrEnum):
    """How a text relates what it tells to a time."""

    AT = "at"
    AFTER = "after"
    SINCE = "since"
    BEFORE = "before"
    UNTIL = "until"
    BETWEEN = "between"
    FIRST = "first"
    LAST = "last"
    ELAPSED = "elapsed"


@dataclass(frozen=True, slots=True)
class DayName:
    """What a text calls a day.

    Attributes:
        dates: its readings (year or None, month or None, day of the month).
        weekday: from 0 for Monday, or None.
        place: "the second day" of the readings is 2, the last -1; else None.
    """

    dates: tuple[tuple[int | None, int | None, int], ...] = ()
    weekday: int | None = None
    place: int | None = None

    def fits(self, day: date) -> bool:
        """Whether a date can be called so."""
        if self.weekday is not None:
            return day.weekday() == self.weekday
        return any(
            year in (None, day.year) and month in (None, day.month) and n == day.day for year, month, n in self.dates
        )


@dataclass(frozen=True, slots=True)
class Anchor:
    """A day, a time of day or both, or a part of a day.

    Attributes:
        day: which, where it is told.
        minutes: after midnight, every way to read the time of day; the likeliest first. None for a whole day.
        part: from and to, in minutes after midnight; the end may lie on the next day.
        start, end: its characters [start, end) in the text.
        bare: the time of day is a lone number, which may be something else.
    """

    day: DayName | None
    minutes: tuple[int, ...] | None
    part: tuple[int, int] | None
    start: int
    end: int
    bare: bool = False

    @property
    def is_day(self) -> bool:
        """Whether it is a whole day."""
        return self.day is not None and self.minutes is None and self.part is None


@dataclass(frozen=True, slots=True)
class When:
    """A period or moment as it stands in the characters [start, end) of a text.

    Attributes:
        relation: how the text relates to the anchor.
        first: the anchor; None where only a length is told.
        second: where the period ends.
        length: seconds, where a length of time is told: the first two hours, twenty minutes before noon.
        start, end: its characters [start, end) in the text.
    """

    relation: Relation
    first: Anchor | None
    second: Anchor | None
    length: float | None
    start: int
    end: int

    @property
    def bare(self) -> bool:
        """Whether it is a lone number, which may be something else."""
        return self.first is not None and self.first.bare


def whens(text: str) -> list[When]:
    """Every period and moment that a text names, in its order."""
    text = text[: limits.SEARCHED_CHARACTERS.value]
    anchors = _join(text, sorted(_anchors(text), key=lambda anchor: anchor.start))
    lengths = list(_lengths(text, anchors))
    used = [when.first for when in lengths]
    covered = [a for a in anchors if any(when.start <= a.start < when.end for when in lengths)]
    found = [*lengths, *_relate(text, [a for a in anchors if a not in used and a not in covered])]
    return sorted(found, key=lambda when: when.start)


def _anchors(text: str) -> Iterator[Anchor]:
    clocks = list(times(text))
    taken = [(clock.start, clock.end) for clock in clocks]
    for clock in clocks:
        yield Anchor(None, clock.minutes, None, clock.start, clock.end, clock.bare)
    for day in _days(text):
        if not any(a < day.end and day.start < b for a, b in taken):
            taken.append((day.start, day.end))
            yield day
    for match in _part_pattern().finditer(text):
        if not any(a < match.end() and match.start() < b for a, b in taken):
            a, b = vocabulary().measuring["periods"][" ".join(match["part"].lower().split())]
            yield Anchor(None, None, (_minutes(a), _minutes(b)), match.start(), match.end())


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _days(text: str) -> Iterator[Anchor]:
    """Dates, ordinals, weekdays and places among the days of the readings."""
    longest: list[Anchor] = []
    for found in sorted(days(text), key=lambda found: found.start - found.end):
        if isinstance(found.value, Day) and not any(a.start < found.end and found.start < a.end for a in longest):
            longest.append(Anchor(DayName(found.value.readings), None, None, found.start, found.end))
    yield from longest
    for match in _day_pattern().finditer(text):
        if any(a.start < match.end() and match.start() < a.end for a in longest):
            continue
        start = match.start("day")
        if match["weekday"]:
            weekdays = enumerate(vocabulary().measuring["weekdays"].values())
            weekday = next(i for i, names in weekdays if match["weekday"].lower() in names)
            yield Anchor(DayName(weekday=weekday), None, None, start, match.end())
        elif match["place"] or match["number"]:
            yield Anchor(DayName(place=_place(match["place"] or match["number"])), None, None, start, match.end())
        else:
            number = ordinal(match["ordinal"] or match["the_ordinal"])
            yield Anchor(DayName(((None, None, number),)), None, None, start, match.end())


def _place(word: str) -> int:
    word, known = word.lower(), vocabulary()
    if word.isdigit():
        return int(word)
    return _PLACES.get(word) or known.ordinals.get(word) or known.numbers[word]


def _join(text: str, anchors: list[Anchor]) -> list[Anchor]:
    """Days joined with the times of day that stand beside them: "at ten on the ninth", "Monday morning"."""
    joined: list[Anchor] = []
    for anchor in anchors:
        before = joined[-1] if joined else None
        if before and _completes(before, anchor) and _BESIDE.fullmatch(text, before.end, anchor.start):
            day, minutes, part = before.day or anchor.day, before.minutes or anchor.minutes, before.part or anchor.part
            joined[-1] = Anchor(day, minutes, part, before.start, anchor.end, before.bare or anchor.bare)
        else:
            joined.append(anchor)
    return joined


def _completes(a: Anchor, b: Anchor) -> bool:
    """Whether one is a day and the other a time of it."""
    return a.is_day != b.is_day and (a.day is None or b.day is None)


_BESIDE = re.compile(r"[\s,T]*(?:(?:at|on|of|in|about|around)\s+)?(?:the\s+)?")
_TO = re.compile(
    r"\s*(?:,?\s*(?:and|to|till|until|up to|through)\s+(?:about |around |roughly )?(?:the |on )?|[-–—]\s*)", re.I
)
_BEFORE = re.compile(
    r"(?P<word>after|since|before|until|till|up to|by|from|between|past|following|prior to|as of"
    r"|at|around|about|on|in|during|for)?"
    r"(?:\s+(?:about|around|roughly|approximately|just|exactly|shortly))*(?:\s+(?:the|on))*\s*$",
    re.I,
)
_RELATIONS = {
    **dict.fromkeys(("after", "past", "following"), Relation.AFTER),
    **dict.fromkeys(("since", "as of", "from"), Relation.SINCE),
    **dict.fromkeys(("before", "prior to"), Relation.BEFORE),
    **dict.fromkeys(("until", "till", "up to", "by"), Relation.UNTIL),
}


def _relate(text: str, anchors: list[Anchor]) -> Iterator[When]:
    """Each anchor, or two of them as the ends of a period, with the preposition before it."""
    at = 0
    while at < len(anchors):
        first = anchors[at]
        word, start = _preposition(text, first.start)
        after = anchors[at + 1] if at + 1 < len(anchors) else None
        if after and _is_range(text, first, after, word):
            yield When(Relation.BETWEEN, *_same_half(first, after), None, start, after.end)
            at += 2
            continue
        yield When(_RELATIONS.get(word, Relation.AT), first, None, None, start, first.end)
        at += 1


def _is_range(text: str, first: Anchor, after: Anchor, word: str) -> bool:
    """Whether "X and Y" is a period: two days, or two times of day."""
    between = text[first.end : after.start]
    if not _TO.fullmatch(between) or first.part or after.part or (first.minutes is None) != (after.minutes is None):
        return False
    return word in ("between", "from") or between.strip().lower() != "and"


def _preposition(text: str, start: int) -> tuple[str, int]:
    """The preposition before an anchor, and where it starts."""
    match = _BEFORE.search(text, max(0, start - 40), start)
    if match and match[0].lower().startswith("up to on"):  # "what did it get up to on the ninth?"
        return "on", match.start() + len("up to ")
    if match and match["word"] and (match.start() == 0 or not text[match.start() - 1].isalnum()):
        return " ".join(match["word"].lower().split()), match.start()
    return "", start


def _same_half(first: Anchor, second: Anchor) -> tuple[Anchor, Anchor]:
    """Two and four pm: the half of the day that the second names is meant for the first too, where that is before."""
    if not first.minutes or not second.minutes or len(second.minutes) > 1 or len(first.minutes) == 1:
        return first, second
    before = tuple(m for m in first.minutes if m < second.minutes[0])
    return (replace(first, minutes=(max(before),)) if before else first), second


def _lengths(text: str, anchors: list[Anchor]) -> Iterator[When]:
    """The first two hours, the last half hour, after ten minutes, in the hour before noon."""
    for match in _relative_pattern().finditer(text):
        amount = _length(match)
        bare = not (match["number"] or match["halved"] or match["quarter"])
        if amount is None or (bare and (match["after"] or match["unit"].lower() == "day")):
            continue
        behind = (a for a in anchors if a.start >= match.end() and not text[match.end() : a.start].strip(" the"))
        if match["to"]:
            if follows := next(behind, None):
                is_before = match["to"].lower() in ("before", "prior to", "up to")
                relation = Relation.BEFORE if is_before else Relation.AFTER
                if not _WITHIN.match(match[0]):  # "half an hour after noon" is a moment, "in the hour after noon" none
                    amount, relation = -amount if is_before else amount, Relation.ELAPSED
                yield When(relation, follows, None, amount, match.start(), follows.end)
        elif match["which"]:
            last = match["which"].lower() in ("last", "past", "final", "previous", "latest")
            yield When(Relation.LAST if last else Relation.FIRST, None, None, amount, match.start(), match.end())
        elif match["after"]:
            yield When(Relation.ELAPSED, None, None, amount, match.start(), match.end())


_WITHIN = re.compile(r"(?:in|during|within|the)\b", re.I)


@word_pattern
def _relative_pattern(vocabulary: Vocabulary) -> str:
    return (
        rf"\b(?:(?:(?:over|in|during|for|within|throughout)\s+)?the\s+(?:very\s+)?(?P<which>first|last|past|final|previous|latest|opening)\s+"
        rf"|(?P<after>after|following)\s+(?:about\s+)?|(?:(?:in|during|within)\s+)?(?:the\s+)?)"
        rf"{_length_text(vocabulary)}(?:\s+(?P<to>before|prior to|up to|after|following|from)\b)?"
    )


@word_pattern
def _part_pattern(vocabulary: Vocabulary) -> str:
    parts = alternatives(vocabulary.measuring["periods"]).replace(r"\ ", r"\s+")
    before = "in|at|during|through|throughout|over|this|that|all|the|whole|last"
    return rf"\b(?:(?:{before})\s+)*(?P<part>{parts})\b(?!\s+(?:shift|limit))"


@word_pattern
def _day_pattern(vocabulary: Vocabulary) -> str:
    ordinals = alternatives(vocabulary.ordinals)
    names = sorted((n for names in vocabulary.measuring["weekdays"].values() for n in names), key=len, reverse=True)
    short = "|".join(name.capitalize() for name in names if len(name) <= _SHORT)  # it sat in the sun
    weekdays = "|".join([*(name for name in names if len(name) > _SHORT), rf"(?-i:{short})", rf"(?<=\bon )(?:{short})"])
    places = "|".join([ordinals, *_PLACES])
    nth = rf"\d{{1,2}}(?:st|nd|rd|th)|(?:(?:twenty|thirty)[ -])?(?:{ordinals})"
    return (
        rf"\b(?P<day>(?P<weekday>{weekdays})\b"
        rf"|the\s+(?P<place>{places})\s+day\b|day\s+(?P<number>\d+|{number_words()})\b"
        rf"|(?<=\bon )(?:the\s+)?(?P<ordinal>{nth})\b{_ENDS}"
        rf"|the\s+(?P<the_ordinal>{nth})\b{_ENDS})"
    )


# What may follow "the ninth" where a day is meant: "the first pump", "the second time" are none
_ENDS = (
    r"(?=\s*(?:$|[,.;?!-])|\s+(?:at|in|and|to|until|till|from|between|after|before|when|was|were|did|it|the|around"
    r"|about|by|overnight|we|i|they|there|is)\b)"
)


def _length(match: re.Match[str]) -> float | None:
    """Seconds of a length of time in digits or words."""
    unit = _unit_seconds().get(match["unit"].lower())
    if unit is None:
        return None
    half = 0.5 if match["half"] else 0.0
    word = (match["number"] or "").lower().strip()
    if not word or word in ("a", "an"):
        amount = 0.25 if match["quarter"] else 0.5 if match["halved"] else 1.0
    elif word[0].isdigit():
        amount = float(word.replace(",", "."))
    else:
        readings = spoken_numbers(word)
        if not readings:
            return None
        amount = float(readings[0])
    more = match["more"] or ""
    minutes = (Decimal(more),) if more[:1].isdigit() else spoken_numbers(more)
    return (amount + half) * unit + (float(minutes[0]) * 60 if minutes else 0.0)


@per_vocabulary
def _unit_seconds(vocabulary: Vocabulary) -> dict[str, float]:
    return {name: float(size) for size, names in vocabulary.measuring["lengths"].items() for name in names}


def _length_text(vocabulary: Vocabulary) -> str:
    """A length of time as a regular expression with the groups number, half, halved, quarter, unit and more."""
    words = number_words()
    units = alternatives(_unit_seconds())
    number = rf"\d+(?:[.,]\d+)?|(?:{words})(?:[ -](?:{words}|and|point))*?|an?"
    return (
        rf"(?:(?P<number>{number})(?P<half>\s+and\s+a\s+half)?\s*|(?P<halved>(?:a\s+)?half(?:\s+an?|\s+of\s+an)?)\s+|(?P<quarter>(?:a\s+)?quarter\s+of\s+an)\s+|)"
        rf"(?P<unit>{units})\b(?:(?:\s+and)?\s+(?P<more>\d+|(?:{words})(?:[ -](?:{words}))?)\s+min(?:ute)?s?\b)?"
    )
