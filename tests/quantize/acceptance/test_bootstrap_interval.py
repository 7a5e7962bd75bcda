"""The paired bootstrap: what must hold for any results, and how often the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant_quantize.acceptance.bootstrap import interval
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import Measured

COUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 20), st.integers(0, 20)), max_size=30)


def result(parts, wholes, metric="wer"):
    return Measured(metric, tuple(f"item {i}" for i in range(len(parts))), tuple(parts), tuple(wholes), True)


def both(rows):
    """Two results of which the first item always has a whole."""
    a, b, n, m = zip((1, 2, 3, 4), *rows, strict=True)
    return result(a, n), result(b, m)


@settings(max_examples=60)
@given(COUNTS)
def test_it_holds_the_difference_turns_its_sign_and_is_nothing_between_equals(rows):
    one, other = both(rows)
    found, swapped, equal = (interval(*pair, resamples=200) for pair in ((one, other), (other, one), (one, one)))
    assert found.difference == one.value - other.value
    assert found.low <= found.difference <= found.high
    assert found.level == 0.95
    turned = (-found.difference, -found.high, -found.low)
    assert (swapped.difference, swapped.low, swapped.high) == pytest.approx(turned, abs=1e-9)
    assert (equal.low, equal.difference, equal.high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval():
    one, other = both([(3, 1, 9, 9), (0, 4, 7, 7), (2, 2, 5, 6)])
    assert interval(one, other) == interval(one, other)
    assert interval(one, other, seed=1, resamples=50) != interval(one, other, seed=2, resamples=50)


def test_more_items_make_it_narrower():
    random = np.random.default_rng(0)
    widths = []
    for items in (20, 80, 320):
        a, b = random.binomial(10, 0.2, items), random.binomial(10, 0.25, items)
        found = interval(result(a, [10] * items), result(b, [10] * items), resamples=2000)
        widths.append(found.high - found.low)
    assert widths[0] > 1.5 * widths[1] > 2.25 * widths[2]


def test_how_often_it_holds_the_true_difference():
    """300 experiments of 60 recordings of different length, whose errors have something in common."""
    random = np.random.default_rng(7)
    rates, held, trials = (0.12, 0.10), 0, 300
    for _ in range(trials):
        words = random.integers(5, 30, 60)
        hard = random.gamma(4, 1 / 4, 60)  # mean 1: how hard a recording is, for both
        a, b = (random.poisson(rate * hard * words) for rate in rates)
        found = interval(result(a, words), result(b, words), resamples=1000)
        held += found.low <= rates[0] - rates[1] <= found.high
    assert 0.90 <= held / trials <= 0.99


def test_paired_is_narrower_than_apart():
    """What is hard for both is no difference between them."""
    random = np.random.default_rng(3)
    hard = random.integers(0, 10, 100)
    one, other = result(hard, [10] * 100), result(np.maximum(hard - 1, 0), [10] * 100)
    shuffled = result(random.permutation(np.maximum(hard - 1, 0)), [10] * 100)
    paired, apart = interval(one, other, resamples=1000), interval(one, shuffled, resamples=1000)
    assert paired.high - paired.low < (apart.high - apart.low) / 3


def test_one_item_tells_nothing_of_spread():
    found = interval(result([2], [4]), result([1], [4]))
    assert (found.low, found.difference, found.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (result([1, 2], [3, 3]), "not measured on the same items"),
        (result([1], [3], "cer"), "wer cannot be compared with cer"),
    ],
)
def test_what_cannot_be_paired(other, says):
    with pytest.raises(UsageError, match=says):
        interval(result([1], [3]), other)
