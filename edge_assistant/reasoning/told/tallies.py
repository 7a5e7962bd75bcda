"""How many of a thing a clause tells: the number before it, behind it, or none at all."""

from __future__ import annotations

import re
from decimal import Decimal

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word
from edge_assistant.reasoning.told.sayings import Saying
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import Candidate, singular
from edge_assistant.reasoning.values.values import Quantity

_BEFORE = 40  # characters before a thing in which its number or "no" stands
_ADJECTIVES = re.compile(r"\s*(?:[^\W\d_]+\s+){0,2}")  # "three young spotted giraffes"
_NO = re.compile(
    r"(?<![\w'])(?:no|not|without|neither|nor|never|nowhere|isn't|aren't|don't|doesn't|didn't|can't|cannot|couldn't|wasn't|weren't"
    r"|won't|haven't|hasn't)(?!\w)(?:(?!\bbut\b)[^,;])*$",
    re.I,
)
_IS_NOT = re.compile(r"\s+(?:(?:is|are|was|were)\s+(?:not|nowhere)|isn't|aren't|wasn't|weren't)\b", re.I)
_NOT_ONE = re.compile(
    r"(?:(?<!\w)no[t]?|n't|without|never|hardly)\s+(?:(?!only\b|more\b|less\b|fewer\b|just\b|merely\b)\w+\s+){0,2}?"
    r"(?:(?:even\s+)?(?:a|one|any)\s+(?:single\s+)?|single\s+)(?:[^\W\d_]+\s+)?$",
    re.I,
)  # "not a single dog", "there isn't even one dog"
_OF_THEM = re.compile(r"\s+of\s+(?:them|these|those)\b", re.I)
_APPOSED = re.compile(
    r"\s*(?:[^\W\d_]+\s*)?[,:]\s*(?:(?:all|there|that|these|are|is|were|was|it's|that's|i|we|you|see|count|counted)\s+)*",
    re.I,
)
_PAIRS = re.compile(r"\s+pairs?\s+of\s+(?:skis|scissors)\b", re.I)
_OF_ALL = re.compile(r"\s+(?:out\s+)?of\s+(?:(?:the|these|those|our|all)\s+)+", re.I)
_CLOSED = re.compile(r"\s*(?:$|[.,;!)])")
_LABELLED = re.compile(
    r"\s*(?:(?:here|there|shown|visible|seen|on\s+it|in\s+it|(?:in|on)\s+the\s+\w+)\s*)?[:=]\s*", re.I
)
_IN_NUMBER = re.compile(r"\s+(?:are|were|is|was)\s+", re.I)


def number_of(saying: Saying, start: int, end: int) -> Candidate | None:
    """The number that counts a thing: before it, or behind it as in "the giraffes, three of them" and "dogs: 4"."""
    text = saying.text
    if is_none(text, start):
        return None
    for value in saying.quantities:
        if is_whole(value) and (_is_before(text, value, start) or _is_behind(text, value, start, end)):
            return _part_of(saying, value) or value
    begin = max(0, start - _BEFORE)
    for number, pattern in _counting().items():
        if match := pattern.search(text[begin:start]):
            return Candidate(match[0], Quantity((Decimal(number),)), begin + match.start(), start)
    return None


def _part_of(saying: Saying, whole: Candidate) -> Candidate | None:
    """The number of those that are meant: "four of the six elephants"."""
    return next(
        (v for v in saying.quantities if is_whole(v) and _OF_ALL.fullmatch(saying.text, v.end, whole.start)), None
    )


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether a thing is said not to be there."""
    return bool(_NO.search(text[max(0, start - _BEFORE) : start]) or _IS_NOT.match(text, end))


def is_none(text: str, start: int) -> bool:
    """Whether the words before a thing say that there is not even one."""
    return bool(_NOT_ONE.search(text[max(0, start - _BEFORE) : start]))


def is_tallied(saying: Saying) -> bool:
    """Whether a clause does nothing but say how many there are: "dogs: 4", "the number of dogs is four"."""
    return any(
        is_whole(value) and _is_tally(saying.text, value, start, end)
        for _, start, end in things(saying.text)
        for value in saying.quantities
    )


def is_whole(value: Candidate) -> bool:
    """Whether a value is a plain number of things."""
    number = value.value
    return isinstance(number, Quantity) and number.unit is None and number.readings[0] == int(number.readings[0])


def _is_before(text: str, value: Candidate, start: int) -> bool:
    if value.end <= start and (_OF_ALL.fullmatch(text, value.end, start) or _PAIRS.match(text, value.end)):
        return True
    if value.end > start or not _ADJECTIVES.fullmatch(text, value.end, start):
        return False
    between = {word.lower() for word in text[value.end : start].split()}
    return not between & vocabulary().words["stop"] and not things(text[value.end : start])


def _is_behind(text: str, value: Candidate, start: int, end: int) -> bool:
    if value.start < end:
        return False
    if not text[end : value.start].strip(" ,"):  # "elephants, no, three" once it has been corrected
        return value.start - end > 1 and not text[value.end : value.end + 12].split(".")[0].strip(" !")
    if _is_tally(text, value, start, end):
        return True
    return bool(_APPOSED.fullmatch(text, end, value.start) and _OF_THEM.match(text, value.end))


def _is_tally(text: str, value: Candidate, start: int, end: int) -> bool:
    """Whether a number behind things is how many there are, and not their age: "the dogs are three in number"."""
    if value.start < end or singular(text[start:end].lower()) == text[start:end].lower():
        return False
    between, closed = text[end : value.start], bool(_CLOSED.match(text, value.end))
    if _tallies()["number"].search(text[:start]):
        return closed and bool(_tallies()["is"].fullmatch(between))
    if _LABELLED.fullmatch(between) and not text[:start].strip(" ,.-"):
        return closed
    if _tallies()["counted"].search(text[:start]) and re.fullmatch(r"\s*[:,]\s*", between):
        return closed
    return bool(_IN_NUMBER.fullmatch(between) and _tallies()["in_number"].match(text, value.end))


@per_vocabulary
def _tallies(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    words = {name: any_word(phrases) for name, phrases in vocabulary.telling["tallies"].items()}
    small = r"(?:exactly|just|only|about|around|at|to|up)"
    return {
        "number": patterns.compile(rf"{words['number']}\s+(?:(?:all|the|these|those)\s+)*$", re.I),
        "is": patterns.compile(rf"\s*(?:\w+\s+){{0,4}}?(?:[:=,]|{words['is']})\s*(?:{small}\s+)*", re.I),
        "counted": patterns.compile(rf"{words['counted']}\s+(?:(?:all|the|these|those)\s+)*$", re.I),
        "in_number": patterns.compile(rf"\s+{words['in_number']}", re.I),
    }


@per_vocabulary
def _counting(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    """Words before a thing that say how many there are, by the number."""
    counting = vocabulary.telling["counting"].items()
    return {number: patterns.compile(rf"{any_word(words)}\s+(?:[^\W\d_]+\s+)?$", re.I) for number, words in counting}
