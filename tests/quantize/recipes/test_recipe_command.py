"""`edge-quantize run` and `edge-quantize recipes`, and the recipes that come with the package."""

import json
import tomllib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from edge_assistant_models.entries import ROLES
from edge_assistant_quantize.acceptance import accept
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.metrics.metric import metric
from edge_assistant_quantize.recipes import loading

SENSES = {"speech", "writing", "detector", "classifier", "embedder", "language"}


@pytest.mark.parametrize("name", sorted(loading.presets()))
def test_a_preset_is_whole(name):
    recipe = loading.load(name)
    assert recipe.role in ROLES
    assert recipe.source is None
    assert recipe.description
    accept.check(each.criterion for each in recipe.measurements if each.criterion is not None)
    assert all(recipe.role in metric(each.metric).roles for each in recipe.measurements)
    assert any(each.criterion is not None for each in recipe.measurements)


def test_there_is_a_preset_for_each_sense():
    assert {loading.load(name).role for name in loading.presets()} >= SENSES


def test_a_recipe_for_a_model_of_ones_own_is_five_lines(tmp_path):
    lines = [
        'name = "whisper-ours"',
        'extends = "speech"',
        'source = { path = "whisper-ours" }',
        'data.recordings = { path = "recordings" }',
        'publish = { licence = "MIT" }',
    ]
    (tmp_path / "ours.toml").write_text("\n".join(lines))
    recipe = loading.load(str(tmp_path / "ours.toml"))
    assert (recipe.name, recipe.role, recipe.publish.licence) == ("whisper-ours", "speech", "MIT")
    assert recipe.data["recordings"] == {"path": str(tmp_path / "recordings")}


def test_recipes_are_listed_and_shown(capsys):
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert "wer: at most 0.005 worse" in listed
    assert main(["recipes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["detector"]["role"] == "detector"
    assert main(["recipes", "show", "detector"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["name"] == "detector"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recipes", "show"], "no recipe is named - name one of classifier, detector"),
        (["recipes", "show", "oracle"], "there is no recipe 'oracle' - name one of classifier, detector"),
        (["run", "oracle.toml", "--output", "out"], "there is no recipe 'oracle.toml'"),
        (["run", "detector", "--output", "out"], "detector: nothing says what is to be quantized - name it: --source"),
        (["run", "detector", "--output", "o", "--source", "nanodet"], "which is not given - say where it is: --data"),
        (["run", "detector", "--output", "o", "--data", "photos"], "--data photos names no data set"),
    ],
)
def test_what_is_wrong_with_a_command_line(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) in {2, 3}
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def detector(models, tmp_path) -> Path:
    """The detector as a candidate, and a folder of drawn photographs with labels."""
    model = models("detector")
    folder = next(iter(model.files.values())).parent
    files = {key: str(path) for key, path in model.files.items()}
    given = Candidate("nanodet", "detector", folder, files, model.options)
    own = tmp_path / "model"
    own.mkdir()
    for key, path in given.paths.items():
        (own / f"{key}{path.suffix}").write_bytes(path.read_bytes())
    Candidate("nanodet", "detector", own, {key: f"{key}.onnx" for key in files}, model.options).write()
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = Image.new("RGB", (160, 120), "white")
    ImageDraw.Draw(picture).ellipse((30, 20, 110, 100), fill="orange")
    picture.save(photos / "one.png")
    label = {"label": "orange", "box": [30, 20, 80, 80]}
    (photos / "labels.json").write_text(json.dumps({"one.png": {"size": [160, 120], "objects": [label]}}))
    return tmp_path


RECIPE = """
name = "nanodet-int8"
role = "detector"
source = { path = "model" }
calibration = { path = "photos" }
data.photos = { path = "photos" }

[[metrics]]
metric = "presence"
data = "photos"
within_interval = true

[[variants]]
name = "dynamic-int8"
steps = [{ do = "quantize", type = "dynamic-int8" }]

[[variants]]
name = "static-int8"
steps = [{ do = "quantize", type = "static-int8", exclude_until_accepted = 2 }]
"""


def test_the_real_detector_twice_gives_the_same_tensors(detector, capsys):
    (detector / "recipe.toml").write_text(RECIPE)
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
    (detector / "recipe.toml").write_text(RECIPE)
    assert main(["run", str(detector / "recipe.toml"), "--output", str(detector / "out"), "--locked"]) == 3
    assert "there is no lock file recipe.lock - run the recipe once without --locked" in capsys.readouterr().err
