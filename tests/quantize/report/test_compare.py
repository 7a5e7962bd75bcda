"""Two models side by side: how precisely they are stored, what records say, and what is measured now."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers import drawings, tiny_llama
from helpers.records import record, variant
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate, sha256_of
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.record import File
from edge_assistant_quantize.report import precision
from edge_assistant_quantize.report.precision import Precision


def saved(path: Path, nodes: list[onnx.NodeProto], *initializers: onnx.TensorProto) -> Path:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [64])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [value], [result], list(initializers))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    return path


def test_tensors_are_counted_by_type(tmp_path: Path):
    constant = numpy_helper.from_array(np.zeros((4,), np.float16), "c")
    path = saved(
        tmp_path / "m.onnx",
        [
            helper.make_node("Constant", [], ["c"], value=constant),
            helper.make_node(
                "MatMulNBits", ["x", "q", "s"], ["y"], domain="com.microsoft", bits=4, block_size=32, K=64, N=8
            ),
        ],
        numpy_helper.from_array(np.zeros((8, 2, 16), np.uint8), "q"),
        numpy_helper.from_array(np.zeros((16,), np.float32), "s"),
        helper.make_tensor("four", TensorProto.INT4, [5], b"\0\0\0", raw=True),
    )
    assert precision.of_files([path, tmp_path / "tokenizer.json"]) == [
        Precision("4 bits in blocks of 32", 1, 512, 256),
        Precision("float32", 1, 16, 64),
        Precision("float16", 1, 4, 8),
        Precision("int4", 1, 5, 3),
    ]
    assert precision.bits(precision.of_files([path])) == pytest.approx(8 * 331 / 537)


def test_tensors_of_graphs_in_graphs_count(tmp_path: Path):
    inner = helper.make_graph([], "inner", [], [], [numpy_helper.from_array(np.zeros((3,), np.float32), "w")])
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    (found,) = precision.of_files([saved(tmp_path / "m.onnx", [node])])
    assert (found.tensors, found.weights, found.bits) == (2, 6, 32)


def test_a_gguf_is_counted_too(models: Callable[[str], InstalledModel]):
    path = models("language").files["model"]
    found = {each.kind: each for each in precision.of_files([path])}
    assert found["q4_1"].bits == pytest.approx(5.0)
    assert found["f32"].bits == 32
    assert sum(each.bytes for each in found.values()) < path.stat().st_size
    assert 4.5 < precision.bits(found.values()) < 6


def test_what_contradicts_itself_is_refused(tmp_path: Path):
    (tmp_path / "m.onnx").write_bytes(b"\x0a\xff\xff\xff\xff\x0f")
    with pytest.raises(ModelCorrupt):
        precision.of_files([tmp_path / "m.onnx"])


@pytest.fixture
def photos(tmp_path: Path) -> str:
    (tmp_path / "photos").mkdir()
    drawings.stop_sign().save(tmp_path / "photos" / "sign.png")
    labels = {"sign.png": {"objects": [{"label": "stop sign", "box": [228, 78, 184, 184]}]}}
    (tmp_path / "photos" / "labels.json").write_text(json.dumps(labels))
    return str(tmp_path / "photos")


def test_two_models_are_measured_now(
    models: Callable[[str], InstalledModel], photos: str, tmp_path: Path, store: Path, monkeypatch, capsys
):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    detector = str(models("detector").files["model"])
    asked = ["--speed", "--metric", "presence", "--data", photos, "--output", str(tmp_path / "page")]
    assert main(["compare", "nanodet", detector, *asked]) == 0
    out = capsys.readouterr().out
    rows = {line[:20].strip(): line[20:] for line in out.splitlines()}
    assert rows["file model"].split()[-2:] == ["the", "same"]
    assert "100.0 %" in rows["presence, now"]
    assert "weights as float16" in rows
    assert float(rows["time, now"].split()[1]) > 0
    assert "of the time" in out
    assert "model.onnx against nanodet: 7.3 MiB instead of 7.3 MiB, presence 100.0 % instead of 100.0 %" in out
    page = (tmp_path / "page" / "report.html").read_text("utf-8")
    assert "<h1>nanodet and model.onnx side by side</h1>" in page
    assert "100.0 %" in page


def test_two_runs_are_compared_by_their_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, presence in (("first", 0.81), ("second", 0.79)):
        folder = tmp_path / name / "accepted"
        folder.mkdir(parents=True)
        path = saved(
            folder / "m.onnx", [helper.make_node("Add", ["x", name], ["y"])], helper.make_tensor(name, 1, [1], [1])
        )
        Candidate(name, "detector", folder, {"model": "m.onnx"}).write()
        files = {"model": File("m.onnx", path.stat().st_size, sha256_of(path))}
        form = replace(variant("int8", 1, presence, accepted=True), files=files)
        records.write(record(variants=[form], chosen="int8"), tmp_path / name / records.FILE)
    assert main(["compare", str(tmp_path / "first"), str(tmp_path / "second"), "--json"]) == 0
    rows = {row["what"]: (row["one"], row["other"]) for row in json.loads(capsys.readouterr().out)}
    assert rows["presence, recorded"] == ("81.0 %", "79.0 %")
    assert rows["time of the reference's"] == ("0.50", "0.50")
    assert rows["peak memory"] == ("121 MiB", "121 MiB")
    assert rows["decided"] == ("accepted, chosen", "accepted, chosen")


def test_the_speed_of_language_models_needs_no_data(tmp_path: Path, capsys):
    path = str(tiny_llama.write(tmp_path / "tiny.gguf"))
    assert main(["compare", path, path, "--speed", "--threads", "1", "--json"]) == 0
    rows = {row["what"]: row["other"] for row in json.loads(capsys.readouterr().out)}
    assert 0.1 < float(rows["time, now"]) < 10


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nanodet", "nanodet", "--speed"], 2, "nothing says what both are measured over"),
        (["nanodet", "nanodet", "--metric", "presence"], 2, "nothing says what both are measured over"),
        (["nanodet", "nowhere.onnx", "--role", "detector"], 3, "there is no nowhere.onnx"),
        (["no-such", "nanodet"], 2, "there is no model 'no-such'"),
        (["nanodet", "nanodet", "--data", "x"], 2, "--data stands with --metric or --speed"),
    ],
)
def test_what_cannot_be_compared(words, status: int, said: str, store: Path, monkeypatch, capsys):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    assert main(["compare", *words]) == status
    assert said in capsys.readouterr().err


def test_accepting_leaves_a_record_that_can_be_published(photos: str, store: Path, tmp_path: Path, monkeypatch, models):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    monkeypatch.setattr("sys.argv", ["edge-quantize", "accept", "two words"])
    asked = ["--metric", "presence at_most_worse=0.1", "--data", photos, "--record", str(tmp_path / "out")]
    for _ in range(2):
        assert main(["accept", "nanodet", "--reference", "nanodet", *asked]) == 0
    (tmp_path / "mine").mkdir()
    detector = models("detector").files["model"]
    (tmp_path / "mine" / "mine.onnx").write_bytes(detector.read_bytes() + b"\x32\x01 ")  # a description more
    assert main(["accept", str(tmp_path / "mine" / "mine.onnx"), "--reference", "nanodet", *asked]) == 0
    found = records.read(tmp_path / "out")
    assert [form.name for form in found.variants] == ["nanodet", "mine"]
    assert found.chosen in {"nanodet", "mine"}
    assert found.commands[-1] == "edge-quantize accept 'two words'"
    assert set(found.inputs) == {"data/presence", "reference/model"}
    assert found.measures["presence"].lower_is_better is False
    assert found.variants[0].files["model"].tensors_sha256 == found.variants[1].files["model"].tensors_sha256
    assert "Take" in (tmp_path / "out" / "report.md").read_text("utf-8")
    Candidate("mine", "detector", tmp_path / "mine", {"model": "mine.onnx"}, {"architecture": "nanodet"}).write()
    assert main(["accept", "nanodet", "--reference", str(tmp_path / "mine"), *asked]) == 2
    words = [
        "--record",
        str(tmp_path / "out"),
        "--reference",
        "nanodet",
        "--licence",
        "Apache-2.0",
        "--profile",
        "none",
    ]
    words += ["--licence-url", "https://example.org/l", "--home", "https://example.org", "--yes"]
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path / "own"))
    (tmp_path / "own" / "nanodet").symlink_to(store / "nanodet")
    assert main(["publish", str(tmp_path / "mine" / "mine.onnx"), *words]) == 0
    assert Portfolio().open("mine").options["architecture"] == "nanodet"
