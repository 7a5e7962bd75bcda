"""Gold evidence: what a perfect perception sees, as JSON beside a scenario, so that reasoning is measured alone.

A scenario's `evidence.json` is one object: the id of a signal -> a list of its evidence, in the signal's own order:

    {"text": str, "confidence": float|null, "locator": {...}, "detail": {"kind": "field", "label": str, "value": str}}

The locator is the contract's. A detail's `kind` is a key of `KINDS`; its other keys are the fields of that dataclass in
`edge_assistant/core/evidence.py`, tuples as lists, times in ISO 8601; fields that have a default may be left out.
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from edge_assistant.core.evidence import Detail, Evidence, Locator
from edge_assistant_quantize import decoding

KINDS: dict[str, type[Any]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(Detail)
}


class _Item(msgspec.Struct):
    text: str
    detail: dict[str, object]
    confidence: float | None = None
    locator: Locator = Locator()


def from_json(items: object, signal: str) -> tuple[Evidence, ...]:
    """The evidence of one signal from `evidence.json`; the ids are still empty.

    Raises:
        ValueError: it does not have the form of this module's docstring; the message is one line.
    """
    return tuple(_evidence(item, signal) for item in decoding.convert(items, list[_Item]))


def _evidence(item: _Item, signal: str) -> Evidence:
    kind = KINDS.get(str(item.detail.get("kind")))
    if kind is None:
        raise ValueError(f"there is no detail of kind {item.detail.get('kind')!r}")
    return Evidence("", signal, item.text, item.confidence, item.locator, decoding.convert(item.detail, kind))
