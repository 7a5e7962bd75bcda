"""Intervals: what must hold for any results, and how often they hold the truth, see tools/interval_coverage.py."""

from __future__ import annotations

import math

import interval_coverage
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from interval_coverage import SCENARIOS

from edge_assistant_quantize.acceptance.intervals import interval, spent
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import LEAST
from edge_assistant_quantize.record import Measured

COUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 20), st.integers(0, 20)), max_size=30)
PAIRED_AND_REGULAR = (
    "word errors, 3 to 30 words",
    "word errors, few recordings with many",
    "precision, wholes differ",
    "log-perplexity",
    "divergence, lognormal sigma 0.5",
)


def result(parts, wholes, metric="wer", unit="share", clusters=()):
    items = tuple(f"item {i}" for i in range(len(parts)))
    return Measured(metric, items, tuple(parts), tuple(wholes), True, unit, clusters)


def ends(found):
    return found.low, found.high


@settings(max_examples=60)
@given(COUNTS)
@example([(0, 4, 0, 0)])  # over 100 % of the words are wrong
def test_it_holds_the_difference_turns_its_sign_and_has_a_width(rows):
    a, b, n, m = zip((1, 2, 3, 4), *rows, strict=True)  # the first item has a whole
    one, other = result(a, n), result(b, m)
    found, swapped, equal = interval(one, other), interval(other, one), interval(one, one)
    assert found.difference == one.value - other.value
    assert found.low < found.difference < found.high
    assert (swapped.difference, *ends(swapped)) == pytest.approx((-found.difference, -found.high, -found.low))
    assert equal.low < 0 < equal.high
    wide = interval(one, other, level=0.999)
    assert wide.low < found.low < found.high < wide.high


@given(st.permutations(range(12)))
def test_the_order_of_the_items_changes_nothing(order):
    parts, wholes = np.arange(12) % 5, np.full(12, 9)
    found = interval(result(parts[order], wholes), result(parts[order][::-1] * 0, wholes))
    assert ends(found) == pytest.approx(ends(interval(result(parts, wholes), result(parts * 0, wholes))))


def clopper_pearson(wrong, n, alpha):
    """The upper end of the exact bound: the share at which so few are wrong with probability alpha."""
    low, high = wrong / n, 1.0
    for _ in range(60):
        p = (low + high) / 2
        below = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(wrong + 1))
        low, high = (p, high) if below > alpha else (low, p)
    return low


@pytest.mark.parametrize(("wrong", "n"), [(0, 20), (3, 40), (11, 376), (50, 100), (100, 100)])
@pytest.mark.parametrize("level", [0.95, 0.999, 0.9999])
def test_shares_are_bounded_as_by_clopper_and_pearson(wrong, n, level):
    found = interval(result([1] * wrong + [0] * (n - wrong), [1] * n), None, level=level)
    assert (found.difference, found.n) == (wrong / n, n)
    assert found.high == pytest.approx(clopper_pearson(wrong, n, (1 - level) / 2) if wrong < n else 1, rel=0.01)
    mirrored = 1 - clopper_pearson(n - wrong, n, (1 - level) / 2) if wrong else 0
    assert found.low == pytest.approx(mirrored, rel=0.01, abs=1e-9)


def test_pairs_that_do_not_differ_exclude_a_loss_by_the_rule_of_three():
    wrong = [1, 0, 0, 0] * 10
    found = interval(result(wrong, [1] * 40), result(wrong, [1] * 40))
    assert ends(found) == pytest.approx((-3.69 / 40, 3.69 / 40), rel=0.06)  # ln(1 / 0.025) = 3.69
    losses = [2.5, 2.7, 2.2, 2.4]
    same = interval(result(losses, [1] * 4, unit="nats"), result(losses, [1] * 4, unit="nats"))
    assert same.low < 0 < same.high


def test_one_item_excludes_hardly_anything():
    """The defect: one recording of 1.82 errors a word for both gave an interval from 0 to 0."""
    found = interval(result([20], [11]), result([20], [11]))
    assert (found.difference, found.n) == (0, 1)
    assert found.low < -0.9
    assert found.high > 0.9
    assert found.n < LEAST


