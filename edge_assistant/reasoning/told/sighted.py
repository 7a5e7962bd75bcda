"""Things that somebody says are to be seen, and how many: for the labels that the detector knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.seen import COUNT, PRESENCE
from edge_assistant.reasoning.told.clauses import any_word, listed, told_words
from edge_assistant.reasoning.told.pictures import elsewhere, is_taken, speaks_of_picture
from edge_assistant.reasoning.told.sayings import Found, Saying, overlaps
from edge_assistant.reasoning.told.tallies import is_denied, is_none, is_tallied, is_whole, number_of
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Quantity, Truth, Value

Thing = tuple[str, int, int]
"""A label, and where what names it begins and ends."""

PERSON = "person"
_IS_NOT = re.compile(r"\s+(?:(?:is|are|was|were)\s+(?:not|nowhere)|isn't|aren't|wasn't|weren't)\b", re.I)
_FIRST_PERSON = re.compile(r"\b(?:i|we|my|our|us)\b", re.I)
_PERSONAL = re.compile(
    r"\b(?:i|we|my|our|us|me|he|she|his|her)\b|(?-i:\b(?!It|This|That|There|Here|What|Which|The|They)[A-Z][a-z]+)\s+(?:has|owns|had|got|brought|came|asked)\b",
    re.I,
)
_DEFINITE = re.compile(r"\b(?:the|this|that|these|those|their|its|your)\s+(?:[^\W\d_]+\s+)?$", re.I)
_LIKE = re.compile(
    r"\b(?:(?:like|as|size\s+of|instead\s+of)\s+(?:(?:an?|the|some)\s+)?|than\s+(?:an?|the)\s+)(?:\w+\s+)?$", re.I
)
_SELF = re.compile(r"\s*(?:me|myself|us)\s+(?:with|on|in|and|at|beside|next|near|behind|holding)\b", re.I)
_PLACED = re.compile(
    r"\s+(?:is|are)\s+(?:in|on|at|under|behind|beside|next|near|between|by|inside|above|asleep|awake)\b", re.I
)
_OWNED = re.compile(r"\s*(?:my|our)\s(?!.*\b(?:i|we|us|me)\b)", re.I)
_COUNTED_FIRST = re.compile(r"\s*(?:the|a|an|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\s", re.I)
_DOING = re.compile(
    r"\b(?:is|are|was|were|still|of\s+them)\s+(?:\w+\s+)?\w{2,}ing\b|^\s*(?:\w+\s+){0,4}[a-z]{2,}ing\b", re.I
)
_HEAD = re.compile(r"\s*((?:\w+\s+){0,5}\w+)\s+(?:with|in|on|at|under|near|behind|beside|next\s+to)\s", re.I)
_OF_THEM = re.compile(r"\s+of\s+(?:them|these|those)\b", re.I)


def sighted(saying: Saying) -> Iterator[Found]:
    """The things of a clause that describes what is to be seen, counted or there or not there."""
    people = [(one.start, one.end) for one in saying.speaking if one.subject]  # "the lady in bed 4" tells of no bed
    named = [thing for thing in things(saying.text) if not overlaps(*thing[1:], people)]
    named = [thing for thing in named if not _LIKE.search(saying.text[: thing[1]])]
    if not named or not _is_sight(saying):
        yield from _nobody(saying)
        yield from _heads(saying)
        return
    used: set[int] = set()
    for label, start, end in named:
        when = _when(saying, start)
        number = number_of(saying, start, end)
        denied = is_none(saying.text, start) or (number is None and is_denied(saying.text, start, end))
        if number is not None and number.value == Quantity((Decimal(0),)):
            number, denied = None, True
        yield Found(PRESENCE, Truth(not denied), start, end, (start, end), label, when)
        if number is None or _is_bound(saying, number) or not _counts_all(saying.text, named, (label, start, end)):
            continue
        if number.start not in used and isinstance(number.value, Quantity):
            used.add(number.start)
            yield _count(number, label, (start, end), when)


def _count(number: Candidate, label: str, span: tuple[int, int], when: str | None) -> Found:
    assert isinstance(number.value, Quantity)
    value: Value = Quantity(number.value.readings, None, number.value.approximate, side=number.value.side)
    return Found(COUNT, value, min(span[0], number.start), max(span[1], number.end), span, label, when)


def _is_bound(saying: Saying, number: Candidate) -> bool:
    """Whether a number says only that there are more, or not so many: "at least three"."""
    return bool(_people()["bound"].search(saying.text[: number.start]))


def _when(saying: Saying, at: int) -> str | None:
    """The words of another picture or time; what was taken back then is still what the picture at hand shows."""
    return elsewhere(saying, at) or (None if is_taken(saying) else saying.when(PRESENCE))


def _nobody(saying: Saying) -> Iterator[Found]:
    """Nobody is to be seen."""
    match = _people()["nobody"].search(saying.text)
    if match is not None:
        span = match.span(next(name for name in ("none", "any", "nun") if match[name]))
        yield Found(PRESENCE, Truth(False), *span, span, PERSON, _when(saying, span[0]))


def _heads(saying: Saying) -> Iterator[Found]:
    """How many people there are, where no noun says so: "the headcount is five", "there are four of us on it"."""
    if not _people()["heads_or_us"].search(saying.text):
        return
    for value in saying.quantities:
        before, behind = saying.text[: value.start], saying.text[value.end :]
        of_us = listed("seeing").search(saying.sentence) and _people()["of_us"].match(behind)
        if is_whole(value) and (_people()["heads"].search(before) or of_us):
            span = (value.start, value.end)
            when = _when(saying, value.start)
            yield Found(PRESENCE, Truth(True), *span, span, PERSON, when)
            yield _count(value, PERSON, span, when)


@per_vocabulary
def _people(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    words = {name: any_word(phrases) for name, phrases in vocabulary.telling["tallies"].items()}
    seen = r"(?:visible|to\s+be\s+seen|seen|shown|around|there|here|present|[io]n\s+(?:it|sight|view|the\s+\w+|this)\b)"
    return {
        "nobody": patterns.compile(
            rf"\b(?:there(?:\s+is|\s+was|'s)|i\s+(?:can\s+)?see|we\s+(?:can\s+)?see|shows?)\s+(?P<none>{words['nobody']})(?!\s+(?:who|that|else))"
            rf"|\bthere\s+(?:isn't|is\s+not|wasn't)\s+(?P<any>anybody|anyone|a\s+soul)"
            rf"|(?P<nun>{words['nobody']})\s+(?:is|was|can\s+be|could\s+be|to\s+be)\s+(?:\w+\s+)?{seen}",
            re.I,
        ),
        "heads": patterns.compile(rf"{words['heads']}\s*(?:[:=]|{words['is']})\s*(?:(?:exactly|just|only)\s+)?$", re.I),
        "heads_or_us": patterns.compile(rf"{words['heads']}|\bof\s+us\b", re.I),
        "bound": patterns.compile(rf"{words['bounds']}\s+$", re.I),
        "of_us": patterns.compile(r"\s+of\s+us\b", re.I),
    }


def _counts_all(text: str, named: Sequence[Thing], thing: Thing) -> bool:
    """Whether a number is that of all there are: two children beside a woman are not the persons of a picture."""
    label, start, end = thing
    alone = [other[0] for other in named].count(label) == 1
    return alone and (label != PERSON or text[start:end].lower() in told_words("persons"))


def _is_sight(saying: Saying) -> bool:
    """Whether a clause describes what is seen: there is, I see, the cat is sleeping; a caption without a verb."""
    text = saying.text
    if listed("seeing").search(saying.sentence) or _OF_THEM.search(text) or _cleft().search(saying.sentence):
        return True
    if is_tallied(saying) or listed("unseen", "tallies").search(text) or speaks_of_picture(saying.sentence):
        return True
    if saying.pictured and (_SELF.match(text) or any(_PLACED.match(text, end) for _, _, end in things(text))):
        return True
    others = any(one.subject for one in saying.speaking)
    if saying.pictured and not _PERSONAL.search(text) and not others and _is_new(text):
        return True
    if _FIRST_PERSON.search(text):
        owned = bool(_OWNED.match(text)) and _is_caption(saying)  # "my cat on the couch"
        return owned or bool(_COUNTED_FIRST.match(text) and _DOING.search(text))
    return bool(listed("lying").search(text) or _DOING.search(text) or _IS_NOT.search(text)) or _is_caption(saying)


def _is_new(text: str) -> bool:
    """Whether a thing is not named as one that is known: "the bus was late" does not say what is to be seen."""
    return any(not _DEFINITE.search(text[:start]) for _, start, _ in things(text))


@per_vocabulary
def _cleft(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What I took is two dogs; two dogs are what you see."""
    seeing = any_word(vocabulary.telling["pictures"]["catching"])
    return patterns.compile(
        rf"\bwhat\s+(?:i|we|you|they|he|she|one)(?:'ve)?\s+(?:(?:can|could|will|have|had|finally|actually)\s+)*{seeing}",
        re.I,
    )


def _is_caption(saying: Saying) -> bool:
    """Whether a sentence has no verb: "One dog, two cats.", "Black dog with a tennis ball"."""
    head = _HEAD.match(saying.sentence)
    if head is not None and things(head[1]) and things(head[1])[-1][2] == len(head[1]):
        return True
    bare = listed("totals", "tallies").sub(" ", saying.sentence)
    parts = [part for part in re.split(r",|\band\b", bare.strip(" .!\n")) if part.strip(" .!-")]
    return bool(parts) and all(_counts(part) for part in parts)


def _counts(part: str) -> bool:
    words = [word.lower() for word in re.findall(r"[^\W_]+", part)]
    found = things(part)
    numbered = words[0] in vocabulary().numbers or words[0] in ("a", "an", "my", "our", "no") or words[0].isdigit()
    return numbered and 1 < len(words) <= 4 and bool(found) and not part[found[-1][2] :].strip()
