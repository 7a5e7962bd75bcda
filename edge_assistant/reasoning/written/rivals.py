"""Which of the attributes that one label can mean has the value: "HP" is the power of a motor or a telephone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_assistant.reasoning.printed import written_out
from edge_assistant.reasoning.rules.vocabulary import Attribute
from edge_assistant.reasoning.told.intakes import INTAKE, intake_times
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Nothing, Quantity

_FREE = ("identifier", "name", "items", "words")  # types that nearly any text can be, the narrowest first
_COUNTED = frozenset(["piece", "unit", "tablet", "capsule", "item", "number", "ea", "each", "pack"])
_LONGEST_PART = 3  # letters of a part of a code that has no digit


def rank(attribute: Attribute) -> int:
    """How late an attribute may have a value that others want too: what any text can be comes last."""
    return _FREE.index(attribute.value) + 1 if attribute.value in _FREE else 0


def surely(attribute: Attribute, found: Sequence[Candidate], text: str) -> list[Candidate]:
    """The candidates that are an attribute's value beyond doubt: a quantity with its unit, a number and nothing else.

    Args:
        attribute: one of several that a label names.
        found: what the field's value says of it.
        text: the whole value.
    """
    return [candidate for candidate in found if _is_sure(attribute, candidate, text)]


def _is_sure(attribute: Attribute, candidate: Candidate, text: str) -> bool:
    if isinstance(candidate.value, Nothing):
        return True
    match attribute.value:
        case "quantity":
            with_unit = isinstance(candidate.value, Quantity) and candidate.value.unit is not None
            return with_unit or (not attribute.units and text[:1].isdigit())
        case "number":
            return is_count(text)
        case "identifier":
            parts = re.findall(r"[^\W_]+", candidate.text)
            coded = (part for part in parts if not any(c.isdigit() for c in part))
            return any(c.isdigit() for c in candidate.text) and all(len(part) <= _LONGEST_PART for part in coded)
        case "telephone":
            return not text[:1].isalpha()
        case "name" | "words" if any(intake_times(text)):  # "Sig." is a prescriber's direction, or a signature
            return attribute.name == INTAKE
        case "items" | "words":
            return attribute.name != INTAKE and not text[:1].isdigit()
        case _:
            return True


def is_count(text: str) -> bool:
    """Whether a text is a number, and at most says of what.

    >>> [is_count(text) for text in ("24", "24 pcs", "28 tablets", "2.50", "5 Mill Lane", "AB-24")]
    [True, True, True, False, False, False]
    """
    match = re.fullmatch(
        r"[x×~]?\s?\d{1,3}(?:[, ]?\d{3})*(?:/10)?\s*[x×]?\s*([^\W\d_]*)\.?(?:\([^)]*\))?", text.strip()
    )
    return match is not None and (not match[1] or written_out(match[1]) in _COUNTED)


def overlap(some: Sequence[Candidate], others: Sequence[Candidate]) -> bool:
    """Whether candidates of two attributes are of the same words."""
    return any(a.start < b.end and b.start < a.end for a in some for b in others)
