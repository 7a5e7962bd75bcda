"""Graphs in other precisions: they run, stay near the float one, and are the same each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers import drawings
from helpers.small_onnx import Chain, chain, feeds, noise, written
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    InputMissing,
    QuantizationFailed,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.onnx import tables
from edge_assistant_quantize.onnx.calibration import Calibration, record
from edge_assistant_quantize.onnx.quantize import METHODS, prepared, quantize
from edge_assistant_quantize.progress import ignore

PICTURES = st.lists(st.sampled_from(["conv", "sum", "relu"]), min_size=1, max_size=5)
ROWS = st.lists(st.sampled_from(["gemm", "matmul", "sum", "relu"]), min_size=1, max_size=5)
STEP = 0.03  # of the whole, for each layer: 7 bits of weights and 8 of activations lose about 0.01


def made(model: Path, method: str, output: Path, **more: object) -> Path:
    quantize(model, output, method, threads=1, watch=ignore, **more)  # type: ignore[arg-type]
    return output


def outputs(path: Path, given: list[Mapping[str, np.ndarray]]) -> list[np.ndarray]:
    session = Runtime(1).session(path)
    return [session.run(None, feed)[0] for feed in given]


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


@settings(max_examples=25)
@given(st.integers(0, 1000), st.booleans(), st.data())
def test_static_stays_near(tmp_path_factory: pytest.TempPathFactory, seed: int, pictures: bool, data: st.DataObject):
    kinds = data.draw(PICTURES if pictures else ROWS)
    folder = tmp_path_factory.mktemp("chain")
    float_one = written(chain(seed, kinds, pictures=pictures), folder / "float.onnx")
    given = feeds(seed, 4, pictures=pictures)
    calibration = Calibration((*given,))
    if set(kinds) <= {"relu"}:
        with pytest.raises(QuantizationFailed, match="no node to quantize"):
            made(float_one, "static-int8", folder / "int8.onnx", calibration=calibration)
        return
    int8 = made(float_one, "static-int8", folder / "int8.onnx", calibration=calibration)
    assert "DequantizeLinear" in operators(int8)
    for exact, found in zip(outputs(float_one, given), outputs(int8, given), strict=True):
        assert noise(exact, found) < STEP * (1 + 2 * len(kinds))
    again = made(float_one, "static-int8", folder / "again.onnx", calibration=calibration)
    assert again.read_bytes() == int8.read_bytes()


RULES = {"rules": [{"weights": "*", "form": "blockwise", "bits": 8}]}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pictures", [True, False])
def test_each_method(tmp_path: Path, method: str, pictures: bool):
    kinds = ["conv", "relu", "sum"] if pictures else ["gemm", "relu", "matmul"]
    model = chain(7, kinds, pictures=pictures)
    if not pictures:
        model = wide(7)
    float_one = written(model, tmp_path / "float.onnx")
    rows = [{"x": np.random.default_rng(1).normal(0, 1, (3, 64)).astype(np.float32)}]
    given = feeds(7, 3, pictures=True) if pictures else rows
    more = {"static-int8": {"calibration": Calibration((*given,))}, "rules": {"options": RULES}}.get(method, {})
    if pictures and method in {"int8-weights", "int4-weights"}:
        with pytest.raises(QuantizationFailed):
            made(float_one, method, tmp_path / "out.onnx", **more)
        assert [path.name for path in tmp_path.iterdir()] == ["float.onnx"]
        return
    first = made(float_one, method, tmp_path / "a.onnx", **more)
    second = made(float_one, method, tmp_path / "b.onnx", **more)
    assert tensor_digest(first) == tensor_digest(second)
    exact, found = outputs(float_one, given)[0], outputs(first, given)[0]
    assert noise(exact, found) < (0.2 if method == "int4-weights" else 0.05)


def wide(seed: int) -> onnx.ModelProto:
    """Weights that are worth quantizing in blocks: 64 x 64, twice."""
    built = Chain(seed, ["n", 64])
    built.emit("MatMul", "x", built.weight(64, 64))
    built.emit("Gemm", built.value, built.weight(64, 64), built.weight(64), transB=1)
    return built.model()


def test_excluded_nodes_stay_float(tmp_path: Path):
    float_one = written(chain(3, ["conv", "relu", "conv", "relu", "conv"], pictures=True), tmp_path / "float.onnx")
    calibration = Calibration((*feeds(3, 2, pictures=True),))
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=calibration, exclude=["conv_2"])
    graph = onnx.load(int8).graph
    weights = {tensor.name: tensor.data_type for tensor in graph.initializer}
    node = next(node for node in graph.node if node.name == "conv_2")
    assert weights[node.input[1]] == onnx.TensorProto.FLOAT
    others = [node for node in graph.node if node.op_type == "Conv" and node.name != "conv_2"]
    assert len(others) == 2
    assert not any(node.input[1] in weights for node in others)


def test_biases_make_up_for_rounded_weights(tmp_path: Path):
    """Over inputs of one sign rounding moves the mean of each channel; corrected, it does so less."""
    float_one = written(chain(6, ["relu", "conv"], pictures=True), tmp_path / "float.onnx")
    given = feeds(6, 8, pictures=True)
    how = {"calibration": Calibration((*given,)), "options": {"weight_bits": 4, "calibrator": "min-max"}}
    corrected = made(float_one, "static-int8", tmp_path / "a.onnx", **how)
    how["options"] = {**how["options"], "bias_correction": False}
    plain = made(float_one, "static-int8", tmp_path / "b.onnx", **how)
    exact = np.array(outputs(float_one, given)).mean(axis=(0, 1, 3, 4))
    moved = [
        np.abs(np.array(outputs(path, given)).mean(axis=(0, 1, 3, 4)) - exact).max() for path in (corrected, plain)
    ]
    assert moved[0] < 0.7 * moved[1]


@pytest.mark.parametrize("pictures", [True, False])
def test_the_same_is_made_from_a_table(tmp_path: Path, pictures: bool):
    kinds = ["conv", "relu", "sum", "conv"] if pictures else ["gemm", "relu", "gemm", "matmul"]
    float_one = written(chain(8, kinds, pictures=pictures), tmp_path / "float.onnx")
    calibration = Calibration((*feeds(8, 4, pictures=pictures),))
    options = prepared(float_one, "static-int8", {}, calibration, threads=1, watch=ignore)
    exclude = ["conv_0" if pictures else "gemm_0"]
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", exclude=exclude, options=options)
    table = tmp_path / "mine.toml"
    tables.write(table, "other", float_one, "int8-weights", [], {"block_size": 32})
    tables.write(table, "model", float_one, "static-int8", exclude, options)
    found = tables.parse(table.read_bytes(), "mine.toml")
    assert found["other"] == tables.Table("int8-weights", options={"block_size": 32})
    tables.apply(found["model"], float_one)
    assert float_one.read_bytes() == int8.read_bytes()


def test_tables_that_cannot_be_written(tmp_path: Path):
    float_one = written(chain(3, ["conv"], pictures=True), tmp_path / "float.onnx")
    with pytest.raises(UsageError, match="no tables of dynamic-int8"):
        tables.write(tmp_path / "t.toml", "model", float_one, "dynamic-int8", [], {})
    (tmp_path / "other.toml").write_text("name = 3")
    with pytest.raises(CatalogInvalid):
        tables.write(tmp_path / "other.toml", "model", float_one, "fp16", [], {})
    assert not (tmp_path / "t.toml").exists()


def test_all_but_everything_excluded(tmp_path: Path):
    float_one = written(chain(3, ["conv"], pictures=True), tmp_path / "float.onnx")
    calibration = Calibration((*feeds(3, 2, pictures=True),))
    with pytest.raises(QuantizationFailed, match="no node to quantize"):
        made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=calibration, exclude=["conv_0"])


def test_relu_and_clip_are_done_by_ranges(tmp_path: Path):
    built = Chain(5, [1, 16, 6, 6])
    built.add("conv")
    limits = [numpy_helper.from_array(np.float32(value), name) for name, value in (("low", 0), ("high", 0.5))]
    built.tensors += limits
    built.emit("Clip", built.value, "low", "high")
    built.add("conv")
    built.add("relu")
    built.add("conv")
    float_one = written(built.model(), tmp_path / "float.onnx")
    given = feeds(5, 3, pictures=True)
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=Calibration((*given,)))
    assert not {"Clip", "Relu"} & set(operators(int8))
    assert noise(outputs(float_one, given), outputs(int8, given)) < 0.05


def test_padding_bias_and_half_precision_weights_are_taken_in(tmp_path: Path):
    """As importers write convolutions: Pad, Conv with weights behind a Cast, Add, LeakyRelu."""
    random = np.random.default_rng(2)
    kernel = random.normal(0, 0.1, (16, 16, 3, 3)).astype(np.float16)
    bias = random.normal(0, 1, (16, 1, 1)).astype(np.float16)
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    built = Chain(2, [1, 16, 6, 6])
    built.tensors += [numpy_helper.from_array(v, n) for n, v in (("k", kernel), ("b", bias), ("pads", pads))]
    for name in ("k", "b"):
        built.nodes.append(helper.make_node("Cast", [name], [f"{name}32"], to=onnx.TensorProto.FLOAT))
    for _ in range(2):
        built.emit("Pad", built.value, "pads")
        built.emit("Conv", built.value, "k32", auto_pad="VALID")
        built.emit("Add", built.value, "b32")
        built.emit("LeakyRelu", built.value, alpha=0.1)
    float_one = written(built.model(), tmp_path / "float.onnx")
    given = feeds(2, 3, pictures=True)
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=Calibration((*given,)))
    assert not {"Pad", "Add", "Cast"} & set(operators(int8))
    assert noise(outputs(float_one, given), outputs(int8, given)) < 0.05


@pytest.mark.parametrize("bits", ["int8-weights", "int4-weights"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("block_size", [16, 32, 128])
def test_blocks(tmp_path: Path, bits: str, symmetric: bool, block_size: int):
    """A width that no block size divides, an embedding table, and a tied weight."""
    built = Chain(4, ["n"])
    table, square = built.weight(40, 72), built.weight(72, 40)
    built.emit("Gather", table, "x")
    built.emit("MatMul", built.value, square)
    model = built.model()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    float_one = written(model, tmp_path / "float.onnx")
    options = {"block_size": block_size, "symmetric": symmetric}
    small = made(float_one, bits, tmp_path / "small.onnx", options=options)
    assert {"MatMulNBits", "Gather", "Mul"} <= set(operators(small))
    given = [{"x": np.arange(40)}]
    bound = 0.02 if bits == "int8-weights" else 0.2
    assert noise(outputs(float_one, given), outputs(small, given)) < bound


def test_unusable_models(tmp_path: Path):
    nowhere, output = tmp_path / "none.onnx", tmp_path / "out.onnx"
    with pytest.raises(InputMissing):
        made(nowhere, "fp16", output)
    (tmp_path / "text.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsRefused, match=r"text\.onnx"):
        made(tmp_path / "text.onnx", "fp16", output)
    damaged = wide(1)
    values = np.full((64, 64), np.nan, np.float32)
    damaged.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, damaged.graph.initializer[0].name))
    with pytest.raises(WeightsRefused, match="NaN"):
        made(written(damaged, tmp_path / "nan.onnx"), "fp16", output)
    outside = wide(1)
    outside.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(WeightsRefused, match="outside the file"):
        made(written(outside, tmp_path / "outside.onnx"), "fp16", output)
    functions = wide(1)
    functions.functions.append(onnx.FunctionProto(name="f", domain="mine"))
    with pytest.raises(WeightsRefused, match="functions"):
        made(written(functions, tmp_path / "functions.onnx"), "fp16", output)
    unknown = wide(1)
    unknown.graph.node[0].op_type = "Frobnicate"
    with pytest.raises(QuantizationFailed, match="Frobnicate"):
        made(written(unknown, tmp_path / "unknown.onnx"), "fp16", output)
    assert not output.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("int5", {}, "no method"),
        ("fp16", {"block_size": 32}, "has no option"),
        ("int4-weights", {"block_size": 48}, "cannot be 48"),
        ("int4-weights", {"block_size": "32"}, "is no int"),
        ("int4-weights", {"symmetric": 1}, "is no bool"),
        ("static-int8", {"calibrator": "magic"}, "cannot be magic"),
        ("static-int8", {"percentile": 30.0}, "above 50"),
        ("static-int8", {"weight_bits": 9}, "cannot be 9"),
    ],
)
def test_wrong_options(tmp_path: Path, method: str, options: dict[str, object], said: str):
    with pytest.raises(UsageError, match=said):
        made(tmp_path / "m.onnx", method, tmp_path / "out.onnx", options=options)


def test_wrong_calibration(tmp_path: Path):
    float_one = written(chain(3, ["conv"], pictures=True), tmp_path / "float.onnx")
    with pytest.raises(CalibrationInvalid, match="needs calibration"):
        made(float_one, "static-int8", tmp_path / "o.onnx")
    with pytest.raises(CalibrationInvalid, match="nothing to calibrate with"):
        made(float_one, "static-int8", tmp_path / "o.onnx", calibration=Calibration(()))
    rows = Calibration((*feeds(1, 1, pictures=False),))
    with pytest.raises(CalibrationInvalid, match="does not take this data"):
        made(float_one, "static-int8", tmp_path / "o.onnx", calibration=rows)
    infinite = Calibration(({"x": np.full((1, 16, 6, 6), np.inf, np.float32)},))
    with pytest.raises(CalibrationInvalid, match="infinite"):
        made(float_one, "static-int8", tmp_path / "o.onnx", calibration=infinite)
    with pytest.raises(UsageError, match="no node 'conv_9'"):
        made(float_one, "static-int8", tmp_path / "o.onnx", calibration=rows, exclude=["conv_9"])


@pytest.mark.parametrize(("role", "bound"), [("detector", 0.3), ("classifier", 0.3)])
def test_real_models(tmp_path: Path, models: Callable[[str], InstalledModel], role: str, bound: float):
    """The product's own models, calibrated and compared over drawings, as its senses give them to the model."""
    for name, drawing in {"stop": drawings.stop_sign(), "clock": drawings.clock(), "face": drawings.face()}.items():
        drawing.save(tmp_path / f"{name}.png")
    model = models(role)
    float_one = model.files["model"]
    files = {key: path.name for key, path in model.files.items()}
    candidate = Candidate(model.name, role, float_one.parent, files, model.options)
    calibration = record(candidate, "model", {"path": str(tmp_path)}, threads=1, watch=ignore)
    assert len(calibration.feeds) in {3, 6}  # the detector looks at a mirrored picture too
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=calibration)
    assert int8.stat().st_size < 0.6 * float_one.stat().st_size
    given = [*calibration.feeds]
    assert noise(outputs(float_one, given), outputs(int8, given)) < bound
