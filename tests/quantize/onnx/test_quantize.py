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
from msgspec.structs import replace
from onnx import helper, numpy_helper

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    InputMissing,
    QuantizationFailed,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.onnx.calibration import Calibration, record
from edge_assistant_quantize.onnx.methods import METHODS, Method, parse
from edge_assistant_quantize.onnx.quantize import calibrated, quantize
from edge_assistant_quantize.progress import ignore

PICTURES = st.lists(st.sampled_from(["conv", "sum", "relu"]), min_size=1, max_size=5)
ROWS = st.lists(st.sampled_from(["gemm", "matmul", "sum", "relu"]), min_size=1, max_size=5)
STEP = 0.03  # of the whole, for each layer: 7 bits of weights and 8 of activations lose about 0.01


def made(model: Path, name: str, output: Path, calibration: Calibration | None = None, exclude=(), **options) -> Path:
    quantize(model, output, parse(name, options, exclude), calibration=calibration, threads=1)
    return output


def outputs(path: Path, given: list[Mapping[str, np.ndarray]]) -> list[np.ndarray]:
    session = Runtime(1).session(path)
    return [session.run(None, feed)[0] for feed in given]


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def calibration_of(seed: int, count: int, *, pictures: bool = True) -> Calibration:
    return Calibration(feeds(seed, count, pictures=pictures))


@settings(max_examples=20)
@given(st.integers(0, 1000), st.booleans(), st.data())
def test_static_stays_near(tmp_path_factory: pytest.TempPathFactory, seed: int, pictures: bool, data: st.DataObject):
    kinds = data.draw(PICTURES if pictures else ROWS)
    folder = tmp_path_factory.mktemp("chain")
    float_one = written(chain(seed, kinds, pictures=pictures), folder / "float.onnx")
    calibration = calibration_of(seed, 4, pictures=pictures)
    if set(kinds) <= {"relu"}:
        with pytest.raises(QuantizationFailed, match="no node to quantize"):
            made(float_one, "static-int8", folder / "int8.onnx", calibration=calibration)
        return
    int8 = made(float_one, "static-int8", folder / "int8.onnx", calibration=calibration)
    assert "DequantizeLinear" in operators(int8)
    given = calibration.feeds
    for exact, found in zip(outputs(float_one, given), outputs(int8, given), strict=True):
        assert noise(exact, found) < STEP * (1 + 2 * len(kinds))
    again = made(float_one, "static-int8", folder / "again.onnx", calibration=calibration)
    assert again.read_bytes() == int8.read_bytes()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pictures", [True, False])
def test_each_method(tmp_path: Path, method: str, pictures: bool):
    model = chain(7, ["conv", "relu", "sum"], pictures=True) if pictures else wide(7)
    float_one = written(model, tmp_path / "float.onnx")
    rows = [{"x": np.random.default_rng(1).normal(0, 1, (3, 64)).astype(np.float32)}]
    given = feeds(7, 3, pictures=True) if pictures else rows
    rules = [{"weights": "*", "form": "blockwise", "bits": 8}]
    more = {"static-int8": {"calibration": Calibration(given)}, "rules": {"rules": rules}}.get(method, {})
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
    how = {"calibration": calibration_of(3, 2)}
    graph = onnx.load(made(float_one, "static-int8", tmp_path / "int8.onnx", **how, exclude=["conv_2"])).graph
    weights = {tensor.name: tensor.data_type for tensor in graph.initializer}
    convs = {node.name: weights.get(node.input[1]) for node in graph.node if node.op_type == "Conv"}
    assert convs == {"conv_0": None, "conv_2": onnx.TensorProto.FLOAT, "conv_4": None}
    with pytest.raises(QuantizationFailed, match="no node to quantize"):
        made(float_one, "static-int8", tmp_path / "o.onnx", **how, exclude=["conv_0", "conv_2", "conv_4"])


def test_biases_make_up_for_rounded_weights(tmp_path: Path):
    """Over inputs of one sign rounding moves the mean of each channel; corrected, it does so less."""
    model = chain(6, ["relu", "conv"], pictures=True)
    weight = np.array(numpy_helper.to_array(model.graph.initializer[0]))
    weight[:, 0, 0, 0] = 10  # which leaves the others few levels, and is multiplied by zero
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, model.graph.initializer[0].name))
    float_one = written(model, tmp_path / "float.onnx")
    calibration = calibration_of(6, 8)
    for feed in calibration.feeds:
        feed["x"][:, 0] = -1

    def mean(path: Path) -> np.ndarray:
        return np.array(outputs(path, calibration.feeds)).mean(axis=(0, 1, 3, 4))

    def moved(method: Method) -> float:
        quantize(float_one, tmp_path / "o.onnx", method, threads=1)
        return float(np.abs(mean(tmp_path / "o.onnx") - mean(float_one)).max())

    method = calibrated(onnx.load(float_one), parse("static-int8", {"calibrator": "min-max"}), calibration)
    assert moved(method) < 0.7 * moved(replace(method, means={}))