def test_clusters_count_and_not_their_items():
    wrong, right = [1, 1, 1, 1, 0, 0, 0, 0] * 5, [0] * 40
    named = tuple(str(i // 4) for i in range(40))
    apart = interval(result(wrong, [1] * 40), result(right, [1] * 40))
    together = interval(result(wrong, [1] * 40, clusters=named), result(right, [1] * 40, clusters=named))
    summed = interval(result([4, 0] * 5, [4] * 10), result([0] * 10, [4] * 10))
    assert (apart.n, together.n) == (40, 10)
    assert together.difference == apart.difference
    assert ends(together) == pytest.approx(ends(summed))
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_items_without_a_whole_are_no_evidence():
    padded = interval(result([1, 0, 1, 0, 0], [1, 1, 1, 0, 0]), result([0] * 5, [1, 1, 1, 0, 0]))
    assert padded.n == 3
    assert ends(padded) == pytest.approx(ends(interval(result([1, 0, 1], [1] * 3), result([0] * 3, [1] * 3))))


def test_paired_is_narrower_than_apart():
    """What is hard for both is no difference between them."""
    random = np.random.default_rng(3)
    hard = random.integers(0, 10, 100)
    one, other = result(hard, [10] * 100), result(np.maximum(hard - 1, 0), [10] * 100)
    shuffled = result(random.permutation(np.maximum(hard - 1, 0)), [10] * 100)
    paired, apart = interval(one, other), interval(one, shuffled)
    assert paired.high - paired.low < (apart.high - apart.low) / 2


def test_what_is_not_finite_has_no_ends():
    found = interval(result([math.nan, 1], [1, 1], unit="nats"), result([1, 1], [1, 1], unit="nats"))
    assert all(math.isnan(value) for value in (found.difference, *ends(found)))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (result([1, 2], [3, 3]), "not measured on the same items"),
        (result([1], [3], clusters=("a",)), "not measured on the same items"),
        (result([1], [3], "cer"), "wer cannot be compared with cer"),
    ],
)
def test_what_cannot_be_paired(other, says):
    with pytest.raises(UsageError, match=says):
        interval(result([1], [3]), other)


RUNS = 150


def noise(share, runs):
    """Three standard errors of a share."""
    return 3 * math.sqrt(share * (1 - share) / runs)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_loss_is_not_denied(name):
    """150 experiments of 100 clusters: the end on the side of the loss misses the truth in at most 2.5 %."""
    allowed = 0.055 if name == "5 % lost whole, 20 % differ by a word" else 0.025  # known, see the module
    above, below = interval_coverage.missed(SCENARIOS[name], 100, RUNS)
    assert above <= allowed + noise(allowed, RUNS)
    assert below <= 0.025 + noise(0.025, RUNS)


@pytest.mark.parametrize("name", PAIRED_AND_REGULAR)
@pytest.mark.parametrize("n", [20, 50])
def test_coverage_of_regular_data(name, n):
    above, below = interval_coverage.missed(SCENARIOS[name], n, RUNS)
    assert above + below <= 0.07
    assert above + below > 0 or n == 20  # not simply wide


@pytest.mark.parametrize("n", [2, 5, 10])
def test_coverage_of_small_data(n):
    """The percentile bootstrap held 54, 84 and 89 % here."""
    above, below = interval_coverage.missed(SCENARIOS["word errors, 3 to 30 words"], n, RUNS)
    assert above + below <= 0.05


def test_ten_looks_accept_a_loss_of_the_margin_in_five_per_cent():
    assert sum(map(spent, range(1, 100_000))) == pytest.approx(0.05, rel=1e-4)
    runs = 60
    for name in ("clusters of 2 to 10, 10 % lost, 5 % won", "log-perplexity"):
        assert interval_coverage.accepted(SCENARIOS[name], 50, runs) <= 0.05 + noise(0.05, runs)


@pytest.mark.bench
@pytest.mark.parametrize("n", interval_coverage.SIZES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_whole_table(name, n):
    above, below = interval_coverage.missed(SCENARIOS[name], n, 1000)
    assert above + below <= 0.07 + noise(0.07, 1000) or n < LEAST or "whole" in name or "sigma 1" in name
