"""What is lost and won item by item, and how probable it is by chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.acceptance.pairs import PairedCounts, counts
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import measured
from edge_assistant_quantize.record import Measured


def result(parts: list[int], metric: str = "cross-signal", *, lower_is_better: bool = False) -> Measured:
    counted = {f"item {number}": (float(part), 1.0) for number, part in enumerate(parts)}
    return measured(metric, counted, lower_is_better=lower_is_better)


def counted(candidate: Measured, reference: Measured) -> PairedCounts:
    found = counts(candidate, reference)
    assert found is not None
    return found


def test_the_four_cells() -> None:
    found = counted(result([1, 0, 1, 0, 0]), result([1, 1, 0, 0, 1]))
    assert (found.both, found.lost, found.won, found.neither) == (1, ("item 1", "item 4"), ("item 2",), 1)
    assert found.to_json() == {
        **{"both": 1, "lost": 2, "won": 1, "neither": 1, "p": 1.0},
        "lost_items": ["item 1", "item 4"],
    }


def test_where_less_is_better_a_zero_is_right() -> None:
    wrong = result([1, 0], "wrong", lower_is_better=True), result([0, 0], "wrong", lower_is_better=True)
    assert counted(*wrong).lost == ("item 0",)


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    [(0, 0, 1), (1, 0, 1), (3, 3, 1), (6, 0, 2 / 64), (8, 1, 2 * 10 / 512), (11, 3, 2 * 470 / 2**14)],
)
def test_the_exact_p(lost: int, won: int, p: float) -> None:
    """Twice the binomial tail; of 11 and 3 that is 0.0574 by R's binom.test(3, 14)."""
    found = counted(result([0] * lost + [1] * won + [1]), result([1] * lost + [0] * won + [1]))
    assert found.p == pytest.approx(p)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1))
def test_every_item_is_in_one_cell(pairs: list[tuple[int, int]]) -> None:
    candidate, reference = (result([pair[n] for pair in pairs]) for n in (0, 1))
    found, other = counted(candidate, reference), counted(reference, candidate)
    assert found.both + len(found.lost) + len(found.won) + found.neither == len(pairs)
    assert (found.lost, found.won, found.p) == (other.won, other.lost, other.p)
    assert 0 < found.p <= 1
    assert (len(found.won) - len(found.lost)) / len(pairs) == pytest.approx(candidate.value - reference.value)


def test_what_is_not_right_or_wrong_has_no_pairs() -> None:
    shares = measured("wer", {"a": (1, 11), "b": (0, 9)})
    assert counts(shares, shares) is None
    half = measured("wer", {"a": (0.5, 1)})
    assert counts(half, half) is None


def test_other_items_cannot_be_paired() -> None:
    for other in (result([1, 1, 1]), result([1, 1], "top1")):
        with pytest.raises(UsageError, match=r"not measured on the same items|cannot be compared"):
            counts(result([1, 1]), other)
