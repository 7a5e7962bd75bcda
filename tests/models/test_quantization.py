"""What an importer writes is quantized by a small file; the same everywhere, and pinned."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_models import entries, importing, quantization, quantizations
from edge_assistant_models.errors import CatalogInvalid, ModelCorrupt
from edge_assistant_models.tensors import tensor_digest

IMPORTER = """
import sys
from pathlib import Path
from onnx import TensorProto, helper, numpy_helper
import numpy

def convert(inputs, output{more}):
    weight = (numpy.arange(64 * 64, dtype=numpy.float32).reshape(64, 64) % 17 - 8) / 64
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])
    node = helper.make_node("MatMul", ["x", "weight"], ["y"])
    graph = helper.make_graph([node], "made", [value], [result], [numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    {meta}
    (output / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
"""
ENTRY = """
name = "mine"
role = "vad"
licence = "MIT"
licence_url = "https://example.org/licence"
home = "https://example.org"
description = "made up"
memory_mib = 1
tested = false
[importer]
name = "quantizable"
quantization = "mine-int8"
[[importer.inputs]]
key = "raw"
path = "raw.bin"
bytes = 3
sha256 = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"
[[files]]
key = "model"
path = "model.onnx"
bytes = 200
[[sources]]
type = "file"
path = "raw.bin"
"""
STATIC = '[model]\nmethod = "static-int8"\n[model.ranges]\nx = [-1, 1.5]\n'

Convert = Callable[[str], Path]


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    """Imports the made-up model with a quantization of this text, and gives the file."""
    monkeypatch.setattr(quantizations, "__path__", [*quantizations.__path__, str(tmp_path)])
    importers = importlib.import_module("edge_assistant_models.importers")
    monkeypatch.setattr(importers, "__path__", [*importers.__path__, str(tmp_path)])
    (tmp_path / "quantizable.py").write_text(IMPORTER.format(more="", meta=""))

    def run(text: str) -> Path:
        (tmp_path / "mine-int8.toml").write_text(text)
        output = tmp_path / "output"
        output.mkdir(exist_ok=True)
        sys.modules.pop("edge_assistant_models.importers.quantizable", None)
        importing.convert(entries.parse(ENTRY.encode(), "mine.toml"), {}, output)
        return output / "model.onnx"

    return run


def test_an_import_is_quantized(convert: Convert) -> None:
    path = convert(STATIC)
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    (weight,) = [value for value in weights if value.shape == (64, 64)]
    assert weight.dtype == np.int8
    assert np.abs(weight).max() > 60
    assert tensor_digest(path) == tensor_digest(convert(STATIC))


@pytest.mark.parametrize("method", ["int8-weights", "int4-weights", "fp16"])
def test_every_method(convert: Convert, method: str) -> None:
    before = tensor_digest(convert(""))
    assert tensor_digest(convert(f'[model]\nmethod = "{method}"\n')) != before


def test_an_importer_that_quantizes_by_itself_is_given_its_options(convert: Convert, tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match="quantizes nothing by itself"):
        convert('[model]\nmethod = "importer"\noptions = { bits = 4 }\n')
    own = 'helper.set_model_props(model, {"bits": str(options["model"]["bits"])})'
    (tmp_path / "quantizable.py").write_text(IMPORTER.format(more=", options", meta=own))
    path = convert('[model]\nmethod = "importer"\noptions = { bits = 4 }\n')
    assert onnx.load(path).metadata_props[0].value == "4"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[decoder]\nmethod = "fp16"\n', "mine has no file 'decoder'"),
        ('[model]\nmethod = "int5"\n', r"mine-int8\.toml: model: unknown method 'int5'"),
        ("[model]\n", "'method' is missing"),
        ('[model]\nmethod = "static-int8"\n', "'ranges' belong to 'static-int8', which needs them"),
        ('[model]\nmethod = "fp16"\n[model.ranges]\nx = [0, 1]\n', "'ranges' belong"),
        ('[model]\nmethod = "fp16"\n[model.means]\nx = [0, 1]\n', "'means' belong"),
        (STATIC + '[model.means]\nx = "much"\n', "must be a list of numbers"),
        ('[model]\nmethod = "fp16"\noptions = { block_size = 32 }\n', "cannot have block_size = 32"),
        ('[model]\nmethod = "int8-weights"\noptions = { block_size = true }\n', "cannot have block_size = True"),
        ('[model]\nmethod = "static-int8"\n[model.ranges]\nx = [1]\n', "the range of 'x' must be two numbers"),
        ('[model]\nmethod = "static-int8"\n[model.ranges]\nx = [2, 1]\n', "the least first"),
        ('[model]\nmethod = "importer"\nexcluded = ["a"]\n', "an importer takes 'options' only"),
        ('[model]\nmethod = "fp16"\nnodes = 1\n', "unknown key 'nodes'"),
        ("model = 3\n", "'model' must be a table"),
    ],
)
def test_a_wrong_file_is_refused(convert: Convert, text: str, said: str) -> None:
    with pytest.raises(CatalogInvalid, match=said):
        convert(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STATIC.replace("x =", "z ="), "the range of 'x' is missing"),
        (STATIC.replace("[model.ranges]", 'excluded = ["b"]\n[model.ranges]'), "no node 'b'"),
        (STATIC.replace("[model.ranges]", "options = { weight_bits = 9 }\n[model.ranges]"), "cannot have 9 bits"),
        (STATIC.replace("1.5", "inf"), "not finite"),
        ('[model]\nmethod = "int4-weights"\noptions = { block_size = 24 }\n', "blocks of 24"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(convert: Convert, text: str, said: str) -> None:
    with pytest.raises(ModelCorrupt, match=said):
        convert(text)


def test_an_unknown_quantization_is_refused() -> None:
    with pytest.raises(CatalogInvalid, match="unknown quantization 'mine-int8'"):
        entries.parse(ENTRY.replace("quantizable", "nanodet").encode(), "mine.toml")
    with pytest.raises(CatalogInvalid, match="there is no quantization"):
        quantization.load("../../etc/passwd")


@pytest.mark.parametrize("name", quantization.names())
def test_a_shipped_quantization_belongs_to_an_entry(name: str) -> None:
    said = quantization.load(name)
    users = [entry for entry in entries.load().values() if entry.importer and entry.importer.quantization == name]
    assert users
    for entry in users:
        assert set(said) <= {file.key for file in entry.files}


@given(st.binary(max_size=200))
def test_no_content_does_more_than_be_refused(noise: bytes) -> None:
    with contextlib.suppress(CatalogInvalid):
        quantization.parse(noise, "noise.toml")
