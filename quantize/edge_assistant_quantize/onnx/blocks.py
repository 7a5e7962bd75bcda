"""Matrices in 8 or 4 bits with a scale for each block of inputs: by the block's range, or by the least squared error.

The search for the latter is llama.cpp's (ggml-quants.c, make_qx_quants): levels for several scales, and for each the
scale that fits them best. Sums run over the places of a block in their order, so that any machine gets the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LIMIT = 8  # levels run from -8 to 7
MOST = 8  # times a step of 8 bits: 8 levels of 8 steps are 64, and `linear.py` says why there are no more
# Of the scale that gives the farthest value the level -8
_FACTORS = tuple(np.float32(one / 20) for one in range(14, 26))
_CHUNK = 1 << 13  # blocks at a time, so that they stay in the processor's cache


def by_range(weight: Array, block: int, bits: int, *, symmetric: bool = True) -> tuple[Array, Array, Array | None]:
    """Quantize a matrix [outputs, inputs], the scale of each block by its range.

    Args:
        weight: the matrix; inputs are padded with zeros to whole blocks.
        block: inputs that share a scale.
        bits: 4 or 8.
        symmetric: whether zero is the middle level, and the value farthest from zero the least level exactly; else
            levels go from the least to the greatest value of a block, and zero is one of them.

    Returns:
        Levels u8 [outputs, blocks, block], scales f32 [outputs, blocks], and zero points u8 [outputs, blocks], None
        if they are the middle.
    """
    levels, scales, zeros = _in_parts(weight, block, lambda rows: _by_range(rows, block, bits, symmetric))
    return levels, scales, None if symmetric else zeros


def _in_parts(weight: Array, block: int, function: Callable[[Array], tuple[Array, ...]]) -> list[Array]:
    """The results of a function over rows of a matrix, so many at a time as stay in the processor's cache."""
    rows = max(1, _CHUNK * block // weight.shape[1])
    parts = [function(weight[at : at + rows]) for at in range(0, len(weight), rows)]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def _by_range(weight: Array, block: int, bits: int, symmetric: bool) -> tuple[Array, Array, Array]:
    outputs, inputs = weight.shape
    cut = np.zeros((outputs, -(-inputs // block) * block))
    cut[:, :inputs] = weight
    cut = cut.reshape(outputs, -1, block)
    most = 2**bits - 1
    if symmetric:
        farthest = np.take_along_axis(cut, np.abs(cut).argmax(axis=-1, keepdims=True), axis=-1)
        scales = np.where(farthest == 0, 1.0, farthest / -(2.0 ** (bits - 1))).astype(np.float32)
        zeros = np.full(scales.shape, 2.0 ** (bits - 1))
    else:
        low = np.minimum(cut.min(axis=-1, keepdims=True), 0.0)
        high = np.maximum(cut.max(axis=-1, keepdims=True), 0.0)
        scales = np.where(high == low, 1.0, (high - low) / most).astype(np.float32)
        zeros = np.clip(np.rint(-low / scales.astype(np.float64)), 0, most)
    levels = np.clip(np.rint(cut / scales.astype(np.float64)) + zeros, 0, most).astype(np.uint8)
    return levels, scales[..., 0], zeros[..., 0].astype(np.uint8)


def by_error(weight: Array, block: int, bits: int, importance: Array | None = None) -> tuple[Array, Array]:
    """Quantize a matrix [outputs, inputs], the scales in half precision.

    Args:
        weight: the matrix.
        block: inputs that share a scale; divides their number.
        bits: 4, with the scale of the least squared error; or 8, where that of the range is as good.
        importance: of each input, f32 [inputs]: the weight of its squared error; None for all alike.

    Returns:
        Levels around the middle of what the bits hold, u8 [outputs, blocks, block], and scales f16 [outputs, blocks].
    """
    limit = 1 << bits - 1

    def quantized(rows: Array) -> tuple[Array, Array]:
        part, counts = _columns(rows, block, importance)
        scales = (_scales(part, counts) if bits == 4 else _first(part, limit)).astype(np.float16)
        levels = _levels(part, scales.astype(np.float32), limit).T + limit
        return levels.astype(np.uint8).reshape(len(rows), -1, block), scales.reshape(len(rows), -1)

    levels, scales = _in_parts(weight, block, quantized)
    return levels, scales


def four_in_eight(weight: Array, block: int, importance: Array | None = None) -> tuple[Array, Array, Array]:
    """Quantize a matrix [outputs, inputs] so that levels times multiples are whole numbers of 8 bits.

    Returns:
        Levels as of `by_error`, multiples i8 [outputs, blocks] from -8 to 8, and the steps f32 [outputs] of both.
    """

    def quantized(rows: Array) -> tuple[Array, Array, Array]:
        part, counts = _columns(rows, block, importance)
        wanted = _scales(part, counts).reshape(len(rows), -1)
        steps = np.maximum(np.abs(wanted).max(axis=1), np.float32(1e-8)) / np.float32(MOST)
        near = np.rint(wanted / steps[:, None])
        best, chosen = _nearest(part, counts, np.repeat(steps, near.shape[1]), near.reshape(-1))
        levels = (best.T + LIMIT).astype(np.uint8).reshape(len(rows), -1, block)
        return levels, chosen.astype(np.int8).reshape(len(rows), -1), steps

    levels, multiples, steps = _in_parts(weight, block, quantized)
    return levels, multiples, steps


def pack(levels: Array, bits: int) -> Array:
    """Levels of 4 bits two in a byte, the first in the lower half: u8 [..., n] -> u8 [..., (n + 1) / 2]."""
    if bits == 8:
        return levels
    if levels.shape[-1] % 2:
        levels = np.concatenate([levels, np.zeros_like(levels[..., :1])], axis=-1)
    return np.asarray(levels[..., 0::2] | levels[..., 1::2] << 4, np.uint8)


def _columns(rows: Array, block: int, importance: Array | None) -> tuple[Array, Array]:
    """The blocks of rows in columns, f32 [block, blocks], and the weight of each place."""
    counts = np.ones(rows.shape[1], np.float32) if importance is None else importance
    places = np.tile(counts.reshape(-1, block), (len(rows), 1))
    return tuple(np.ascontiguousarray(each.T, np.float32) for each in (rows.reshape(-1, block), places))  # type: ignore[return-value]


def _scales(part: Array, counts: Array) -> Array:
    """The scale of each block that leaves the least squared error, f32 [blocks]."""
    first = _first(part, LIMIT)
    best, gain = first, np.zeros_like(first)
    for factor in _FACTORS:
        levels = _levels(part, first * factor)
        weighed = counts * levels
        along, square = sum(part * weighed), sum(levels * weighed)
        scale = along / np.where(square == 0, np.float32(1), square)
        better = scale * along > gain
        best, gain = np.where(better, scale, best), np.where(better, scale * along, gain)
    return best


def _first(part: Array, limit: int) -> Array:
    """The scale that gives the value farthest from zero the lowest level."""
    farthest = np.take_along_axis(part, np.abs(part).argmax(axis=0)[None], axis=0)[0]
    return np.where(farthest == 0, np.float32(1), farthest) / np.float32(-limit)


def _levels(part: Array, scales: Array, limit: int = LIMIT) -> Array:
    safe = np.where(scales == 0, np.float32(1), scales)
    return np.clip(np.rint(part / safe), -limit, limit - 1)


def _nearest(part: Array, counts: Array, steps: Array, near: Array) -> tuple[Array, Array]:
    """Levels and multiples of each block: of three multiples the one with the least squared error."""
    chosen = np.where(near == 0, np.float32(1), near)
    best = _levels(part, steps * chosen)
    least = sum(counts * (part - best * (steps * chosen)) ** 2)
    for other in (near - 1, near + 1):
        tried = np.clip(np.where(other == 0, np.float32(-1), other), -MOST, MOST)
        levels = _levels(part, steps * tried)
        error = sum(counts * (part - levels * (steps * tried)) ** 2)
        better = error < least
        best, chosen, least = (
            np.where(better, levels, best),
            np.where(better, tried, chosen),
            np.where(better, error, least),
        )
    return best, chosen