def clipped() -> onnx.ModelProto:
    """ReLU and Clip between convolutions."""
    built = Chain(5, [1, 16, 6, 6])
    built.add("conv")
    built.tensors += [numpy_helper.from_array(np.float32(value), name) for name, value in (("low", 0), ("high", 0.5))]
    built.emit("Clip", built.value, "low", "high")
    for kind in ("conv", "relu", "conv"):
        built.add(kind)
    return built.model()


def padded() -> onnx.ModelProto:
    """As importers write convolutions: Pad, Conv with weights in half precision behind a Cast, Add, LeakyRelu."""
    random = np.random.default_rng(2)
    weights = {"k": random.normal(0, 0.1, (16, 16, 3, 3)), "b": random.normal(0, 1, (16, 1, 1))}
    built = Chain(2, [1, 16, 6, 6])
    built.tensors += [numpy_helper.from_array(v.astype(np.float16), n) for n, v in weights.items()]
    for name in weights:
        built.nodes.append(helper.make_node("Cast", [name], [f"{name}32"], to=onnx.TensorProto.FLOAT))
    pads = built.numbers([0, 0, 1, 1, 0, 0, 1, 1])
    for _ in range(2):
        built.emit("Pad", built.value, pads)
        built.emit("Conv", built.value, "k32", auto_pad="VALID")
        built.emit("Add", built.value, "b32")
        built.emit("LeakyRelu", built.value, alpha=0.1)
    return built.model()


@pytest.mark.parametrize(("model", "gone"), [(clipped, {"Clip", "Relu"}), (padded, {"Pad", "Add", "Cast"})])
def test_what_a_convolution_takes_in(tmp_path: Path, model: Callable[[], onnx.ModelProto], gone: set[str]):
    float_one = written(model(), tmp_path / "float.onnx")
    calibration = calibration_of(5, 3)
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=calibration)
    assert not gone & set(operators(int8))
    given = calibration.feeds
    assert noise(outputs(float_one, given), outputs(int8, given)) < 0.05


@pytest.mark.parametrize("bits", ["int8-weights", "int4-weights"])
@pytest.mark.parametrize("block_size", [16, 128])
@pytest.mark.parametrize("tied", ["", "rows", "columns"])
def test_blocks(tmp_path: Path, bits: str, tied: str, block_size: int):
    """A width that no block size divides, an embedding table, and a matrix that is read both ways."""
    built = Chain(4, ["n"])
    table, square = built.weight(40, 72), built.weight(72, 40)
    built.emit("Gather", table, "x")
    built.emit("MatMul", built.value, square)
    if tied:
        turned = tied == "rows"
        built.emit("MatMul", built.value, table) if not turned else built.emit("Gemm", built.value, square, transB=1)
    model = built.model()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    float_one = written(model, tmp_path / "float.onnx")
    small = made(float_one, bits, tmp_path / "small.onnx", block_size=block_size)
    assert {"MatMulNBits", "Gather", "Mul"} <= set(operators(small))
    assert not {"MatMul", "Gemm"} & set(operators(small))
    given = [{"x": np.arange(40)}]
    bound = 0.02 if bits == "int8-weights" else 0.2
    assert noise(outputs(float_one, given), outputs(small, given)) < bound


def test_an_older_operator_set_is_converted(tmp_path: Path):
    """PP-OCR has operator set 11, which knows no scale for each channel."""
    model = chain(3, ["conv", "relu", "conv"], pictures=True)
    model.opset_import[0].version = 11
    float_one = written(model, tmp_path / "float.onnx")
    calibration = calibration_of(3, 3)
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=calibration)
    assert [item.version for item in onnx.load(int8).opset_import] == [13]
    given = calibration.feeds
    assert noise(outputs(float_one, given), outputs(int8, given)) < 0.05


def test_gptq_needs_data_and_errs_less(tmp_path: Path):
    """Rows that hang together, as activations do."""
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (300, 4)) @ random.normal(0, 1, (4, 64)) + random.normal(0, 0.2, (300, 64))
    given = [{"x": rows.astype(np.float32)}]
    float_one = written(wide(7), tmp_path / "float.onnx")
    with pytest.raises(CalibrationInvalid, match="needs calibration data"):
        made(float_one, "int4-weights", tmp_path / "none.onnx", algorithm="gptq")
    infinite = Calibration([{"x": np.full((3, 64), np.inf, np.float32)}])
    for said, calibration in (("infinite", infinite), ("nothing to run", Calibration([]))):
        with pytest.raises(CalibrationInvalid, match=said):
            made(float_one, "int4-weights", tmp_path / "none.onnx", algorithm="gptq", calibration=calibration)
    exact = outputs(float_one, given)[0]
    calibration = Calibration(given)
    better = made(float_one, "int4-weights", tmp_path / "a.onnx", algorithm="gptq", calibration=calibration)
    plain = made(float_one, "int4-weights", tmp_path / "b.onnx")
    assert noise(exact, outputs(better, given)[0]) < 0.7 * noise(exact, outputs(plain, given)[0])
    assert better.stat().st_size == plain.stat().st_size


