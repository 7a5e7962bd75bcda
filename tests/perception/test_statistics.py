"""Robust statistics against their definitions, and on series whose steps and outliers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.perception.statistics import outlier_runs, robust_scale, steps, theil_sen

values = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=60).map(np.array)


@given(values)
def test_outliers_are_those_of_the_definition(series):
    """Every reading with a score over 3.5 is in a run, which starts and ends with one and has no calm over two long."""
    middle = np.median(series)
    mad = np.median(np.abs(series - middle))
    mean_deviation = np.abs(series - middle).mean()
    scale = mad / 0.6745 if mad else mean_deviation * 1.253314
    z = (series - middle) / scale if scale else np.zeros_like(series)
    assert robust_scale(series) == pytest.approx((middle, scale))
    runs = outlier_runs(series)
    for sign in (1, -1):
        inside = np.zeros(len(series), bool)
        for run in (run for run in runs if run.z * sign > 0):
            assert not inside[run.start : run.stop].any()
            inside[run.start : run.stop] = True
            assert z[run.peak] == pytest.approx(run.z)
            assert abs(run.z) == pytest.approx((sign * z[run.start : run.stop]).max())
            calm = "".join("x" if far else "." for far in sign * z[run.start : run.stop] > 3.5)
            assert calm.strip(".") == calm
            assert "..." not in calm
        assert inside[sign * z > 3.5].all()
    assert [abs(run.z) for run in runs] == sorted((abs(run.z) for run in runs), reverse=True)


@given(values)
def test_theil_sen_is_the_median_of_all_slopes(y):
    x = np.arange(len(y)) * 0.5
    slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i in range(len(y)) for j in range(i + 1, len(y))]
    assert theil_sen(x, y) == (pytest.approx(np.median(slopes)) if slopes else None)


def test_theil_sen_of_many_points_withstands_outliers():
    x = np.arange(100_000) / 3600
    y = 2.5 * x + np.random.default_rng(3).normal(0, 1, len(x))
    y[::7] = 1000
    assert theil_sen(x, y) == pytest.approx(2.5, rel=0.01)
    assert outlier_runs(x[:0]) == []


@pytest.mark.parametrize("count", [40, 300, 5_000, 100_000])
@pytest.mark.parametrize("size", [8.0, -12.0])
def test_a_step_is_found_where_it_is(count, size):
    random = np.random.default_rng(count)
    series = random.normal(50, 1, count)
    at = int(count * 0.37)
    series[at:] += size
    (step,) = steps(series)
    assert abs(step.index - at) <= 1
    assert step.after - step.before == pytest.approx(size, abs=1.0)


@pytest.mark.parametrize(
    "series",
    [
        np.full(500, 7.0),
        np.random.default_rng(1).normal(0, 1, 5_000),
        np.linspace(0, 100, 500),
        20 + 5 * np.sin(np.arange(2_000) / 50),
        np.random.default_rng(2).normal(0, 1, 50_000).cumsum() * 0.01,
        np.concatenate((np.full(100, 1.0), [50.0], np.full(100, 1.0))),
        np.zeros(0),
        np.ones(5),
    ],
    ids=["constant", "noise", "drift", "waves", "walk", "spike", "empty", "short"],
)
def test_no_step_where_there_is_none(series):
    assert steps(series) == []


def test_the_largest_steps_come_first_and_are_bounded():
    levels = np.repeat([0.0, 10.0, -30.0, 20.0, 25.0, 100.0], 200)
    found = steps(levels + np.random.default_rng(5).normal(0, 0.2, len(levels)))
    assert len(found) == 3
    assert {step.index for step in found} <= {200, 400, 600, 800, 1000}
