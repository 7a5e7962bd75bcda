from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception.detectors import LABELS, letterbox, open_detector, overlaps, suppress
from edge_assistant_models.model import InstalledModel


def fixed_model(path: Path, output: np.ndarray) -> InstalledModel:
    """YOLOX-nano's input and output around an answer that is always the same."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Identity", ["answer"], ["output"])],
        "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 416, 416])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, list(output.shape))],
        [numpy_helper.from_array(output, "answer")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())
    return InstalledModel("yolox-nano", "", {"model": path}, {"architecture": "yolox"})


def test_yolox_rows_become_boxes_in_the_picture(tmp_path: Path) -> None:
    """Of a picture of 832 x 416, halved into the square's upper half: strides 8, 16 and 32 have 2704, 676, 169 rows."""
    rows = np.zeros((1, 3549, 85), np.float32)
    cell = 2704 + 5 * 26 + 10  # of stride 16: column 10, row 5
    rows[0, cell] = [0.5, 0.25, np.log(4), np.log(2), 0.9, *np.zeros(80)]
    rows[0, cell, 5 + LABELS.index("bus")] = 0.8
    rows[0, cell + 1] = rows[0, cell]  # one column to the right, nearly the same box: the same bus
    rows[0, cell + 1, :2] -= [1, 0]
    rows[0, cell + 1, 4] = 0.8
    rows[0, 7, 4:6] = [0.5, 0.7]  # 0.35: below the threshold
    detector = open_detector(fixed_model(tmp_path / "model.onnx", rows), Runtime(1))
    (bus,) = detector.detect(np.zeros((416, 832, 3), np.uint8))
    assert bus.label == "bus"
    assert bus.score == pytest.approx(0.72)
    # centre (10.5, 5.25) * 16 = (168, 84), size (64, 32), in pixels twice that
    assert bus.box == pytest.approx((2 * (168 - 32), 2 * (84 - 16), 128, 64), abs=1e-3)


def test_rt_detr_rows_become_boxes_in_the_picture(tmp_path: Path) -> None:
    """Of a picture of 200 x 100 that is stretched: shares of the square are shares of the picture."""
    from onnx import TensorProto, helper, numpy_helper

    logits, boxes = np.full((1, 30, 80), -9, np.float32), np.full((1, 30, 4), 0.5, np.float32)
    logits[0, 7, LABELS.index("dog")] = 2.0
    boxes[0, 7] = [0.5, 0.25, 0.2, 0.1]
    logits[0, 8, LABELS.index("cat")] = -0.1  # 0.475: below the threshold
    answers = {"logits": logits, "pred_boxes": boxes}
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"the {name}"], [name]) for name in answers],
        "fixed",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(rows.shape)) for name, rows in answers.items()],
        [numpy_helper.from_array(rows, f"the {name}") for name, rows in answers.items()],
    )
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    detector = open_detector(InstalledModel("ours", "", {"model": path}, {"architecture": "rt-detr"}), Runtime(1))
    (dog,) = detector.detect(np.zeros((100, 200, 3), np.uint8))
    assert (dog.label, dog.score) == ("dog", pytest.approx(1 / (1 + np.exp(-2))))
    assert dog.box == pytest.approx((80, 20, 40, 10), abs=1e-3)


def test_hostile_numbers_stay_within_the_picture(tmp_path: Path) -> None:
    rows = np.full((1, 3549, 85), 1e4, np.float32)
    detector = open_detector(fixed_model(tmp_path / "model.onnx", rows), Runtime(1))
    for item in detector.detect(np.zeros((50, 60, 3), np.uint8)):
        x, y, w, h = item.box
        assert 0 <= x <= x + w <= 60
        assert 0 <= y <= y + h <= 50


boxes = st.lists(st.tuples(*[st.floats(0, 100, width=32)] * 4), min_size=1, max_size=12)


@given(boxes, st.data())
def test_suppression_keeps_the_surest_and_nothing_twice(found: list[tuple[float, ...]], data: st.DataObject) -> None:
    corners = np.array([(x, y, x + w + 1, y + h + 1) for x, y, w, h in found], np.float32)
    classes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(found), max_size=len(found))))
    kept = suppress(corners, classes, 0.5)
    assert kept[0] == 0
    assert kept == sorted(set(kept))
    for i in kept:
        others = [j for j in kept if j != i and classes[j] == classes[i]]
        assert not others or overlaps(corners[i], corners[others]).max() < 0.5


@given(st.integers(1, 3000), st.integers(1, 3000), st.booleans())
def test_a_letterboxed_point_comes_back(width: int, height: int, centred: bool) -> None:
    _, placed = letterbox(np.zeros((height, width, 3), np.uint8), 64, centred=centred)
    points = np.array(
        [[placed.left, placed.top, placed.left + 64 * width / max(width, height), placed.top]], np.float32
    )
    np.testing.assert_allclose(placed.back(points)[0], [0, 0, width, 0], atol=max(width, height) * 1e-5)
