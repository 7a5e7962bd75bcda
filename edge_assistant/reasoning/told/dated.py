"""Days and times of day that a clause tells: when somebody was born, comes back, bought something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import Mention
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.measures import earlier
from edge_assistant.reasoning.told.sayings import (
    Found,
    Saying,
    distance,
    is_linked,
    is_money,
    is_priced,
    is_timed,
    nearest,
)
from edge_assistant.reasoning.values.candidates import Candidate, find

_NEAR = 24  # distance within which a time of day belongs to a name
_LOGGED = re.compile(
    r"\s*(?:shift\s+log|log|report|note|notes|minutes|visit|entry)\b", re.I
)  # a note that begins with its date
_DUE = re.compile(
    r"\b(?:due|payable|by|until|before|valid)\s+(?:on\s+|by\s+|until\s+)?(?:the\s+)?$", re.I
)  # a date of something else
_AT = re.compile(r"\bat\s+$", re.I)
_EVENT = re.compile(
    r"(?:^|[,;\x1e]|\band\b|\bbut\b)\s*(?:the|our|my|his|her)\s+([^\W\d_][\w-]*)(?:\s+[\w-]+)?\s+(?:itself\s+)?"
    r"(?:was|were|is|had\s+been|had\s+started|had\s+begun|started|began|came|left|took\s+place|ended|arrived|had\s+come)\s+"
    r"(?:on|at|already|from)\s+(?:the\s+)?$",
    re.I,
)  # something else than the purchase
_FROM = re.compile(r"\bfrom\s+(?:the\s+)?(?:[^\W\d_]+\s+)?(?:the\s+)?$", re.I)


def dated(saying: Saying) -> Iterator[Found]:
    """Days and times of day: of what is named, else of the purchase where something is bought."""
    yield from _days(saying)
    yield from _clocks(saying)


def _days(saying: Saying) -> Iterator[Found]:
    mentions = [m for m in saying.mentions if m.attribute.value == "date"]
    for value in _standing(saying.text, list(find("date", saying.text))):
        span = (value.start, value.end)
        if mentions:
            yield _found(saying, _likeliest(saying.text, mentions, value), value)
        elif _DUE.search(saying.text[: value.start]) or _of_another(saying.text[: value.start]):
            continue
        elif _is_bought(saying) or _LOGGED.match(saying.sentence):
            yield Found("date", value.value, *span, span, saying.subject(value.start))


def _clocks(saying: Saying) -> Iterator[Found]:
    mentions = [m for m in saying.mentions if m.attribute.value == "clock"]
    for value in _standing(saying.text, list(find("clock", saying.text))):
        span = (value.start, value.end)
        mention = next(iter(nearest(saying.text, mentions, value)), None)
        if mention and _is_of(saying.text, mention, value):
            yield _found(saying, mention, value)
        elif not mention and is_timed(value) and _is_bought(saying) and not _of_another(saying.text[: value.start]):
            yield Found("time", value.value, *span, span, saying.subject(value.start))


def _likeliest(text: str, mentions: Sequence[Mention], value: Candidate) -> Mention:
    """The nearest name, and only where none is near the nearest phrase: "the next service is booked for the 3rd"."""
    found = nearest(text, mentions, value)
    near = (m for m in found if m.named and distance(text, (m.start, m.end), (value.start, value.end)) <= _NEAR)
    return next(near, found[0])


def _found(saying: Saying, mention: Mention, value: Candidate) -> Found:
    subject = saying.subject(min(mention.start, value.start))
    at = (mention.start, mention.end)
    when = (
        saying.when(mention.attribute.name)
        or earlier(saying, mention.attribute.name)
        or _gone(saying.text[: mention.start])
    )
    return Found(mention.attribute.name, value.value, value.start, value.end, at, subject, when)


def _is_of(text: str, mention: Mention, value: Candidate) -> bool:
    """Whether a time of day is that of a name: right behind it, or near it and nothing but a time of day."""
    if mention.end <= value.start and is_linked(text[mention.end : value.start]):
        return True
    sure = is_timed(value) or bool(_AT.search(text[: value.start]))
    return sure and distance(text, (mention.start, mention.end), (value.start, value.end)) <= _NEAR


def _standing(text: str, values: Sequence[Candidate]) -> Iterator[Candidate]:
    """Without what another day or time took the place of: "moved from the 3rd to the 5th", "10:30 instead of 11"."""
    for i, value in enumerate(values):
        before = text[: value.start]
        if _instead().search(before) or (i + 1 < len(values) and _FROM.search(before)):
            continue
        yield value


def _gone(before: str) -> str | None:
    """The word before a name that makes it one of another time: "her last appointment"."""
    match = _last().search(before)
    return match[1] if match else None


@per_vocabulary
def _last(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"({any_word(vocabulary.telling['words']['gone'])})\s*$", re.I)


@per_vocabulary
def _instead(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"{any_word(vocabulary.telling['words']['instead'])}\s+(?:at\s+|on\s+)?(?:the\s+)?$", re.I)


def _of_another(before: str) -> bool:
    """Whether a day or time is that of what else took place: "the conference was on", "the taxi came at"."""
    match = _EVENT.search(before)
    return bool(match and not listed("buying").search(match[1]) and not listed("occasion").fullmatch(match[1]))


def _is_bought(saying: Saying) -> bool:
    """Whether a sentence is about a purchase."""
    amounts = any(is_money(value.value) or is_priced(value) for value in saying.quantities)
    return amounts or bool(listed("buying").search(saying.sentence))
