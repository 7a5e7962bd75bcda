from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tfjs_graphs import GraphModel, integers, text, window
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import nanodet, tfjs

RANDOM = np.random.default_rng(3)


def computed(graph: GraphModel, folder: Path, output: str, **inputs: np.ndarray) -> np.ndarray:
    """Import the graph, which gives equal bytes each time, and run it."""
    names = {name: name for name in inputs}
    written = []
    for _ in range(2):
        tfjs.convert(graph.write(folder), folder, name="tiny", take=names, give={output: "result"})
        written.append((folder / "model.onnx").read_bytes())
    assert written[0] == written[1]
    (result,) = Runtime(1).session(folder / "model.onnx").run(["result"], inputs)
    return np.asarray(result)


def pixels(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def convolved(x: np.ndarray, kernel: np.ndarray, stride: int, padding: str) -> np.ndarray:
    """TensorFlow's Conv2D, straight from its definition: NHWC and HWIO."""
    size = kernel.shape[0]
    if padding == "SAME":
        total = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[1:3]]
        x = np.pad(x, ((0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)))
    rows, columns = ((n - size) // stride + 1 for n in x.shape[1:3])
    out = np.zeros((1, rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            patch = x[0, i * stride : i * stride + size, j * stride : j * stride + size]
            out[0, i, j] = np.tensordot(patch, kernel, 3)
    return out


@pytest.mark.parametrize(("padding", "stride"), [("SAME", 1), ("SAME", 2), ("VALID", 2)])
def test_convolution_with_bias_and_relu(tmp_path: Path, padding: str, stride: int) -> None:
    graph, x, kernel, bias = GraphModel(), pixels(1, 8, 7, 3), pixels(3, 3, 3, 5), pixels(5)
    names = [graph.input("x", [1, 8, 7, 3]), graph.constant("kernel", kernel), graph.constant("bias", bias)]
    fused = {"fused_ops": {"list": {"s": [text("BiasAdd")["s"], text("Relu")["s"]]}}}
    graph.node("_FusedConv2D", "y", names, window(padding, stride, **fused))
    expected = np.maximum(convolved(x, kernel, stride, padding) + bias, 0)
    np.testing.assert_allclose(computed(graph, tmp_path, "y", x=x), expected, atol=1e-5)


def test_depthwise_convolution_filters_each_channel_by_itself(tmp_path: Path) -> None:
    graph, x, kernel = GraphModel(), pixels(1, 6, 6, 3), pixels(3, 3, 3, 2)
    graph.node(
        "DepthwiseConv2dNative", "y", [graph.input("x", [1, 6, 6, 3]), graph.constant("k", kernel)], window("SAME", 1)
    )
    each = [convolved(x[..., c : c + 1], kernel[:, :, c : c + 1], 1, "SAME") for c in range(3)]
    np.testing.assert_allclose(computed(graph, tmp_path, "y", x=x), np.concatenate(each, axis=3), atol=1e-5)


def test_transposes_around_a_convolution_cost_nothing(tmp_path: Path) -> None:
    """NanoDet's graph transposes to NHWC before each convolution and back after it."""
    import onnx

    graph, x, kernel, bias = GraphModel(), pixels(1, 3, 6, 6), pixels(1, 1, 3, 4), pixels(4)
    to_last = graph.constant("to_last", np.array([0, 2, 3, 1], np.int32))
    to_first = graph.constant("to_first", np.array([0, 3, 1, 2], np.int32))
    graph.node("Transpose", "last", [graph.input("x", [1, 3, 6, 6]), to_last], {})
    graph.node("Conv2D", "convolved", ["last", graph.constant("kernel", kernel, half=True)], window("VALID", 1))
    graph.node("Add", "sum", ["convolved", graph.constant("bias", bias)], {})
    graph.node("Transpose", "first", ["sum", to_first], {})
    graph.node("LeakyRelu", "y", ["first"], {"alpha": {"f": 0.1}})
    sums = convolved(x.transpose(0, 2, 3, 1), kernel.astype("f2"), 1, "VALID") + bias
    expected = np.where(sums > 0, sums, 0.1 * sums).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(computed(graph, tmp_path, "y", x=x), expected, atol=1e-3)
    assert not [n for n in onnx.load(str(tmp_path / "model.onnx")).graph.node if n.op_type == "Transpose"]


def test_weights_in_half_precision_are_widened_after_the_input_is_transposed(tmp_path: Path) -> None:
    """The order of the nodes is in a model's digest."""
    import onnx

    graph, x, kernel = GraphModel(), pixels(1, 4, 4, 3), pixels(1, 1, 3, 4)
    names = [graph.input("x", [1, 4, 4, 3]), graph.constant("kernel", kernel, half=True)]
    graph.node("Conv2D", "y", names, window("VALID", 1))
    computed(graph, tmp_path, "y", x=x)
    nodes = onnx.load(str(tmp_path / "model.onnx")).graph.node
    assert [node.op_type for node in nodes] == ["Transpose", "Cast", "Conv", "Transpose", "Identity"]


def test_pad_pool_split_concat_and_reshape_keep_tensorflows_axes(tmp_path: Path) -> None:
    graph, x = GraphModel(), pixels(1, 4, 4, 6)
    paddings = graph.constant("paddings", np.array([[0, 0], [1, 1], [0, 2], [0, 0]], np.int32))
    fill = graph.constant("fill", np.float32(-9).reshape(()))
    graph.node("PadV2", "padded", [graph.input("x", [1, 4, 4, 6]), paddings, fill], {})
    graph.node("MaxPool", "pooled", ["padded"], window("VALID", 2, ksize=integers(1, 2, 2, 1)))
    sizes, axis = graph.constant("sizes", np.array([2, 4], np.int32)), graph.constant("axis", np.array(3, np.int32))
    graph.node("SplitV", "parts", ["pooled", sizes, axis], {"num_split": {"i": "2"}})
    graph.node("ConcatV2", "swapped", ["parts:1", "parts", axis], {"N": {"i": "2"}})
    base, two = (graph.constant(name, np.array(v, np.int32)) for name, v in (("base", [3, -1]), ("two", [2])))
    none = [graph.constant("none", np.zeros((0, 1), np.int32)), two, graph.constant("no", np.zeros(0, np.int32))]
    graph.node("SparseToDense", "zeros", [*none, graph.constant("zero", np.int32(0).reshape(()))], {})
    graph.node("AddV2", "shape", [base, "zeros"], {})
    graph.node("Reshape", "flat", ["swapped", "shape"], {})
    graph.node("Sigmoid", "y", ["flat"], {})
    padded = np.pad(x, ((0, 0), (1, 1), (0, 2), (0, 0)), constant_values=-9)
    pooled = padded.reshape(1, 3, 2, 3, 2, 6).max(axis=(2, 4))
    swapped = np.concatenate([pooled[..., 2:], pooled[..., :2]], axis=3)
    np.testing.assert_allclose(
        computed(graph, tmp_path, "y", x=x), 1 / (1 + np.exp(-swapped.reshape(3, -1))), atol=1e-6
    )


def test_resize_bilinear_with_half_pixel_centres(tmp_path: Path) -> None:
    graph, x = GraphModel(), np.array([[[[0.0], [4.0]]]], np.float32)
    size = graph.constant("size", np.array([1, 4], np.int32))
    attributes = {"align_corners": {"b": False}, "half_pixel_centers": {"b": True}}
    graph.node("ResizeBilinear", "y", [graph.input("x", [1, 1, 2, 1]), size], attributes)
    np.testing.assert_allclose(computed(graph, tmp_path, "y", x=x).ravel(), [0, 1, 3, 4], atol=1e-6)


def small_model() -> GraphModel:
    graph = GraphModel()
    names = [graph.input("x", [1, 4, 4, 2]), graph.constant("kernel", pixels(3, 3, 2, 2))]
    graph.node("Conv2D", "y", names, window("SAME", 1))
    return graph


SPOILT: dict[str, Callable[[list[Any], dict[str, Any]], object]] = {
    "unknown operation": lambda nodes, weight: nodes[-1].update(op="PyFunc"),
    "loop": lambda nodes, weight: nodes[-1]["input"].insert(0, "y"),
    "missing input": lambda nodes, weight: nodes[-1]["input"].insert(0, "nowhere"),
    "channels first": lambda nodes, weight: nodes[-1]["attr"].update(data_format=text("NCHW")),
    "no nodes": lambda nodes, weight: nodes.clear(),
    "huge shape": lambda nodes, weight: weight.update(shape=[2**40, 2**40]),
    "negative shape": lambda nodes, weight: weight.update(shape=[-1, 5]),
    "unknown type": lambda nodes, weight: weight.update(dtype="complex64"),
    "fewer weights": lambda nodes, weight: weight.update(shape=[1]),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_wrong_is_refused(tmp_path: Path, what: str) -> None:
    paths = small_model().write(tmp_path)
    document = json.loads(paths["graph"].read_text())
    SPOILT[what](document["modelTopology"]["node"], document["weightsManifest"][0]["weights"][0])
    paths["graph"].write_text(json.dumps(document))
    with pytest.raises(ModelCorrupt):
        tfjs.convert(paths, tmp_path, name="tiny", take={"x": "x"}, give={"y": "result"})
    with pytest.raises(ModelCorrupt):
        nanodet.convert(paths, tmp_path)
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("axes", [[0, 1], [0, 0, 1], [0, 1, -1]])
def test_a_transpose_permutes_all_axes(tmp_path: Path, axes: list[int]) -> None:
    graph = GraphModel()
    order = graph.constant("order", np.array(axes, np.int32))
    graph.node("Transpose", "y", [graph.input("x", [1, 2, 3]), order], {})
    with pytest.raises(ModelCorrupt, match="does not permute its axes"):
        tfjs.convert(graph.write(tmp_path), tmp_path, name="tiny", take={"x": "x"}, give={"y": "result"})


def test_a_folded_constant_cannot_grow(tmp_path: Path) -> None:
    graph = GraphModel()
    column, row = graph.constant("a", np.zeros((3000, 1), np.int32)), graph.constant("b", np.zeros((1, 3000), np.int32))
    graph.node("AddV2", "y", [column, row], {})
    with pytest.raises(ModelCorrupt, match="9,000,000"):
        tfjs.convert(graph.write(tmp_path), tmp_path, name="tiny", take={}, give={"y": "result"})


@given(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_gets_through_as_another_error(tmp_path: Path, data: st.DataObject) -> None:
    paths = small_model().write(tmp_path)
    key = data.draw(st.sampled_from(["graph", "weights"]))
    content = bytearray(paths[key].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    paths[key].write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(ModelCorrupt):
        tfjs.convert(paths, tmp_path, name="tiny", take={"x": "x"}, give={"y": "result"})
