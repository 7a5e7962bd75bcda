"""What the nearest of some examples say, and whether they are sure: one rule for all that is compared by meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

NEAREST = 3  # examples of one meaning that decide together
T = TypeVar("T")


def nearness(cosines: Iterable[float]) -> float:
    """How near a text is to a meaning: the mean cosine of the nearest of its examples, of which there is at least one.

    >>> nearness([0.1, 0.9, 0.6, 0.3])
    0.6
    """
    best = sorted(cosines)[-NEAREST:]
    return sum(best) / len(best)


def clear(
    ranked: Sequence[tuple[T, float]], least: float, margin: float, *, less: float = 0.0, far: float = 0.0
) -> T | None:
    """The nearest meaning, where it is near enough and no other nearly as near.

    Args:
        ranked: each meaning once with its nearness, the nearest first.
        least: how near it must be.
        margin: how far ahead of the next.
        less: how much less near it may be, where it is far ahead.
        far: how far ahead is far.

    >>> clear([("a", 0.7), ("b", 0.5)], 0.6, 0.1), clear([("a", 0.7), ("b", 0.65)], 0.6, 0.1), clear([], 0.6, 0.1)
    ('a', None, None)
    >>> clear([("a", 0.55), ("b", 0.2)], 0.6, 0.1, less=0.1, far=0.3)
    'a'
    """
    if not ranked:
        return None
    meaning, best = ranked[0]
    ahead = best - ranked[1][1] if len(ranked) > 1 else best
    enough = best >= least or (best >= least - less and ahead >= far)
    return meaning if enough and ahead >= margin else None
