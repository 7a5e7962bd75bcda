from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.errors import RecipeInvalid, UsageError
from edge_assistant_quantize.recipes.recipe import Measurement
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
    criterion = Measurement.of(f"presence {words}").criterion
    assert criterion.compares
    assert criterion.holds(low, high, lower_is_better=True) is lower
    assert criterion.holds(low, high, lower_is_better=False) is higher


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
    criterion = Measurement.of(f"cosine {words}").criterion
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
        ("presence within_interval=true", "at most 0.03 worse"),
        ("top1 at_least=0.97", "at least 0.97"),
        ("kl-divergence at_most=0.1", "at most 0.1"),
    ],
)
def test_in_words(words, text):
    found = Measurement.of(words)
    assert found.metric == found.data == found.criterion.metric == words.split()[0]
    assert found.criterion.text == text


def test_only_measured():
    assert Measurement.of("wer") == Measurement("wer", "wer")
    assert Measurement.of("wer").criterion is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("at_least=0.9 at_most=1", "several criteria"),
        ("within_interval at_least=0", "several criteria"),
        ("at_last=0.9", "unknown key `at_last`"),
        ("at_least=much", "at_least: expected `float"),
        ("at_least", "at_least: expected `float"),
        ("at_least=inf", "at_least: expected `float"),
        ("at_least=nan", "at_least: expected `float"),
        ("at_most_worse=-0.1", "at_most_worse: expected `float` >= 0"),
        ("within_interval=perhaps", "within_interval: expected `bool`"),
        ("at_most_worse=0.1 by=difference", "unknown key `by`"),
        ("at_least=0.9 at_least=0.1", "a key is given twice"),
        ("metric=presence within_interval", "a key is given twice"),
        ("data=other within_interval", "a key is given twice"),
    ],
)
def test_what_cannot_be_understood(words, says):
    with pytest.raises(RecipeInvalid, match=says) as caught:
        Measurement.of(f"wer {words}")
    assert caught.value.hint == "give one of at_most_worse, within_interval, at_least and at_most"


def test_a_margin_is_that_of_a_result():
    with pytest.raises(UsageError, match="'objects' is no result that could be decided by - name one: presence or "):
        _ = Measurement.of("objects within_interval").criterion
