from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.acceptance.criteria import Bound, Criterion, from_words, of
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.record import Interval


def difference(low, middle, high):
    return Interval(middle, low, high, 0.95)


@pytest.mark.parametrize(
    ("words", "low", "middle", "high", "lower", "higher"),
    [  # the interval of the difference; whether it holds where lower, and where higher is better
        ("within_interval", -0.01, 0.01, 0.03, True, True),
        ("within_interval", 0.01, 0.02, 0.03, False, True),
        ("within_interval", -0.03, -0.02, -0.01, True, False),
        ("within_interval", 0.0, 0.0, 0.0, True, True),
        ("at_most_worse=0.02", 0.01, 0.02, 0.03, True, True),
        ("at_most_worse=0.015", 0.01, 0.02, 0.03, False, True),
        ("at_most_worse=0.015", -0.03, -0.02, -0.01, True, False),
        ("at_most_worse=0.02 by=difference", 0.01, 0.02, 0.03, True, True),
        ("at_most_worse=0.02 by=interval", 0.01, 0.02, 0.03, False, True),
        ("at_most_worse=0.03 by=interval", 0.01, 0.02, 0.03, True, True),
        ("at_most_worse=0.03 by=interval", -0.031, 0.0, 0.0, True, False),
        ("at_most_worse=0", 0.0, 0.0, 0.0, True, True),
    ],
)
def test_comparing(words, low, middle, high, lower, higher):
    _, criterion = from_words(f"wer {words}")
    assert criterion.compares
    assert criterion.holds(0.1, difference(low, middle, high), lower_is_better=True) is lower
    assert criterion.holds(0.1, difference(low, middle, high), lower_is_better=False) is higher


@pytest.mark.parametrize(
    ("words", "value", "holds"),
    [
        ("at_least=0.97", 0.97, True),
        ("at_least=0.97", 0.9699, False),
        ("at_most=0.02", 0.02, True),
        ("at_most=0.02", 0.021, False),
        ("at_least=0.97", math.nan, False),
        ("at_most=0.02", math.nan, False),
    ],
)
def test_of_its_own_value(words, value, holds):
    _, criterion = from_words(f"cosine {words}")
    assert not criterion.compares
    assert criterion.holds(value, None, lower_is_better=False) is holds


@given(st.sampled_from([*Bound]), st.floats(0, 1), st.booleans())
def test_nothing_holds_for_what_is_not_finite(bound, limit, lower_is_better):
    nothing = difference(math.nan, math.nan, math.nan)
    assert not Criterion("wer", bound, limit).holds(math.nan, nothing, lower_is_better=lower_is_better)


@given(st.floats(0, 0.1), st.floats(-0.2, 0.2), st.floats(0, 0.1), st.floats(0, 0.1))
def test_who_holds_by_the_interval_holds_by_the_difference(limit, at, below, above):
    found = difference(at - below, at, at + above)
    point, strict = (Criterion("wer", Bound.AT_MOST_WORSE, limit, by) for by in (False, True))
    if strict.holds(at, found, lower_is_better=True):
        assert point.holds(at, found, lower_is_better=True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("wer at_most_worse=0.005", "at most 0.005 worse"),
        ("wer at_most_worse=0.005 by=interval", "at most 0.005 worse, by the end of the interval"),
        ("presence within_interval=true", "no significant loss"),
        ("top1 at_least=0.97", "at least 0.97"),
        ("kl at_most=0.1", "at most 0.1"),
    ],
)
def test_in_words(words, text):
    metric, criterion = from_words(words)
    assert metric == criterion.metric == words.split()[0]
    assert criterion.text == text


def test_only_measured():
    assert from_words("wer") == ("wer", None)
    assert of("wer", {}) is None


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"at_least": 0.9, "at_most": 1}, "2 criteria"),
        ({"by": "interval"}, "0 criteria"),
        ({"at_last": 0.9}, "unknown key 'at_last'"),
        ({"at_least": "much"}, "'at_least' must be a number"),
        ({"at_least": True}, "'at_least' must be a number"),
        ({"at_least": math.inf}, "'at_least' must be a number"),
        ({"at_most_worse": -0.1}, "must not be below zero"),
        ({"within_interval": False}, "can only be true"),
        ({"at_most_worse": 0.1, "by": "feeling"}, "'by' says"),
        ({"at_least": 0.1, "by": "interval"}, "'by' says"),
    ],
)
def test_what_cannot_be_understood(said, says):
    with pytest.raises(RecipeInvalid, match=says):
        of("wer", said)
