"""Weights rounded to 8 bits, a scale for each output channel: how the levels are chosen.

Without VNNI instructions x86 adds two products of 8 bits in 16, which 255 * (127 + 127) overflows. So scales are such
that no two weights which may be added so are together more than 128 levels; nearly all channels keep their 8 bits.
Where each channel is filtered alone, ONNX Runtime multiplies in 16 bits, and there is nothing to look at.

Rounded to the nearest, the errors of a channel add up to something, which moves its output wherever inputs are of one
sign, as behind a ReLU. So the weights that lie nearest to the middle between two levels are rounded the other way,
until the errors of each channel add up to less than one level (SQuant, https://arxiv.org/abs/2202.07471, its step over
channels). That takes 5 dB of EfficientNet-Lite0's noise away.

Nothing is summed in floats, so that every machine writes the same levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import WeightsRefused

Array = NDArray[Any]

_LIMIT = 127  # of levels
_BIAS_LIMIT = 2.0**30  # of int32, with room for what is added to it
_PAIR_LIMIT = 126  # levels of two weights; each may be rounded up by nearly one: 255 * 128 is less than 2 ** 15
_LEAST_SCALE = 1e-12
_PARTS = 2.0**40  # of one level, in which errors are added up as integers; 2 ** 22 of them fit
_SHIFT_PARTS, _MOST = 2.0**30, 2.0**15  # the same of errors times means


def by_channel(weight: Array, axis: int, bias: Array, step: float, *, alone: bool) -> tuple[Array, Array]:
    """Round a weight.

    Args:
        weight: of any shape.
        axis: of its output channels.
        bias: f64 [channels]; a scale is larger where it would not fit int32 otherwise.
        step: scale of what the weight is multiplied by.
        alone: whether each channel is filtered alone.

    Returns:
        Levels int8 of the weight's shape, and scales f32 [channels].

    Raises:
        WeightsRefused: it is not finite.
    """
    if not np.isfinite(weight).all() or not np.isfinite(bias).all():
        raise WeightsRefused("a weight is not finite", "get the model again, or export it again")
    first = np.moveaxis(weight.astype(np.float64), axis, 0)
    rows = first.reshape(len(first), -1)
    least = np.abs(rows).max(axis=1, initial=0.0) / _LIMIT
    if not alone:
        least = np.maximum(least, _pairs(first) / _PAIR_LIMIT)
    scales = np.maximum(np.maximum(least, np.abs(bias) / (step * _BIAS_LIMIT)), _LEAST_SCALE).astype(np.float32)
    levels = _balanced(rows / scales.astype(np.float64)[:, None])
    return np.ascontiguousarray(np.moveaxis(levels.reshape(first.shape), 0, axis)).astype(np.int8), scales


def exact_sums(products: Array) -> Array:
    """The sum of each channel [channels, ...] in fixed point, which no order of adding changes: f64 [channels]."""
    parts = np.rint(np.clip(products, -_MOST, _MOST) * _SHIFT_PARTS).astype(np.int64)
    sums: Array = parts.reshape(len(products), -1).sum(axis=1) / _SHIFT_PARTS
    return sums


def _pairs(first: Array) -> Array:
    """The most that two neighbours of a channel [channels, ...] are together, f64 [channels].

    Neighbours in the order in which they are stored, and with the input channels last, as convolutions are computed.
    """
    size = np.abs(first)
    orders = (size, np.moveaxis(size, 1, -1)) if size.ndim > 2 else (size,)
    flat = [order.reshape(len(order), -1) for order in orders]
    most: Array = np.max([(each[:, 1:] + each[:, :-1]).max(axis=1, initial=0.0) for each in flat], axis=0)
    return most


def _balanced(exact: Array) -> Array:
    """Levels f64 [channels, n] of weights in units of their scale; errors add up to less than one in each channel."""
    levels = np.clip(np.rint(exact), -_LIMIT, _LIMIT)
    errors = np.rint((levels - exact) * _PARTS).astype(np.int64)
    sums = errors.sum(axis=1)
    sign = np.sign(sums)
    towards = errors * sign[:, None]
    order = np.argsort(-towards, axis=1, kind="stable")
    turned = np.zeros(levels.shape, bool)
    first = np.arange(levels.shape[1])[None, :] < np.rint(np.abs(sums) / _PARTS)[:, None]
    np.put_along_axis(turned, order, first, axis=1)
    return np.clip(np.where(turned & (towards > 0), levels - sign[:, None], levels), -_LIMIT, _LIMIT)
