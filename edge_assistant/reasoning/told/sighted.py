"""Things that somebody says are to be seen, and how many: for the labels that the detector knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.seen import COUNT, PRESENCE
from edge_assistant.reasoning.told.clauses import any_of, listed, told_words
from edge_assistant.reasoning.told.sayings import Found, Saying, overlaps
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Quantity, Truth, Value

Thing = tuple[str, int, int]
"""A label, and where what names it begins and ends."""

PERSON = "person"
_BEFORE = 40  # characters before a thing in which its number or "no" stands
_ADJECTIVES = re.compile(r"\s*(?:[^\W\d_]+\s+){0,2}")  # "three young spotted giraffes"
_NO = re.compile(
    r"(?<![\w'])(?:no|not|without|neither|nor|never|isn't|aren't|don't|doesn't|didn't|can't|cannot|couldn't|wasn't|weren't)"
    r"(?!\w)[^,;]*$",
    re.I,
)
_IS_NOT = re.compile(r"\s+(?:(?:is|are|was|were)\s+(?:not|nowhere)|isn't|aren't|wasn't|weren't)\b", re.I)
_FIRST_PERSON = re.compile(r"\b(?:i|we|my|our|us)\b", re.I)
_OWNED = re.compile(r"\s*(?:my|our)\s(?!.*\b(?:i|we|us|me)\b)", re.I)
_COUNTED_FIRST = re.compile(r"\s*(?:the|a|an|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\s", re.I)
_DOING = re.compile(
    r"\b(?:is|are|was|were|still|of\s+them)\s+(?:\w+\s+)?\w{2,}ing\b|^\s*(?:\w+\s+){0,4}[a-z]{2,}ing\b", re.I
)
_HEAD = re.compile(r"\s*((?:\w+\s+){0,5}\w+)\s+(?:with|in|on|at|under|near|behind|beside|next\s+to)\s", re.I)
_OTHER_PICTURE = re.compile(
    r"\b(?:(?:in|on|at|from)\s+)?(?:(?:the|an?|my|our|this|that)\s+)?(?:\w+\s+)?"
    r"(?:other|another|next|previous|last|earlier|first|second|third|following|different|older?|\w+day's|yesterday's|last\s+\w+'s)\s+"
    r"(?:photo(?:graph)?|picture|image|shot|snap(?:shot)?|pic|frame|one)s?\b",
    re.I,
)
_OF_THEM = re.compile(r"\s+of\s+(?:them|these|those)\b", re.I)
_APPOSED = re.compile(r"\s*(?:[^\W\d_]+\s*)?,\s*(?:all\s+)?", re.I)


def sighted(saying: Saying) -> Iterator[Found]:
    """The things of a clause that describes what is to be seen, counted or there or not there."""
    people = [(one.start, one.end) for one in saying.speaking if one.subject]  # "the lady in bed 4" tells of no bed
    named = [thing for thing in things(saying.text) if not overlaps(*thing[1:], people)]
    if not named or not _is_sight(saying):
        return
    used: set[int] = set()
    other = _OTHER_PICTURE.search(saying.sentence)
    when = other[0].lower() if other else saying.when(PRESENCE)
    for label, start, end in named:
        number = _number_of(saying, start, end)
        value: Value = Truth(number is not None or not _is_denied(saying.text, start, end))
        yield Found(PRESENCE, value, start, end, (start, end), label, when)
        if number is None or not _counts_all(saying.text, named, (label, start, end)):
            continue
        if number.start not in used and isinstance(number.value, Quantity):
            used.add(number.start)
            value = Quantity(number.value.readings, None, number.value.approximate)
            first, last = min(start, number.start), max(end, number.end)
            yield Found(COUNT, value, first, last, (start, end), label, when)


def _counts_all(text: str, named: Sequence[Thing], thing: Thing) -> bool:
    """Whether a number is that of all there are: two children beside a woman are not the persons of a picture."""
    label, start, end = thing
    alone = [other[0] for other in named].count(label) == 1
    return alone and (label != PERSON or text[start:end].lower() in told_words("persons"))


def _is_sight(saying: Saying) -> bool:
    """Whether a clause describes what is seen: there is, I see, the cat is sleeping; a caption without a verb."""
    text = saying.text
    if listed("seeing").search(saying.sentence) or _OF_THEM.search(text):
        return True
    if _FIRST_PERSON.search(text):
        owned = bool(_OWNED.match(text)) and _is_caption(saying)  # "my cat on the couch"
        return owned or bool(_COUNTED_FIRST.match(text) and _DOING.search(text))
    return bool(listed("lying").search(text) or _DOING.search(text) or _IS_NOT.search(text)) or _is_caption(saying)


def _is_caption(saying: Saying) -> bool:
    """Whether a sentence has no verb: "One dog, two cats.", "Black dog with a tennis ball"."""
    head = _HEAD.match(saying.sentence)
    if head is not None and things(head[1]) and things(head[1])[-1][2] == len(head[1]):
        return True
    parts = [part for part in re.split(r",|\band\b", saying.sentence.strip(" .!\n")) if part.strip()]
    return all(_counts(part) for part in parts)


def _counts(part: str) -> bool:
    words = [word.lower() for word in re.findall(r"[^\W_]+", part)]
    found = things(part)
    numbered = words[0] in vocabulary().numbers or words[0] in ("a", "an", "my", "our") or words[0].isdigit()
    return numbered and 1 < len(words) <= 4 and bool(found) and not part[found[-1][2] :].strip()


def _is_denied(text: str, start: int, end: int) -> bool:
    return bool(_NO.search(text[max(0, start - _BEFORE) : start]) or _IS_NOT.match(text, end))


def _number_of(saying: Saying, start: int, end: int) -> Candidate | None:
    """The number that counts a thing: before it, or behind it as in "the giraffes, three of them"."""
    for value in saying.quantities:
        if _is_whole(value) and (_is_before(saying.text, value, start) or _is_behind(saying.text, value, end)):
            return value
    begin = max(0, start - _BEFORE)
    for number, pattern in _counting().items():
        if match := pattern.search(saying.text[begin:start]):
            return Candidate(match[0], Quantity((Decimal(number),)), begin + match.start(), start)
    return None


@per_vocabulary
def _counting(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    """Words before a thing that say how many there are, by the number."""
    counting = vocabulary.telling["counting"].items()
    return {number: re.compile(rf"{any_of(words).pattern}\s+(?:[^\W\d_]+\s+)?$", re.I) for number, words in counting}


def _is_whole(value: Candidate) -> bool:
    number = value.value
    return isinstance(number, Quantity) and number.unit is None and number.readings[0] == int(number.readings[0])


def _is_before(text: str, value: Candidate, start: int) -> bool:
    if value.end > start or not _ADJECTIVES.fullmatch(text, value.end, start):
        return False
    between = {word.lower() for word in text[value.end : start].split()}
    return not between & vocabulary().words["stop"] and not things(text[value.end : start])


def _is_behind(text: str, value: Candidate, end: int) -> bool:
    if value.start < end:
        return False
    if not text[end : value.start].strip(" ,"):  # "elephants, no, three" once it has been corrected
        return value.start - end > 1 and not text[value.end : value.end + 12].split(".")[0].strip(" !")
    return bool(_APPOSED.fullmatch(text, end, value.start) and _OF_THEM.match(text, value.end))
