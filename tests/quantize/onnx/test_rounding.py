"""Weights rounded to 8 bits: near, without a sum of errors, and without overflow on any processor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.onnx.rounding import by_channel

SHAPES = st.sampled_from([(3, 4, 3, 3), (5, 16, 1, 1), (4, 1, 3, 3), (8, 6), (2, 3, 5), (1, 1)])


def rounded(weight: np.ndarray, axis: int = 0, alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
    levels, scales = by_channel(weight, axis, np.zeros(weight.shape[axis]), 0.01, alone=alone)
    shape = [1] * weight.ndim
    shape[axis] = -1
    return levels, scales.astype(np.float64).reshape(shape)


@given(SHAPES, st.integers(0, 1000), st.sampled_from([1.0, 1e-20, 1e6]), st.booleans())
def test_rounding(shape: tuple[int, ...], seed: int, size: float, outlier: bool) -> None:
    weight = np.random.default_rng(seed).laplace(0, size, shape)
    if outlier:
        weight.flat[0] *= 50
    levels, scales = rounded(weight)
    assert levels.dtype == np.int8
    errors = levels - weight / scales
    assert np.abs(errors).max() < 1 + 1e-6
    assert np.abs(errors.reshape(len(weight), -1).sum(axis=1)).max() <= 1
    assert np.abs(levels.astype(int)).max() < 128
    turned, same = rounded(np.moveaxis(weight, 0, -1), axis=-1) if len(shape) == 2 else (levels.T, scales)
    assert (levels == turned.T).all()
    assert (same.ravel() == scales.ravel()).all()
    # Two products with the greatest activation, of weights that stand beside each other in either layout
    whole = np.abs(levels.astype(int))
    for layout in [whole, np.moveaxis(whole, 1, -1)] if len(shape) > 2 else [whole]:
        flat = layout.reshape(len(levels), -1)
        assert (255 * (flat[:, 1:] + flat[:, :-1])).max(initial=0) < 2**15


def test_channels_that_are_filtered_alone_have_all_levels() -> None:
    weight = np.full((2, 1, 3, 3), 0.7)
    assert rounded(weight, alone=True)[0].max() == 127
    assert rounded(weight)[0].max() == 63


def test_a_large_bias_fits() -> None:
    levels, scales = by_channel(np.full((1, 4), 1e-6), 0, np.array([1e4]), 1e-3, alone=False)
    assert abs(1e4 / (1e-3 * float(scales[0]))) <= 2**30 * 1.001
    assert (levels == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(WeightsRefused, match="not finite"):
        rounded(np.array([[1.0, value]]))
