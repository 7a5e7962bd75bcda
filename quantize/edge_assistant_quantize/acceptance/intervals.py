"""Where a value or a difference lies: Gaffke's bound over the clusters of items, once from each side.

The difference of two ratios is linearized, so that each cluster has one number and the difference is their mean. Upper
end at `alpha`: one more number is added above all others, the numbers are weighted by a uniform draw from the simplex,
and the end is the `1 - alpha` quantile of the weighted mean (Gaffke 2005, "Three test statistics for a nonparametric
one-sided hypothesis on the mean of a nonnegative variable"; Learned-Miller & Thomas 2019, arXiv:1905.06208). For items
that are 0 or 1 this is the exact bound of Clopper and Pearson: with no loss in n pairs the interval at a level of 0.95
ends at 3.7 / n, the rule of three. The quantile comes from the saddlepoint approximation (Lugannani & Rice 1980 in the
form of Barndorff-Nielsen 1986), which takes one bisection: nothing is drawn, so there is no seed to choose.

The added number is the largest that was seen. If fewer than ten clusters are worse than the median one, the largest
deviation is stretched by ten over their effective number, at most to a cluster that is lost whole.

`tools/interval_coverage.py` simulates it; docs/quantize-intervals.md has the table. Rare losses without a bound are
seen only where they are among the items, so `gate` asks for as many items as show one in 3 % of them.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.record import Interval, Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.95
_KNOWN = 10  # effective clusters beyond the median from which on the largest seen stands for the largest there is
_STEPS = 60  # of the bisection; exact to rounding
_ROUNDING = 1e-12


def interval(candidate: Measured, reference: Measured | None, *, level: float = LEVEL) -> Interval:
    """The difference candidate minus reference, and where it lies.

    Args:
        candidate: over the same items as the reference.
        reference: what it is compared with; None for the candidate's own value.
        level: probability that the interval holds the truth; each end misses it with half of the rest.

    Returns:
        The interval. It has a width also if no pair differs; its `n` counts the clusters that have a whole.

    Raises:
        UsageError: they were measured by different metrics, on different items or in other clusters.
    """
    import numpy as np

    if reference is not None:
        check_paired(candidate, reference)
    part, whole, other_part, other_whole = _by_cluster(candidate, reference)
    difference = float(candidate.value - (0.0 if reference is None else reference.value))
    if not math.isfinite(difference):
        return Interval(difference, math.nan, math.nan, level, len(part))
    own = _deviations(part, whole)
    moved = own - _deviations(other_part, other_whole)  # of each cluster, in units of the value
    shares = part / np.maximum(whole, _ROUNDING) - other_part / np.maximum(other_whole, _ROUNDING)
    least = 0.0 if reference is None else -max(1.0, reference.value)  # the least and the greatest value or difference
    most = max(1.0, candidate.value)  # of shares; more words may be wrong than there are
    room = (difference - least, most - difference) if candidate.unit == "share" else (math.inf, math.inf)
    size = max(len(each) * float(each @ each) / float(each.sum()) ** 2 for each in (whole, other_whole))
    spread = float(np.abs(own).max()) or abs(candidate.value)
    apart = _rounded(shares - np.median(shares)) * np.maximum(whole, other_whole)
    ends = []
    for sign, farthest in zip((-1, 1), room, strict=True):
        farther = np.maximum(sign * apart, 0.0)  # beyond the median
        squares = float(farther @ farther)
        known = float(farther.sum()) ** 2 / squares if squares else 0.0
        added = _added(sign * moved, known, size * farthest, spread)
        ends.append(difference + sign * _upper(np.append(sign * moved, added), (1 - level) / 2))
    low, high = ends
    return Interval(difference, low, high, level, len(moved))


def check_paired(candidate: Measured, reference: Measured) -> None:
    """Look whether two results are of the same items.

    Raises:
        UsageError: they were measured by different metrics, on different items or in other clusters.
    """
    if candidate.metric != reference.metric:
        raise UsageError(f"{candidate.metric} cannot be compared with {reference.metric}", "measure both the same way")
    if candidate.items != reference.items or candidate.clusters != reference.clusters:
        what = f"{candidate.metric} of both was not measured on the same items"
        raise UsageError(what, "measure the reference again on the data of the candidate")


def _by_cluster(candidate: Measured, reference: Measured | None) -> Floats:
    """Parts and wholes of both [4, clusters]; without a reference 0 of 1. Clusters without a whole are left out."""
    import numpy as np

    columns = [candidate.parts, candidate.wholes]
    columns += [(0.0,) * len(candidate.items)] * 2 if reference is None else [reference.parts, reference.wholes]
    _, numbers = np.unique(candidate.clusters or range(len(candidate.items)), return_inverse=True)
    table = np.array([np.bincount(numbers, np.asarray(column, np.float64)) for column in columns])
    table = table[:, (table[1] > 0) | (table[3] > 0)]
    if reference is None:
        table[3] = 1
    return table


def _deviations(parts: Floats, wholes: Floats) -> Floats:
    """What each cluster adds to the ratio of the sums, linearized [clusters]; their mean is 0."""
    return _rounded((parts - parts.sum() / wholes.sum() * wholes) / wholes.mean())


def _rounded(numbers: Floats) -> Floats:
    """Numbers, of which those that are but rounding are 0."""
    import numpy as np

    return np.where(np.abs(numbers) > _ROUNDING, numbers, 0.0)


def _added(moved: Floats, known: float, most: float, spread: float) -> float:
    """The number that is added above all others, which stands for what was not seen.

    Args:
        moved: deviation of each cluster [clusters].
        known: effective number of clusters beyond the median (Kish 1965: square of the sum over the sum of squares).
        most: deviation of a cluster that is lost whole; infinite where there is no whole.
        spread: the largest deviation of the candidate alone, where clusters without a `most` do not differ at all.
    """
    highest = float(moved.max())
    seen = float(abs(moved).max()) or (most if math.isfinite(most) else spread)
    return max(highest, min(most, seen * _KNOWN / max(known, 1.0)))


def _upper(numbers: Floats, alpha: float) -> float:
    """The `1 - alpha` quantile of the mean of `numbers` [n], weighted uniformly from the simplex.

    Each q above all numbers z gives a mean m = sum(z / (q - z)) / sum(1 / (q - z)), whose saddlepoint is 1 / (q - m),
    and so the tail probability of m in closed form. q is bisected until that is `alpha`.
    """
    import numpy as np

    top, span = float(numbers.max()), float(np.ptp(numbers))
    if span == 0:
        return top
    wanted = -NormalDist().inv_cdf(alpha)
    below = top - numbers
    least, most = math.log(span) - 60, math.log(span) + math.log(len(numbers)) + 10
    for _ in range(_STEPS):
        middle = (least + most) / 2
        away = below + math.exp(middle)  # q - z
        gap = len(numbers) / float((1 / away).sum())  # q - m, the harmonic mean
        root = math.sqrt(2 * max(float(np.log(away / gap).sum()), 0.0))
        scale = math.sqrt(max(float(((away - gap) ** 2 / away**2).sum()), 0.0))
        far = root > 0 and scale > 0 and root + math.log(scale / root) / root > wanted
        least, most = (middle, most) if far else (least, middle)
    return top + math.exp(middle) - gap


def spent(look: int) -> float:
    """One-sided error that a look at the same data may spend: 0.05 * 6 / (pi * look) ** 2; all looks together 5 %.

    Each look is decided by the end of the interval at a level of `1 - 2 * spent(look)` (alpha spending by Bonferroni
    over the series of 1 / k ** 2, whose sum is pi ** 2 / 6), so the number of looks need not be known in advance.

    Args:
        look: its number, from 1.

    >>> round(spent(1), 4), round(spent(10), 6)
    (0.0304, 0.000304)
    """
    return 0.05 * 6 / (math.pi * look) ** 2
