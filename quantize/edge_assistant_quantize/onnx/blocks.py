"""Matrices in 8 or 4 bits with a scale for each block of inputs: by least squared error, by limits, or by GPTQ.

The search for the least error is llama.cpp's (ggml-quants.c, make_qx_quants): levels for several scales, and for each
the scale that fits them best. Sums run over the places of a block in their order, so that any machine gets the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import QuantizationFailed

Array = NDArray[Any]

LIMIT = 8  # levels run from -8 to 7
# Of the scale that gives the farthest value the level -8
_FACTORS = tuple(np.float32(one / 20) for one in range(14, 26))
_DAMPING = 0.01  # of the mean moment, as in GPTQ's own code
_LEAST_MOMENT = 1e-8
_CHUNK = 1 << 13  # blocks at a time, so that they stay in the processor's cache


def padded(weight: Array, block: int) -> Array:
    """A matrix [outputs, inputs] with zeros as more inputs, to whole blocks."""
    return np.pad(weight, ((0, 0), (0, -weight.shape[1] % block)))


def by_error(
    weight: Array, block: int, bits: int, importance: Array | None = None, kind: type[np.floating] = np.float16
) -> tuple[Array, Array]:
    """Quantize a matrix [outputs, inputs] in blocks with a scale.

    Args:
        weight: the matrix.
        block: inputs that share a scale; divides their number.
        bits: 4, with the scale of the least squared error; or 8, where that of the range is as good.
        importance: of each input, f32 [inputs]: the weight of its squared error; None for all alike.
        kind: type of the scales.

    Returns:
        Levels around the middle of what the bits hold, u8 [outputs, blocks, block], and scales [outputs, blocks].
    """
    limit, outputs = 1 << bits - 1, len(weight)
    cut = weight.reshape(-1, block)
    counts = np.ones(weight.shape[1], np.float32) if importance is None else importance
    counts = np.tile(counts.reshape(-1, block), (outputs, 1))
    levels, scales = np.zeros(cut.shape, np.uint8), np.zeros(len(cut), kind)
    for at in range(0, len(cut), _CHUNK):
        rows = slice(at, at + _CHUNK)
        part, weighs = (np.ascontiguousarray(each[rows].T, np.float32) for each in (cut, counts))
        scales[rows] = (_scales(part, weighs) if bits == 4 else _first(part, limit)).astype(kind)
        levels[rows] = _levels(part, scales[rows].astype(np.float32), limit).T + limit
    return levels.reshape(outputs, -1, block), scales.reshape(outputs, -1)


def by_limits(weight: Array, block: int) -> tuple[Array, Array, Array]:
    """Quantize a matrix [outputs, inputs] in 4 bits from the least to the greatest value of each block, and zero.

    Args:
        weight: the matrix.
        block: inputs that share a scale; divides their number.

    Returns:
        Levels u8 [outputs, blocks, block], scales f16 and zero points u8 [outputs, blocks].
    """
    cut = weight.reshape(len(weight), -1, block).astype(np.float32)
    halves, zeros = _limits(cut)
    return _between(cut, halves[..., None], zeros[..., None]), halves, zeros


def gptq(weight: Array, block: int, moments: Array) -> tuple[Array, Array, Array]:
    """Quantize a matrix [outputs, inputs] in 4 bits so that its products err least, by GPTQ.

    Input by input, the error of what is rounded is taken out of the inputs that are not rounded yet
    (https://arxiv.org/abs/2210.17323, algorithm 1). onnxruntime 1.32 has the same in
    `quantization/neural_compressor/weight_only.py`, but reads the Cholesky factor where it is zero, so that its levels
    are those of rounding to the nearest.

    Args:
        weight: the matrix.
        block: inputs that share a scale; divides their number.
        moments: mean of x xT over inputs x, f64 [inputs, inputs].

    Returns:
        As `by_limits`; other machines may give other levels, as the inverse is BLAS's.

    Raises:
        QuantizationFailed: the moments cannot be inverted.
    """
    left = np.array(weight, np.float32)
    factor = _factor(moments)
    levels = np.zeros(weight.shape, np.uint8)
    parts = []
    for begin in range(0, weight.shape[1], block):
        end, errors = begin + block, np.zeros((len(weight), block), np.float32)
        halves, zeros = _limits(left[:, begin:end])
        parts.append((halves, zeros))
        for place in range(begin, end):
            levels[:, place] = _between(left[:, place], halves, zeros)
            whole = levels[:, place].astype(np.float32) - zeros
            error = (left[:, place] - whole * halves.astype(np.float32)) / factor[place, place]
            left[:, place + 1 : end] -= np.outer(error, factor[place, place + 1 : end])
            errors[:, place - begin] = error
        left[:, end:] -= errors @ factor[begin:end, end:]
    scales, points = (np.stack(each, axis=1) for each in zip(*parts, strict=True))
    return levels.reshape(len(weight), -1, block), scales, points


def _factor(moments: Array) -> Array:
    """The Cholesky factor of the inverse, upper, f32; the moments are damped, as those of few rows are singular."""
    damped = moments + np.eye(len(moments)) * max(_DAMPING * np.diag(moments).mean(), _LEAST_MOMENT)
    try:
        return np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
    except np.linalg.LinAlgError:
        raise QuantizationFailed("GPTQ cannot invert the moments of this data", "take more data, or rtn") from None


def _limits(cut: Array) -> tuple[Array, Array]:
    """Scales f16 and zero points u8 of blocks on the last axis."""
    low, high = np.minimum(cut.min(axis=-1), 0), np.maximum(cut.max(axis=-1), 0)
    halves = ((high - low) / np.float32(15)).astype(np.float16)
    halves = np.where(halves == 0, np.float16(1), halves)
    return halves, np.clip(np.rint(-low / halves.astype(np.float32)), 0, 15).astype(np.uint8)


def _between(cut: Array, halves: Array, zeros: Array) -> Array:
    return np.asarray(np.clip(np.rint(cut / halves.astype(np.float32)) + zeros, 0, 15), np.uint8)


def pack(levels: Array, bits: int) -> Array:
    """Levels of 4 bits two in a byte, the first in the lower half: u8 [..., n] -> u8 [..., (n + 1) / 2]."""
    if bits == 8:
        return levels
    if levels.shape[-1] % 2:
        levels = np.concatenate([levels, np.zeros_like(levels[..., :1])], axis=-1)
    return np.asarray(levels[..., 0::2] | levels[..., 1::2] << 4, np.uint8)


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
