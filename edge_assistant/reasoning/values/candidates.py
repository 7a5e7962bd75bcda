"""Typed candidates: the spans of a text that can be a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from edge_assistant.reasoning.values.clocks import clocks, times
from edge_assistant.reasoning.values.codes import identifiers, telephones
from edge_assistant.reasoning.values.days import dates, days
from edge_assistant.reasoning.values.pairs import pairs
from edge_assistant.reasoning.values.quantities import amounts, quantities
from edge_assistant.reasoning.values.spans import Candidate
from edge_assistant.reasoning.values.words import as_words, nothings, singular

__all__ = [
    "FINDERS",
    "Candidate",
    "as_words",
    "clocks",
    "days",
    "find",
    "nothings",
    "quantities",
    "singular",
]

FINDERS: Mapping[str, Callable[[str], Iterator[Candidate]]] = {
    "money": amounts,
    "quantity": quantities,
    "date": dates,
    "clock": times,
    "telephone": telephones,
    "identifier": identifiers,
    "pair": pairs,
}


def find(value: str, text: str) -> Iterator[Candidate]:
    """Find what can be a value of a type, from left to right.

    Args:
        value: a key of `FINDERS`.
        text: one piece of evidence, or a part of it.
    """
    return FINDERS[value](text)
