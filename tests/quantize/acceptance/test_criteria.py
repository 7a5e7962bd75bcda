from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.acceptance.criteria import from_words, of
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.record import Bound, Criterion


@pytest.mark.parametrize(
    ("words", "low", "high", "lower", "higher"),
    [  # the interval of the difference; whether it holds where lower, and where higher is better
        ("within_interval", -0.01, 0.03, True, True),
        ("within_interval", 0.01, 0.031, False, True),
        ("within_interval", -0.04, -0.03, True, False),
        ("at_most_worse=0.02", 0.01, 0.02, True, True),
        ("at_most_worse=0.02", -0.01, 0.021, False, True),
        ("at_most_worse=0.02", -0.021, 0.01, True, False),
        ("at_most_worse=0.03", -0.031, 0.0, True, False),
        ("at_most_worse=0", 0.0, 0.0, True, True),
    ],
)
def test_comparing(words, low, high, lower, higher):
    _, criterion = from_words(f"wer {words}")
    assert criterion.compares
    assert criterion.holds(low, high, lower_is_better=True, margin=0.03) is lower
    assert criterion.holds(low, high, lower_is_better=False, margin=0.03) is higher


@pytest.mark.parametrize(
    ("words", "low", "high", "holds"),
    [
        ("at_least=0.97", 0.97, 0.99, True),
        ("at_least=0.97", 0.9699, 0.99, False),
        ("at_most=0.02", 0.01, 0.02, True),
        ("at_most=0.02", 0.01, 0.021, False),
    ],
)
def test_of_its_own_value(words, low, high, holds):
    _, criterion = from_words(f"cosine {words}")
    assert not criterion.compares
    assert criterion.holds(low, high, lower_is_better=False) is holds


@given(st.sampled_from([*Bound]), st.floats(0, 1), st.floats(-1, 1), st.booleans(), st.booleans())
def test_nothing_holds_for_what_is_not_finite(bound, limit, end, first, lower_is_better):
    ends = (math.nan, end) if first else (end, math.nan)
    assert not Criterion("wer", bound, limit).holds(*ends, lower_is_better=lower_is_better)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("wer at_most_worse=0.005", "at most 0.005 worse"),
        ("presence within_interval=true", "at most the metric's margin worse"),
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
        ({"at_last": 0.9}, "unknown key 'at_last'"),
        ({"at_least": "much"}, "'at_least' must be a number"),
        ({"at_least": True}, "'at_least' must be a number"),
        ({"at_least": math.inf}, "'at_least' must be a number"),
        ({"at_most_worse": -0.1}, "must not be below zero"),
        ({"within_interval": False}, "can only be true"),
        ({"at_most_worse": 0.1, "by": "difference"}, "unknown key 'by'"),
    ],
)
def test_what_cannot_be_understood(said, says):
    with pytest.raises(RecipeInvalid, match=says):
        of("wer", said)
