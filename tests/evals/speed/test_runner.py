"""How long a run still takes, by a clock of the test's own."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from evals.speed.runner import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_goes_by_the_pace_of_what_is_done():
    clock = Clock()
    progress = Progress({"a": 10, "b": 30}, io.StringIO(), clock)
    progress.begin("a")
    assert progress.left(0.0) == 40
    clock.now += 20  # twice as slow as on the machine that the seconds are from
    progress.end()
    progress.begin("b")
    assert progress.left(0.0) == 60
    clock.now += 30
    assert progress.left(0.5) == 30


@given(st.floats(0.1, 100), st.floats(0.01, 1.0))
def test_at_a_steady_pace_the_end_stays_where_it_is(pace, fraction):
    clock = Clock()
    progress = Progress({"a": 10.0, "b": 20.0}, io.StringIO(), clock)
    progress.begin("a")
    clock.now += 10 * pace * fraction
    whole = clock.now - 100 + progress.left(fraction)
    assert abs(whole - 30 * pace) < 1e-6 * whole


def test_it_tells_now_and_then():
    clock, told = Clock(), io.StringIO()
    progress = Progress({"a": 60, "b": 60}, told, clock)
    step = progress.begin("a")
    for second in range(1, 13):
        clock.now += 1
        step(second / 60)
    lines = told.getvalue().splitlines()
    assert lines[0] == "[1/2] a: 0%, about 2:00 left"
    assert len(lines) == 3
