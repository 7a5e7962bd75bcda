"""`compare`: two models side by side, by their files, records and measurements."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from helpers import tiny_llama
from helpers.records import record, variant
from msgspec.structs import replace
from onnx import helper

from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate, sha256_of
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.record import File


def test_two_models_are_measured_now(models, photos, tmp_path, capsys):
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
    said = "model.onnx against nanodet: 7.3 MiB instead of 7.3 MiB, presence 100.0 % instead of 100.0 %"
    assert said in out
    page = (tmp_path / "page" / "report.html").read_text("utf-8")
    assert "<h1>nanodet and model.onnx side by side</h1>" in page
    assert said.split(" against ")[1].split(", ")[1] in page


def test_two_runs_are_compared_by_their_records(tmp_path: Path, capsys):
    for name, presence in (("first", 0.81), ("second", 0.79)):
        folder = tmp_path / name / "accepted"
        folder.mkdir(parents=True)
        value, result = (helper.make_tensor_value_info(each, 1, [1]) for each in ("x", "y"))
        weight = helper.make_tensor(name, 1, [1], [1])
        graph = helper.make_graph([helper.make_node("Add", ["x", name], ["y"])], "g", [value], [result], [weight])
        path = folder / "m.onnx"
        onnx.save(helper.make_model(graph), path)
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
