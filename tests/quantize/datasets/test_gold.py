"""Gold evidence: every detail goes out and comes back the same, through JSON; anything else is refused in one line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.core.evidence import Detail, Evidence, Locator, Statistic, Word
from edge_assistant_quantize.datasets.gold import KINDS, from_json

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(float, _NUMBERS)
st.register_type_strategy(datetime, st.datetimes())
_DETAILS = st.one_of([st.from_type(kind) for kind in KINDS.values()])


_EVIDENCE = st.builds(
    Evidence, st.just(""), st.just("image:1"), st.text(), st.none() | st.floats(0, 1), st.from_type(Locator), _DETAILS
)


def written(item: Evidence) -> dict[str, Any]:
    """As it stands in `evidence.json`."""
    kind = next(name for name, of in KINDS.items() if type(item.detail) is of)
    detail = {"kind": kind, **msgspec.to_builtins(item.detail)}
    return {"text": item.text, "confidence": item.confidence, "locator": item.locator.to_json(), "detail": detail}


def test_every_detail_has_a_kind() -> None:
    assert set(KINDS.values()) == set(get_args(Detail))
    assert sorted(KINDS) == ["code", "field", "line", "passage", "scene", "speech", "statistic", "thing", "tick_box"]


@settings(max_examples=40)
@given(st.lists(_EVIDENCE, max_size=2))
def test_evidence_comes_back_as_it_went(items: list[Evidence]) -> None:
    assert from_json(json.loads(json.dumps([written(item) for item in items])), "image:1") == tuple(items)


def test_what_has_a_default_may_be_left_out_and_words_are_objects() -> None:
    detail = {"kind": "statistic", "column": "t", "unit": None, "name": "max", "value": 9}
    (evidence,) = from_json([{"text": "at most 9", "detail": detail}], "readings:1")
    assert evidence == Evidence("", "readings:1", "at most 9", None, Locator(), Statistic("t", None, "max", 9.0))
    word = {"text": "none", "start": 0, "end": 0.5, "probability": 1}
    (evidence,) = from_json([{"text": "none", "detail": {"kind": "speech", "words": [word], "language": "en"}}], "a")
    assert evidence.detail == KINDS["speech"]((Word("none", 0.0, 0.5, 1.0),), "en")


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        [{}],
        [{"text": "x", "detail": {"kind": "smell"}}],
        [{"text": "x", "detail": {"kind": ["line"]}}],
        [{"text": 1, "detail": {"kind": "passage"}}],
        [{"text": "x", "confidence": True, "detail": {"kind": "passage"}}],
        [{"text": "x", "locator": {"box": [1, 2, 3]}, "detail": {"kind": "passage"}}],
        [{"text": "x", "detail": {"kind": "line"}}],
        [{"text": "x", "detail": {"kind": "scene", "counts": [["dog", "two"]]}}],
        [{"text": "x", "detail": {"kind": "statistic", "column": "t", "unit": None, "name": "max", "time": "noon"}}],
    ],
)
def test_another_form_is_refused_in_one_line(items: Any) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+\Z"):
        from_json(items, "image:1")
