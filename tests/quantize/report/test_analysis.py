"""The Pareto front, and how forms of a record relate."""

from __future__ import annotations

import math

import pytest
from helpers.records import record, variant
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge_assistant_quantize.record import Measure
from edge_assistant_quantize.report import analysis

points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9) | st.just(math.nan)).map(lambda p: (p[0] + 0.0, p[1])))


@given(points)
def test_exactly_the_points_that_none_dominates_are_in_the_front(given):
    def dominates(one, other):
        return one[0] <= other[0] and one[1] <= other[1] and one != other

    finite = [place for place, point in enumerate(given) if math.isfinite(point[1])]
    found = analysis.pareto(given)
    best = {place for place in finite if not any(dominates(given[other], given[place]) for other in finite)}
    assert set(found) == best
    front = [given[place] for place in found]
    assert front == sorted(front)
    assert [loss for _, loss in front] == sorted((loss for _, loss in front), reverse=True)


def test_less_is_better_if_the_record_says_so():
    forms = [variant("a", 9, 0.9, accepted=True)]
    found = record(variants=forms, measures={"presence": Measure(lower_is_better=True)})
    assert [form.name for form in analysis.front(found, "presence")] == ["a", "f32"]
    assert analysis.metrics(record(measures={})) == []


@pytest.mark.parametrize(
    ("reference", "own", "ratio"),
    [
        ({"median_ms": 27.0}, {"median_ms": 13.5, "ratio": 0.4}, 0.4),
        ({"median_ms": 27.0}, {"median_ms": 13.5}, 0.5),
        ({"decode_tokens_per_s": 20.0}, {"decode_tokens_per_s": 40.0}, 0.5),
        ({"median_ms": 27.0}, {"decode_tokens_per_s": 40.0}, None),
    ],
)
def test_time_comes_from_the_rates_if_no_ratio_was_measured(reference, own, ratio):
    found = record(reference=replace(record().reference, speed=reference))
    assert analysis.time_ratio(found, variant("a", 9, 0.9, accepted=True, speed=own)) == ratio
