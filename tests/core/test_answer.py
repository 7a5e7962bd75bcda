"""Answers read back from their JSON."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.core.answer import UNKNOWN_TIME, Answer, Route, Status, Timings
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Signal

_numbers = st.floats(0, 1e6, allow_nan=False)
_spans = st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99))
_locators = st.builds(
    Locator,
    page=st.none() | st.integers(1, 99),
    box=st.none() | st.tuples(*[st.integers(0, 9999)] * 4),
    seconds=st.none() | st.tuples(_numbers, _numbers),
    rows=_spans,
    chars=_spans,
)
_evidence = st.builds(Evidence, locator=_locators, confidence=st.none() | st.floats(0, 1), detail=st.just(Passage()))
_signals = st.builds(Signal, path=st.none(), data=st.none(), taken=st.just(UNKNOWN_TIME))
_timings = st.builds(
    Timings, total_s=_numbers, first_token_s=st.none() | _numbers, tokens_per_s=st.none() | _numbers,
    perception_s=st.dictionaries(st.text(), _numbers, max_size=3),
)  # fmt: skip
_answers = st.builds(
    Answer,
    signals=st.lists(_signals, max_size=3).map(tuple),
    evidence=st.lists(_evidence, max_size=3).map(tuple),
    timings=_timings,
)


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same, but for what is rounded when it is written."""
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, abs_tol=0.06)
    if is_dataclass(one):
        return type(one) is type(other) and all(
            alike(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


@settings(max_examples=30)
@given(_answers)
def test_what_is_read_back_is_what_was_written(answer: Answer) -> None:
    written = json.loads(json.dumps(answer.to_json()))
    again = Answer.from_json(written)
    assert alike(again, answer)
    assert json.loads(json.dumps(again.to_json())) == written


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(_answers, st.data())
def test_what_no_answer_wrote_is_refused_or_read(answer: Answer, data: st.DataObject) -> None:
    written = json.loads(json.dumps(answer.to_json()))
    written[data.draw(st.sampled_from(sorted(written)))] = data.draw(_json)
    with suppress(InputCorrupt):
        Answer.from_json(written)


def test_what_is_no_answer_is_refused() -> None:
    written = Answer("q", "a", Status.CHAT, Route("chat", (), "why")).to_json()
    for broken in (
        {"status": "perhaps"},
        {"route": "direct"},
        {"signals": [{"id": "image:1"}]},
        {"signals": None},
        {"evidence": [{"id": "E1"}]},
        {"verdicts": [{"status": "agree"}]},
        {"timings": {"total_h": 1}},
    ):
        for found in ({**written, **broken}, broken):
            with pytest.raises(InputCorrupt):
                Answer.from_json(found)
