"""`run`, `recipes` and `report` with a real detector."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from helpers.records import record
from PIL import Image, ImageDraw

from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli.main import main

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
steps = [{ do = "quantize", type = "static-int8", exclude_until_accepted = 2 }]
"""


@pytest.fixture
def detector(models, tmp_path) -> Path:
    """The detector as a candidate, a drawn photograph with labels, and a recipe over both."""
    model = models("detector")
    (tmp_path / "model").mkdir()
    for key, path in model.files.items():
        (tmp_path / "model" / f"{key}.onnx").write_bytes(path.read_bytes())
    files = {key: f"{key}.onnx" for key in model.files}
    Candidate("nanodet", "detector", tmp_path / "model", files, model.options).write()
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = Image.new("RGB", (160, 120), "white")
    ImageDraw.Draw(picture).ellipse((30, 20, 110, 100), fill="orange")
    picture.save(photos / "one.png")
    label = {"label": "orange", "box": [30, 20, 80, 80]}
    (photos / "labels.json").write_text(json.dumps({"one.png": {"size": [160, 120], "objects": [label]}}))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def test_the_real_detector_twice_gives_the_same_tensors(detector, capsys):
    command = ["run", str(detector / "recipe.toml"), "--threads", "1", "--output"]
    status = main([*command, str(detector / "one"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["chosen"] else 1)
    assert [variant["name"] for variant in told["variants"]] == ["dynamic-int8", "static-int8"]
    assert (detector / "one" / "report.html").exists()
    assert [variant["speed"]["ratio"] > 0 for variant in told["variants"]] == [True, True]
    assert told["reference"]["speed"]["ratio"] == 1
    assert told["reference"]["peak_mib"] > 20
    (detector / "recipe.toml").write_text("speed = false\n" + RECIPE)  # no part of what is locked
    assert main([*command, str(detector / "two"), "--locked", str(detector / "one" / "recipe.lock")]) in {0, 1}
    assert (detector / "one" / "recipe.lock").read_text() == (detector / "two" / "recipe.lock").read_text()
    for name in ("dynamic-int8", "static-int8"):
        made = [(detector / run / "variants" / name / "model.onnx").read_bytes() for run in ("one", "two")]
        assert made[0] == made[1]


def test_a_run_held_to_a_lock_file_that_is_not_there(detector, capsys):
    assert main(["run", str(detector / "recipe.toml"), "--output", str(detector / "out"), "--locked"]) == 3
    assert "there is no lock file recipe.lock - run the recipe once without --locked" in capsys.readouterr().err


def test_recipes_are_listed_and_shown(capsys):
    assert main(["recipes"]) == 0
    assert "wer: at most 0.005 worse" in capsys.readouterr().out
    assert main(["recipes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["detector"]["role"] == "detector"
    assert main(["recipes", "show", "detector"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["name"] == "detector"


def test_a_report_is_written_again(tmp_path, capsys):
    records.write(record(), tmp_path / records.FILE)
    assert main(["report", str(tmp_path)]) == 0
    assert "Take static int8, 1 node left: 9.5 MiB" in capsys.readouterr().out
    assert main(["report", str(tmp_path / records.FILE), "--output", str(tmp_path / "pages")]) == 0
    assert (tmp_path / "pages" / "report.html").is_file()
    (tmp_path / records.FILE).write_text("{}")
    assert main(["report", str(tmp_path)]) == 3
    assert "record.json is no record" in capsys.readouterr().err
