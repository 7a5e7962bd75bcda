"""Typed candidates: the spans of a text that can be a value. Code finds them; the model chooses and never writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from edge_assistant.reasoning.values.clocks import clocks, times
from edge_assistant.reasoning.values.codes import code, identifiers, telephones
from edge_assistant.reasoning.values.days import dates, days
from edge_assistant.reasoning.values.names import as_name
from edge_assistant.reasoning.values.pairs import pairs
from edge_assistant.reasoning.values.quantities import amounts, numbers, quantities
from edge_assistant.reasoning.values.spans import Candidate, trimmed
from edge_assistant.reasoning.values.values import Identifier, Value
from edge_assistant.reasoning.values.words import MAX_PHRASE, MAX_TEXT, as_words, nothings, phrases, singular, truths

__all__ = [
    "FINDERS",
    "MAX_PHRASE",
    "MAX_TEXT",
    "Candidate",
    "as_words",
    "clocks",
    "days",
    "find",
    "nothings",
    "phrases",
    "quantities",
    "singular",
    "whole",
]

FINDERS: Mapping[str, Callable[[str], Iterator[Candidate]]] = {
    "money": amounts,
    "quantity": quantities,
    "number": numbers,
    "date": dates,
    "clock": times,
    "truth": truths,
    "words": phrases,
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


def whole(value: str, text: str) -> Candidate | None:
    """The whole of a text as one value: what stands in a form's field, of which nothing is left over.

    Names, identifiers and words can be made of any text; of the other types one must be found in it.

    Args:
        value: a key of `FINDERS`, or "name".
        text: without its label.
    """
    start, end = trimmed(text, 0, len(text))
    said = text[start:end]
    if not said:
        return None
    none = next((found for found in nothings(said) if found.text == said.rstrip(".")), None)
    if none is not None and value != "truth":
        return Candidate(said, none.value, start, end)
    made = _made(value, said)
    if made is not None:
        return Candidate(said, made, start, end)
    return max(find(value, text), key=lambda candidate: candidate.end - candidate.start, default=None)


def _made(value: str, text: str) -> Value | None:
    """A value of a type that any text can be; None where it cannot be this one."""
    match value:
        case "name":
            return as_name(text) if as_name(text).words else None
        case "identifier":
            said = next((c for c in identifiers(text) if c.text == text), None)
            return said.value if said else Identifier(code(text)) if code(text) else None
        case "words":
            return as_words(text)
        case _:
            return None
