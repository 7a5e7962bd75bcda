"""Gold evidence: what a perfect perception sees, as JSON beside a scenario, so that reasoning is measured alone.

A scenario's `evidence.json` is one object: the id of a signal -> a list of its evidence, in the signal's own order:

    {"text": str, "confidence": float|null, "locator": {...}, "detail": {"kind": "field", "label": str, "value": str}}

The locator is the contract's. A detail's `kind` is a key of `KINDS`; its other keys are the fields of that dataclass in
`edge_assistant/core/evidence.py`, tuples as lists, times in ISO 8601; fields that have a default may be left out.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, TypeVar, get_args

import msgspec

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import Detail, Evidence, Locator
from edge_assistant_quantize import decoding

T = TypeVar("T")

KINDS: dict[str, type[Any]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(Detail)
}


class _Item(msgspec.Struct):
    text: str
    detail: dict[str, object]
    confidence: float | None = None
    locator: dict[str, object] = {}


def from_json(items: object, signal: str) -> tuple[Evidence, ...]:
    """The evidence of one signal from `evidence.json`; the ids are still empty.

    Raises:
        InputCorrupt: it does not have the form of this module's docstring.
    """
    try:
        return tuple(_evidence(item, signal) for item in decoding.convert(items, list[_Item]))
    except ValueError as error:
        what = f"evidence.json is malformed at {signal}, {error}"
        raise InputCorrupt(what, "see docs/scenarios.md for its form") from None


def _evidence(item: _Item, signal: str) -> Evidence:
    kind = str(item.detail.pop("kind", ""))
    if kind not in KINDS:
        raise ValueError(f"there is no detail of kind {kind!r}")
    where, detail = _strict(item.locator, Locator), _strict(item.detail, KINDS[kind])
    return Evidence("", signal, item.text, item.confidence, where, detail)


def _strict(values: dict[str, object], kind: type[T]) -> T:
    """A dataclass, of which msgspec would ignore unknown keys."""
    if unknown := values.keys() - {field.name for field in fields(kind)}:  # type: ignore[arg-type]
        raise ValueError(f"unknown key {min(unknown)!r}")
    return decoding.convert(values, kind)
