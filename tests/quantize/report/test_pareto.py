"""The Pareto front: what no other form beats in both size and quality."""

import math

from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.report.pareto import pareto

points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9) | st.just(math.nan)).map(lambda p: (p[0] + 0.0, p[1])))


def dominates(one, other):
    return one[0] <= other[0] and one[1] <= other[1] and one != other


@given(points)
def test_exactly_the_points_that_none_dominates_are_in_the_front(given):
    finite = [place for place, point in enumerate(given) if math.isfinite(point[1])]
    best = {place for place in finite if not any(dominates(given[other], given[place]) for other in finite)}
    assert set(pareto(given)) == best


@given(points)
def test_the_front_goes_up_in_cost_and_down_in_loss(given):
    front = [given[place] for place in pareto(given)]
    assert front == sorted(front)
    assert [loss for _, loss in front] == sorted((loss for _, loss in front), reverse=True)


def test_nothing_has_no_front():
    assert pareto([]) == ()
