"""Where a new clause begins though nothing is written: "she weighs 74 kilos her sister came out at 58"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import told
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import PART, any_word
from edge_assistant.reasoning.told.corrections import values_in
from edge_assistant.reasoning.told.tenses import PAST, PRESENT, times

Span = tuple[int, int]

_REACH = 100  # characters in which the verb of the next clause stands
_STOP = re.compile(rf"[.!?;](?=\s|$)|[\n{PART}]")
_JOIN = re.compile(r"[\s,]+(?:(?:and|but)\s+)?")
_NAME = re.compile(r"[A-Z][\w'-]+ [A-Z][\w'-]+\b(?!')")
_NAMING = re.compile(r"\s*(?:is|was|of|:|=|at|on|for)?\s*", re.I)
_OF_ANOTHER = re.compile(
    r",?\s*(?:is|was|are|were|belongs|goes|comes|that's|which\s+is)\b", re.I
)  # "74 kg 58 kg is what"
_COUNTED = re.compile(
    r"\s+(?!(?:and|or|but|before|after|until|till|with|from|since|during|over|under|per|for|than|then|now|when|while"
    r"|instead|rather|back|last|this|that|which|was|are|is)\b)[a-z]{3,}(?=[\s,])"
)  # "36 pieces the box"
_EACH = re.compile(
    r"(?:\s+(?:(?:once|twice|\w+\s+times)\s+)?(?:(?:a|per|each|every|in\s+the|at)\s+"
    r"(?:day|week|morning|evening|night|noon|month|hour|minute)|daily))+",
    re.I,
)  # "5 mg a day"
_LEAD = re.compile(r"(?:in\s+|at\s+|on\s+|about\s+)?(?:the\s+)?(?:[^\W_]+\s+){0,2}?", re.I)  # "two" of "two years ago"


def parted(text: str) -> str:
    """A text of the same length with `PART` for the blank before a clause that begins right behind a value.

    Args:
        text: without what was taken back.
    """
    letters = list(text)
    values = sorted({*((v.start, v.end) for v in values_in(text)), *(m.span() for m in _NAME.finditer(text))})
    begin = 0
    for i, (start, end) in enumerate(values):
        begin = max(begin, start - 2 * _REACH)
        stops = [match.end() for match in _STOP.finditer(text, begin, start)]
        begin = stops[-1] if stops else begin
        counted = _COUNTED.match(text, end)
        each = _EACH.match(text, end)
        joins = [_JOIN.match(text, at) for at in (end, *(match.end() for match in (counted, each) if match))]
        if start < begin or not _tells(text[begin:start]):
            continue
        for join in filter(None, joins):
            stop = _STOP.search(text, join.end())
            until = min(stop.start() if stop else len(text), join.end() + _REACH)
            if _begins(text, join.end(), until, values[i + 1 : i + 2]):
                letters[join.start()] = PART
                begin = join.end()
                break
    return "".join(letters)


def _tells(text: str) -> bool:
    """Whether a part of a sentence tells of something: it has a verb, or names what is told."""
    return bool(_verb().search(text) or told(text) or re.search(r"\b[a-z]{4,}s\b", text))


def _begins(text: str, at: int, until: int, values: Sequence[Span]) -> bool:
    """Whether a clause begins: with its subject and a verb, with its time and a verb, or with a name and a value."""
    rest = text[at:until]
    if _subject().match(rest):
        return True
    if any((PRESENT if usual else PAST).search(rest) for usual in _timed(rest)):
        return True
    first = next((m for m in told(rest) if not rest[: m.start].strip()), None)
    behind = _NAMING.match(text, at + first.end).end() if first else -1  # type: ignore[union-attr]
    named = any(start <= behind < end for start, end in values)
    return named or any(start == at and _OF_ANOTHER.match(text, end) for start, end in values)


def _timed(rest: str) -> Iterator[bool]:
    """For each other time that a text begins with, whether it is one in which what is so now is told."""
    for kind, pattern in times().items():
        for match in pattern.finditer(rest):
            if _LEAD.fullmatch(rest[: match.start()]):
                yield kind in ("usual", "coming", "future")


@per_vocabulary
def _verb(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"{any_word(vocabulary.telling['words']['verbs'])}|{PAST.pattern}|{PRESENT.pattern}", re.I)


@per_vocabulary
def _subject(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The subject of a clause and its verb: "she weighs", "the one in hall two has", "it's"."""
    words = vocabulary.telling["words"]
    relations = "|".join(word for group in vocabulary.telling["relations"].values() for word in group)
    does = r"(?:[a-z]{3,}s|does\s+not|(?:does|is|was|did|ca|has|wo)n't)\b"
    verb = rf"(?:{_verb().pattern}|(?:would|could|should|might|may|will|can|must)\b)"
    dated = any_word(words["dated_subjects"])
    thing = any_word(words["numbered"])
    no_time = rf"(?!(?:other\s+)?{any_word(words['measures_of'])})"
    head = rf"(?:(?:her|his|my|its|our|their|the|an?)\s+{no_time}[^\W_][\w'-]*|{thing}\s+\w+|ones?|{dated}\s+\w+)"
    place = r"(?:on|at|for|with|in|from|by)\s+(?:the|our|its|my|his|her|that|line|pump|machine)\s+(?:[\w'-]+\s+){0,4}?"
    there = r"(?:(?:it|they|i|we|you|there|he|she)|(?:the|her|his|its)\s+[\w'-]+)"
    return patterns.compile(
        rf"(?:she|he|it|they|we|i|there)(?:'(?:s|m|re|ve|d|ll)\b|\s+(?:[^\W\d_]+\s+)??{verb})|{head}\s+(?:(?!that\b|which\b|who\b)[\w'-]+\s+){{0,6}}?{verb}"
        rf"|(?:he|she|it|(?:my|our|her|his|their|the)\s+(?:\w+\s+)?(?:{relations}))\s+{does}"
        rf"|{place}{there}(?:'(?:s|ve|d)\b|\s+{verb})",
        re.I,
    )
