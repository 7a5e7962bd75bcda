"""Typed candidates: the spans of a text that can be a value. Code finds them; the model chooses and never writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from edge_assistant.reasoning.spoken import number_words, spoken_numbers
from edge_assistant.reasoning.values import (
    Clock,
    Day,
    Identifier,
    Items,
    Name,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
    Words,
)
from edge_assistant.reasoning.vocabulary import Vocabulary, per_vocabulary, vocabulary

MAX_TEXT = 4_000  # characters of one piece of evidence that are searched; more is no sentence
MAX_PHRASE = 6  # words of one candidate phrase

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_SLASHED = re.compile(r"(?<![\d.])(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2}(?!\d))")
_SOLID = re.compile(r"(?<!\d)(\d{2})(\d{2})((?:19|20)\d{2})(?!\d)")
_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2}):(\d{2})(?::\d{2})?(?!\d)\s?([ap]\.?m\b)?|(?<![\d:.])(\d{1,2})\s?([ap]\.?m\b)", re.I
)
_WORD = re.compile(r"[^\W_]+(?:['’/.-][^\W_]+)*|%")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span [start, end) of a text with the value that it stands for."""

    text: str
    value: Value
    start: int
    end: int


def find(value: str, text: str) -> Iterator[Candidate]:
    """Find what can be a value of a type, from left to right.

    Args:
        value: a key of `FINDERS`, as attributes name the type of their values.
        text: one piece of evidence, or a part of it.
    """
    return FINDERS[value](text)


def days(text: str) -> Iterator[Candidate]:
    """Find calendar days: 2018-10-19, 19/10/2018, 9 October 1971, the third of April, October 9th."""
    for match in _ISO.finditer(text):
        year, month, day = (int(part) for part in match.groups())
        yield from _day(match, [(year, month, day)])
    for match in _SLASHED.finditer(text):
        a, b, short = int(match[1]), int(match[3]), _year(match[4])
        yield from _day(match, [(short, b, a), (short, a, b)])
    for match in _SOLID.finditer(text):
        yield from _day(match, [(int(match[3]), int(match[2]), int(match[1]))])
    for pattern in _named_days():
        for match in pattern.finditer(text):
            month = vocabulary().months.get(match["month"].lower(), 0)  # re.I lets a long s pass for an s
            yield from _day(match, [(_year(match["year"]), month, _ordinal(match["day"]))])


def clocks(text: str) -> Iterator[Candidate]:
    """Find times of day: 16:20, 4:05 pm, 9 am."""
    for match in _CLOCK.finditer(text):
        hour, minute = int(match[1] or match[4]), int(match[2] or 0)
        half = (match[3] or match[5] or "").lower()[:1]
        if hour > 23 or minute > 59 or (half and not 1 <= hour <= 12):
            continue
        hours = [hour, hour + 12] if 0 < hour < 12 else [hour]
        if half:
            hours = [hour % 12 + (12 if half == "p" else 0)]
        clock = Clock(tuple(h * 60 + minute for h in hours))
        yield Candidate(match[0].strip(), clock, match.start(), match.start() + len(match[0].rstrip()))


def quantities(text: str) -> Iterator[Candidate]:
    """Find numbers in digits or words, with a currency before or a unit behind, outside days and times of day."""
    taken = {i for finder in (days, clocks) for found in finder(text) for i in range(found.start, found.end)}
    for match in _quantity_pattern().finditer(text):
        if not taken.isdisjoint(range(match.start(), match.end())):
            continue
        unit = _unit(match["unit"] or match["currency"])
        if match["digits"]:
            readings = _digits(match["digits"], priced=unit is None or len(unit) == 3)
        else:
            readings = spoken_numbers(match["words"])
        if readings:
            quantity = Quantity(readings, unit, _approximate(text, match.start()))
            yield Candidate(match[0].strip(), quantity, match.start(), match.start() + len(match[0].rstrip()))


def nothings(text: str) -> Iterator[Candidate]:
    """Find words that say there is none: none, no known allergies, nil."""
    for match in _nothing_pattern().finditer(text):
        yield Candidate(match[0], Nothing(), match.start(), match.end())


