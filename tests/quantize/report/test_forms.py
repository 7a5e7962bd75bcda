"""The Pareto front, and what a page says of the forms of a record."""

from __future__ import annotations

import math

from helpers.records import record, variant
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge_assistant_quantize.record import Measure
from edge_assistant_quantize.report import forms

points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9) | st.just(math.nan)).map(lambda p: (p[0] + 0.0, p[1])))


@given(points)
def test_exactly_the_points_that_none_dominates_are_in_the_front(given):
    def dominates(one, other):
        return one[0] <= other[0] and one[1] <= other[1] and one != other

    finite = [place for place, point in enumerate(given) if math.isfinite(point[1])]
    found = forms.pareto(given)
    best = {place for place in finite if not any(dominates(given[other], given[place]) for other in finite)}
    assert set(found) == best
    front = [given[place] for place in found]
    assert front == sorted(front)
    assert [loss for _, loss in front] == sorted((loss for _, loss in front), reverse=True)


def test_less_is_better_if_the_record_says_so_and_what_was_not_measured_is_in_no_front():
    measures = {"presence": Measure(lower_is_better=True)}
    untimed = variant("a", 9, 0.9, accepted=True, speed={}, peak_mib=300.0)
    found = record(reference=replace(record().reference, speed={}), variants=[untimed], measures=measures)
    there = forms.of_record(found)
    fronts = [forms.front(there, cost, "presence", measures) for cost in ("size", "time", "memory")]
    assert fronts == [(1, 0), (), (0,)]
    assert forms.metrics(record(measures={})) == []


def test_every_state_has_its_words_and_its_own_figures():
    there = forms.of_record(record())
    assert [each.state for each in there] == ["reference", "not accepted", "accepted, chosen", "not decided"]
    assert [each.time for each in there[:3]] == [1.0, 0.5, 0.5]
    assert math.isnan(there[3].time)
    assert [each.value("presence") for each in there[:3]] == [0.82, 0.74, 0.815]
    assert there[1].intervals["presence"][1] is True  # it is that of the difference
