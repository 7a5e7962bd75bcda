"""Where and when a picture was taken, as its caption tells it in any words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word
from edge_assistant.reasoning.told.pictures import elsewhere
from edge_assistant.reasoning.told.sayings import Found, Saying
from edge_assistant.reasoning.values.candidates import find
from edge_assistant.reasoning.values.names import as_name

PLACE, DATE = "place", "date"
_WORD = r"[A-Z][^\W\d_]+(?:['’.-][^\W\d_]+)*"
_PARTICLES = r"(?:\s(?:de|do|da|del|la|le|los|las|of|the|upon|am|an|der|den|on|sur))*"
_NAME = rf"(?-i:(?P<name>{_WORD}(?:{_PARTICLES}\s(?!I\b){_WORD}){{0,3}}))"
_BEHIND = re.compile(rf"\s*(?:(?:is|was)\s+|[:,=]\s*)?(?:in\s+)?{_NAME}")
_LIMITED = re.compile(r"\b(?:since|until|till|by|before|after)\s+(?:the\s+)?$", re.I)
_CLOSED = r"(?=\s*(?:$|[.,;:!?)(-])|\s+(?:[a-z]|\d|I\b))"
_PERSON = re.compile(
    r"\s*,?\s*(?:our|my|his|her|their|the|a|an)\s+(?:\w+\s+)?(?!town|city|capital|place|village)\w+\s*(?:$|[.,;!])",
    re.I,
)


def taken(saying: Saying) -> Iterator[Found]:
    """The place and the day of a picture."""
    if _patterns()["unplaced"].search(saying.text):
        return
    found = list(_places(saying))
    if len({f.value for f in found}) == 1:  # one sentence with several places is a journey
        yield found[0]
    yield from _days(saying)


def _places(saying: Saying) -> Iterator[Found]:
    for match in _named(saying):
        span = match.span("name")
        when = elsewhere(saying, span[1]) or _when(saying)
        yield Found(PLACE, as_name(match["name"]), *span, span, saying.subject(span[0]), when)


def _named(saying: Saying) -> Iterator[re.Match[str]]:
    """What can be the names of places, where a clause says that it was there."""
    patterns = _patterns()
    for mention in saying.mentions:
        match = _BEHIND.match(saying.text, mention.end) if mention.attribute.name == PLACE else None
        if match and _is_place(match["name"]):
            yield match
    pictured = ("situated", "fronted", "bare", "seen", "it_is", "behind") if saying.pictured else ("abroad", "ahead")
    for name in ("is_where", "labelled", "where_is", *pictured):
        for match in patterns[name].finditer(saying.text):
            behind = saying.sentence.find(saying.text) + match.end("name")
            person = name == "seen" and _PERSON.match(saying.sentence, behind)
            if _is_place(match["name"]) and not person:
                yield match


def _is_place(name: str) -> bool:
    """Whether a name can be that of a place: no month, weekday or feast."""
    words = {word.lower() for word in re.findall(r"[^\W\d_]+", name)}
    known = vocabulary()
    return not words & (known.months.keys() | set(known.telling["pictures"]["no_places"]) | known.words["stop"])


def _when(saying: Saying) -> str | None:
    """The words of another time; then is when a picture was taken."""
    when = saying.when(PLACE)
    return None if when is None or _patterns()["then"].search(when) else when


def _days(saying: Saying) -> Iterator[Found]:
    """The day in a clause that speaks of taking a picture, or of being there where the source is about one."""
    days = list(find(DATE, saying.text))
    if len(days) != 1 or any(m.attribute.value == DATE and m.attribute.name != DATE for m in saying.mentions):
        return
    day = days[0]
    told = (
        saying.pictured
        and (saying.tense is None or saying.tense.recent)
        and not _LIMITED.search(saying.text[: day.start])
    )
    if told or _patterns()["taking"].search(saying.sentence):
        span = (day.start, day.end)
        yield Found(DATE, day.value, *span, span, saying.subject(day.start), elsewhere(saying, day.end))


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    words = {name: any_word(phrases) for name, phrases in vocabulary.telling["pictures"].items()}
    name = _NAME
    place = rf"(?:{words['places']})"
    taking = rf"(?:{words['taken']}|{words['nouns']})"
    situation = rf"(?:{taking}|{words['situations']})"
    near = rf"(?:{words['near']}\s+(?:the\s+)?)"
    is_ = r"(?:'s|\s+(?:is|was|are|were))"
    gap = r"(?:[^.;:!?]{0,40}?\s)?"
    return {
        "unplaced": any_of(vocabulary.telling["pictures"]["unplaced"]),
        "then": any_of(vocabulary.telling["pictures"]["then"]),
        "taking": patterns.compile(taking, re.I),
        "abroad": patterns.compile(rf"(?:{taking}|{words['abroad']})\s+{gap}{near}{name}{_CLOSED}", re.I),
        "situated": patterns.compile(rf"{situation}\s+{gap}{near}{name}{_CLOSED}", re.I),
        "ahead": patterns.compile(rf"^[\s,]*(?:somewhere\s+)?{near}{name}(?=[\s,]).*?{taking}", re.I),
        "fronted": patterns.compile(rf"^[\s,]*(?:somewhere\s+)?{near}{name}(?=[\s,]).*?{situation}", re.I),
        "is_where": patterns.compile(
            rf"{name}\s*,?\s*(?:(?:that|this|it){is_}|(?:is|was))\s+(?:(?:where|in\s+which)\b|the\s+(?:\w+\s+)?{place})",
            re.I,
        ),
        "labelled": patterns.compile(
            rf"^[\s,]*(?:the\s+)?{place}\s*[:=,]\s*(?:(?:it|that){is_}\s+)?(?:in\s+)?{name}{_CLOSED}", re.I
        ),
        "where_is": patterns.compile(
            rf"(?:\bthe\s+{place}\b(?:\s+[\w']+){{0,6}}?|\bwhere\s+(?:i|we|it|this|that)\s+[\w' ]{{0,30}}?)"
            rf"{is_}\s+(?:called\s+|named\s+|in\s+)?{name}{_CLOSED}",
            re.I,
        ),
        "seen": patterns.compile(rf"{words['looking']}\s+{name}{_CLOSED}", re.I),
        "it_is": patterns.compile(rf"^[\s,]*{name}\s+(?:it|that|this)\s+(?:is|was)\b", re.I),
        "behind": patterns.compile(rf"\d,?\s+(?:in\s+)?{name}\s*[.!]?\s*$", re.I),
        "bare": patterns.compile(rf"^[\s,]*(?:{near})?{name}\s*,\s*(?=(?:on\s+)?(?:the\s+)?\d|(?:19|20)\d\d)", re.I),
    }
