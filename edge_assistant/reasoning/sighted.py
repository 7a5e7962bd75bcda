"""Things that somebody says are to be seen, and how many: for the labels that the detector knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from edge_assistant.reasoning.candidates import Candidate
from edge_assistant.reasoning.clauses import listed
from edge_assistant.reasoning.sayings import Found, Saying, overlaps
from edge_assistant.reasoning.things import things
from edge_assistant.reasoning.values import Quantity, Truth, Value
from edge_assistant.reasoning.vocabulary import vocabulary

COUNT, PRESENCE = "count", "presence"
_WORD = re.compile(r"[^\W\d_]+")
_BESIDE = re.compile(r"\s*(?:[^\W\d_]+\s+){0,2}$")
_MAX_BETWEEN = 2  # words between a number and what it counts: "three young spotted giraffes"


def sighted(saying: Saying) -> Iterator[Found]:
    """The things of a clause that describes what is to be seen, counted or there or not there."""
    if not _is_sight(saying):
        return
    used: set[int] = set()
    for label, start, end in things(saying.text):
        value: Value
        number = _number_of(saying, start, end)
        if number is not None and number.start in used:
            continue
        if number is not None and isinstance(number.value, Quantity):
            used.add(number.start)
            attribute, value, begin = COUNT, Quantity(number.value.readings, None, number.value.approximate), number.start
        else:
            attribute, value, begin = PRESENCE, Truth(not _is_denied(saying.text, start)), start
        yield Found(attribute, value, min(begin, start), max(end, number.end if number else end), (start, end), label, saying.when(attribute))


def _is_sight(saying: Saying) -> bool:
    """Whether a clause describes what is seen: there is, I see, the cat is sleeping; a caption without a verb."""
    text = saying.text
    if re.search(r"\b(?:i|we|my|our)\b", text, re.I) and not listed("seeing").search(text):
        return bool(re.match(r"\s*(?:the|a|an|two|three|four|five|six|seven|\d+)\s", text, re.I)) and bool(_ing().search(text))
    if listed("seeing").search(text) or listed("lying").search(text):
        return True
    return bool(_ing().search(text))


def _ing() -> re.Pattern[str]:
    return re.compile(r"\b(?:is|are|was|were|still|of them)\s+(?:\w+\s+)?\w{2,}ing\b|^\s*[^,;]*?\b[a-z]{2,}ing\b", re.I)


def _is_denied(text: str, start: int) -> bool:
    before = re.search(r"\b(?:no|not|without|neither|nor|n't|isn't|aren't|never)\b[^,;]*$", text[max(0, start - 40) : start], re.I)
    return before is not None


def _number_of(saying: Saying, start: int, end: int) -> Candidate | None:
    """The number that counts a thing: before it with adjectives between, or behind as in "the giraffes, three of them"."""
    text = saying.text
    for value in saying.quantities:
        if not isinstance(value.value, Quantity) or value.value.unit is not None or value.value.readings[0] != int(value.value.readings[0]):
            continue
        if value.end <= start and _BESIDE.fullmatch(text[value.end : start]) and not _is_between(text, value.end, start):
            return value
        if end <= value.start and re.fullmatch(r"[\s,]{2,}", text[end : value.start]) and re.match(r"\s*(?:[.,;!]|$)", text[value.end :]):
            return value  # "elephants, no, three" after its correction
        if end <= value.start and re.fullmatch(r"\s*(?:[^\W\d_]+\s*)?,\s*(?:all\s+)?", text[end : value.start]) and re.match(r"\s+of\s+(?:them|these|those)\b", text[value.end :], re.I):
            return value
    dozen = re.search(r"\b(?:a|one)\s+dozen\s+(?:\w+\s+)?$", text[:start], re.I)
    if dozen:
        return Candidate(dozen[0], Quantity((Decimal(12),)), dozen.start(), start)
    return None


def _is_between(text: str, end: int, start: int) -> bool:
    words = [w.lower() for w in _WORD.findall(text[end:start])]
    return bool(set(words) & (set(vocabulary().words["stop"]) | {"of", "the"})) or overlaps(end, start, [(s, e) for _, s, e in things_between(text, end, start)])


def things_between(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    """The things named in a part of a text."""
    return [(label, start + a, start + b) for label, a, b in things(text[start:end])]
