"""The value of a field as a value of its attribute's type."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from edge_assistant.reasoning.printed import joined
from edge_assistant.reasoning.rules.vocabulary import Attribute, vocabulary
from edge_assistant.reasoning.told.goods import PIECES
from edge_assistant.reasoning.values.candidates import Candidate, as_words, find, nothings
from edge_assistant.reasoning.values.values import Identifier, Name, Nothing, Quantity, Truth, Words

_DASH = re.compile(r"[-–—./\\*xX]{1,3}|n\.?/?a\.?|nk[d]?a\.?", re.I)
_MAX_IDENTIFIER = 32  # characters; longer is a sentence
_MAX_IDENTIFIER_WORDS = 4
_NUMBER = r"\d+(?:[.,]\d+)?"
_SIGNED = rf"[+−-]?{_NUMBER}"
_PAIR = re.compile(rf"(?<![\w.,/-])({_SIGNED})\s?(/|-|–|to|\.\.\.?)\s?({_SIGNED})(?=\s?[^\W\d_]|\s?%|\s?°)")
_AND = re.compile(r"\s+and\s+", re.I)
_TIMES = re.compile(r"\d\s*[x×]\s*(?!10\s?[\^⁹³⁶*]|10\d/)\d", re.I)  # 10 x 5 ml are neither 5 ml nor 10
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
        return _none(attribute, text)
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
            if attribute.name == "product" and text[0].isdigit():  # "28 tablets", "500 ml"
                return []
            word = vocabulary().sexes.get(text.lower(), text) if attribute.name == "sex" else text
            return [Candidate(text, plain_words(word), 0, len(text))]
        case "items":
            return list(find("items", text))
        case "date":
            return dates(text)[:1]
        case "clock":
            return (clocks(text) or list(find("clock", text)))[:1]
        case kind:
            found = [certain(candidate) for candidate in find(kind, text)][:1]
            return found or (_pieces(text) if kind == "number" and attribute.name == "quantity" else [])


def _pieces(text: str) -> list[Candidate]:
    """How many tablets or the like a value says that there are."""
    held = [certain(c) for c in find("quantity", text) if _unit(c) in PIECES]
    return [replace(c, value=replace(c.value, unit=None)) for c in held[:1] if isinstance(c.value, Quantity)]


def _none(attribute: Attribute, text: str) -> list[Candidate]:
    """What a value says that says there is none; to a yes-or-no question a stroke or "n/a" says nothing."""
    if attribute.value != "truth":
        return [Candidate(text, Nothing(), 0, len(text))]
    return [] if _DASH.fullmatch(text) else [Candidate(text, Truth(False), 0, len(text))]


def plain_words(text: str) -> Words:
    """A value in words; what has none but short ones, such as a blood group, is kept as it is."""
    words = as_words(text)
    return words if words.tokens else Words(frozenset([text.lower()]))


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
    if _TIMES.search(text):
        return []
    found = quantities(_AND.sub(" to ", text) if "between" in label.lower() else text)
    fitting = [c for c in found if _unit(c) in attribute.units] if attribute.units else found
    if fitting:
        return fitting[:1]
    bare = [c for c in found if _unit(c) is None]
    if not bare:
        return []
    unit = _unit_of(label, attribute)
    if unit is not None:
        paired = [c for c in quantities(f"{text} {unit}") if c.start == 0 and c.end > len(text)]
        return [replace(c, text=text, end=len(text)) for c in paired] or [_with_unit(bare[0], unit)]
    words = re.sub(r"\([^)]*\)?", "", text[bare[0].end :])
    return [] if attribute.units and any(c.isalpha() for c in words) else bare[:1]


def dates(text: str) -> list[Candidate]:
    """The days and months of a text, also of one whose reader took the O of October for a zero."""
    months = vocabulary().misread_months
    mended = re.sub(r"[^\W_]+", lambda match: months.get(match[0].lower(), match[0]), text)
    return [replace(found, text=text[found.start : found.end]) for found in find("date", mended)]


def clocks(text: str) -> list[Candidate]:
    """The times of day of a text that are written as such, with a colon or half of the day: 2025 is a year."""
    taken = {at for day in dates(text) for at in range(day.start, day.end)}
    return [c for c in find("clock", text) if not c.text.isdigit() and c.start not in taken]


def quantities(text: str) -> list[Candidate]:
    """The quantities of a text as they are written: two numbers with one unit, `400/690 V` and `2-8 °C`, are one value.

    Both numbers of the first are readings; those of the second are the ends of a range as well.
    """
    pairs = [pair for match in _PAIR.finditer(text) if (pair := _pair(match)) is not None]
    taken = {at for pair in pairs for at in range(pair.start, pair.end)}
    single = [certain(c) for c in find("quantity", text) if c.start not in taken and c.end - 1 not in taken]
    return sorted((*pairs, *(c for c in single if isinstance(c.value, Quantity))), key=lambda c: c.start)


def _pair(match: re.Match[str]) -> Candidate | None:
    behind = match.string[match.end() :]
    for found in find("quantity", f"1{behind}"):
        unit = _unit(found)
        if found.start > 0 or unit is None or not isinstance(found.value, Quantity):
            break
        first, second = _decimal(match[1]), _decimal(match[3])
        ranged = match[2].strip() != "/" and first < second
        value = Quantity((first, second), unit, least=first if ranged else None, most=second if ranged else None)
        end = match.end() + found.end - 1
        return Candidate(match.string[match.start() : end], value, match.start(), end)
    return None


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ".").replace("−", "-"))


def _unit(candidate: Candidate) -> str | None:
    return candidate.value.unit if isinstance(candidate.value, Quantity) else None


def certain(candidate: Candidate) -> Candidate:
    """A written number without the other readings that a heard one would have: 2850 is not 28.50."""
    value = candidate.value
    if not isinstance(value, Quantity) or value.least is not None or value.most is not None:
        return candidate
    return Candidate(candidate.text, replace(value, readings=value.readings[:1]), candidate.start, candidate.end)


def _with_unit(candidate: Candidate, unit: str) -> Candidate:
    assert isinstance(candidate.value, Quantity)
    readings = tuple(dict.fromkeys(candidate.value.readings[:1]))
    value = Quantity(readings, unit, candidate.value.approximate)
    return Candidate(candidate.text, value, candidate.start, candidate.end)


def _unit_of(label: str, attribute: Attribute) -> str | None:
    """The unit that a label gives: in brackets, or at its end."""
    for match in re.finditer(r"[\[(]\s*([^\])]+?)\s*[\])]|([^\s.]+)\.?\s*$", joined(label)):
        for found in find("quantity", f"1 {match[1] or match[2]}"):
            if isinstance(found.value, Quantity) and found.value.unit in attribute.units:
                return found.value.unit
    return None


def _name(text: str) -> list[Candidate]:
    """The name that a field begins with; handwriting has no reliable capitals."""
    named = [c for c in find("name", text) if c.start == 0]
    head = re.split(r"[,;(]|\s-\s|\s\d", text, maxsplit=1)[0].strip()
    if named and named[0].end >= len(head):  # "Hale, Joan" is a name as well
        return named[:1]
    words = tuple(re.findall(r"[^\W_]+", head.lower()))
    answer = vocabulary().written["affirmed"] | vocabulary().written["denied"]
    named_by = any(c.isalpha() for c in head) and not set(words) <= answer
    return [Candidate(head, Name(words), 0, len(head))] if named_by else []


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
