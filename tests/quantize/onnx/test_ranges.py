"""Calibrators: what each takes as the range of values."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edge_assistant_quantize.onnx import calibration, ranges
from edge_assistant_quantize.onnx.calibration import Calibration


def passing() -> onnx.ModelProto:
    """Gives its input, the same through a ReLU, and what a leaky ReLU reads."""
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Relu", ["x"], ["z"])]
    nodes += [helper.make_node("Identity", ["x"], ["w"]), helper.make_node("LeakyRelu", ["w"], ["v"], alpha=0.1)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xyzv"]
    graph = helper.make_graph(nodes, "passing", values[:1], values[1:])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def measured(values: np.ndarray, calibrator: str) -> dict[str, tuple[float, float]]:
    feeds = [{"x": part.astype(np.float32)} for part in np.array_split(values, 3)]
    return ranges.measure(passing(), ["x", "y", "z", "w"], Calibration(feeds), calibrator)


@settings(max_examples=40)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=40), st.sampled_from(["mse", "min-max"]))
@example([8192.0, 8192.0, 8192.001], "mse")
@example([0.0, 0.0, 1e-40], "mse")
@example([8192.0, 8192.0, 8193.0], "mse")
@example([-2.5, 0.0, 7.0], "min-max")
def test_no_range_is_wider_than_what_was_seen_with_zero(values: list[float], calibrator: str) -> None:
    found = measured(np.array(values), calibrator)
    low, high = found["y"]
    slack = 1e-3 * (max(values) - min(values) + 1)
    assert min(*values, 0) - slack <= low <= high <= max(*values, 0) + slack
    if calibrator == "min-max":
        assert found["y"] == found["x"] == (min(values), max(values))
        assert found["z"] == (max(min(values), 0), max(max(values), 0))


def test_outliers_are_cut_by_the_least_error() -> None:
    values = np.random.default_rng(0).normal(0, 1, 200_000)
    values[7] = 300.0
    assert measured(values, "min-max")["y"][1] == 300
    assert measured(values, "mse")["y"][1] < 300


def test_the_range_with_the_least_error_is_found() -> None:
    """Compared with trying them: no other range of the same kind rounds and clips with less error."""
    values = np.random.default_rng(1).laplace(0, 1, 50_000)

    def error(least: float, most: float) -> float:
        step = (most - least) / 255
        rounded = np.clip(np.rint((values - least) / step), 0, 255) * step + least
        return float(np.square(rounded - values).mean())

    others = [error(values.min() * a, values.max() * b) for a in np.linspace(0.2, 1, 9) for b in np.linspace(0.2, 1, 9)]
    found = measured(values, "mse")
    assert error(*found["y"]) < 1.02 * min(others)
    assert found["w"][0] > found["y"][0]  # a leaky ReLU takes those errors away


def test_much_that_is_zero_does_not_hide_the_rest() -> None:
    """After a ReLU most values are exactly zero; ranges are those of the others."""
    values = np.maximum(np.random.default_rng(4).normal(-1, 1, 100_000), 0)
    assert measured(values, "mse")["z"][1] > 0.5 * values.max()


@given(st.integers(1, 9), st.integers(0, 60))
def test_feeds_are_kept_at_even_distances(limit: int, count: int) -> None:
    sample = calibration.CalibrationSample(limit)
    for number in range(count):
        sample.take({"x": np.array([number])})
    numbers = [int(feed["x"][0]) for feed in sample.feeds]
    assert len(numbers) == min(count, limit) or limit // 2 <= len(numbers) <= limit
    assert len({*np.diff(numbers)}) <= 1
    assert not numbers or numbers[0] == 0


def test_feeds_are_kept_within_memory_and_as_they_were() -> None:
    sample = calibration.CalibrationSample(100, max_bytes=5_000)
    value = np.zeros(100, np.float64)
    for number in range(50):
        value[:] = number
        sample.take({"x": value})
    assert sum(feed["x"].nbytes for feed in sample.feeds) <= 5_000
    assert [feed["x"][0] for feed in sample.feeds][:2] == [0, 16]
