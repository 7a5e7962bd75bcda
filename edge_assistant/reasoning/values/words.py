"""Words as they are compared, and what says that there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.spans import Candidate, alternatives
from edge_assistant.reasoning.values.values import Nothing, Words

_WORD = re.compile(r"[^\W_]+(?:['’/.-][^\W_]+)*|%")
_DASH = re.compile(r"\s*(?:[-–—]{1,3}|\.{3}|/)\s*")  # an empty field that somebody struck out


def nothings(text: str) -> Iterator[Candidate]:
    """Find words that say there is none: none, no known allergies, nil, NKDA; a field that is struck out."""
    if _DASH.fullmatch(text):
        yield Candidate(text, Nothing(), 0, len(text))
    for match in _nothing_pattern().finditer(text):
        yield Candidate(match[0], Nothing(), match.start(), match.end())


def as_words(text: str) -> Words:
    """A text as a set of words: lower case, singular, without stop words."""
    stop = vocabulary().words["stop"]
    tokens = (singular(match[0].lower()) for match in _WORD.finditer(text))
    return Words(frozenset(token for token in tokens if token not in stop))


def singular(word: str) -> str:
    """The singular of an English plural; the irregular ones are data.

    >>> [singular(w) for w in ("dogs", "boxes", "berries", "glass", "bus", "buses", "doses", "people")]
    ['dog', 'box', 'berry', 'glass', 'bus', 'bus', 'dose', 'person']
    """
    irregular = vocabulary().singular.get(word)
    if irregular is not None:
        return irregular
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("uses", "sses", "xes", "ches", "shes")):
        return word[: -1 if word.endswith(("auses", "ouses")) else -2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@per_vocabulary
def _nothing_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words for none; before a number "no" is short for number: No. 12."""
    none, after = alternatives(vocabulary.words["none"]), alternatives(vocabulary.words["none_after"])
    return re.compile(rf"\b(?:{none})\b(?!\.? ?[#\d])(?: (?:{after})\b)*", re.I)
