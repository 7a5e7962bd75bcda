"""Which attributes a text mentions: a label, a question, a clause of what somebody says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_assistant.reasoning.candidates import singular
from edge_assistant.reasoning.vocabulary import Attribute, Vocabulary, per_vocabulary

_WORD = re.compile(r"[^\W_]+")

Phrase = tuple[str, ...]
Names = Mapping[Phrase, tuple[Attribute, ...]]
"""Attributes by the words of their names; a name may be one of several attributes, whose values then decide."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An attribute named in a text, at the characters [start, end)."""

    attribute: Attribute
    start: int
    end: int


def labelled(text: str) -> list[Mention]:
    """The attributes that a label or the words beside a value name: "Total incl. GST (RM):"."""
    return list(_found(text, _label_names()))


def asked(text: str) -> list[Mention]:
    """The attributes that a question asks for."""
    return list(_found(text, _question_names()))


def told(text: str) -> list[Mention]:
    """The attributes that a sentence tells of."""
    return list(_found(text, _told_names()))


def _found(text: str, names: Names) -> Iterator[Mention]:
    """The longest names from left to right; a shorter one within a longer one is not meant."""
    words = [(singular(match[0].lower()), match.start(), match.end()) for match in _WORD.finditer(text)]
    longest = max(map(len, names), default=0)
    at = 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            known = names.get(tuple(word for word, _, _ in words[at : at + length]))
            if known:
                start, end = words[at][1], words[at + length - 1][2]
                yield from (Mention(attribute, start, end) for attribute in known)
                at += length - 1
                break
        at += 1


def phrase(text: str) -> Phrase:
    """A name as it is compared: its words in lower case and singular."""
    return tuple(singular(match[0].lower()) for match in _WORD.finditer(text))


def _index(vocabulary: Vocabulary, kinds: Sequence[str]) -> Names:
    index: dict[Phrase, tuple[Attribute, ...]] = {}
    for attribute in vocabulary.attributes.values():
        for name in dict.fromkeys(phrase(name) for kind in kinds for name in getattr(attribute, kind)):
            index[name] = (*index.get(name, ()), attribute)
    return index


_label_names = per_vocabulary(lambda vocabulary: _index(vocabulary, ("names",)))
_question_names = per_vocabulary(lambda vocabulary: _index(vocabulary, ("names", "asked")))
_told_names = per_vocabulary(lambda vocabulary: _index(vocabulary, ("names", "told")))
