"""Tables of quantization: what they may say, and what does not fit a model."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_models import entries
from edge_assistant_models.errors import CatalogInvalid, ModelCorrupt
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.onnx import tables

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
    onnx.save(model, tmp_path / "model.onnx")
    monkeypatch.setattr(quantizations, "__path__", [*quantizations.__path__, str(tmp_path)])
    return tmp_path


def apply(folder: Path, text: str) -> Path:
    """Quantize the model by a quantization of this text."""
    (folder / "mine.toml").write_text(text)
    quantizations.apply("mine", folder)
    return folder / "model.onnx"


def test_an_import_is_quantized(folder: Path) -> None:
    path = apply(folder, STATIC)
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    (weight,) = [value for value in weights if value.shape == (64, 64)]
    assert weight.dtype == np.int8
    assert np.abs(weight).max() > 60


@pytest.mark.parametrize("method", ["int8-weights", "int4-weights", "fp16"])
def test_every_method(folder: Path, method: str) -> None:
    before = tensor_digest(folder / "model.onnx")
    assert tensor_digest(apply(folder, f'[model]\nmethod = "{method}"\n')) != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[decoder]\nmethod = "fp16"\n', r"quantization 'mine' is for decoder\.onnx, which is not written"),
        ('[model]\nmethod = "int5"\n', r"mine\.toml: model: unknown method 'int5'"),
        ('[model]\nmethod = "dynamic-int8"\n', "unknown method 'dynamic-int8'"),
        ("[model]\n", "'method' is missing"),
        ('[model]\nmethod = "static-int8"\n', "'ranges' belong to 'static-int8', which needs them"),
        ('[model]\nmethod = "fp16"\n[model.ranges]\nx = [0, 1]\n', "'ranges' belong"),
        ('[model]\nmethod = "fp16"\n[model.means]\nx = [0, 1]\n', "fp16 has no option 'means'"),
        (STATIC + '[model.means]\nx = "much"\n', "must be a list of numbers"),
        (STATIC + "[model.options]\npercentile = 99.0\n", "'options' cannot have percentile"),
        ('[model]\nmethod = "fp16"\noptions = { block_size = 32 }\n', "fp16 has no option 'block_size'"),
        (
            '[model]\nmethod = "int8-weights"\noptions = { block_size = true }\n',
            "of int8-weights is no int",
        ),
        ('[model]\nmethod = "int4-weights"\noptions = { block_size = 24 }\n', "cannot be 24"),
        (STATIC.replace("[model.ranges]", "options = { weight_bits = 9 }\n[model.ranges]"), "cannot be 9"),
        ('[model]\nmethod = "static-int8"\n[model.ranges]\nx = [1]\n', "the range of 'x' must be two numbers"),
        ('[model]\nmethod = "static-int8"\n[model.ranges]\nx = [2, 1]\n', "the least first"),
        ('[model]\nmethod = "fp16"\nnodes = 1\n', "unknown key 'nodes'"),
        ("model = 3\n", "'model' must be a table"),
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


@pytest.mark.parametrize("name", ["mine", "../../etc/passwd", "__init__"])
def test_an_unknown_quantization_is_refused(name: str) -> None:
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
