"""Nouns that name what the detector has labels for."""

from __future__ import annotations

import re

from edge_assistant.reasoning.attributes import told
from edge_assistant.reasoning.candidates import singular
from edge_assistant.reasoning.clauses import told_words
from edge_assistant.reasoning.vocabulary import Vocabulary, per_vocabulary

_WORD = re.compile(r"[^\W\d_]+")


def things(text: str) -> list[tuple[str, int, int]]:
    """The labels of the detector that a text names, each with its span; "hot dog" is no dog, nor is a bus stop a bus."""
    names = _names()
    longest = max((len(name) for name in names), default=0)
    words = list(_WORD.finditer(text))
    found: list[tuple[str, int, int]] = []
    at = 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            name = (*(w[0].lower() for w in words[at : at + length - 1]), singular(words[at + length - 1][0].lower()))
            label = names.get(name)
            if label:
                start, end = words[at].start(), words[at + length - 1].end()
                if not _is_part(text, end) and not any(
                    m.end - m.start > end - start and m.start <= start < m.end for m in told(text)
                ):
                    found.append((label, start, end))
                at += length - 1
                break
        at += 1
    return found


@per_vocabulary
def _names(vocabulary: Vocabulary) -> dict[tuple[str, ...], str]:
    labels = {*vocabulary.synonyms.values(), *(label for group in vocabulary.categories.values() for label in group)}
    return {
        tuple(name.lower().split()): label
        for name, label in [*((label, label) for label in labels), *vocabulary.synonyms.items()]
    }


def _is_part(text: str, end: int) -> bool:
    """Whether a noun only says what another is of: "bus stop", "giraffe family" is of giraffes though."""
    behind = re.match(r"(?:'s)?[\s-]+([^\W\d_]+)", text[end : end + 24])
    return behind is not None and behind[1].lower() in told_words("heads")
