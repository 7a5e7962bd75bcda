"""A whole text as one value of a type, as an example of a tolerance gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from edge_assistant.reasoning.values.clocks import times
from edge_assistant.reasoning.values.codes import code, identifiers, telephones
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.quantities import amounts, pairs, quantities
from edge_assistant.reasoning.values.spans import ValueSpan
from edge_assistant.reasoning.values.values import Identifier, Value
from edge_assistant.reasoning.values.words import as_name, as_words, nothings

FINDERS: Mapping[str, Callable[[str], Iterator[ValueSpan]]] = {
    "money": amounts,
    "quantity": quantities,
    "date": dates,
    "clock": times,
    "telephone": telephones,
    "identifier": identifiers,
    "pair": pairs,
}


def whole(kind: str, text: str) -> Value:
    """The value that a text is.

    Args:
        kind: "name", "identifier" or "words", which any text can be, or a key of `FINDERS`.
        text: of which nothing is left over.
    """
    if none := next((found for found in nothings(text) if found.text == text), None):
        return none.value
    match kind:
        case "name":
            return as_name(text)
        case "words":
            return as_words(text)
    found: ValueSpan | None = max(FINDERS[kind](text), key=lambda one: one.end - one.start, default=None)
    if kind == "identifier" and (found is None or found.text != text):
        return Identifier(code(text))
    assert found is not None, text
    return found.value
