"""Tables of quantization: what they may say, and what does not fit a model."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.small_onnx import chain, feeds, written
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_models import entries
from edge_assistant_models.errors import CatalogInvalid, ModelCorrupt
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.onnx import calibration, tables
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.methods import Int8Weights, parse
from edge_assistant_quantize.onnx.quantize import calibrated, quantize

FP16 = '[model]\nmethod = "fp16"\n'
STATIC = '[model]\nmethod = "static-int8"\n[model.ranges]\nx = [-1, 1.5]\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of quantizations in which lies a model of one product, too."""
    weight = (np.arange(64 * 64, dtype=np.float32).reshape(64, 64) % 17 - 8) / 64
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, [1, 64]) for name in ("x", "y")]
    node = helper.make_node("MatMul", ["x", "weight"], ["y"])
    graph = helper.make_graph([node], "made", ends[:1], ends[1:], [onnx.numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    written(model, tmp_path / "model.onnx")
    monkeypatch.setattr(quantizations, "__path__", [*quantizations.__path__, str(tmp_path)])
    return tmp_path


def apply(folder: Path, text: str) -> Path:
    """Quantize the model by a quantization of this text."""
    (folder / "mine.toml").write_text(text)
    quantizations.apply("mine", folder)
    return folder / "model.onnx"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (STATIC, {"int8"}),
        (FP16, {"float16"}),
        (FP16.replace("fp16", "int8-weights"), {"uint8"}),
        (FP16.replace("fp16", "int4-weights"), {"uint8"}),
    ],
)
def test_an_import_is_quantized(folder: Path, text: str, kinds: set[str]) -> None:
    held = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(apply(folder, text)).graph.initializer]
    assert {str(value.dtype) for value in held if value.size >= 64 * 32} == kinds


@pytest.mark.parametrize("pictures", [True, False])
def test_the_same_is_made_from_a_table(tmp_path: Path, pictures: bool) -> None:
    kinds = ["conv", "relu", "sum", "conv"] if pictures else ["gemm", "relu", "gemm", "matmul"]
    float_one, int8 = written(chain(8, kinds, pictures=pictures), tmp_path / "float.onnx"), tmp_path / "int8.onnx"
    given = Calibration(feeds(8, 4, pictures=pictures))
    method = calibrated(onnx.load(float_one), parse("static-int8", {}, [f"{kinds[0]}_0"]), given)
    quantize(float_one, int8, method, threads=1)
    table = tmp_path / "mine.toml"
    tables.write(table, "other", parse("int8-weights", {"block_size": 64}))
    tables.write(table, "model", method)
    found = tables.parse(table.read_bytes(), "mine.toml")
    assert found == {"other": Int8Weights(block_size=64), "model": method}
    tables.apply(found["model"], float_one)
    assert float_one.read_bytes() == int8.read_bytes()


def test_the_verb_writes_a_table_or_refuses_it_before_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Calibration([{"x": np.linspace(-1, end, 64, dtype=np.float32)[None]} for end in (1, 2)])
    runs: list[object] = []
    monkeypatch.setattr(calibration, "record", lambda *given, **how: runs.append(given) or rows)
    model, output, table = folder / "model.onnx", folder / "o.onnx", folder / "mine.toml"
    words = ["quantize", str(model), "--output", str(output), "--table", str(table), "--json", "--type"]
    over = ["--calibration", str(folder), "--role", "classifier"]
    for method, said in ((["dynamic-int8"], "dynamic-int8"), (["int4-weights", "--algorithm", "gptq", *over], "gptq")):
        assert main([*words, *method]) == 2
        assert f"there are no tables of {said}" in capsys.readouterr().err
        assert not output.exists()
    for method in (["int8-weights", *over], ["static-int8", *over]):
        assert main([*words, *method]) == 0
        assert json.loads(capsys.readouterr().out)["bytes_before"] == model.stat().st_size
        (found,) = tables.parse(table.read_bytes(), "mine.toml").values()
        again = shutil.copyfile(model, folder / "again.onnx")
        tables.apply(found, again)
        assert again.read_bytes() == output.read_bytes()
    assert len(runs) == 1  # of the one that has ranges


def test_tables_that_cannot_be_written(folder: Path) -> None:
    with pytest.raises(UsageError, match="no tables of dynamic-int8"):
        tables.write(folder / "t.toml", "model", parse("dynamic-int8", {}))
    (folder / "other.toml").write_text("name = 3")
    with pytest.raises(CatalogInvalid):
        tables.write(folder / "other.toml", "model", parse("fp16", {}))
    assert not (folder / "t.toml").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FP16.replace("model", "decoder"), r"quantization 'mine' is for decoder\.onnx, which is not written"),
        (FP16.replace("fp16", "int5"), r"mine\.toml: .*invalid value 'int5'"),
        (FP16.replace("fp16", "dynamic-int8"), "no tables of dynamic-int8"),
        ("[model]\n", "missing required field `method`"),
        (FP16.replace("fp16", "static-int8"), "model: static-int8 needs its ranges here"),
        (FP16.replace("fp16", "int4-weights") + 'moments.w = "much"\n', "no tables of gptq"),
        (FP16 + "[model.means]\nx = [0, 1]\n", "unknown key `means`"),
        (STATIC + '[model.means]\nx = "much"\n', "expected `array`, got `str`"),
        (FP16 + "block_size = 32\n", "unknown key `block_size`"),
        (STATIC.replace("[-1, 1.5]", "[1]"), "expected `array` of length 2"),
        (STATIC.replace("[-1, 1.5]", "[2, 1]"), "the least first"),
        ("model = 3\n", "expected `object`, got `int`"),
    ],
)
def test_a_wrong_file_is_refused(folder: Path, text: str, said: str) -> None:
    with pytest.raises(CatalogInvalid, match=said):
        apply(folder, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STATIC.replace("x =", "z ="), "the range of 'x' is missing"),
        (STATIC.replace("[model.ranges]", 'excluded = ["b"]\n[model.ranges]'), "no node 'b'"),
        (STATIC.replace("1.5", "inf"), "not finite"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(folder: Path, text: str, said: str) -> None:
    with pytest.raises(ModelCorrupt, match=said):
        apply(folder, text)


def test_an_unknown_quantization_is_refused() -> None:
    for name in ("mine", "../../etc/passwd", "__init__"):
        with pytest.raises(CatalogInvalid, match="there is no quantization"):
            quantizations.load(name)


@pytest.mark.parametrize("name", quantizations.names())
def test_a_shipped_quantization_belongs_to_an_entry(name: str) -> None:
    found = quantizations.load(name)
    users = [entry for entry in entries.load().values() if entry.importer and entry.importer.quantization == name]
    assert users
    for entry in users:
        assert {f"{key}.onnx" for key in found} <= {file.path for file in entry.files}


@given(st.binary(max_size=200))
def test_no_content_does_more_than_be_refused(noise: bytes) -> None:
    with contextlib.suppress(CatalogInvalid):
        tables.parse(noise, "noise.toml")
