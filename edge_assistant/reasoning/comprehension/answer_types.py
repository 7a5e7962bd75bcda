"""The type that a question's answer has, by its first words; and the typed value of copied words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise

from edge_assistant.reasoning.values.clocks import clocks, times
from edge_assistant.reasoning.values.codes import identifiers, telephones
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.quantities import amounts, pairs, quantities
from edge_assistant.reasoning.values.spans import Finder, ValueSpan, has_digit
from edge_assistant.reasoning.values.units import is_currency
from edge_assistant.reasoning.values.values import (
    Clock,
    Day,
    Identifier,
    Quantity,
    Telephone,
    Truth,
    Value,
    comparable,
)
from edge_assistant.reasoning.values.words import as_name, as_words, has_label, nothings


class AnswerType(StrEnum):
    """The type of an answer."""

    TRUTH = "yes or no"
    TIME = "time"
    NUMBER = "number"
    MONEY = "money"
    WHO = "who"
    OTHER = "other"


_QUESTIONS = {
    kind: re.compile(pattern, re.I)
    for kind, pattern in {  # how a question of each type begins, the first that fits
        AnswerType.TIME: (
            r"(?:\w+\s+){0,2}(?:when\b|(?:what|which)\s+(?:time|day|date|month|year|hour|weekday|morning|evening)\b)"
        ),
        AnswerType.MONEY: (
            r"(?:\w+\s+){0,2}(?:(?:what|how\s+much)\b.*\b(?:cost|costs|price|priced|pay|paid|pays|charge|charged|charges"
            r"|fee|fare|rent|owe|owes|owed|spend|spent|due)\b)"
        ),
        AnswerType.NUMBER: (
            r"(?:\w+\s+){0,2}how\s+(?:many|much|long|far|old|often|heavy|hot|cold|warm|high|tall|deep|wide|thick|fast|big"
            r"|large|loud|late|soon|strong|full)\b"
        ),
        AnswerType.WHO: r"(?:\w+\s+){0,2}(?:who|whom|whose)\b",
        AnswerType.TRUTH: (
            r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|may|must|should|shall|might|need)\b"
        ),
    }.items()
}
_BARE = re.compile(r"(?<![\d.,])\d{1,4}(?:[.:]\d\d)?(?![\d.,]*\s*(?:\d|°|%|[a-z]))", re.I)  # of 19:25 is heard 1925
_THOUSANDS = re.compile(r"(?<=\d)[ \u202f](?=\d{3}(?!\d))")  # 7 220 kg
_YES = re.compile(r"(?:yes|yeah|yep|true|correct)\b[\s,.:;-]*", re.I)
_NO = re.compile(
    r"(?:no|not(?!\s+(?:known|sure|certain|clear|told|stated)\b)|never|nope|false)\b(?!\s*\.?\s*\d)[\s,.:;-]*", re.I
)
_NAME = 4  # words of a name
_CAPITAL = re.compile(r"(?<![\w.])[A-Z][a-z]+")
_WEEKDAY = re.compile(
    r"\b(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?s?\b|\b(?:to|yester)day\b|\btomorrow\b", re.I
)


def answer_type(question: str) -> AnswerType:
    """What type the answer to a question has.

    >>> [str(answer_type(q)) for q in ("At what time does it end?", "Is it open?", "How many are there?", "Who came?")]
    ['time', 'yes or no', 'number', 'who']
    """
    return next((kind for kind, pattern in _QUESTIONS.items() if pattern.match(question.strip())), AnswerType.OTHER)


def answers(text: str, kind: AnswerType) -> bool:
    """Whether copied words can be an answer of a type: no name is one where a time is asked for."""
    match kind:
        case AnswerType.TIME:
            dated = any(_first(finder, text) for finder in (dates, times, clocks))
            return dated or bool(_WEEKDAY.search(text)) or bool(_BARE.search(text))
        case AnswerType.NUMBER:
            return has_digit(text) or any(_first(finder, text) for finder in (quantities, nothings, times))
        case AnswerType.MONEY:
            found = [*amounts(text), *nothings(text)]
            return bool(found) and len([*quantities(text)]) <= 1
        case AnswerType.WHO:
            return any(character.isalpha() for character in text)
        case _:
            return True


def can_answer(value: Value, kind: AnswerType) -> bool:
    """Whether a computed value can be an answer of a type: no degrees where a price is asked for."""
    if kind is AnswerType.MONEY:
        return isinstance(value, Quantity) and (value.unit is None or is_currency(value.unit))
    types = {AnswerType.TIME: (Clock, Day), AnswerType.NUMBER: (Quantity,), AnswerType.WHO: ()}
    return kind not in types or isinstance(value, types[kind])


def truth(text: str) -> tuple[bool | None, str]:
    """Whether words begin with a yes or a no, and what stands behind; that it is not known is neither.

    >>> truth("yes, about five a day"), truth("No."), truth("No. 12"), truth("none"), truth("not known")
    ((True, 'about five a day'), (False, ''), (None, 'No. 12'), (None, 'none'), (None, 'not known'))
    """
    for pattern, yes in ((_YES, True), (_NO, False)):
        if match := pattern.match(text):
            return yes, text[match.end() :].strip().rstrip(".")
    return None, text


def _first(finder: Finder, text: str) -> ValueSpan | None:
    return next(finder(text), None)


def _first_value(finder: Finder) -> Callable[[str], Value | None]:
    """What gives the first value that a finder has in a text."""

    def value(text: str) -> Value | None:
        found = _first(finder, text)
        return found.value if found else None

    return value


_days, _clocks, _pairs = (_first_value(finder) for finder in (dates, clocks, pairs))


def join_thousands(text: str) -> str:
    """A text with the thousands of its numbers together.

    >>> join_thousands("7 220 kg")
    '7220 kg'
    """
    return _THOUSANDS.sub("", text)


def common_values(texts: Sequence[str], kind: AnswerType) -> list[Value]:
    """The values of copied words, all of the one type that they have in common, else words.

    A gate is compared with a gate as a number, with or without "gate" before it; if one is no number, both are words.
    """
    if kind is AnswerType.TRUTH and all(truth(text)[0] is not None for text in texts):
        return [Truth(bool(truth(text)[0])) for text in texts]
    if kind is AnswerType.WHO and all(_is_name(text) for text in texts):
        return [as_name(text) for text in texts]
    dialled = [_telephone(text) for text in texts] if kind is AnswerType.OTHER else [None]
    if all(dialled) and any(one and one.digits[0] in "+0" for one in dialled):
        return [one for one in dialled if one is not None]
    numbered = () if _names_differ(texts) else (_numbers, _codes)
    for values in (_moments, _days, _clocks, _pairs, *numbered):
        found = [values(text) for text in texts]
        if all(value is not None for value in found):
            return [value for value in found if value is not None]
    labelled = any(map(has_label, texts))
    return [as_words(text, labelled=labelled) for text in texts]


def _names_differ(texts: Sequence[str]) -> bool:
    """Whether beside a number stand names of several words that differ: 12 Mill Lane is not 12 Mill Street."""
    named = [{word.lower() for word in _CAPITAL.findall(text)} for text in texts]
    return any(len(one) > 1 and len(other) > 1 and one - other and other - one for one, other in pairwise(named))


def value_like(text: str, value: Value) -> Value | None:
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
    """Whether words can be a name: few, the first and the last in capitals."""
    words = text.split()
    return 0 < len(words) <= _NAME and words[0][0].isupper() and words[-1][0].isupper()


def _moments(text: str) -> Value | None:
    """The time of a day in words that tell both."""
    day, clock = _days(text), _clocks(text)
    return replace(clock, day=day) if isinstance(day, Day) and isinstance(clock, Clock) else None


def _telephone(text: str) -> Telephone | None:
    """The telephone number in copied words that have no other digits."""
    found = [*telephones(text)]
    if len(found) != 1 or "." in found[0].text or not isinstance(found[0].value, Telephone):
        return None
    beside = text[: found[0].start] + text[found[0].end :]
    return None if has_digit(beside) else found[0].value


def _numbers(text: str) -> Value | None:
    if not has_digit(text) and (none := _first(nothings, text)):
        return none.value
    found = [*quantities(text)]
    return found[0].value if len(found) == 1 and not _is_read_out(found[0].value, text) else None


def _is_read_out(number: Value, text: str) -> bool:
    """Whether a number is a part of a code that is read out and has more digits: one, in "alpha bravo one oh oh oh"."""
    code = _codes(text)
    if has_digit(text) or not isinstance(code, Identifier) or not isinstance(number, Quantity):
        return False
    return all(len(_digits(code.code)) > len(_digits(format(reading, "f"))) for reading in number.readings)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _codes(text: str) -> Value | None:
    found = [*identifiers(text)]
    return found[0].value if len(found) == 1 else None
