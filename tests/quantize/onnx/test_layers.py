"""Two models layer by layer, and the verbs over ONNX files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from helpers import drawings
from helpers.small_onnx import Chain, chain, feeds, written
from onnx import TensorProto, helper, numpy_helper

from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import CalibrationInvalid, QuantizationFailed
from edge_assistant_quantize.onnx import layers
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import parse
from edge_assistant_quantize.onnx.quantize import quantize

GIVEN = Calibration(feeds(1, 2, pictures=True))


@pytest.fixture
def float_one(tmp_path: Path) -> Path:
    return written(chain(1, ["conv", "relu", "sum", "conv"], pictures=True), tmp_path / "float.onnx")


def test_layers_of_a_quantized_model_are_found_again(float_one: Path, tmp_path: Path) -> None:
    same = layers.compare(float_one, float_one, GIVEN)
    assert {item.value for item in same} == {"conv_0", "relu_1", "conv_2", "add_3", "conv_4"}
    assert all(item.snr_db == math.inf for item in same)
    int8 = tmp_path / "int8.onnx"
    quantize(float_one, int8, parse("static-int8", {}), calibration=GIVEN, threads=1)
    found = layers.compare(float_one, int8, GIVEN)
    assert {item.value for item in found} == {"relu_1", "conv_2", "add_3", "conv_4"}  # the ReLU is in its convolution
    assert all(10 < item.snr_db < 60 for item in found)


def test_the_first_difference_is_found(float_one: Path, tmp_path: Path) -> None:
    changed = onnx.load(float_one)
    tensor = next(tensor for tensor in changed.graph.initializer if tensor.name == changed.graph.node[2].input[1])
    tensor.CopyFrom(numpy_helper.from_array(1.5 * numpy_helper.to_array(tensor), tensor.name))
    found = layers.compare(float_one, written(changed, tmp_path / "changed.onnx"), GIVEN)
    by_place = sorted(found, key=lambda item: item.place)
    assert [item.snr_db < math.inf for item in by_place] == [False, False, True, True, True]
    assert found == sorted(found, key=lambda item: item.snr_db)
    assert by_place[2].kind == "Conv"
    assert -20 * math.log10(0.6) < by_place[2].snr_db < -20 * math.log10(0.2)


def test_models_that_cannot_be_compared(float_one: Path, tmp_path: Path) -> None:
    other = written(chain(1, ["gemm"], pictures=False), tmp_path / "other.onnx")
    with pytest.raises(QuantizationFailed, match="no values in common"):
        layers.compare(float_one, other, GIVEN)
    with pytest.raises(CalibrationInvalid, match="nothing to run"):
        layers.compare(float_one, float_one, Calibration([]))
    with pytest.raises(CalibrationInvalid, match="does not take this data"):
        layers.compare(float_one, float_one, Calibration(feeds(1, 1, pictures=False)))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    drawings.stop_sign().save(folder / "stop.png")
    return folder


def test_the_verbs(
    models: Callable[[str], InstalledModel], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A detector of the store, calibrated over a drawing, then compared with what was made of it."""
    output, local = tmp_path / "int8.onnx", tmp_path / "nanodet.onnx"
    local.write_bytes(models("detector").files["model"].read_bytes())
    lines = ['name = "mine"', 'role = "detector"', "[files]", 'model = "nanodet.onnx"', "[options]"]
    (tmp_path / "candidate.toml").write_text("\n".join([*lines, 'architecture = "nanodet"\n']))
    said = ["--calibration", str(photos), "--threads", "1"]
    assert main(["quantize", str(local), "--type", "static-int8", "--output", str(output), "--json", *said]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["bytes"] == output.stat().st_size < 0.6 * made["bytes_before"]
    assert main(["layers", str(local), str(output), "--data", str(photos), "--threads", "1"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 21
    assert rows[0].split()[:2] == ["SNR,", "dB"]


def test_the_verb_sensitivity(
    models: Callable[[str], InstalledModel], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a network with the input and outputs of a classifier, over a drawing."""
    built = Chain(1, [1, 224, 224, 3])
    built.value = "image"
    built.emit("Cast", "image", to=TensorProto.FLOAT)
    built.emit("ReduceMean", built.value, built.numbers([1, 2]), keepdims=0)
    built.emit("MatMul", built.value, built.weight(3, 1000))
    built.emit("Gemm", built.value, built.weight(1000, 1000))
    built.emit("Softmax", built.value, axis=1)
    model = built.model()
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("image", TensorProto.UINT8, built.shape))
    path = written(model, tmp_path / "model.onnx")
    lines = ['name = "mine"', 'role = "classifier"', "[files]", 'model = "model.onnx"', 'labels = "labels.txt"\n']
    (tmp_path / "candidate.toml").write_text("\n".join(lines))
    (tmp_path / "labels.txt").write_bytes(models("classifier").files["labels"].read_bytes())
    command = ["sensitivity", str(path), "--method", "static-int8"]
    assert main(command) == 2
    assert "the following arguments are required: --calibration" in capsys.readouterr().err
    assert main([*command, "--calibration", str(tmp_path)]) == 3
    assert "no pictures" in capsys.readouterr().err
    said = ["--calibration", str(photos), "--threads", "1"]
    assert main([*command, *said, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {layer["node"] for layer in told["layers"]} == {"matmul_2", "gemm_3"}
    assert main([*command, *said]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["layers", str(path), str(path), "--data", str(photos), "--threads", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["snr_db"] is None


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (["--type", "static-int8"], 3, "needs calibration data"),
        (["--type", "static-int8", "--calibration", "nowhere", "--role", "faces"], 3, "does not exist"),
        (["--type", "static-int8", "--calibration", "."], 2, "nothing says what"),
        (["--type", "static-int8", "--calibration", ".", "--role", "classifier"], 3, "has no file 'labels'"),
        (["--type", "fp16", "--exclude", "b"], 2, "no node 'b'"),
        (["--type", "fp16", "--block-size", "32"], 2, "unknown key `block_size`"),
    ],
)
def test_wrong_command_lines(
    float_one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], status: int, said: str
) -> None:
    assert main(["quantize", str(float_one), "--output", str(tmp_path / "out.onnx"), *more]) == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()
