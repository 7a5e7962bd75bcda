"""Words as they are compared, phrases of a text, and what says that there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import limits
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.spans import Candidate, alternatives, apart
from edge_assistant.reasoning.values.values import Nothing, Truth, Words

MAX_TEXT = limits.SEARCHED_CHARACTERS.value
MAX_PHRASE = 6  # words of one candidate phrase

_WORD = re.compile(r"[^\W_]+(?:['’/.-][^\W_]+)*|%")
_TOKEN = re.compile(r"(?:[^\s,]|(?<=\d),(?=\d))+")  # the comma of 1,450 or 36,9 cuts nothing
_DASH = re.compile(r"\s*(?:[-–—]{1,3}|\.{3}|/)\s*")  # an empty field that somebody struck out


def nothings(text: str) -> Iterator[Candidate]:
    """Find words that say there is none: none, no known allergies, nil, NKDA; a field that is struck out."""
    if _DASH.fullmatch(text):
        yield Candidate(text, Nothing(), 0, len(text))
    for match in _nothing_pattern().finditer(text):
        yield Candidate(match[0], Nothing(), match.start(), match.end())


def truths(text: str) -> Iterator[Candidate]:
    """Find words that say yes or no: yes, positive, does not, never; "No. 12" says neither."""
    yes, no = _truth_patterns()
    found = [Candidate(match[0], Truth(True), *match.span()) for match in yes.finditer(text)]
    found += [Candidate(match[0], Truth(False), *match.span()) for match in no.finditer(text)]
    yield from apart(found)


def phrases(text: str) -> Iterator[Candidate]:
    """Find runs of at most `MAX_PHRASE` words within a clause that neither start nor end with a stop word."""
    stop = vocabulary().words["stop"]
    for clause in re.finditer(r"[^.;!?:\n]+(?:[.:](?=\S)[^.;!?:\n]+)*", text[:MAX_TEXT]):
        words = list(_TOKEN.finditer(clause[0]))
        for i, first in enumerate(words):
            if first[0].lower() in stop:
                continue
            for last in words[i : i + MAX_PHRASE]:
                if last[0].lower() not in stop:
                    start, end = clause.start() + first.start(), clause.start() + last.end()
                    yield Candidate(text[start:end], as_words(text[start:end]), start, end)
                if clause[0][last.end() : last.end() + 1] == ",":
                    break


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


@per_vocabulary
def _truth_patterns(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str]]:
    yes, no = alternatives(vocabulary.words["yes"]), alternatives(vocabulary.words["no"] | vocabulary.words["none"])
    return (
        re.compile(rf"(?<!\w)(?:{yes})(?!\w)", re.I),
        re.compile(rf"(?<!\w)(?:{no})(?!\w)(?!\.? ?[#\d])", re.I),
    )
