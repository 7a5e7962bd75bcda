"""Of which thing a sentence speaks, where several could be: pump 2 is not pump 1, and the boiler not the freezer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.candidates import singular

Subject = tuple[str, str | None]
"""The noun of a thing, and the number or letter that tells it from its like."""


def subjects(text: str) -> set[Subject]:
    """The things that a text names: {("pump", "2")} in "pump two ran at 95"."""
    return {(singular(match["noun"].lower()), _mark(match["mark"])) for match in _pattern().finditer(text)}


def other_subject(text: str, about: str, all_of: Sequence[str] = ()) -> bool:
    """Whether a sentence speaks of another thing than readings do.

    Args:
        text: the sentence or question.
        about: what tells of which thing the readings are: a column's name, with a file's name perhaps.
        all_of: the same of all columns; a thing that one of them names is not another word for this one.
    """
    told, own = subjects(text), subjects(about)
    if not told or not own:
        return bool(told) and any(told & subjects(other) for other in all_of if other != about)
    if any(_same(a, b) for a in told for b in own):
        return any(a[1] and b[1] and a[0] == b[0] and a[1] != b[1] for a in told for b in own) and not told & own
    general = set(vocabulary().measuring["subjects"]["anything"])
    if all(noun in general and mark is None for noun, mark in told) or all(noun in general for noun, _ in own):
        return any(a[1] and b[1] and a[1] != b[1] for a in told for b in own)
    return True


def heading(text: str) -> str:
    """The words at the head of a log that say of which thing it is: "Shift log, compressor 2:"."""
    match = _HEADING.match(text)
    return match[0] if match and any(mark for _, mark in subjects(match[0])) else ""


# A line or a few words before a colon, or a sentence that names the log
_HEADING = re.compile(
    r"\s*(?:[^.!?:\n]{1,60}[:\n]|[^.!?\n]{0,60}\b(?:log|logbook|notes?|remarks?|report|entry|record|shift)\b[^.!?\n]{0,40}[.!?\n])",
    re.I,
)


def other_than(sentence: str, about: str) -> str | None:
    """The thing that a sentence speaks of, where it is not the one at hand: "line 7", "the old press"; else None.

    Args:
        sentence: what is said.
        about: the heading of the log.
    """
    match = _other_pattern().search(sentence)
    if match is not None:
        return " ".join(match[0].split())
    marked = {subject for subject in subjects(sentence) if subject[1] is not None}
    own = {subject for subject in subjects(about) if subject[1] is not None}
    if not marked or not own or marked & own:
        return None
    noun, mark = min(marked, key=str)
    return f"{noun} {mark}"


@per_vocabulary
def _other_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.measuring["subjects"]
    nouns = "|".join(map(re.escape, _longest([*words["things"], *words["anything"]])))
    others = "|".join(map(re.escape, vocabulary.measuring["words"]["others"]))
    return patterns.compile(
        rf"\b(?:{others})\s+(?:{nouns})\b(?!\s+(?:limit|temperature|pressure))"
        rf"|\b(?:{nouns})\s+(?:next\s+door|opposite|over\s+there|beside\s+(?:it|ours)|across\s+the\s+(?:hall|aisle|way))\b",
        re.I,
    )


def particular(told: set[Subject]) -> set[Subject]:
    """The things that are no machine, room or sensor in general."""
    general = set(vocabulary().measuring["subjects"]["anything"])
    return {subject for subject in told if subject[0] not in general or subject[1] is not None}


def named_by(told: set[Subject], own: set[Subject]) -> bool:
    """Whether any of the things that are told of is one of those."""
    return any(_same(a, b) or _is_general(b) for a in told for b in own)


def missing(asked: set[Subject], known: set[Subject]) -> str | None:
    """The numbered thing that is asked for where only others of its like are known: pump 3, of pumps 1 and 2."""
    for noun, mark in asked:
        others = {known_mark for known_noun, known_mark in known if known_noun == noun and known_mark is not None}
        if mark is not None and others and mark not in others:
            return f"{noun} {mark}"
    return None


def _is_general(subject: Subject) -> bool:
    return subject[0] in vocabulary().measuring["subjects"]["anything"] and subject[1] is None


def _same(a: Subject, b: Subject) -> bool:
    return a[0] == b[0] and (a[1] is None or b[1] is None or a[1] == b[1])


def _mark(text: str | None) -> str | None:
    """The number or letter of a thing: "two", "no. 2" and "2" are the same."""
    if text is None:
        return None
    word = text.lower()
    number = vocabulary().numbers.get(word)
    return str(number) if number is not None else word.lstrip("0") or word


def without_places(text: str) -> str:
    """A text of the same length without the places that are named by a thing: the top of the tank is no highest value.

    >>> without_places("at the top of the tank it was 95")
    'at                     it was 95'
    """
    return _places().sub(lambda match: " " * len(match[0]), text)


@per_vocabulary
def _places(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.measuring["subjects"]
    nouns = "|".join(map(re.escape, _longest([*words["things"], *words["anything"]])))
    return patterns.compile(rf"\bthe\s+(?:top|bottom)\s+of\s+(?:the|this|that|our|its)\s+(?:{nouns})\b", re.I)


@per_vocabulary
def _pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.measuring["subjects"]
    nouns = "|".join(map(re.escape, _longest([*words["things"], *words["anything"]])))
    numbers = "|".join(word for word, value in vocabulary.numbers.items() if value <= 20)
    return patterns.compile(
        rf"(?<![^\W_])(?P<noun>(?:{nouns})s?)(?:[ _-]*(?:number |no\.? ?|#)?"
        rf"(?P<mark>(?:{numbers}|\d{{1,3}}[a-z]?|(?-i:[A-H]))(?![^\W_]|\.\d))|(?![^\W_]))",
        re.I,
    )


def _longest(words: Iterable[str]) -> list[str]:
    return sorted(words, key=len, reverse=True)