def phrases(text: str) -> Iterator[Candidate]:
    """Find runs of at most `MAX_PHRASE` words within a clause that neither start nor end with a stop word."""
    stop = vocabulary().words["stop"]
    for clause in re.finditer(r"[^.;!?:\n]+(?:[.:](?=\S)[^.;!?:\n]+)*", text[:MAX_TEXT]):
        words = list(re.finditer(r"[^\s,]+", clause[0]))
        for i, first in enumerate(words):
            if first[0].lower() in stop:
                continue
            for last in words[i : i + MAX_PHRASE]:
                if last[0].lower() not in stop:
                    start, end = clause.start() + first.start(), clause.start() + last.end()
                    yield Candidate(text[start:end], as_words(text[start:end]), start, end)
                if clause[0][last.end() : last.end() + 1] == ",":
                    break


def as_words(text: str) -> Words:
    """A text as a set of words: lower case, singular, without stop words."""
    stop = vocabulary().words["stop"]
    tokens = (singular(match[0].lower()) for match in _WORD.finditer(text))
    return Words(frozenset(token for token in tokens if token not in stop))


def singular(word: str) -> str:
    """The singular of an English plural; the irregular ones are data.

    >>> [singular(w) for w in ("dogs", "boxes", "berries", "glass", "bus", "buses", "doses", "people")]
    ['dog', 'box', 'berry', 'glass', 'bus', 'bus', 'dose', 'person']
    """
    if word in vocabulary().singular:
        return vocabulary().singular[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("uses", "sses", "xes", "ches", "shes")):
        return word[: -1 if word.endswith(("auses", "ouses")) else -2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _day(match: re.Match[str], readings: list[tuple[int | None, int, int]]) -> Iterator[Candidate]:
    valid = tuple(dict.fromkeys(r for r in readings if 1 <= r[1] <= 12 and 1 <= r[2] <= 31))
    if valid:
        yield Candidate(match[0], Day(valid), match.start(), match.end())


def _year(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit():
        readings = [int(number) for number in spoken_numbers(text) if 1900 <= number <= 2099]
        return readings[0] if readings else None
    year = int(text)
    return year if year > 99 else year + (2000 if year < 70 else 1900)


def _ordinal(text: str) -> int:
    """Day of the month in digits or words: 9, 9th, ninth, twenty-first."""
    digits = re.match(r"\d+", text)
    if digits:
        return int(digits[0])
    words = re.split(r"[ -]", text.lower())
    return sum(vocabulary().numbers.get(word, 0) or vocabulary().ordinals.get(word, 0) for word in words)


@per_vocabulary
def _named_days(vocabulary: Vocabulary) -> tuple[re.Pattern[str], ...]:
    months = "|".join(sorted(vocabulary.months, key=len, reverse=True))
    ordinals = "|".join(sorted(vocabulary.ordinals, key=len, reverse=True))
    day = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|(?:(?:twenty|thirty)[ -])?(?:{ordinals}))"
    spoken = rf"(?:(?:nineteen|twenty|two thousand)(?:[ -](?:{number_words()}|and))+)"
    year = rf"(?P<year>\d{{4}}|{spoken})"
    return (
        re.compile(rf"\b{day}[ -]?(?:day )?(?:of )?[ -]?(?P<month>{months})\b(?:\.?,?[ -]+{year})?", re.I),
        re.compile(rf"\b(?P<month>{months})\b\.? (?:the )?{day}\b(?:,? {year})?", re.I),
    )


@per_vocabulary
def _quantity_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    units = "|".join(_unit_pattern(unit) for unit in sorted(vocabulary.units, key=len, reverse=True))
    return re.compile(
        rf"(?:(?P<currency>\b(?:RM|USD|EUR|GBP)|[$€£])\s?)?"
        rf"(?:(?P<digits>(?:(?<![^\W_])|(?<=RM)|(?<=USD)|(?<=EUR)|(?<=GBP))(?<![.,:/])-?{_NUMBER}(?:-\d\d(?![\d-]))?(?![\d/]))"
        rf"|\b(?P<words>(?:{number_words()})(?:[ -](?:{number_words()}|and|point))*)\b)"
        rf"(?:\s?(?:degrees?\s)?(?P<unit>{units})(?![^\W\d_]))?",
        re.I,
    )


@per_vocabulary
def _nothing_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    none = "|".join(re.escape(word) for word in sorted(vocabulary.words["none"], key=len, reverse=True))
    after = "|".join(re.escape(word) for word in sorted(vocabulary.words["none_after"], key=len, reverse=True))
    return re.compile(rf"\b(?:{none})\b(?: (?:{after})\b)*", re.I)


def _digits(text: str, *, priced: bool) -> tuple[Decimal, ...]:
    """Every number that digits can stand for; `priced` admits a lost decimal point: 3840 and 38-40 for 38.40."""
    price = re.fullmatch(r"(\d+)-(\d\d)", text)
    if price:
        return Decimal(f"{price[1]}.{price[2]}"), Decimal(price[1] + price[2])
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        return (Decimal(text.replace(",", "")),)
    number = Decimal(text.replace(",", "."))
    if priced and re.fullmatch(r"\d{3,6}", text):
        return number, number / 100
    return (number,)


def _unit(text: str | None) -> str | None:
    units = vocabulary().units
    return units.get(text) or units.get(text.lower()) if text else None


def _unit_pattern(unit: str) -> str:
    """A unit in any case, but a single letter in its own: 12 A is a current, 3 a day is not."""
    return f"(?-i:{unit})" if len(unit) == 1 and unit.isalpha() else re.escape(unit)


def _approximate(text: str, start: int) -> bool:
    before = re.findall(r"[^\W\d_]+", text[max(0, start - 24) : start])
    return bool(before) and before[-1].lower() in vocabulary().hedges["about"] | vocabulary().hedges["under"]


def _money(text: str) -> Iterator[Candidate]:
    """Amounts: with a currency or with no unit at all."""
    return (c for c in quantities(text) if _has_unit(c, lambda unit: unit is None or len(unit) == 3))


def _numbers(text: str) -> Iterator[Candidate]:
    return (c for c in quantities(text) if _has_unit(c, lambda unit: unit is None))


def _has_unit(candidate: Candidate, fits: Callable[[str | None], bool]) -> bool:
    return isinstance(candidate.value, Quantity) and fits(candidate.value.unit)


def _truths(text: str) -> Iterator[Candidate]:
    yes = "|".join(sorted(vocabulary().words["yes"], key=len, reverse=True))
    for match in re.finditer(rf"\b(?:{yes})\b", text, re.I):
        yield Candidate(match[0], Truth(True), match.start(), match.end())
    for found in nothings(text):
        yield Candidate(found.text, Truth(False), found.start, found.end)


def _names(text: str) -> Iterator[Candidate]:
    for match in re.finditer(r"[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*)*", text):
        words = tuple(re.findall(r"[^\W_]+", match[0].lower()))
        yield Candidate(match[0], Name(words), match.start(), match.end())


def _items(text: str) -> Iterator[Candidate]:
    yield from nothings(text)
    for match in re.finditer(r"[^.;!?:\n]+", text):
        if match[0].strip():
            parts = re.split(r"\s*(?:,|\band\b)\s*", match[0].strip())
            yield Candidate(match[0], Items(tuple(p.lower() for p in parts if p)), match.start(), match.end())


def _telephones(text: str) -> Iterator[Candidate]:
    for match in re.finditer(r"\+?\d[\d ()-]{4,18}\d", text):
        yield Candidate(match[0], Telephone(re.sub(r"[^\d+]", "", match[0])), match.start(), match.end())


def _identifiers(text: str) -> Iterator[Candidate]:
    for match in re.finditer(r"[^\W_]*\d[^\W_]*(?:[-/][^\W_]+)*", text):
        yield Candidate(match[0], Identifier(re.sub(r"\W", "", match[0]).upper()), match.start(), match.end())


def _pairs(text: str) -> Iterator[Candidate]:
    for match in re.finditer(r"(\d{2,3}) ?(?:/|over) ?(\d{2,3})", text):
        first, second = (Quantity((Decimal(match[i]),)) for i in (1, 2))
        yield Candidate(match[0], Pair(first, second), match.start(), match.end())


FINDERS: Mapping[str, Callable[[str], Iterator[Candidate]]] = {
    "money": _money,
    "quantity": quantities,
    "number": _numbers,
    "date": days,
    "clock": clocks,
    "truth": _truths,
    "words": phrases,
    "name": _names,
    "items": _items,
    "telephone": _telephones,
    "identifier": _identifiers,
    "pair": _pairs,
}
