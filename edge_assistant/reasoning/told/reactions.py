"""What somebody cannot have, told by what it does to them: "codeine, I react very badly to that"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.lists import ALLERGY, Item, items_of, items_value
from edge_assistant.reasoning.told.sayings import Found, Saying
from edge_assistant.reasoning.values.values import Nothing

_LEAD = re.compile(r"[\s,]*(?:(?:oh|and|but|also|so|it's|it\s+is|that's)\b[\s,]*)*", re.I)
_MAX_WORDS = 8  # of the list in front of what it does


def reactions(saying: Saying) -> Iterator[Found]:
    """The lists of what a clause says that somebody reacts to."""
    patterns = _patterns()
    if none := patterns["none"].search(saying.text):
        yield Found(ALLERGY, Nothing(), *none.span(), none.span(), saying.subject(none.start()))
        return
    for place in ("before", "behind", "after", "fronted", "reason"):
        match = patterns[place].search(saying.text)
        if match is None:
            continue
        items = _items(saying, place, match)
        if items and not any(item.denied for item in items):
            start, end = min(i.start for i in items), max(i.end for i in items)
            subject = saying.subject(match.end())
            when = saying.when(ALLERGY) if listed("outgrown").search(saying.text) else None  # one reaction is enough
            yield Found(ALLERGY, items_value(items), start, end, match.span(), subject, when)
            return


def _items(saying: Saying, place: str, match: re.Match[str]) -> list[Item]:
    if place == "reason":
        return _forbidden(saying, match)
    if place == "after":
        return _whole(match["what"], -match.start("what"))
    if place == "behind":
        return items_of(saying.text, match.end())
    if place == "before":
        return _whole(saying.text[: match.start()], 0)
    at = saying.sentence.rfind(saying.text)  # what is spoken of stands in the clause before
    return _whole(saying.sentence[: at + match.start()], at) if at >= 0 else []


def _forbidden(saying: Saying, reason: re.Match[str]) -> list[Item]:
    """What somebody must not be given, where the same sentence says why: "no nuts for him, he reacts badly"."""
    at = saying.sentence.rfind(saying.text)
    order = _patterns()["forbidding"].search(saying.sentence)
    if at < 0 or order is None or at + reason.end() <= order.end():
        return []
    limit = at + reason.start() if at + reason.start() > order.end() else len(saying.sentence)
    items = items_of(saying.sentence[:limit].rstrip(" ,"), order.end())
    return [Item(item.name, item.start - at, item.end - at, item.denied) for item in items]


def _whole(text: str, offset: int) -> list[Item]:
    """The items that a text is and nothing else; spans count from an offset on."""
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    if len(text[start:].split()) > _MAX_WORDS:
        return []
    items: Sequence[Item] = items_of(text, start)
    if not items or text[items[-1].end :].strip(" ,"):
        return []
    return [Item(item.name, item.start - offset, item.end - offset, item.denied) for item in items]


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    """By where the list stands: before what it does, behind it, or in front of the sentence."""
    words = vocabulary.telling["words"]
    symptom = any_word(words["symptoms"])
    whom = r"(?:me|him|her|them|us|(?:the|my|her|his|our)\s+[^\W\d_]+)"
    who = r"(?:i|he|she|they|we|the\s+patient)"
    had = r"(?:eat|eats|ate|have|has|had|take|takes|took|touch|touches|touched|drink|drinks)"
    out = rf"(?:break|breaks|broke|come|comes|came)\s+out(?:\s+in\s+[^.;,]{{0,24}}?{symptom})?"
    state = rf"[^.;,]{{0,24}}?{symptom}(?:\s+(?:up|out|badly|all\s+over))?"
    eats = rf"{who}\s+(?:\w+ly\s+)?{had}"
    breaks = rf"(?:{out}|swells?\s+up|(?:gets?|got|had)\s+(?:[^\W\d_]+\s+){{0,3}}{symptom})"
    return {
        "before": patterns.compile(
            rf"(?<=\w)\s+(?:(?:makes?|made|gives?|gave|brings?|brought|causes?|caused)\s+(?:{whom}\s+)?[^.;]{{0,32}}?{symptom}"
            rf"|(?:sets?\s+off|brings?\s+on|triggers?|triggered|started)\s+[^.;]{{0,24}}?{symptom}"
            rf"|(?:do\s+not|does\s+not|don't|doesn't|didn't)\s+agree\s+with\s+{whom}"
            rf"|(?:is|are)\s+(?:what|something|things?)\s+(?:that\s+)?{who}(?:'m|'s|'re|\s+(?:am|is|are))\s+allergic\s+to(?=\s*(?:$|[.,;!?]))"
            rf"|(?:that|which)\s+{who}(?:'m|'s|'re|\s+(?:am|is|are))\s+allergic\s+to(?=\s*(?:$|[.,;!?])))",
            re.I,
        ),
        "behind": patterns.compile(
            rf"\b(?:{breaks}\s+(?:from|after|with)|(?:{breaks}|{symptom})\s+(?:if|when|whenever|every\s+time|each\s+time)\s+{who}\s+{had})\s+(?:(?:eating|having|taking|touching)\s+)?",
            re.I,
        ),
        "after": patterns.compile(
            rf"(?:(?:last|first|next|one|every|each)\s+time|once|when|whenever)\s+(?:that\s+)?{eats}\s+(?P<what>[^.;,]{{3,40}}?)\s*,?"
            rf"\s+(?:and\s+)?(?:{who}|it|(?:my|her|his|the)\s+\w+)\s+{state}",
            re.I,
        ),
        "reason": patterns.compile(
            rf"\b{who}(?:'m|'s|\s+(?:am|is|was))\s+(?:badly\s+|severely\s+|very\s+)?allergic(?!\s+to\s+\w)"
            rf"|\b{who}\s+(?:always\s+)?reacts?(?:\s+(?:very\s+)?(?:badly|strongly|terribly))?(?:\s+to\s+(?:it|them|that))?\s*(?=[.,;!]|$)"
            rf"|\b(?:{who}|(?:my|her|his|the)\s+\w+)\s+(?:comes?|came|gets?|got|breaks?|broke|swells?|starts?)\s+{state}"
            rf"|\b{who}\s+{symptom}"
            rf"|\b(?:nearly|almost)\s+(?:died|killed)",
            re.I,
        ),
        "forbidding": patterns.compile(
            rf"{any_word(words['forbidding'])}(?:\s+(?:{whom}|mum|mom|dad|granny|grandpa))?\s+(?=\w)", re.I
        ),
        "none": patterns.compile(any_word(words["no_reactions"]), re.I),
        "fronted": patterns.compile(
            rf",?\s*{who}\s+(?:always\s+)?(?:reacts?|reacted)\s+(?:[^\W\d_]+\s+){{0,3}}to\s+(?:that|it|them|those|this|these)\b"
            rf"|,?\s*{who}(?:'m|'s|'re|\s+(?:am|is|are))\s+(?:[^\W\d_]+\s+)?allergic\s+to\s+(?:that|it|them|those|this|these)\b"
            rf"|,?\s*(?:that|it|those|they)\s+(?:makes?|gives?|brings?|causes?)\s+(?:{whom}\s+)?[^.;]{{0,32}}?{symptom}",
            re.I,
        ),
    }
