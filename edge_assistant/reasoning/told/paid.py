"""Amounts of money that somebody tells: the total, what was handed over, what came back, what an article cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.attributes import Mention, told
from edge_assistant.reasoning.told.bought import thing_bought
from edge_assistant.reasoning.told.clauses import listed, told_words
from edge_assistant.reasoning.told.measures import earlier
from edge_assistant.reasoning.told.sayings import (
    Found,
    Saying,
    distance,
    is_followed,
    is_linked,
    is_money,
    is_priced,
    nearest,
)
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Nothing, Quantity

TOTAL, PRICE, CASH, CHANGE = "total", "price", "cash", "change"
_NEAR = 16  # distance within which an amount belongs to a name
_IT_WAS = re.compile(
    r"(?:^|[\s,])(?:it|that|this|this\s+one|everything|all|receipt|invoice)"
    r"(?:\s+(?:was|is|were|cost|says|said|shows)\b|'s\b)",
    re.I,
)
_PAID_FOR = re.compile(
    r"\s+(?:for|at|from|of|on|in)\b[^,;:.]{1,80}\b(?:was|were|is|are|came\s+to|comes\s+to|amounted\s+to|ran\s+to)\s+"
    r"(?:(?:something|like|about|around|roughly|nearly|almost|only|just|over|under|exactly|more|or|less|some)\s+)*",
    re.I,
)
_BEFORE_NAME = re.compile(
    r"\s*(?:of\s+|in\s+|as\s+|a\s+|the\s+|(?!and\b|for\b|at\b|or\b)[^\W\d_]{3,}\s+)?"
)  # "8 quid change"
_FROM_SELLER = re.compile(
    r"[\s,]*(?:(?:the|my|our|this)\s+)?[^\W\d_]+(?:\s+[^\W\d_]+)?\s+(?:from|at)\s+(?:the\s+)?"
    r"[A-Z][\w.'&-]*(?:\s+[A-Z&][\w.'&-]*){0,4}"
    r"\s+(?:was|were|cost|came\s+to|is)\s+(?:(?:about|around|only|just)\s+)?$"
)
_GOES_ON = re.compile(
    r"[\s,]*(?:(?:but|and|though|although|only)\s+)?(?:that|which|it|this)(?:'s|\s+(?:is|was|goes|comes|belongs|does))\b",
    re.I,
)  # "but that's on another claim"
_WANTED = re.compile(
    r"\b(?:would\s+like|'d\s+like|want|wants|need|needs|claim|claiming|ask\s+for|asking\s+for|hoping\s+for|expect|have\s+to\s+get)\b"
    r"[^;]{0,80}\bback\b",
    re.I,
)
_NO_CHANGE = re.compile(r"\b(?:no|any|without)\s+change\b", re.I)


def paid(saying: Saying) -> Iterator[Found]:
    """The amounts of a clause, each with the nearest name; one without a name is the total of what is named."""
    if listed("repaying").search(saying.text):
        return
    mentions, loose = _named(saying)
    used: set[int] = set()
    for value in _amounts(saying, mentions):
        mention = next((m for m in nearest(saying.text, mentions, value) if _admits(saying.text, m, value, used)), None)
        if mention is not None:
            used.add(mention.start)
            attribute, span = mention.attribute.name, (mention.start, mention.end)
        elif loose and _stands_by(saying.text, (loose.start, loose.end), value):
            attribute, span = _of_payment(saying), (loose.start, loose.end)
        elif is_money(value.value) or is_priced(value) or _is_from_seller(saying.text, value):
            attribute, span = TOTAL, (value.start, value.end)
        else:
            continue
        found = _found(saying, attribute, value, span)
        if found is not None:
            yield found
    if match := _NO_CHANGE.search(saying.text):
        yield Found(CHANGE, Nothing(), match.start(), match.end(), match.span(), saying.subject(match.start()))


def _named(saying: Saying) -> tuple[list[Mention], Mention | None]:
    """The names of amounts in a clause, and "paid", which by itself may be the total or the cash."""
    mentions = [m for m in saying.mentions if m.attribute.value == "money"]
    mentions = [m for m in mentions if m.attribute.name == PRICE] or mentions
    if _WANTED.search(saying.text):  # "I would like 107.97 back" is what was paid
        mentions = [m for m in mentions if m.attribute.name != CHANGE]
    else:
        mentions = [m for m in mentions if m.named or not _is_verb_of(saying.text, m, mentions)]
    ambiguous = set(told_words("ambiguous_cash"))
    loose = [m for m in mentions if saying.text[m.start : m.end].lower() in ambiguous]
    sure = [m for m in mentions if m not in loose]
    return sure, loose[0] if loose else None


def _is_verb_of(text: str, phrase: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether a phrase is only the verb of what is named before it: "my change came to 24.89"."""
    before = [m for m in mentions if m.named and m.end <= phrase.start]
    return bool(before) and not text[before[-1].end : phrase.start].strip()


