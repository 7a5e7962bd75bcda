"""Gold evidence: what a perfect perception sees, as JSON beside a scenario, so that reasoning is measured alone.

A scenario's `evidence.json` is one object: the id of a signal -> a list of its evidence, in the signal's own order:

    {"text": str, "confidence": float|null, "locator": {...}, "detail": {"kind": "field", "label": str, "value": str}}

The locator is the contract's. A detail's `kind` is a key of `KINDS`; its other keys are the fields of that dataclass in
`edge_assistant/core/evidence.py`, tuples as lists, times in ISO 8601; fields that have a default may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import msgspec

from edge_assistant.core import evidence
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import Detail, Evidence, Locator
from edge_assistant_quantize import decoding

KINDS: Mapping[str, type[Any]] = {
    "line": evidence.Line,
    "field": evidence.Field,
    "tick_box": evidence.TickBox,
    "code": evidence.Code,
    "thing": evidence.Thing,
    "scene": evidence.Scene,
    "speech": evidence.Speech,
    "passage": evidence.Passage,
    "statistic": evidence.Statistic,
}
_NAMES = {detail: kind for kind, detail in KINDS.items()}


def _strict(kind: type[Any]) -> type[msgspec.Struct]:
    """A struct with the fields of a dataclass that takes no other key; msgspec ignores them for dataclasses."""
    hints = get_type_hints(kind)
    of = [(f.name, hints[f.name], *(() if f.default is MISSING else (f.default,))) for f in fields(kind)]
    return msgspec.defstruct(kind.__name__, of, forbid_unknown_fields=True)


_KINDS: tuple[type[Any], ...] = (Locator, *KINDS.values())
_STRICT = {kind: _strict(kind) for kind in _KINDS}


class _Item(msgspec.Struct):
    text: str
    detail: dict[str, Any]
    confidence: float | None = None
    locator: dict[str, Any] = {}


def to_json(items: Sequence[Evidence]) -> list[dict[str, Any]]:
    """The evidence of one signal as it stands in `evidence.json`; ids are left out, the assistant gives them."""
    return [
        {
            "text": item.text,
            "confidence": item.confidence,
            "locator": item.locator.to_json(),
            "detail": {"kind": _NAMES[type(item.detail)], **msgspec.to_builtins(item.detail)},
        }
        for item in items
    ]


def from_json(items: object, signal: str) -> tuple[Evidence, ...]:
    """The evidence of one signal from `evidence.json`, as `to_json` makes it; the ids are still empty.

    Raises:
        InputCorrupt: it does not have the form of this module's docstring.
    """
    try:
        numbered = enumerate(decoding.convert(items, list[Any]), 1)
        return tuple(_evidence(number, item, signal) for number, item in numbered)
    except ValueError as error:
        what = f"evidence.json is malformed at {signal}, {error}"
        raise InputCorrupt(what, "see docs/scenarios.md for its form") from None


def _evidence(number: int, value: object, signal: str) -> Evidence:
    try:
        item = decoding.convert(value, _Item)
        name = item.detail.pop("kind", None)
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ValueError(f"the kind {name!r} is not one of {', '.join(KINDS)}")
        detail: Detail = _built(kind, item.detail)
        return Evidence("", signal, item.text, item.confidence, _built(Locator, item.locator), detail)
    except ValueError as error:
        raise ValueError(f"item {number}: {error}") from None


def _built(kind: type[Any], values: dict[str, Any]) -> Any:  # noqa: ANN401 - a dataclass of any kind
    return kind(**msgspec.structs.asdict(decoding.convert(values, _STRICT[kind])))
