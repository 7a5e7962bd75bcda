"""Numbers that a clause tells: each goes to the nearest attribute that admits it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import Mention, told
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed, told_words
from edge_assistant.reasoning.told.sayings import (
    Found,
    Saying,
    distance,
    is_followed,
    is_linked,
    is_money,
    kind_of,
    nearest,
    overlaps,
)
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.values import Pair, Quantity

PRESSURE = "blood pressure"
MEASURED = ("quantity", "number")
_IN_ORDER_TO = re.compile(r"\s+to\s+[^\W\d_]+")
_OF = re.compile(r"\s+(?:of|for|on)\s+(?:(?:the|its|my|our|his|her|this|that)\s+)?(?:[^\W\d_]+\s+){0,2}", re.I)
_THING = re.compile(
    r"[\s,]*(?:(?:and|but)\s+)?(?:the|a|an|my|our)\s+([^\W\d_][\w-]*)\s+"
    r"(?:is|was|has|needs|draws|takes|runs|had|uses)\b",
    re.I,
)
_BOUND = 40  # characters before a number in which "below" or "never exceeded" stands
_KEPT = re.compile(r"\b(?:store|stored|keep)\b", re.I)
_IT = re.compile(r"\bit(?:'s)?\b", re.I)
_HIGH, _LOW = (70, 260), (30, 160)  # mmHg that a heart makes when it beats and when it rests
_OVER = re.compile(r"\sover\s", re.I)
_NEAR = 24  # distance within which a measured value belongs to a name


def measured(saying: Saying) -> Iterator[Found]:
    """The measured values of a clause: each quantity with the nearest attribute of its unit, or with its unit alone."""
    mentions = [m for m in saying.mentions if m.attribute.value in MEASURED and m.attribute.per is None]
    mentions = _heads(saying.text, mentions)
    yield from _pairs(saying)
    if len(saying.quantities) > 1 and listed("changing").search(saying.text):
        return
    used: set[tuple[int, int]] = set()
    for value in _by_nearness(saying, mentions):
        if is_money(value.value):
            continue
        mention = next((m for m in _likeliest(saying.text, mentions, value) if _admits(saying, m, value, used)), None)
        if mention is not None:
            used.add((mention.start, mention.end))
            yield from _measured(saying, mention.attribute.name, value, (mention.start, mention.end))
        elif (attribute := _of_topic(saying, value) or _of_unit(value)) and not _IN_ORDER_TO.match(
            saying.text, value.end
        ):
            yield from _measured(saying, attribute, value, (value.start, value.end))


def _likeliest(text: str, mentions: Sequence[Mention], value: Candidate) -> list[Mention]:
    """Mentions from the nearest on, but what is named right before a value goes before its unit: a limit of 16 amps."""
    found = nearest(text, mentions, value)
    return sorted(found, key=lambda m: m.end > value.start or not is_linked(text[m.end : value.start]))


def _heads(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """Names without what they are said of: "the limit for the motor temperature" tells a limit."""
    heads: list[Mention] = []
    for mention in mentions:
        if heads and _OF.fullmatch(text, heads[-1].end, mention.start):
            heads[-1] = replace(heads[-1], end=mention.end)
        else:
            heads.append(mention)
    return heads


def _thing(text: str) -> str | None:
    """The thing that a clause speaks of, where it is none that the machine at hand could be: "the fuse is 16 amps"."""
    match = _THING.match(text)
    if match is None or told(match[1]) or _statistic(match[1]):
        return None
    noun = match[1].lower()
    return None if noun in told_words("own_things") or noun in told_words("carriers") else noun


def _by_nearness(saying: Saying, mentions: Sequence[Mention]) -> list[Candidate]:
    """The values of a clause, those beside a name first, so that another does not take the name."""

    def near(value: Candidate) -> int:
        spans = ((m.start, m.end) for m in mentions)
        return min((distance(saying.text, span, (value.start, value.end)) for span in spans), default=_NEAR)

    return sorted(saying.quantities, key=near)


def _measured(saying: Saying, attribute: str, value: Candidate, mention: tuple[int, int]) -> Iterator[Found]:
    number = value.value
    statistic = _statistic(saying.text[: value.start])
    if attribute == "limit" and isinstance(number, Quantity):  # "below 80" is what a limit of 80 says
        number, statistic = replace(number, least=None, most=None), None
    elif isinstance(number, Quantity) and kind_of(attribute) == "number":  # "twenty fourteen" is a year, no price
        number = replace(number, readings=tuple(r for r in number.readings if r == int(r)) or number.readings)
    elif is_bound(saying.text[: value.start]):
        return
    subject = saying.subject(min(mention[0], value.start))
    if subject is None and overlaps(*mention, [(value.start, value.end)]):
        subject = _thing(saying.text[: value.start])
    when = saying.when(attribute) or earlier(saying, attribute)
    yield Found(attribute, number, value.start, value.end, mention, subject, when, statistic=statistic)


def _admits(saying: Saying, mention: Mention, value: Candidate, used: set[tuple[int, int]]) -> bool:
    """Whether an attribute that is named can have a value: its unit fits, or it has none and stands beside the name."""
    span = (mention.start, mention.end)
    attribute, quantity = mention.attribute, value.value
    if span in used or not isinstance(quantity, Quantity):
        return False
    if distance(saying.text, span, (value.start, value.end)) > _NEAR:
        return False
    if quantity.unit is not None and not overlaps(*span, [(value.start, value.end)]):
        return quantity.unit in attribute.units or (attribute.name == "limit" and attribute.value == "quantity")
    return _stands_beside(saying.text, span, value) and (
        attribute.value == "number" or bool(attribute.units) or attribute.name in ("limit", "respiratory rate")
    )


def _stands_beside(text: str, mention: tuple[int, int], value: Candidate) -> bool:
    """Whether a plain number stands behind its name with small words between, or right before it."""
    if overlaps(*mention, [(value.start, value.end)]):
        return mention[1] > value.end or getattr(value.value, "unit", None) is not None
    if mention[1] <= value.start:
        return is_linked(text[mention[1] : value.start]) and is_followed(text, value.end)
    return not text[value.end : mention[0]].strip()


def _of_topic(saying: Saying, value: Candidate) -> str | None:
    """What the sentence measured before, where "it" goes on: "the limit was 85 degrees but now it's 90 degrees"."""
    if saying.topic is None or not isinstance(value.value, Quantity) or not _IT.search(saying.text[: value.start]):
        return None
    units = next((a.units for a in vocabulary().attributes.values() if a.name == saying.topic), frozenset())
    return saying.topic if value.value.unit in units or (value.value.unit and not units) else None


def _of_unit(value: Candidate) -> str | None:
    if not isinstance(value.value, Quantity) or value.value.unit is None:
        return None
    table = vocabulary().telling["units"]
    return next((attribute for attribute, units in table.items() if value.value.unit in units), None)


def _statistic(before: str) -> str | None:
    """Of how many a number is told: `maximum`, `minimum`, `mean`."""
    return next((name for name in vocabulary().telling["extremes"] if listed(name, "extremes").search(before)), None)


def is_bound(before: str) -> bool:
    """Whether a number is only a limit that held or was passed; where something is to be kept is another matter."""
    return bool(_bounding().search(before[-_BOUND:])) and not _KEPT.search(before)


@per_vocabulary
def _bounding(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words that end right before a number which is no value: "never exceeded"."""
    phrases = any_word(phrase for phrases in vocabulary.telling["bounds"].values() for phrase in phrases)
    return patterns.compile(rf"{phrases}\s+(?:(?:the|about|around)\s+)?$", re.I)


