"""Times of day as people say and recognisers write them: 2:10, 2.10 a.m., ten past six, fourteen hundred, noon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, vocabulary, word_pattern
from edge_assistant.reasoning.values.spans import alternatives

_NOON, _DAY = 12 * 60, 24 * 60
_BESIDE = 40  # characters before a lone number that tell whether it is a time of day


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day.

    Attributes:
        minutes: after midnight, every way to read it; the likeliest first.
        start, end: its characters [start, end) in the text.
        bare: a lone number after a preposition, or a decimal, which may be something else.
    """

    minutes: tuple[int, ...]
    start: int
    end: int
    bare: bool = False


def times(text: str) -> Iterator[Time]:
    """Find times of day from left to right.

    >>> [t.minutes for t in times("from ten past six in the evening to 23:40")]
    [(1090,), (1420,)]
    """
    end = 0
    for match in _pattern().finditer(text):
        if match.start() < end:
            continue
        found = _time(text, match)
        if found is not None:
            end = found.end
            yield found


def _time(text: str, match: re.Match[str]) -> Time | None:
    half = f"{match['ap'].lower()}m" if match["ap"] else (match["part"] or "").lower()
    written = match["h"] or match["dot_h"]
    if match["name"]:
        minute = 0 if match["name"].lower() == "midnight" else _NOON
        return Time((minute, _DAY) if minute == 0 else (minute,), match.start(), match.end())
    if match["mil"]:
        return _exact(match, int(match["mil"][:2]) * 60 + int(match["mil"][2:]))
    if match["hundred"]:
        return _exact(match, _number(match["hundred"]) * 60)
    if match["to_hour"]:
        offset = {"quarter": 15, "half": 30}.get(match["offset"].lower().split()[-1]) or _number(match["offset"])
        offset = -offset if match["way"] and match["way"].lower() == "to" else offset
        hour = {"midnight": 24, "noon": 12, "midday": 12}.get(match["to_hour"].lower()) or _number(match["to_hour"])
        return _read(match, hour * 60 + offset, half, zero=False)
    if written:
        hour, minute = int(written), int(match["m"] or match["dot_m"])
        if hour > 24 or minute > 59 or (match["dot_h"] and not (half or _is_clock(text, match))):
            return None
        return _read(match, hour * 60 + minute, half, zero=len(written) == 2, bare=bool(match["dot_h"] and not half))
    hour = _number(match["pair_h"] or match["full"] or match["halved_h"] or match["lone"])
    minute = _number(match["pair_m"]) if match["pair_m"] else 30 if match["halved_h"] else 0
    if hour > 24 or minute > 59:
        return None
    sure = bool(half or match["full"] or match["halved_h"])
    if not sure and not _is_clock(text, match):
        return None
    return _read(match, hour * 60 + minute, half, zero=False, bare=not sure)


def _exact(match: re.Match[str], minute: int) -> Time | None:
    return Time((minute,), match.start(), match.end()) if minute <= _DAY else None


def _read(match: re.Match[str], minute: int, half: str, *, zero: bool, bare: bool = False) -> Time:
    """Every way to read a time: in the half of the day that is told, else in both; `02:10` and `14:10` are plain."""
    minute %= _DAY + 1
    hour = minute // 60
    minutes: tuple[int, ...]
    if half and hour <= 12:
        minutes = ((minute % _NOON) + (_NOON if _is_late(half, hour) else 0),)
    elif (zero and hour < 10) or hour > 12 or (hour == 0 and not match["offset"]):
        minutes = (minute % _DAY or minute,)
    else:
        minutes = (minute, (minute + _NOON) % _DAY)
    return Time(minutes, match.start(), match.end(), bare)


def _is_late(half: str, hour: int) -> bool:
    """Whether a half of the day is the later one; at night it is up to the hour."""
    if half == "night":
        return 6 <= hour < 12
    return half in ("pm", "afternoon", "evening", "tonight")


def _is_clock(text: str, match: re.Match[str]) -> bool:
    """Whether a lone number is a time of day: "at ten", but not "at ten degrees" or "rose from ten to twenty"."""
    rest = text[match.end() :]
    following = re.match(r"\s*(?:°|%|[$€£]|([^\W\d_]+(?:'[a-z]+)?))", rest)
    words = vocabulary().measuring["words"]
    if following:
        word = (following[1] or "").lower()
        if not word or word in words["unclock"] or word in vocabulary().units:
            return False
    if re.match(r"[\d,.:]*\d|\s+\d", rest) or re.match(r"\s+and\s+a\s+half", rest):
        return False
    before = text[max(0, match.start() - _BESIDE) : match.start()]
    place = _PREPOSITION.search(before)
    if place is None:
        return False
    if place["word"].lower() in ("to", "and", "-"):
        head = _RANGE.search(before)
        return head is not None and not _is_of_values(head["word"], head["verb"] or "")
    verb = re.findall(r"[\w']+", before[: place.start()])
    return bool(_SURE.match(rest)) or not _is_of_values(place["word"], verb[-1] if verb else "")