def _of_payment(saying: Saying) -> str:
    """What "paid" means: the cash where something came back or it was paid in cash, else the total."""
    back = re.search(r"\b(?:change|back|in cash|cash)\b", saying.sentence, re.I)
    return CASH if back else TOTAL


def _amounts(saying: Saying, mentions: Sequence[Mention]) -> list[Candidate]:
    """The numbers that can be money, those with a currency or a price's form first, then those nearest to a name."""

    def order(value: Candidate) -> tuple[bool, int]:
        spans = ((m.start, m.end) for m in mentions)
        near = min((distance(saying.text, span, (value.start, value.end)) for span in spans), default=_NEAR)
        return not (is_money(value.value) or is_priced(value)), near

    can = [
        v for v in saying.quantities if is_money(v.value) or (isinstance(v.value, Quantity) and v.value.unit is None)
    ]
    return sorted(can, key=order)


def _admits(text: str, mention: Mention, value: Candidate, used: set[int]) -> bool:
    span = (mention.start, mention.end)
    if mention.start in used:
        return False
    if distance(text, span, (value.start, value.end)) > _NEAR and not _reaches(text, span, value):
        return False
    if is_money(value.value) or is_priced(value):
        return mention.attribute.name != CASH or _stands_by(text, span, value) or mention.end <= value.start
    return _stands_by(text, span, value)


def _is_from_seller(text: str, value: Candidate) -> bool:
    """Whether a plain number is what something from a shop cost: "the hardware from Mr. DIY was 3840"."""
    return bool(_FROM_SELLER.match(text[: value.start])) and is_followed(text, value.end)


def _reaches(text: str, mention: tuple[int, int], value: Candidate) -> bool:
    """Whether what stands between only says what was paid for: "the bill for the lunch at the inn was 20"."""
    return bool(is_money(value.value) and _PAID_FOR.fullmatch(text[mention[1] : value.start]))


def _stands_by(text: str, mention: tuple[int, int], value: Candidate) -> bool:
    """Whether a number stands behind its name with small words between, or right before it."""
    if mention[1] <= value.start:
        sure = is_money(value.value) or is_priced(value)
        return is_linked(text[mention[1] : value.start]) and (sure or is_followed(text, value.end))
    return bool(_BEFORE_NAME.fullmatch(text[value.end : mention[0]]))


def _found(saying: Saying, attribute: str, value: Candidate, span: tuple[int, int]) -> Found | None:
    """The claim; None for an amount of which nothing says that it was to be paid."""
    when = saying.when(attribute) or earlier(saying, attribute)
    subject = saying.subject(min(span[0], value.start))
    if subject is None and (apart := _apart(saying)):
        subject = apart
    if attribute in (TOTAL, PRICE) and subject is None:
        thing = thing_bought(saying.text, value, span)
        costs = span != (value.start, value.end) and (is_money(value.value) or is_priced(value))
        if thing is not None and not costs and any(m.attribute.value != "money" for m in told(thing)):
            return None
        if span == (value.start, value.end) and thing is None and not _is_spent(saying):
            return None
        beside = span == (value.start, value.end) or saying.text[slice(*span)].lower() in told_words("cost_phrases")
        is_whole = thing is not None and set(thing.split()) <= set(told_words("wholes"))
        subject = thing if attribute == PRICE or (beside and not is_whole) else None
    return Found(attribute, value.value, value.start, value.end, span, subject, when)


def _apart(saying: Saying) -> str | None:
    """The words of a clause, or of the next that only goes on with it, that an amount belongs to another claim."""
    behind = saying.sentence.partition(saying.text)[2]
    own = listed("apart").search(saying.text)
    after = listed("apart").search(behind) if _GOES_ON.match(behind) else None
    match = own or after
    return match[0].lower() if match else None


def _is_spent(saying: Saying) -> bool:
    """Whether an amount was to be paid: a verb says so, or it is a note without any verb."""
    if any(found.search(saying.text) for found in (listed("spending"), _IT_WAS, _WANTED)):
        return True
    return not re.search(
        r"\b(?:is|was|are|were|has|have|had|got|need|needs|i|he|she|they|we|it)\b", saying.sentence, re.I
    )


def settled(found: Iterable[Found]) -> list[Found]:
    """The amounts of a whole source: of several articles none is the total, and two bare totals tell nothing."""
    amounts = list(found)
    totals = [f for f in amounts if f.attribute == TOTAL and f.when is None]
    things = {f.subject for f in totals if f.subject is not None and not listed("apart").fullmatch(f.subject)}
    bare = [f for f in totals if f.mention == (f.start, f.end) and f.subject is None]
    named = [f for f in totals if f.subject is None and f not in bare]
    result = []
    for f in amounts:
        if f in bare and (named or len({b.value for b in bare}) > 1):
            continue
        if f in totals and f.subject in things and (len(things) > 1 or named):
            result.append(replace(f, attribute=PRICE))
        else:
            result.append(f)
    return result
