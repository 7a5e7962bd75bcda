"""Which nodes hurt, and leaving out as few as it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.small_onnx import chain, feeds, written
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from edge_assistant_quantize.errors import CalibrationInvalid, UsageError
from edge_assistant_quantize.onnx import layers
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import parse
from edge_assistant_quantize.onnx.search import NodeSearch, quantize_to_accept

CONVS = ["conv_0", "conv_2", "conv_4", "conv_6", "conv_8"]
HURT = {"conv_4", "conv_6"}  # between them one channel is large, so that the others have few levels, and not used
CALIBRATION = Calibration(feeds(1, 2, pictures=True))
STATIC = parse("static-int8", {})


@pytest.fixture(scope="module")
def float_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = chain(1, ["conv", "relu"] * 5, pictures=True)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = {node.output[0]: node for node in model.graph.node}
    changes = [(nodes["conv_4"].input[2], 0, 500.0), (nodes["conv_6"].input[1], (slice(None), 0), 0.0)]
    for name, place, value in changes:
        values = np.array(numpy_helper.to_array(tensors[name]))
        values[place] = value
        tensors[name].CopyFrom(numpy_helper.from_array(values, name))
    return written(model, tmp_path_factory.mktemp("hurt") / "float.onnx")


def floats(path: Path) -> set[str]:
    """The convolutions that are computed in floats."""
    graph = onnx.load(path).graph
    weights = {tensor.name for tensor in graph.initializer}
    return {node.name for node in graph.node if node.op_type == "Conv" and node.input[1] in weights}


def found(model: Path, output: Path, accepts: Callable[[Path], bool], most: int = 5, **more: int) -> NodeSearch:
    return quantize_to_accept(model, output, STATIC, CALIBRATION, accepts=accepts, most=most, **more)


def excluded(result: NodeSearch) -> list[str]:
    assert result.taken
    return result.taken.excluded


def test_the_node_that_hurts_is_ranked_first(float_one: Path) -> None:
    ranked = layers.rank(float_one, STATIC, CALIBRATION)
    assert {layer.node for layer in ranked} == {*CONVS}
    assert {layer.node for layer in ranked[:2]} == HURT
    assert ranked[1].loss > ranked[2].loss + 10
    assert [layer.loss for layer in ranked] == sorted((layer.loss for layer in ranked), reverse=True)
    assert all(layer.kind == "Conv" and layer.file == "" and "dB" in layer.measure for layer in ranked)
    with pytest.raises(CalibrationInvalid):
        layers.rank(float_one, STATIC, Calibration([]))


def test_every_method_is_ranked(tmp_path: Path) -> None:
    model = written(chain(5, ["gemm", "relu", "matmul"], pictures=False), tmp_path / "rows.onnx")
    rows = Calibration(feeds(5, 2, pictures=False))
    for name in ("dynamic-int8", "static-int8"):
        ranked = layers.rank(model, parse(name, {}), rows)
        assert {layer.node for layer in ranked} == {"gemm_0", "matmul_2"}


def test_as_many_are_excluded_as_it_takes(float_one: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.onnx"
    result = found(float_one, output, lambda path: True)
    assert (excluded(result), len(result.tries), floats(output)) == ([], 1, set())
    result = found(float_one, output, lambda path: floats(path) >= HURT)
    assert {*excluded(result)} == floats(output) == HURT == {layer.node for layer in result.layers[:2]}
    assert {*excluded(found(float_one, output, lambda path: floats(path) >= HURT, tries=3))} == HURT
    needed = result.layers[3].node  # what was excluded for nothing is quantized again
    assert excluded(found(float_one, output, lambda path: needed in floats(path))) == [needed]


def test_rules_which_name_no_nodes_are_refused_before_work(tmp_path: Path) -> None:
    rules = parse("rules", {"rules": [{"weights": "*", "form": "half"}]})
    with pytest.raises(UsageError, match="rules name weights, and no nodes are excluded"):
        quantize_to_accept(tmp_path / "none", tmp_path / "o", rules, CALIBRATION, accepts=lambda path: False, most=5)


@settings(max_examples=6)
@given(st.sets(st.sampled_from(CONVS), max_size=3), st.integers(1, 12), st.integers(0, 5))
def test_what_is_written_was_accepted(
    float_one: Path, tmp_path_factory: pytest.TempPathFactory, needed: set[str], tries: int, most: int
) -> None:
    output = tmp_path_factory.mktemp("search") / "out.onnx"
    result = found(float_one, output, lambda path: needed <= floats(path), tries=tries, most=most)
    assert len(result.tries) <= tries
    assert not any(len(each.excluded) > most for each in result.tries)
    assert bool(result.taken) == output.exists()
    if result.taken:
        assert needed <= floats(output) == set(result.taken.excluded)
        assert output.stat().st_size == min(each.bytes for each in result.tries if each.accepted)
