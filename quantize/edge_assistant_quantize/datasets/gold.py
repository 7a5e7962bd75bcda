"""Gold evidence: what a perfect perception sees, as JSON beside a scenario, so that reasoning is measured alone.

A scenario's `evidence.json` is one object: the id of a signal -> a list of its evidence, in the signal's own order:

    {"text": str, "confidence": float|null, "locator": {...}, "detail": {"kind": "field", "label": str, "value": str}}

The locator is the contract's. A detail's `kind` is a key of `KINDS`; its other keys are the fields of that dataclass in
`edge_assistant/core/evidence.py`, tuples as lists, times in ISO 8601; fields that have a default may be left out.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import (
    Code,
    Detail,
    Evidence,
    Field,
    Line,
    Locator,
    Passage,
    Scene,
    Speech,
    Statistic,
    Thing,
    TickBox,
)

KINDS: Mapping[str, type[Any]] = {
    "line": Line,
    "field": Field,
    "tick_box": TickBox,
    "code": Code,
    "thing": Thing,
    "scene": Scene,
    "speech": Speech,
    "passage": Passage,
    "statistic": Statistic,
}
_NAMES = {detail: kind for kind, detail in KINDS.items()}


def to_json(items: Sequence[Evidence]) -> list[dict[str, Any]]:
    """The evidence of one signal as it stands in `evidence.json`; ids are left out, the assistant gives them."""
    return [
        {
            "text": item.text,
            "confidence": item.confidence,
            "locator": item.locator.to_json(),
            "detail": {"kind": _NAMES[type(item.detail)], **_plain(item.detail)},
        }
        for item in items
    ]


def from_json(items: object, signal: str) -> tuple[Evidence, ...]:
    """The evidence of one signal from `evidence.json`, as a sense gives it: the ids are still empty.

    Args:
        items: what `to_json` made.
        signal: id of the signal.

    Raises:
        InputCorrupt: it has not the form that this module's docstring gives.
    """
    if not isinstance(items, list):
        raise _refused(signal, 0, "the evidence is no list")
    return tuple(_evidence(item, signal, number) for number, item in enumerate(items, 1))


def _evidence(item: object, signal: str, number: int) -> Evidence:
    try:
        if not isinstance(item, Mapping) or not isinstance(detail := item.get("detail"), Mapping):
            raise ValueError("it or its detail is no object")
        if detail.get("kind") not in KINDS:
            raise ValueError(f"the kind {detail.get('kind')!r} is not one of {', '.join(KINDS)}")
        rest = {key: value for key, value in detail.items() if key != "kind"}
        return Evidence(
            "",
            signal,
            _typed(str, item.get("text"), "text"),
            _typed(float | None, item.get("confidence"), "confidence"),
            _built(Locator, item.get("locator", {}), "locator"),
            _detail(KINDS[detail["kind"]], rest),
        )
    except (TypeError, ValueError) as error:
        raise _refused(signal, number, str(error)) from None


def _detail(kind: type[Any], values: Mapping[str, Any]) -> Detail:
    built: Detail = _built(kind, values, "detail")
    return built


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field of a detail
    """A dataclass as an object, tuples as lists, times in ISO 8601."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _built(kind: type[Any], values: Any, where: str) -> Any:  # noqa: ANN401 - a dataclass of any kind
    """A dataclass from an object, each field of the type that the dataclass gives it."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} is no object")
    hints = get_type_hints(kind)
    if unknown := [key for key in values if key not in hints]:
        raise ValueError(f"{where} has an unknown key {unknown[0]!r}")
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.name not in values]
    if needed:
        raise ValueError(f"{where} has no {needed[0]!r}")
    return kind(**{key: _typed(hints[key], value, f"{where}.{key}") for key, value in values.items()})


def _typed(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - a type of any form, and a value of it
    """A JSON value as the type that a field is annotated with."""
    options = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else _typed(options[0], value, where)
    if get_origin(hint) is tuple and isinstance(value, list):
        if options[-1] is Ellipsis:
            return tuple(_typed(options[0], item, where) for item in value)
        if len(value) == len(options):
            return tuple(_typed(option, item, where) for option, item in zip(options, value, strict=True))
    elif isinstance(hint, type) and is_dataclass(hint):
        return _built(hint, value, where)
    elif hint is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    elif hint is float and type(value) is int:
        return float(value)
    elif isinstance(hint, type) and type(value) is hint:
        return value
    raise ValueError(f"{where} is {value!r}")


def _refused(signal: str, number: int, why: str) -> InputCorrupt:
    where = f"item {number} of {signal}" if number else signal
    return InputCorrupt(f"evidence.json is malformed at {where}: {why}", "see docs/scenarios.md for its form")
