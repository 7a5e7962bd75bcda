"""Nouns that name what the detector has labels for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant.perception.detectors import LABELS
from edge_assistant.reasoning.attributes import told
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import told_words
from edge_assistant.reasoning.values.candidates import singular

_WORD = re.compile(r"[^\W\d_]+")


def things(text: str) -> list[tuple[str, int, int]]:
    """The labels of the detector that a text names, each with its span; a hot dog is no dog, nor a bus stop a bus."""
    found = [(label, start, end) for label, start, end in _named(text) if not _is_part(text, end)]
    longer = [(m.start, m.end) for m in told(text)] if found else []
    return [t for t in found if not any(a <= t[1] < b and b - a > t[2] - t[1] for a, b in longer)]


def _named(text: str) -> Iterator[tuple[str, int, int]]:
    """The longest names from left to right."""
    names, (longest, first) = _names(), _extent()
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        begins = words[at][0].lower() in first or singular(words[at][0].lower()) in first
        for length in range(min(longest, len(words) - at) if begins else 0, 0, -1):
            last = words[at + length - 1]
            name = (*(word[0].lower() for word in words[at : at + length - 1]), singular(last[0].lower()))
            if label := names.get(name):
                yield label, words[at].start(), last.end()
                at += length - 1
                break
        at += 1


def _names_of(vocabulary: Vocabulary) -> dict[tuple[str, ...], str]:
    labels = {*LABELS, *vocabulary.synonyms.values()}
    return {
        tuple(name.lower().split()): label
        for name, label in [*((label, label) for label in labels), *vocabulary.synonyms.items()]
    }


_names = per_vocabulary(_names_of)


@per_vocabulary
def _extent(vocabulary: Vocabulary) -> tuple[int, frozenset[str]]:
    """How many words the longest name has, and the words that one begins with."""
    names = [name for name in _names_of(vocabulary) if name]
    return max(map(len, names), default=0), frozenset(name[0] for name in names)


def _is_part(text: str, end: int) -> bool:
    """Whether a noun only says what another is of: "bus stop", "giraffe family" is of giraffes though."""
    behind = re.match(r"(?:'s)?[\s-]+([^\W\d_]+)", text[end : end + 24])
    return behind is not None and behind[1].lower() in told_words("heads")