def _is_of_values(word: str, verb: str) -> bool:
    """Whether a range is one of values, by the verb before it: "rose from", "stayed between"."""
    words = vocabulary().measuring["words"]
    moved, held = words["moved"], words["held"]
    known = {"from": (*moved, *held), "between": held, "by": moved}.get(word.lower(), ())
    return verb.lower() in known


# What makes the second number of a range a time of day, and so the first
_SURE = re.compile(
    r"\s+(?:and|to|till|until)\s+[\w':.]+(?:\s[\w':.]+)?\s*(?:[ap]\.?\s?m\b|o['’]?\s?clock|in\s+the\b)", re.I
)
# The start of a range, seen from its second number: "rose from 20 to" is none of times
_RANGE = re.compile(
    r"(?:(?P<verb>[\w']*)\s+|^)(?P<word>from|between)\s+(?:about\s+)?(?:[\w':.]+[\s-]+){1,4}(?:to|and|-)\s+(?:about\s+)?$",
    re.I,
)


_PREPOSITION = re.compile(
    r"(?<![\w'])(?P<word>at|after|before|since|until|till|by|from|between|to|and|past|-)\s+(?:(?:about|around|roughly|exactly|just)\s+)?$",
    re.I,
)


def _number(text: str) -> int:
    """A number below sixty in digits or words; "oh" is zero."""
    if text.isdigit():
        return int(text)
    numbers = vocabulary().numbers
    return sum(0 if word in ("o", "oh") else numbers[word] for word in re.split(r"[ -]+", text.lower()) if word)


@word_pattern
def _pattern(vocabulary: Vocabulary) -> str:
    numbers = {word: value for word, value in vocabulary.numbers.items() if value < 60}
    tens = alternatives(word for word, value in numbers.items() if value >= 20)
    ones = alternatives(word for word, value in numbers.items() if 0 < value < 10)
    small = alternatives(word for word, value in numbers.items() if value <= 24)
    number = rf"(?:(?:{tens})[ -](?:{ones})|{alternatives(numbers)}|\d{{1,2}})"
    hour = rf"(?:twenty[ -](?:one|two|three|four)|{small}|\d{{1,2}})"
    full = alternatives(word for word, value in numbers.items() if value >= 10)
    minute = rf"(?:(?:oh|o|zero)[ -](?:{ones})|(?:{tens})[ -](?:{ones})|{full})"
    return (
        rf"(?:(?<![\w.:,$€£-])|(?<=\dT))(?:"
        rf"(?P<h>\d{{1,2}})[:h](?P<m>\d{{2}})(?::\d{{2}}(?:\.\d+)?)?(?!\d|:\d)"
        rf"|(?P<dot_h>\d{{1,2}})\.(?P<dot_m>[0-5]\d)(?![\d.]*\d)"
        rf"|(?P<mil>(?:[01]\d|2[0-3])[0-5]\d)\s?(?:hours|hrs|h\b)"
        rf"|(?:(?:zero|oh|o)[ -])?(?P<hundred>{hour})[ -]hundred(?:\s+hours|(?=\s*(?:$|[,.?!])))"
        rf"|(?!(?<=from ){number}\s+to\b)"
        rf"(?:an?\s+)?(?P<offset>quarter|half|{number})(?:\s+minutes?)?\s+(?P<way>past|to)\s+"
        rf"(?P<to_hour>{hour}|midnight|noon|midday)"
        rf"|(?P<name>noon|midday|midnight)"
        rf"|(?P<full>{hour})\s*o['’]?\s?clock"
        rf"|half\s+(?P<halved_h>(?!an?\b)(?:{small}))(?=\s*(?:$|[,.?!]))"
        rf"|(?P<pair_h>{hour})[ -](?P<pair_m>{minute}|\d{{2}}(?=\s?[ap]\.?m))"
        rf"|(?P<lone>{hour})"
        rf")(?!(?![ap]\.?m\b)\w)(?:\s*(?P<ap>[ap])\.?\s?m\b\.?"
        rf"|,?\s+(?:early\s+|late\s+)?(?:in\s+the\s+(?:early\s+|late\s+)?|this\s+|that\s+|at\s+)"
        rf"(?P<part>morning|afternoon|evening|night))?"
    )
