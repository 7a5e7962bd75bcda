"""Where a difference lies: the paired bootstrap over items.

Items are drawn with replacement, the same for both models, and the difference of their values is taken anew; the
percentiles of these differences are the interval (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13;
for word error rates Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import Measured
from edge_assistant_quantize.record import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000  # ends of the interval are steady to a hundredth of its width
LEVEL = 0.95
_DRAWN_AT_ONCE = 1 << 21  # items; bounds memory to some tens of MB


def interval(
    candidate: Measured, reference: Measured, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """The difference candidate minus reference, and where it lies.

    Args:
        candidate: over the same items as the reference.
        reference: what it is compared with.
        resamples: how many times the items are drawn.
        level: share of the resampled differences between the ends.
        seed: of the draws; the same seed gives the same interval.

    Returns:
        The interval, which holds the difference itself also where the resamples are skewed.

    Raises:
        UsageError: they were measured by different metrics or on different items.
    """
    import numpy as np

    _check(candidate, reference)
    difference = candidate.value - reference.value
    resampled = _resampled(candidate, reference, resamples, seed)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]) if len(resampled) else (difference,) * 2
    return Interval(difference, min(float(low), difference), max(float(high), difference), level)


def _check(candidate: Measured, reference: Measured) -> None:
    if candidate.metric != reference.metric:
        raise UsageError(f"{candidate.metric} cannot be compared with {reference.metric}", "measure both the same way")
    if candidate.items != reference.items:
        what = f"{candidate.metric} of both was not measured on the same items"
        raise UsageError(what, "measure the reference again on the data of the candidate")


def _resampled(candidate: Measured, reference: Measured, resamples: int, seed: int) -> NDArray[np.float64]:
    """The difference for each draw f64 [resamples]; draws in which there is nothing to be measured are left out."""
    import numpy as np

    columns = (candidate.parts, candidate.wholes, reference.parts, reference.wholes)
    table = np.array(columns, np.float64).T  # [items, 4]
    random = np.random.default_rng(seed)
    items = len(table)
    rows = max(1, _DRAWN_AT_ONCE // items)
    found = []
    for start in range(0, resamples, rows):
        drawn = random.integers(0, items, size=(min(rows, resamples - start), items))
        sums = _counts(drawn) @ table
        kept = sums[(sums[:, 1] > 0) & (sums[:, 3] > 0)]
        found.append(kept[:, 0] / kept[:, 1] - kept[:, 2] / kept[:, 3])
    return np.concatenate(found)


def _counts(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each item was drawn [resamples, items], of the items drawn [resamples, items]."""
    import numpy as np

    resamples, items = drawn.shape
    numbered = drawn + np.arange(resamples)[:, None] * items
    return np.bincount(numbered.ravel(), minlength=resamples * items).reshape(resamples, items).astype(np.float64)
