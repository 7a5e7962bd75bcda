"""The type that a question's answer has, by its first words; and the typed value of copied words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise

from edge_assistant.reasoning.values.candidates import as_words, clocks, find, nothings, quantities
from edge_assistant.reasoning.values.clocks import times
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.names import as_name
from edge_assistant.reasoning.values.pairs import pairs
from edge_assistant.reasoning.values.quantities import amounts
from edge_assistant.reasoning.values.spans import Candidate
from edge_assistant.reasoning.values.units import is_currency
from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Month,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    Value,
    comparable,
)


class Expected(StrEnum):
    """The type of an answer."""

    TRUTH = "yes or no"
    TIME = "time"
    NUMBER = "number"
    MONEY = "money"
    WHO = "who"
    OTHER = "other"


_TRUTH = re.compile(
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|may|must|should|shall|might|need)\b", re.I
)
_TIME = re.compile(
    r"(?:\w+\s+){0,2}(?:when\b|(?:what|which)\s+(?:time|day|date|month|year|hour|weekday|morning|evening)\b)", re.I
)
_NUMBER = re.compile(
    r"(?:\w+\s+){0,2}how\s+(?:many|much|long|far|old|often|heavy|hot|cold|warm|high|tall|deep|wide|thick|fast|big|large|loud|late|soon|strong|full)\b",
    re.I,
)
_MONEY = re.compile(
    r"(?:\w+\s+){0,2}(?:(?:what|how\s+much)\b.*\b(?:cost|costs|price|priced|pay|paid|pays|charge|charged|charges|fee|fare|rent|owe|owes|owed|spend|spent|due)\b)",
    re.I,
)
_WHO = re.compile(r"(?:\w+\s+){0,2}(?:who|whom|whose)\b", re.I)
_BARE = re.compile(r"(?<![\d.,])\d{1,4}(?:[.:]\d\d)?(?![\d.,]*\s*(?:\d|°|%|[a-z]))", re.I)  # of 19:25 is heard 1925
_THOUSANDS = re.compile(r"(?<=\d)[ \u202f](?=\d{3}(?!\d))")  # 7 220 kg
_YES = re.compile(r"(?:yes|yeah|yep|true|correct)\b[\s,.:;-]*", re.I)
_NO = re.compile(r"(?:no|not|never|nope|false)\b(?!\s*\.?\s*\d)[\s,.:;-]*", re.I)
_NAME = 4  # words of a name
_CAPITAL = re.compile(r"(?<![\w.])[A-Z][a-z]+")
_WEEKDAY = re.compile(
    r"\b(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?s?\b|\b(?:to|yester)day\b|\btomorrow\b", re.I
)


def expected(question: str) -> Expected:
    """What type the answer to a question has.

    >>> [str(expected(q)) for q in ("At what time does it end?", "Is it open?", "How many are there?", "Who came?")]
    ['time', 'yes or no', 'number', 'who']
    """
    patterns = (
        (_TIME, Expected.TIME),
        (_MONEY, Expected.MONEY),
        (_NUMBER, Expected.NUMBER),
        (_WHO, Expected.WHO),
        (_TRUTH, Expected.TRUTH),
    )
    return next((kind for pattern, kind in patterns if pattern.match(question.strip())), Expected.OTHER)


def answers(text: str, kind: Expected) -> bool:
    """Whether copied words can be an answer of a type: no name is one where a time is asked for."""
    match kind:
        case Expected.TIME:
            dated = any(_first(finder, text) for finder in (dates, times, clocks))
            return dated or bool(_WEEKDAY.search(text)) or bool(_BARE.search(text))
        case Expected.NUMBER:
            return _is_number(text) or _first(nothings, text) is not None or _first(times, text) is not None
        case Expected.MONEY:
            found = [*amounts(text), *nothings(text)]
            return bool(found) and len([*quantities(text)]) <= 1
        case Expected.WHO:
            return any(character.isalpha() for character in text)
        case _:
            return True


def can_answer(value: Value, kind: Expected) -> bool:
    """Whether a computed value can be an answer of a type: no degrees where a price is asked for."""
    match kind:
        case Expected.TIME:
            return isinstance(value, Clock | Day)
        case Expected.MONEY:
            return isinstance(value, Quantity) and (value.unit is None or is_currency(value.unit))
        case Expected.NUMBER:
            return isinstance(value, Quantity)
        case Expected.WHO:
            return False
        case _:
            return True


def truth(text: str) -> tuple[bool | None, str]:
    """Whether words begin with a yes or a no, and what stands behind.

    >>> truth("yes, about five a day"), truth("No."), truth("No. 12"), truth("none")
    ((True, 'about five a day'), (False, ''), (None, 'No. 12'), (None, 'none'))
    """
    for pattern, yes in ((_YES, True), (_NO, False)):
        if match := pattern.match(text):
            return yes, text[match.end() :].strip().rstrip(".")
    return None, text


def _is_number(text: str) -> bool:
    return _first(quantities, text) is not None or any(character.isdigit() for character in text)


def _first(finder: Callable[[str], Iterator[Candidate]], text: str) -> Candidate | None:
    return next(finder(text), None)


def joined(text: str) -> str:
    """A text with the thousands of its numbers together.

    >>> joined("7 220 kg")
    '7220 kg'
    """
    return _THOUSANDS.sub("", text)


def typed(texts: Sequence[str], kind: Expected) -> list[Value]:
    """The values of copied words, all of the one type that they have in common, else words.

    A gate is compared with a gate as a number, whichever of them has "gate" before it; where one is no number, both
    are words.

    Args:
        texts: what each source tells.
        kind: the type that the question asks for.
    """
    if kind is Expected.TRUTH and all(truth(text)[0] is not None for text in texts):
        return [Truth(bool(truth(text)[0])) for text in texts]
    if kind is Expected.WHO and all(_is_name(text) for text in texts):
        return [as_name(text) for text in texts]
    dialled = [_telephone(text) for text in texts] if kind is Expected.OTHER else [None]
    if all(dialled) and any(one and one.digits[0] in "+0" for one in dialled):
        return [one for one in dialled if one is not None]
    numbered = () if _named_apart(texts) else (_numbers, _codes)
    for values in (_moments, _days, _clocks, _pairs, *numbered):
        found = [values(text) for text in texts]
        if all(value is not None for value in found):
            return [value for value in found if value is not None]
    return [as_words(text) for text in texts]


def _named_apart(texts: Sequence[str]) -> bool:
    """Whether beside a number stand names of several words that differ: 12 Mill Lane is not 12 Mill Street."""
    named = [{word.lower() for word in _CAPITAL.findall(text)} for text in texts]
    return any(len(one) > 1 and len(other) > 1 and one - other and other - one for one, other in pairwise(named))


def typed_as(text: str, value: Value) -> Value | None:
    """The value in copied words that can be compared with another, with its unit; None where there is none."""
    found = (typed_by(text) for typed_by in (_days, _clocks, _pairs, _telephone, _numbers, _codes))
    return next((one for one in found if one is not None and is_of_kind(one, value)), None)


def is_of_kind(found: Value, value: Value, *, unit: bool = True) -> bool:
    """Whether a value can be one of another's kind: no litres beside a bare number."""
    if isinstance(found, Quantity) and isinstance(value, Quantity):
        if value.unit is None:
            return found.unit is None or is_currency(found.unit)
        if unit and found.unit is None:
            return False
    return comparable(found, value)