def earlier(saying: Saying, attribute: str) -> str | None:
    """The words before an attribute's name that make it one of another time: "the previous limit"."""
    for mention in saying.mentions:
        match = _before_name().search(saying.text[max(0, mention.start - _BOUND) : mention.start])
        if match and mention.attribute.name == attribute:
            return match[1]
    match = _before_value().search(saying.text)
    return match[1] if match else None


@per_vocabulary
def _before_value(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words for a value that is of another time, whatever it is of: "the old number", "the previous reading"."""
    words = vocabulary.telling["words"]
    return patterns.compile(rf"({any_word(words['earlier'])})\s+{any_word(words['value_nouns'])}", re.I)


@per_vocabulary
def _before_name(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"({any_word(vocabulary.telling['words']['earlier'])})\s*$", re.I)


def _pairs(saying: Saying) -> Iterator[Found]:
    """Two numbers said together are a blood pressure, whose name need not be said where they can be nothing else."""
    mentions = [m for m in saying.mentions if m.attribute.value == "pair"]
    for value in find("pair", saying.text):
        span = (value.start, value.end)
        mention = next(iter(nearest(saying.text, mentions, value)), None)
        if mention and distance(saying.text, (mention.start, mention.end), span) <= _NEAR:
            name, span = mention.attribute.name, (mention.start, mention.end)
        elif _is_pressure(saying, value):
            name = PRESSURE
        else:
            continue
        when = saying.when(name) or earlier(saying, name)
        yield Found(name, value.value, value.start, value.end, span, saying.subject(min(span[0], value.start)), when)


def _is_pressure(saying: Saying, value: Candidate) -> bool:
    """Whether two numbers are a blood pressure by themselves: as high as such are, and said so or with its unit."""
    if not isinstance(value.value, Pair) or not is_followed(saying.text, value.end):
        return False
    high, low = (part.readings[0] for part in (value.value.first, value.value.second))
    likely = _LOW[0] <= low <= _LOW[1] and _HIGH[0] <= high <= _HIGH[1] and low < high
    told_so = bool(_OVER.search(value.text) or listed("pressed").search(saying.sentence))
    return likely and (told_so or value.value.first.unit is not None)