def test_what_was_quantized_already_or_is_no_smaller_is_said(tmp_path: Path):
    float_one = written(wide(7), tmp_path / "float.onnx")
    once, again = tmp_path / "once.onnx", tmp_path / "again.onnx"
    blocks, half = parse("int8-weights", {}), parse("fp16", {})
    assert quantize(float_one, once, blocks, threads=1) == ""
    assert quantize(once, again, half, threads=1).startswith("once.onnx was quantized already (")
    halves = made(float_one, "fp16", tmp_path / "half.onnx")
    assert "again.onnx is no smaller than half.onnx (1" in quantize(halves, again, half, threads=1)
    with pytest.raises(QuantizationFailed, match="no matrix product to quantize; it was quantized already"):
        quantize(once, again, blocks, threads=1)


@pytest.mark.parametrize("method", ["fp16", "int8-weights"])
def test_a_mask_beyond_halves_stays_as_it_is(tmp_path: Path, method: str):
    model = wide(7)
    mask = np.full(64, np.finfo(np.float32).min, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(mask, "mask"))
    last = model.graph.node[-1].output[0]
    model.graph.node.append(helper.make_node("Max", [last, "mask"], ["masked"]))
    model.graph.output[0].name = "masked"
    path = made(written(model, tmp_path / "float.onnx"), method, tmp_path / "made.onnx")
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    assert (stored["mask"] == mask).all()


def test_unusable_models(tmp_path: Path):
    output = tmp_path / "out.onnx"
    with pytest.raises(InputMissing):
        made(tmp_path / "none.onnx", "fp16", output)
    (tmp_path / "text.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsRefused, match=r"text\.onnx"):
        made(tmp_path / "text.onnx", "fp16", output)
    damaged, outside, functions, unknown = (wide(1) for _ in range(4))
    first = damaged.graph.initializer[0]
    first.CopyFrom(numpy_helper.from_array(np.full((64, 64), np.nan, np.float32), first.name))
    outside.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    functions.functions.append(onnx.FunctionProto(name="f", domain="mine"))
    unknown.graph.node[0].op_type = "Frobnicate"
    for model, said in ((damaged, "NaN"), (outside, "cannot be read"), (functions, "functions")):
        with pytest.raises(WeightsRefused, match=said):
            made(written(model, tmp_path / "model.onnx"), "fp16", output)
    with pytest.raises(QuantizationFailed, match="Frobnicate"):
        made(written(unknown, tmp_path / "model.onnx"), "fp16", output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "text.onnx"]


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("int5", {}, "no method"),
        ("fp16", {"block_size": 32}, "unknown key `block_size`"),
        ("int4-weights", {"block_size": 48}, "invalid enum value 48"),
        ("int4-weights", {"block_size": "32"}, "expected `int`"),
        ("int8-weights", {"algorithm": "gptq"}, "unknown key `algorithm`"),
        ("static-int8", {"calibrator": "magic"}, "invalid enum value 'magic'"),
        ("static-int8", {"percentile": 99.9}, "unknown key `percentile`"),
        ("static-int8", {"excluded": ["conv_0"]}, "unknown key `excluded`"),
    ],
)
def test_wrong_options(tmp_path: Path, method: str, options: dict[str, object], said: str):
    with pytest.raises(UsageError, match=said):
        made(tmp_path / "m.onnx", method, tmp_path / "out.onnx", **options)


def test_wrong_calibration(tmp_path: Path):
    float_one = written(chain(3, ["conv"], pictures=True), tmp_path / "float.onnx")
    rows = calibration_of(1, 1, pictures=False)
    infinite = Calibration([{"x": np.full((1, 16, 6, 6), np.inf, np.float32)}])
    cases = {
        "needs calibration": None,
        "nothing to run": Calibration([]),
        "does not take this data": rows,
        "infinite": infinite,
    }
    for said, calibration in cases.items():
        with pytest.raises(CalibrationInvalid, match=said):
            made(float_one, "static-int8", tmp_path / "o.onnx", calibration=calibration)
    with pytest.raises(UsageError, match="no node 'conv_9'"):
        made(float_one, "static-int8", tmp_path / "o.onnx", calibration=rows, exclude=["conv_9"])


def test_the_classifier_stays_near(tmp_path: Path, models: Callable[[str], InstalledModel]):
    """Calibrated and compared over drawings, as its sense gives them to it."""
    for name, drawing in {"stop": drawings.stop_sign(), "clock": drawings.clock(), "face": drawings.face()}.items():
        drawing.save(tmp_path / f"{name}.png")
    model = models("classifier")
    float_one, files = model.files["model"], {key: path.name for key, path in model.files.items()}
    candidate = Candidate(model.name, "classifier", float_one.parent, files, model.options)
    calibration = record(candidate, "model", {"path": str(tmp_path)}, threads=1, watch=ignore)
    int8 = made(float_one, "static-int8", tmp_path / "int8.onnx", calibration=calibration)
    assert int8.stat().st_size < 0.6 * float_one.stat().st_size
    given = calibration.feeds
    assert noise(outputs(float_one, given), outputs(int8, given)) < 0.3
