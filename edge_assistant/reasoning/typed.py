"""The value of a field as a value of its attribute's type."""

from __future__ import annotations

import re
from decimal import Decimal

from edge_assistant.reasoning.candidates import Candidate, as_words, find, nothings
from edge_assistant.reasoning.values import Identifier, Name, Nothing, Quantity, Truth
from edge_assistant.reasoning.vocabulary import Attribute, vocabulary

_DASH = re.compile(r"[-–—./\\*xX]{1,3}|n\.?/?a\.?|nk[d]?a\.?", re.I)
_MAX_IDENTIFIER = 32  # characters; longer is a sentence
_MAX_IDENTIFIER_WORDS = 4
_EITHER = re.compile(r"(\d+(?:\.\d+)?)\s?/\s?(\d+(?:\.\d+)?)")
_DOSE_UNITS = frozenset(["mg", "ug", "IU"])


def typed(attribute: Attribute, text: str, label: str = "") -> list[Candidate]:
    """What a field's value says of an attribute: one value, or several items; empty where it is of another type.

    Args:
        attribute: what the label names.
        text: the value as it is written.
        label: the label, which may give the unit: "Weight (kg)".
    """
    text = text.strip()
    if is_nothing(text):
        value = Truth(False) if attribute.value == "truth" and any(c.isalpha() for c in text) else Nothing()
        return [Candidate(text, value, 0, len(text))]
    match attribute.value:
        case "quantity":
            return _quantity(attribute, text, label)
        case "name":
            return _name(text)
        case "identifier":
            return _identifier(text)
        case "truth":
            return _truth(text)
        case "words":
            return [Candidate(text, as_words(text), 0, len(text))]
        case "items":
            return list(find("items", text))
        case kind:
            return list(find(kind, text))[:1]


def is_nothing(text: str) -> bool:
    """Whether a value is nothing but a word or a stroke that says there is none.

    >>> [is_nothing(text) for text in ("none known", "-", "NKDA", "no sugar")]
    [True, True, True, False]
    """
    text = text.strip(" .,;:")
    if not text or _DASH.fullmatch(text):
        return True
    return any(found.start == 0 and found.end >= len(text) for found in nothings(text))


def dose_beside(text: str) -> Candidate | None:
    """The dose that a value is and nothing else, such as `5 mg`."""
    found = [c for c in find("quantity", text) if isinstance(c.value, Quantity) and c.value.unit in _DOSE_UNITS]
    return found[0] if found and found[0].start == 0 else None


def _quantity(attribute: Attribute, text: str, label: str) -> list[Candidate]:
    """A number whose unit the attribute can have; where the value has none, the label may tell it."""
    found = [c for c in find("quantity", text) if isinstance(c.value, Quantity)]
    fitting = [c for c in found if c.value.unit in attribute.units] if attribute.units else found
    if fitting:
        return [_either(fitting[0], text)]
    bare = [c for c in found if isinstance(c.value, Quantity) and c.value.unit is None]
    if not bare:
        return []
    unit = _unit_of(label, attribute)
    if unit is None:
        words = re.sub(r"\([^)]*\)?", "", text[bare[0].end :])
        return [] if attribute.units and any(c.isalpha() for c in words) else bare[:1]
    return [_either(_with_unit(bare[0], unit), text)]


def _with_unit(candidate: Candidate, unit: str) -> Candidate:
    assert isinstance(candidate.value, Quantity)
    readings = tuple(dict.fromkeys(candidate.value.readings[:1]))
    value = Quantity(readings, unit, candidate.value.approximate)
    return Candidate(candidate.text, value, candidate.start, candidate.end)


def _unit_of(label: str, attribute: Attribute) -> str | None:
    """The unit that a label gives: in brackets, or at its end."""
    for match in re.finditer(r"[\[(]\s*([^\])]+?)\s*[\])]|(\S+)\s*$", label):
        for found in find("quantity", f"1 {match[1] or match[2]}"):
            if isinstance(found.value, Quantity) and found.value.unit in attribute.units:
                return found.value.unit
    return None


def _either(candidate: Candidate, text: str) -> Candidate:
    """A quantity with both numbers of `400/690 V` as its readings."""
    assert isinstance(candidate.value, Quantity)
    match = _EITHER.search(text)
    if match is None or not {Decimal(match[1]), Decimal(match[2])} & set(candidate.value.readings):
        return candidate
    value = Quantity((Decimal(match[1]), Decimal(match[2])), candidate.value.unit)
    end = max(match.end(), candidate.end)
    return Candidate(text[match.start() : end], value, match.start(), end)


def _name(text: str) -> list[Candidate]:
    """The name that a field begins with; handwriting has no reliable capitals."""
    head = re.split(r"[,;(]|\s-\s|\s\d", text, maxsplit=1)[0].strip()
    if not any(c.isalpha() for c in head):
        return []
    titled = head if any(c.isupper() for c in head) else head.title()
    named = [c for c in find("name", titled) if isinstance(c.value, Name)]
    if named and named[0].start == 0 and named[0].end == len(titled):
        return [Candidate(head, named[0].value, 0, len(head))]
    words = tuple(re.findall(r"[^\W_]+", head.lower()))
    return [Candidate(head, Name(words), 0, len(head))]


def _identifier(text: str) -> list[Candidate]:
    head = re.split(r"[,;(]", text, maxsplit=1)[0].strip()
    if not head or len(head) > _MAX_IDENTIFIER or len(head.split()) > _MAX_IDENTIFIER_WORDS:
        return list(find("identifier", text))[:1]
    code = re.sub(r"[\W_]", "", head).upper()
    return [Candidate(head, Identifier(code), 0, len(head))] if code else []


def _truth(text: str) -> list[Candidate]:
    """Yes or no as a form is answered: `yes`, `never`, `former`, `10 a day`."""
    words = vocabulary().written
    match = re.search(r"[^\W_]+", text.lower())
    if match is None:
        return []
    if match[0] in words["denied"]:
        return [Candidate(text, Truth(False), 0, len(text))]
    if match[0] in words["affirmed"] or (match[0][0].isdigit() and match[0] != "0"):
        return [Candidate(text, Truth(True), 0, len(text))]
    return [Candidate(text, Truth(False), 0, len(text))] if match[0] == "0" else []
