"""Things that somebody says are to be seen, and how many: for the labels that the detector knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from edge_assistant.reasoning.attributes import told
from edge_assistant.reasoning.candidates import Candidate, singular
from edge_assistant.reasoning.clauses import listed, told_words
from edge_assistant.reasoning.sayings import Found, Saying, overlaps
from edge_assistant.reasoning.values import Quantity, Truth, Value
from edge_assistant.reasoning.vocabulary import Vocabulary, per_vocabulary, vocabulary

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


def things(text: str) -> list[tuple[str, int, int]]:
    """The labels of the detector that a text names, each with its span; "hot dog" is no dog, nor is a bus stop a bus."""
    names = _names()
    longest = max((len(name) for name in names), default=0)
    words = list(_WORD.finditer(text))
    found: list[tuple[str, int, int]] = []
    at = 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            name = (*(w[0].lower() for w in words[at : at + length - 1]), singular(words[at + length - 1][0].lower()))
            label = names.get(name)
            if label:
                start, end = words[at].start(), words[at + length - 1].end()
                if not _is_part(text, end) and not any(m.end - m.start > end - start and m.start <= start < m.end for m in told(text)):
                    found.append((label, start, end))
                at += length - 1
                break
        at += 1
    return found


@per_vocabulary
def _names(vocabulary: Vocabulary) -> dict[tuple[str, ...], str]:
    labels = {*vocabulary.synonyms.values(), *(label for group in vocabulary.categories.values() for label in group)}
    return {tuple(name.lower().split()): label for name, label in [*((label, label) for label in labels), *vocabulary.synonyms.items()]}


def _is_part(text: str, end: int) -> bool:
    """Whether a noun only says what another is of: "bus stop", "giraffe family" is of giraffes though."""
    behind = re.match(r"(?:'s)?[\s-]+([^\W\d_]+)", text[end : end + 24])
    return behind is not None and behind[1].lower() in told_words("heads")


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