def _is_name(text: str) -> bool:
    """Whether words can be a name: few, none of them a number, the first and the last in capitals."""
    words = text.split()
    return 0 < len(words) <= _NAME and words[0][0].isupper() and words[-1][0].isupper()


def _moments(text: str) -> Value | None:
    """The time of a day in words that tell both."""
    day, clock = _days(text), _clocks(text)
    return replace(clock, day=day) if isinstance(day, Day) and isinstance(clock, Clock) else None


def _days(text: str) -> Value | None:
    found = [c.value for c in dates(text)]
    return found[0] if found and isinstance(found[0], Day | Month) else None


def _clocks(text: str) -> Value | None:
    found = [c.value for c in clocks(text)]
    return found[0] if found and isinstance(found[0], Clock) else None


def _pairs(text: str) -> Value | None:
    found = [c.value for c in pairs(text)]
    return found[0] if found and isinstance(found[0], Pair) else None


def _telephone(text: str) -> Telephone | None:
    """The telephone number in copied words that have no other digits."""
    found = [*find("telephone", text)]
    if len(found) != 1 or "." in found[0].text or not isinstance(found[0].value, Telephone):
        return None
    beside = text[: found[0].start] + text[found[0].end :]
    return None if any(character.isdigit() for character in beside) else found[0].value


def _numbers(text: str) -> Value | None:
    if (none := _first(nothings, text)) is not None and not any(c.isdigit() for c in text):
        return none.value if isinstance(none.value, Nothing) else None
    found = [c.value for c in quantities(text)]
    return found[0] if len(found) == 1 and isinstance(found[0], Quantity) else None


def _codes(text: str) -> Value | None:
    found = [c.value for c in find("identifier", text)]
    return found[0] if len(found) == 1 and isinstance(found[0], Identifier) else None
