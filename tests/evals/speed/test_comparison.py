"""Two runs of `bench speed`: what got slower beyond the noise of its repeats, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evals.speed.comparison import FLOOR, Change, compare
from evals.speed.rows import How, Row

positive = st.floats(1e-3, 1e3)
repeats = st.lists(positive, min_size=1, max_size=12)


def row(ours, *, theirs=None, how=How.RATIO, smaller=True, unit="s", name="part.thing") -> Row:
    theirs = [1.0] * len(ours) if theirs is None else theirs
    return Row(name, "a thing", unit, tuple(ours), tuple(theirs), how=how, smaller=smaller)


def change(before, now) -> Change:
    (found,) = compare([before], [now])
    return found.change


@given(repeats, st.booleans())
def test_a_run_is_no_worse_than_itself(ours, smaller):
    assert change(row(ours, smaller=smaller), row(ours, smaller=smaller)) is Change.SAME


@given(repeats, repeats, st.booleans())
def test_what_is_worse_one_way_is_better_the_other(before, now, smaller):
    there = change(row(before, smaller=smaller), row(now, smaller=smaller))
    back = change(row(now, smaller=smaller), row(before, smaller=smaller))
    turned = {Change.WORSE: Change.BETTER, Change.BETTER: Change.WORSE, Change.SAME: Change.SAME}
    assert back is turned[there]


@given(repeats, repeats)
def test_more_is_worse_where_less_is_better_and_the_other_way_round(before, now):
    less, more = change(row(before), row(now)), change(row(before, smaller=False), row(now, smaller=False))
    assert {less, more} in ({Change.SAME}, {Change.WORSE, Change.BETTER})


@given(repeats, repeats, st.floats(0.01, 100))
def test_the_unit_of_a_figure_does_not_matter(before, now, scale):
    scaled = [row([scale * one for one in some]) for some in (before, now)]
    (plain,), (other,) = compare([row(before)], [row(now)]), compare([scaled[0]], [scaled[1]])
    margin = abs(abs(plain.now - plain.before) - plain.noise)
    if margin > 1e-6 * max(plain.noise, 1e-9):  # on the very edge rounding decides
        assert plain.change is other.change


@given(st.lists(st.floats(1.0, 1.02), min_size=3, max_size=12), st.floats(1.5, 10))
def test_what_takes_half_as_long_again_is_worse_where_the_repeats_agree(steady, factor):
    assert change(row(steady), row([factor * one for one in steady])) is Change.WORSE


@given(st.lists(st.floats(1.0, 1.02), min_size=3, max_size=12), st.floats(1 - FLOOR / 2, 1 + FLOOR / 2))
def test_what_differs_by_less_than_the_floor_is_the_same(steady, factor):
    assert change(row(steady), row([factor * one for one in steady])) is Change.SAME


def test_repeats_that_disagree_hide_a_change_that_steady_ones_show():
    wild = [0.6, 1.0, 1.4, 0.7, 1.3]
    assert change(row([1.0, 1.01, 0.99]), row([1.2, 1.21, 1.19])) is Change.WORSE
    assert change(row(wild), row([one + 0.2 for one in wild])) is Change.SAME


def test_one_repeat_alone_tells_little():
    assert change(row([1.0]), row([1.12])) is Change.SAME
    assert change(row([1.0, 1.0, 1.0]), row([1.12, 1.12, 1.12])) is Change.WORSE


def test_words_and_characters_that_are_wrong_count_by_points():
    def wrong(ours):
        return row([ours], theirs=[2.0], how=How.DIFFERENCE, unit="%")

    assert change(wrong(1.0), wrong(1.05)) is Change.SAME
    assert change(wrong(1.0), wrong(1.3)) is Change.WORSE
    assert change(wrong(1.3), wrong(1.0)) is Change.BETTER


def test_only_rows_that_both_have_and_that_look_at_the_same_are_compared():
    before = [row([1.0], name="a.x"), row([1.0], name="b.x"), row([1.0], name="c.x", unit="MiB")]
    now = [row([2.0], name="b.x"), row([2.0], name="c.x"), row([2.0], name="d.x")]
    assert [one.name for one in compare(before, now)] == ["b.x"]
