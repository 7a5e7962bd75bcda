"""Rows of `bench speed`: what is looked at, what is promised, and their way through a file."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import UsageError
from evals.speed.rows import How, Limit, Row

positive = st.floats(1e-6, 1e6)
pairs = st.lists(st.tuples(positive, positive), min_size=1, max_size=30)


def row(ours, theirs=(), how=How.RATIO, limit=None, **more) -> Row:
    return Row("part.thing", "a thing", "s", tuple(ours), tuple(theirs), how=how, limit=limit, **more)


@given(pairs)
def test_a_ratio_is_taken_repeat_by_repeat(measured):
    found = row([a for a, _ in measured], [b for _, b in measured])
    assert found.figures == tuple(a / b for a, b in measured)
    assert found.figure == statistics.median(a / b for a, b in measured)
    assert found.spread[0] <= found.figure <= found.spread[1]


@given(pairs, st.floats(0.01, 100))
def test_a_machine_that_is_slower_in_everything_has_the_same_ratio(measured, slower):
    ours, theirs = zip(*measured, strict=True)
    there = row([slower * one for one in ours], [slower * one for one in theirs])
    assert math.isclose(there.figure, row(ours, theirs).figure, rel_tol=1e-9)


@given(pairs)
def test_a_difference_and_a_value(measured):
    ours, theirs = zip(*measured, strict=True)
    assert row(ours, theirs, How.DIFFERENCE).figure == statistics.median(a - b for a, b in measured)
    assert row(ours, (), How.VALUE).figure == statistics.median(ours)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_limit_holds_on_one_side(value, figure):
    assert Limit(value).holds(figure) == (figure <= value)
    assert Limit(value, most=False).holds(figure) == (figure >= value)


def test_what_is_promised_is_kept_or_not_or_nothing_is():
    assert row([1.0], [4.0], limit=Limit(0.35)).within is True
    assert row([2.0], [4.0], limit=Limit(0.35)).within is False
    assert row([2.0], [4.0]).within is None
    assert row([3.0], [2.0], limit=Limit(1.5, most=False)).within is True


@given(pairs, st.sampled_from(How), st.none() | st.builds(Limit, positive, st.booleans()), st.booleans())
def test_it_comes_back_from_a_file_as_it_was(measured, how, limit, smaller):
    ours, theirs = zip(*measured, strict=True)
    found = row(ours, theirs, how, limit, smaller=smaller, details={"grown": [{"size": 1}]})
    assert Row.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("ours", "theirs", "how"),
    [
        ((), (), How.VALUE), ((1.0,), (), How.RATIO), ((1.0, 2.0), (1.0,), How.DIFFERENCE), ((1.0,), (0.0,), How.RATIO),
        ((math.nan,), (), How.VALUE), ((1.0,), (math.inf,), How.RATIO),
    ],
)  # fmt: skip
def test_what_was_not_measured_is_refused(ours, theirs, how):
    with pytest.raises(UsageError, match=r"part\.thing could not be measured"):
        row(ours, theirs, how)
