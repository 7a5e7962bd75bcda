"""Which forms of a model no other form beats: the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """The points that no other point dominates, by ascending cost.

    A point dominates another where it is no worse in both and better in one. Of equal points all are in the front.

    Args:
        points: cost and loss of each, such as bytes and perplexity; less is better in both. A metric of which more is
            better is negated by the caller. Points that are not finite are in no front.

    Returns:
        Their places in `points`.

    >>> pareto([(100, 5.0), (50, 5.5), (60, 6.0), (25, 9.0)])
    (3, 1, 0)
    """
    finite = [place for place, point in enumerate(points) if all(math.isfinite(value) for value in point)]
    front: list[int] = []
    for place in sorted(finite, key=lambda place: (points[place], place)):
        best = points[front[-1]] if front else (-math.inf, math.inf)
        if points[place][1] < best[1] or points[place] == best:
            front.append(place)
    return tuple(front)
