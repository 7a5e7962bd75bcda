"""Who ran a machine, as remarks tell it: "Ruth Calder was on shift", "the line was run by Ruth Calder"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word, told_words
from edge_assistant.reasoning.told.sayings import Found, Saying
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.names import as_name
from edge_assistant.reasoning.values.values import Name

OPERATOR = "operator"
_CLEFT = re.compile(
    r"\s*,?\s*(?:(?:who|that)\s+|was\s+the\s+(?:one|person|man|woman|colleague)\s+(?:who|that)\s+)?", re.I
)
_ALSO = r"(?:(?:also|then|again|already|mostly|only|just)\s+)?"


def operated(saying: Saying) -> Iterator[Found]:
    """Who ran the machine, by what stands behind the name or before it."""
    text = saying.text
    for name in find("name", text):
        person = person_in(name)
        if person is not None and _is_operator(text, person):
            span = (person.start, person.end)
            yield Found(OPERATOR, person.value, *span, span, saying.subject(person.end), saying.when(OPERATOR))


def person_in(name: Candidate) -> Candidate | None:
    """A name without the word in front that only begins the sentence: "Today Ruth Calder"."""
    words = list(re.finditer(r"\S+", name.text))
    lead = {*told_words("nobody"), *told_words("now"), *vocabulary().words["stop"], "operator"}
    while words and words[0][0].lower().rstrip(",:.") in lead:
        words = words[1:]
    if not words or not words[0][0][:1].isupper() or not isinstance(name.value, Name):
        return None
    start, end = name.start + words[0].start(), name.start + words[-1].end()
    said = name.text[words[0].start() : words[-1].end()].rstrip(".,")
    value = as_name(said)
    things = {*told_words("carriers"), *vocabulary().months, *vocabulary().measuring["subjects"]["things"]}
    return None if (things | _meant()) & set(value.words) else Candidate(said, value, start, end)


@per_vocabulary
def _meant(vocabulary: Vocabulary) -> frozenset[str]:
    """Attributes that have a name of one word, which names nobody: "Installation was on"."""
    return frozenset(n for a in vocabulary.attributes.values() for n in (*a.names, *a.labels) if " " not in n)


def _is_operator(text: str, name: Candidate) -> bool:
    active, passive = _patterns()
    cleft = _CLEFT.match(text, name.end)
    at = cleft.end() if cleft else name.end
    return bool(active.match(text, at) or active.match(text, name.end) or passive.search(text[: name.start]))


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What stands behind the name of an operator, and what stands before it."""
    crew = vocabulary.telling["crew"]
    sure = any_word(phrase for phrase in crew["active"] if " " in phrase)
    verbs = any_word(phrase for phrase in crew["active"] if " " not in phrase)
    driven = any_word(crew["driven"])
    thing = rf"(?:(?:the|our|this|that|its)\s+)?(?:[\w-]+\s+){{0,2}}?{driven}"
    active = patterns.compile(rf"\s*{_ALSO}(?:{sure}|{verbs}\s+{thing})", re.I)
    between = r"(?:\s+(?:today|tonight|again|that\s+day|this\s+time|mostly|our\s+colleague|the|mr\.?|ms\.?|mrs\.?))*"
    return active, patterns.compile(rf"{any_word(crew['passive'])}{between}\s*[:,]?\s*$", re.I)
