"""What somebody cannot have, told by what it does to them: "codeine, I react very badly to that"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of
from edge_assistant.reasoning.told.lists import ALLERGY, Item, items_of, items_value
from edge_assistant.reasoning.told.sayings import Found, Saying

_LEAD = re.compile(r"[\s,]*(?:(?:oh|and|but|also|so|it's|it\s+is|that's)\b[\s,]*)*", re.I)
_MAX_WORDS = 8  # of the list in front of what it does


def reactions(saying: Saying) -> Iterator[Found]:
    """The lists of what a clause says that somebody reacts to."""
    patterns = _patterns()
    for place in ("before", "behind", "fronted"):
        match = patterns[place].search(saying.text)
        if match is None:
            continue
        items = _items(saying, place, match)
        if items and not any(item.denied for item in items):
            start, end = min(i.start for i in items), max(i.end for i in items)
            subject, when = saying.subject(match.end()), saying.when(ALLERGY)
            yield Found(ALLERGY, items_value(items), start, end, match.span(), subject, when)
            return


def _items(saying: Saying, place: str, match: re.Match[str]) -> list[Item]:
    if place == "behind":
        return items_of(saying.text, match.end())
    if place == "before":
        return _whole(saying.text[: match.start()], 0)
    at = saying.sentence.rfind(saying.text)  # what is spoken of stands in the clause before
    return _whole(saying.sentence[: at + match.start()], at) if at >= 0 else []


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
    symptom = any_of(words["symptoms"]).pattern
    whom = r"(?:me|him|her|them|us|(?:the|my|her|his|our)\s+[^\W\d_]+)"
    who = r"(?:i|he|she|they|we|the\s+patient)"
    had = r"(?:eat|eats|ate|have|has|had|take|takes|took|touch|touches|touched|drink|drinks)"
    out = rf"(?:break|breaks|broke|come|comes|came)\s+out(?:\s+in\s+[^.;,]{{0,24}}?{symptom})?"
    breaks = rf"(?:{out}|swells?\s+up|(?:gets?|got|had)\s+(?:[^\W\d_]+\s+){{0,3}}{symptom})"
    return {
        "before": re.compile(
            rf"(?<=\w)\s+(?:(?:makes?|made|gives?|gave|brings?|brought|causes?|caused)\s+(?:{whom}\s+)?[^.;]{{0,32}}?{symptom}"
            rf"|(?:do\s+not|does\s+not|don't|doesn't|didn't)\s+agree\s+with\s+{whom}"
            rf"|(?:is|are)\s+(?:what|something|things?)\s+(?:that\s+)?{who}(?:'m|'s|'re|\s+(?:am|is|are))\s+allergic\s+to(?=\s*(?:$|[.,;!?]))"
            rf"|(?:that|which)\s+{who}(?:'m|'s|'re|\s+(?:am|is|are))\s+allergic\s+to(?=\s*(?:$|[.,;!?])))",
            re.I,
        ),
        "behind": re.compile(
            rf"\b{breaks}\s+(?:from|after|with|(?:when|every\s+time|each\s+time)\s+{who}\s+{had})\s+(?:(?:eating|having|taking|touching)\s+)?",
            re.I,
        ),
        "fronted": re.compile(
            rf",?\s*{who}\s+(?:always\s+)?(?:reacts?|reacted)\s+(?:[^\W\d_]+\s+){{0,3}}to\s+(?:that|it|them|those|this|these)\b"
            rf"|,?\s*{who}(?:'m|'s|'re|\s+(?:am|is|are))\s+(?:[^\W\d_]+\s+)?allergic\s+to\s+(?:that|it|them|those|this|these)\b"
            rf"|,?\s*(?:that|it|those|they)\s+(?:makes?|gives?|brings?|causes?)\s+(?:{whom}\s+)?[^.;]{{0,32}}?{symptom}",
            re.I,
        ),
    }
