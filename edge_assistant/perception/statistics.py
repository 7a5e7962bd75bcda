"""Robust statistics over plain arrays: outliers, trend, level shifts. Pure functions of numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

OUTLIER_Z = 3.5  # Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers", section 3.3
LARGEST_Z = 1e6  # scores are told up to here
STEP_SIZE = 4.0  # difference of the levels in standard deviations within them (Cohen's d)
_STEP_SHARE = 0.6  # of a step that happens from one reading to the next; a drift has less
_SEN_POINTS = 512  # 131,000 pairs of points: 10 ms
_SEN_BLOCK = 65  # readings of a block whose median is taken; of a longer block evenly spread ones
_SCALE_POINTS = 100_000  # of which median and scale are taken, evenly spread: a standard error of 0.4 % of the scale
_STEP_POINTS = 20_000  # of which steps are looked for; more are averaged first
_ROUNDING = 1e-12  # of sums over a window of values up to 1
_MOST_RUNS = 100  # on each side; a caller tells a few, noise has thousands
_BRIDGE = 2  # calm readings that do not end a run of outliers


@dataclass(frozen=True, slots=True)
class ReadingRun:
    """Neighbouring readings [start, stop) on one side of the rest, the index of the farthest, and its signed score."""

    start: int
    stop: int
    peak: int
    z: float


@dataclass(frozen=True, slots=True)
class LevelShift:
    """A level shift: `index` is the first reading of the new level."""

    index: int
    before: float
    after: float
    size: float


def robust_scale(values: Floats) -> tuple[float, float]:
    """Median and the scale of modified z-scores, z = (x - median) / scale (Iglewicz and Hoaglin 1993).

    The scale is the median absolute deviation over 0.6745. Where more than half of the values are equal that is 0, and
    the mean absolute deviation takes its place, with the factor 1.2533 that makes both equal on normal data.

    Of more than `_SCALE_POINTS` values evenly spread ones are taken.

    Args:
        values: [n], without NaN, n > 0.
    """
    values = _spread(values, _SCALE_POINTS)
    middle = float(np.median(values))
    size = np.abs(values - middle)
    mean = float(size.mean())
    scale = float(np.median(size, overwrite_input=True)) / 0.6745 or mean * 1.253314
    return middle, scale if np.isfinite(scale) else 0.0


def _spread(values: Floats, most: int) -> Floats:
    """At most `most` values along the last axis, evenly spread, the middle of every stretch."""
    step = -(-values.shape[-1] // most)
    return values[..., step // 2 :: step] if step > 1 else values


def outlier_runs(values: Floats, limit: float = OUTLIER_Z) -> list[ReadingRun]:
    """Readings whose modified z-score exceeds the limit, in runs of one side, the farthest first.

    Args:
        values: [n], without NaN.
        limit: the score from which on a reading is an outlier.
    """
    if len(values) == 0:
        return []
    middle, scale = robust_scale(values)
    if not scale:
        return []
    found = []
    for sign in (1.0, -1.0):
        indices = np.flatnonzero(sign * values > sign * middle + limit * scale)
        with np.errstate(over="ignore"):  # where nearly all readings are equal the scale is nearly nothing
            z = (values[indices] - middle) / scale
        found += _runs(indices, np.clip(z, -LARGEST_Z, LARGEST_Z))
    return sorted(found, key=lambda run: (-abs(run.z), run.start))


def _runs(indices: Ints, z: Floats) -> list[ReadingRun]:
    """Runs of the outliers at `indices` with scores z; up to `_BRIDGE` other readings between two are part of a run."""
    if len(indices) == 0:
        return []
    cuts = np.concatenate(([0], np.flatnonzero(np.diff(indices) > _BRIDGE + 1) + 1, [len(indices)]))
    size = np.abs(z)
    strongest = np.argsort(-np.maximum.reduceat(size, cuts[:-1]), kind="stable")[:_MOST_RUNS].tolist()
    runs = []
    for a, b in ((int(cuts[i]), int(cuts[i + 1])) for i in strongest):
        top = a + int(np.argmax(size[a:b]))
        runs.append(ReadingRun(int(indices[a]), int(indices[b - 1]) + 1, int(indices[top]), float(z[top])))
    return runs


def theil_sen(x: Floats, y: Floats) -> float | None:
    """Median of the slopes of all pairs of points (Theil 1950, Sen 1968).

    More than 512 points are first reduced to the medians of at most 512 blocks of neighbours (of a long block, of
    readings evenly spread over it), which keeps the estimate robust and the work bounded.

    Args:
        x: [n], without NaN, ascending.
        y: [n], without NaN.

    Returns:
        The slope in units of y per unit of x, or None where no two points differ in x.
    """
    block = -(-len(x) // _SEN_POINTS)
    if block > 1:
        whole = len(x) // block * block  # fewer than a block's points at the end are left out
        ordered = x[:whole].reshape(-1, block)
        x = (ordered[:, (block - 1) // 2] + ordered[:, block // 2]) / 2
        y = np.median(_spread(y[:whole].reshape(-1, block), _SEN_BLOCK), axis=1)
    i, j = np.triu_indices(len(x), 1)
    run = x[j] - x[i]
    apart = run != 0
    return float(np.median((y[j] - y[i])[apart] / run[apart])) if apart.any() else None


def steps(values: Floats, most: int = 3) -> list[LevelShift]:
    """Level shifts by a moving two-sample comparison: the mean of a window before and of one after each reading.

    A shift counts where the means differ by at least `STEP_SIZE` pooled standard deviations and most of the difference
    happens at once. The windows are a tenth of the series, 8 to 500 readings. Series of over 20,000 readings are looked
    at in means of neighbours, and the shift is then found among them.

    Args:
        values: [n], without NaN.
        most: how many to return at most, the largest first.
    """
    block = -(-len(values) // _STEP_POINTS)
    if block > 1:
        coarse = np.add.reduceat(values, np.arange(0, len(values) - block + 1, block))
        whole = len(values) // block
        return [_refined(values, step, block) for step in steps(coarse[:whole] / block, most)]
    window = min(max(len(values) // 10, 8), 500)
    if len(values) < 2 * window:
        return []
    centred = values - np.median(values)
    if not (largest := float(np.abs(centred).max())):
        return []
    centred /= largest
    at = np.arange(window, len(values) - window + 1)
    before, after = _means(centred, window, at)
    squares_before, squares_after = _means(centred**2, window, at)
    variance = np.maximum(squares_before - before**2, 0) + np.maximum(squares_after - after**2, 0)
    shift = after - before
    size = np.abs(shift) / np.sqrt(variance / 2 + _ROUNDING**2)
    near_before, near_after = _means(centred, 3, at)
    abrupt = (near_after - near_before) * np.sign(shift) >= _STEP_SHARE * np.abs(shift)
    size[~abrupt | (np.abs(shift) <= _ROUNDING)] = 0
    return _largest(size, at, values, window, most)


def _refined(values: Floats, step: LevelShift, block: int) -> LevelShift:
    """A step between blocks, at the reading nearest to it that splits its neighbourhood best (least squares)."""
    start, stop = max(step.index - 1, 0) * block, min((step.index + 1) * block, len(values))
    part = values[start:stop] - (step.before + step.after) / 2
    side = np.cumsum(part * np.sign(step.after - step.before))
    return LevelShift(start + int(np.argmin(side)) + 1, step.before, step.after, step.size)


def _means(values: Floats, window: int, at: Ints) -> tuple[Floats, Floats]:
    """Means of the `window` values before and from each index in `at`."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    return (total[at] - total[at - window]) / window, (total[at + window] - total[at]) / window


def _largest(size: Floats, at: Ints, values: Floats, window: int, most: int) -> list[LevelShift]:
    """The largest sizes that are at least a window apart."""
    found: list[LevelShift] = []
    while len(found) < most and (best := int(np.argmax(size))) >= 0 and size[best] >= STEP_SIZE:
        i = int(at[best])
        levels = float(np.mean(values[i - window : i])), float(np.mean(values[i : i + window]))
        found.append(LevelShift(i, *levels, float(size[best])))
        size[max(best - window, 0) : best + window] = 0
    return found
