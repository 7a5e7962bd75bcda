"""Phrases of the vocabulary as patterns: matched whole, in any case, with a gap of some words where they have `...`."""

from __future__ import annotations

import re
from functools import lru_cache

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import vocabulary

GAP = 6  # words that `...` can stand for
_NO_WORD = re.compile(r"(?!)")


@lru_cache(maxsize=256)
def pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern of several phrases, the longest first.

    >>> bool(pattern(("how fast ... rise",)).search("How fast did the level rise?"))
    True
    >>> bool(pattern(("max",)).search("Maxi"))
    False
    """
    if not phrases:
        return _NO_WORD
    parts = "|".join(_one(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return patterns.compile(rf"(?<![\w'/])(?:{parts})(?![\w'])", re.I)  # no "min" in "l/min"


def found(text: str, group: str, *names: str) -> re.Match[str] | None:
    """The first of the phrases under one or several names of a table of `[measuring]` in a text."""
    table = vocabulary().measuring[group]
    return pattern(tuple(phrase for name in names for phrase in table[name])).search(text)


def _one(phrase: str) -> str:
    words = [rf"(?:[^\s;?!]+\s+){{0,{GAP}}}?" if word == "..." else re.escape(word) for word in phrase.split()]
    return re.sub(r"\?\\s\+", "?", r"\s+".join(words))
