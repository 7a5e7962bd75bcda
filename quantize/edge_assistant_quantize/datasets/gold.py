"""Gold evidence: what a perfect perception sees, as JSON beside a scenario, so that reasoning is measured alone.

A scenario's `evidence.json` is one object: the id of a signal -> a list of its evidence, in the signal's own order:

    {"text": str, "confidence": float|null, "locator": {...}, "detail": {"kind": "field", "label": str, "value": str}}

The locator is the contract's. A detail's `kind` is a key of `KINDS`; its other keys are the fields of that dataclass in
`edge_assistant/core/evidence.py`, tuples as lists, times in ISO 8601; fields that have a default may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import reduce
from operator import or_
from typing import Any, get_args, get_type_hints

import msgspec

from edge_assistant.core import evidence
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import Evidence, Locator
from edge_assistant_quantize import decoding

KINDS: Mapping[str, type[Any]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(evidence.Detail)
}


def _strict(kind: type[Any], tag: str | None = None) -> type[msgspec.Struct]:
    """A struct with the fields of a dataclass that takes no other key; msgspec ignores them for dataclasses."""
    hints = get_type_hints(kind)
    of = [(f.name, hints[f.name], *(() if f.default is MISSING else (f.default,))) for f in fields(kind)]
    field = "kind" if tag else None
    return msgspec.defstruct(kind.__name__, of, tag_field=field, tag=tag, forbid_unknown_fields=True, frozen=True)


_DETAILS = {_strict(kind, name): kind for name, kind in KINDS.items()}
_PLACE = _strict(Locator)
_ITEM = msgspec.defstruct(
    "Item",
    [
        ("text", str),
        ("detail", reduce(or_, _DETAILS)),
        ("confidence", float | None, None),
        ("locator", _PLACE, _PLACE()),
    ],
)


def from_json(items: object, signal: str) -> tuple[Evidence, ...]:
    """The evidence of one signal from `evidence.json`; the ids are still empty.

    Raises:
        InputCorrupt: it does not have the form of this module's docstring.
    """
    try:
        return tuple(_evidence(item, signal) for item in decoding.convert(items, list[_ITEM]))  # type: ignore[valid-type]
    except ValueError as error:
        what = f"evidence.json is malformed at {signal}, {error}"
        raise InputCorrupt(what, "see docs/scenarios.md for its form") from None


def _evidence(item: Any, signal: str) -> Evidence:  # noqa: ANN401 - a struct that is made above
    detail = _DETAILS[type(item.detail)](**msgspec.structs.asdict(item.detail))
    where = Locator(**msgspec.structs.asdict(item.locator))
    return Evidence("", signal, item.text, item.confidence, where, detail)
