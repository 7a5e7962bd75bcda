"""What QR and bar codes hold: fields, the standard identifiers of GS1, or a bare number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from edge_assistant.evidence import Code, Evidence
from edge_assistant.reasoning.attributes import labelled
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.values import Day, Identifier, Month
from edge_assistant.reasoning.written.typed import plain_words, typed

# GS1 General Specifications, application identifiers -> attribute
_GS1: Mapping[str, str] = MappingProxyType(
    {"10": "batch", "21": "serial_number", "17": "expiry_date", "15": "expiry_date", "11": "manufacture_date"}
)
_BRACKETED = re.compile(r"\((\d{2,4})\)([^(]{1,90})")
_PAIR = re.compile(r"\s*([^=:;|&\n]{1,40})\s*[=:]\s*([^=;|&\n]{1,200})\s*(?:[;|&\n]|$)")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,15}://|www\.|mailto:|tel:|wifi:", re.I)


def code_claims(item: Evidence, signal: str) -> list[Claim]:
    """The claims of a code's content."""
    assert isinstance(item.detail, Code)
    content = item.detail.content.strip()
    claims = [*_gs1(content, item, signal)] or ([] if _ADDRESS.match(content) else [*_pairs(content, item, signal)])
    if claims:
        return claims
    if _ADDRESS.match(content) or " " in content:
        return [Claim(signal, plain_words(content), content, (item.id,), attribute="code")]
    value = Identifier(re.sub(r"[\W_]", "", content).upper())
    return [Claim(signal, value, content, (item.id,), attribute="code")]


def _gs1(content: str, item: Evidence, signal: str) -> Iterator[Claim]:
    """Identifiers in brackets as they are printed and scanned: `(01)09506000134352(17)270600(10)A123`."""
    if not content.startswith("("):
        return
    for key, text in _BRACKETED.findall(content):
        attribute = _GS1.get(key)
        text = text.strip()
        if attribute is None or not text:
            continue
        name = vocabulary().attributes[attribute].name
        if key in ("10", "21"):
            yield Claim(signal, Identifier(re.sub(r"[\W_]", "", text).upper()), text, (item.id,), attribute=name)
        elif (day := _day(text)) is not None:
            yield Claim(signal, day, text, (item.id,), attribute=name)


def _day(text: str) -> Day | Month | None:
    """YYMMDD, in which day 00 stands for the whole month."""
    match = re.fullmatch(r"(\d\d)(\d\d)(\d\d)", text)
    if match is None or not 1 <= int(match[2]) <= 12 or int(match[3]) > 31:
        return None
    year, month, day = 2000 + int(match[1]), int(match[2]), int(match[3])
    return Day(((year, month, day),)) if day else Month(year, month)


def _pairs(content: str, item: Evidence, signal: str) -> Iterator[Claim]:
    """Fields: `LOT:A123;EXP=2027-06-01`."""
    for label, text in _PAIR.findall(content):
        text = text.strip()
        for attribute in dict.fromkeys(mention.attribute for mention in labelled(label)):
            for found in typed(attribute, text, label)[:1]:
                yield Claim(signal, found.value, found.text, (item.id,), attribute=attribute.name)
