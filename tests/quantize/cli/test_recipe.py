"""`run`, `recipes` and `report` with a real detector."""

from __future__ import annotations

import json
import tomllib

import pytest
from helpers.records import record

from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.report import plots

RECIPE = """
name = "nanodet-int8"
role = "detector"
source = { path = "model" }
calibration = { path = "photos" }
data.photos = { path = "photos" }
metrics = [{ metric = "presence", data = "photos", within_interval = true }]

[[variants]]
name = "dynamic-int8"
steps = [{ do = "quantize", type = "dynamic-int8" }]

[[variants]]
name = "static-int8"
steps = [{ do = "quantize", type = "static-int8" }]
"""


@pytest.mark.usefixtures("workers")
def test_the_real_detector_twice_gives_the_same_tensors(models, photos, tmp_path, monkeypatch, capsys):
    """The plots of its reports are drawn elsewhere; that two photographs are too few is told elsewhere, too."""
    monkeypatch.setattr(gate, "check_count", lambda *given: None)
    monkeypatch.setattr(gate, "check_reference", lambda *given: None)
    monkeypatch.setattr(plots, "against", lambda *given: None)
    model = models("detector")
    (tmp_path / "model").mkdir()
    files = {key: f"{key}.onnx" for key in model.files}
    for key, path in model.files.items():
        (tmp_path / "model" / files[key]).write_bytes(path.read_bytes())
    Candidate("nanodet", "detector", tmp_path / "model", files, model.options).write()
    (tmp_path / "recipe.toml").write_text(RECIPE)
    command = ["run", str(tmp_path / "recipe.toml"), "--threads", "1", "--output"]
    assert main([*command, str(tmp_path / "out"), "--locked", str(tmp_path / "out")]) == 3
    assert "there is no folder out - name a folder that a run has written" in capsys.readouterr().err
    status = main([*command, str(tmp_path / "one"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["chosen"] else 1)
    assert [variant["name"] for variant in told["variants"]] == ["dynamic-int8", "static-int8"]
    assert (tmp_path / "one" / "report.html").exists()
    assert all(variant["speed"]["ratio"] > 0 for variant in told["variants"])
    assert told["reference"]["speed"]["ratio"] == 1
    assert told["reference"]["peak_mib"] > 20
    (tmp_path / "recipe.toml").write_text("speed = false\n" + RECIPE)
    assert main([*command, str(tmp_path / "two"), "--locked", str(tmp_path / "one")]) in {0, 1}
    for name in ("variants/dynamic-int8/model.onnx", "variants/static-int8/model.onnx"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_recipes_are_listed_and_shown(capsys):
    assert main(["recipes"]) == 0
    assert "wer: at most 0.005 worse" in capsys.readouterr().out
    assert main(["recipes", "show", "detector"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["name"] == "detector"


def test_a_report_is_written_again(tmp_path, capsys):
    records.write(record(), tmp_path / records.FILE)
    assert main(["report", str(tmp_path)]) == 0
    assert "Take static int8, 1 node left: 9.5 MiB" in capsys.readouterr().out
    assert (tmp_path / "report.html").is_file()
    (tmp_path / records.FILE).write_text("{}")
    assert main(["report", str(tmp_path)]) == 3
    assert "record.json is no record" in capsys.readouterr().err
