"""`edge-quantize metrics`, `evaluate` and `accept` from their command lines to what they print and return."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import damaged, drawings

from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli import _measuring
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import all_metrics

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _store(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


@pytest.fixture
def photos(tmp_path: Path) -> str:
    folder = tmp_path / "photos"
    folder.mkdir()
    drawings.clock().save(folder / "clock.png")
    drawings.stop_sign().save(folder / "sign.png")
    boxes = {"sign.png": ("stop sign", [228, 78, 184, 184]), "clock.png": ("clock", [200, 100, 240, 240])}
    labels = {name: {"objects": [{"label": label, "box": box}]} for name, (label, box) in boxes.items()}
    (folder / "labels.json").write_text(json.dumps(labels))
    return str(folder)


@pytest.fixture
def blind(tmp_path: Path, models: Callable[[str], InstalledModel]) -> str:
    """A damaged detector as a lone file."""
    made = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    return str(made.files["model"])


def test_every_metric_is_listed(capsys: Capture) -> None:
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("classifier") + 1].strip() == "top1 (against --reference)"
    assert all(len(line) <= 100 for line in lines)
    assert main(["metrics", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: tuple(each["gives"]) for name, each in told.items()} == {
        name: each.gives for name, each in all_metrics().items()
    }


def test_a_model_of_the_catalog_is_evaluated(photos: str, capsys: Capture) -> None:
    assert main(["evaluate", "nanodet", "--metric", "presence", "--data", photos, "--threads", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["threads"]) == ("nanodet", 1)
    assert told["metrics"]["presence"]["value"] == told["metrics"]["precision"]["value"] == 1
    assert told["metrics"]["map50"]["details"] == {"recall": 1}


def test_a_table_for_people(photos: str, capsys: Capture) -> None:
    assert main(["evaluate", "nanodet", "--metric", "objects", "--data", photos]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split() == ["presence", "1.0000", "2"]
    assert printed.out.splitlines()[-1].split() == ["map50", "1.0000", "2", "recall", "1"]
    assert "nanodet over data" in printed.err


def test_a_model_against_itself_and_a_damaged_one(photos: str, blind: str, capsys: Capture) -> None:
    asked = ["--metric", "presence within_interval", "--metric", "precision at_most_worse=0.01", "--data", photos]
    assert main(["accept", "nanodet", "--reference", "nanodet", *asked]) == 0
    out = capsys.readouterr().out
    assert out.count(" accepted\n") == 2
    assert out.endswith("nanodet is accepted in place of nanodet\n")
    assert main(["accept", blind, "--reference", "nanodet", *asked, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["accepted"]
    first = told["verdicts"][0]
    assert (first["metric"], first["value"], first["reference"], first["accepted"]) == ("presence", 0, 1, False)
    assert first["interval"]["difference"] == first["interval"]["low"] == -1


def test_relative_metrics_compare_with_the_reference(photos: str, capsys: Capture) -> None:
    words = ["accept", "efficientnet-lite0", "--reference", "efficientnet-lite0", "--data", photos]
    assert main([*words, "--metric", "top1 at_least=0.97"]) == 0
    assert "top1    1.0000     -" in capsys.readouterr().out
    assert main([*words, "--metric", "top1 within_interval"]) == 2


def test_criteria_of_a_recipe(photos: str, blind: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "nanodet.toml").write_text(
        'name = "nanodet-int8"\nrole = "detector"\nsource = { model = "nanodet" }\n'
        '[data]\nphotos = { path = "photos" }\n'
        '[[metrics]]\nmetric = "presence"\ndata = "photos"\nwithin_interval = true\n'
        '[[metrics]]\nmetric = "presence_all"\ndata = "photos"\n'
        '[[metrics]]\nmetric = "precision"\ndata = "more"\nat_least = 0.5\n'
        '[[variants]]\nname = "int8"\nsteps = [{ do = "quantize", type = "dynamic-int8" }]\n'
    )
    words = ["--reference", "nanodet", "--recipe", str(tmp_path / "nanodet.toml")]
    assert main(["accept", "nanodet", *words]) == 2
    assert "'precision' is measured on 'more', which is not given" in capsys.readouterr().err
    assert main(["accept", "nanodet", *words, "--data", f"more={photos}"]) == 0
    assert "at least 0.5" in capsys.readouterr().out
    assert main(["accept", blind, *words, "--data", f"more={photos}"]) == 1


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["evaluate", "nanodet", "--metric", "beauty", "--data", "."], 2, "there is no metric 'beauty'"),
        (["evaluate", "nanodet", "--metric", "wer", "--data", "."], 2, "wer measures speech"),
        (["evaluate", "nanodet", "--metric", "objects"], 2, "1 metrics and 0 --data"),
        (["evaluate", "nanodet", "--metric", "objects", "--data", "nowhere"], 3, "nowhere does not exist"),
        (["evaluate", "nanodet", "--metric", "objects", "--data", "."], 3, "no labels.json"),
        (["evaluate", "nanodet", "--metric", "objects", "--data", ".", "--threads", "0"], 2, "no whole number"),
        (["evaluate", "none-such", "--metric", "objects", "--data", "."], 2, "there is no model 'none-such'"),
        (["evaluate", "gone.onnx", "--metric", "top1", "--data", "."], 3, "there is no gone.onnx"),
        (["evaluate", "gone.onnx", "--reference", "nanodet", "--metric", "top1", "--data", "."], 3, "no gone.onnx"),
        (["accept", "nanodet", "--reference", "nanodet", "--metric", "presence", "--data", "."], 2, "has no criterion"),
        (["accept", "nanodet", "--reference", "nanodet", "--data", "."], 2, "--metric --recipe is required"),
        (
            ["accept", "nanodet", "--reference", "nanodet", "--metric", "presence at_best=1", "--data", "."],
            2,
            "at_best",
        ),
        (["accept", "nanodet", "--reference", "nanodet", "--recipe", "gone.toml"], 3, "no recipe"),
    ],
)
def test_what_goes_wrong(
    words: list[str], status: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == status
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_a_lone_file_stands_for_one_of_the_references(tmp_path: Path) -> None:
    for name in ("encoder.onnx", "decoder.onnx", "tokenizer.json", "Mine 8.onnx"):
        (tmp_path / name).write_bytes(name.encode())
    files = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "tokenizer": "tokenizer.json"}
    Candidate("whisper", "speech", tmp_path, files, {"multilingual": True}).write()
    parser = _parser()
    given = [str(tmp_path / "Mine 8.onnx"), str(tmp_path)]
    model, reference = _measuring.models(*given, parser.parse_args(["--key", "decoder"]))
    assert reference is not None
    assert model.paths == {**reference.paths, "decoder": tmp_path / "Mine 8.onnx"}
    assert (model.name, model.role, model.options) == ("mine-8", "speech", {"multilingual": True})
    with pytest.raises(UsageError, match=r"has 2 \.onnx files"):
        _measuring.models(*given, parser.parse_args([]))
    with pytest.raises(UsageError, match=r"no \.onnx file 'tokenizer'"):
        _measuring.models(*given, parser.parse_args(["--key", "tokenizer"]))


def test_data_for_each_metric() -> None:
    assert _measuring.by_metric(["a", "b"], ["x"]) == {"a": {"path": "x"}, "b": {"path": "x"}}
    assert _measuring.by_metric(["a", "b"], ["x", "count=2"]) == {"a": {"path": "x"}, "b": {"count": 2}}
    with pytest.raises(UsageError, match="two data"):
        _measuring.by_metric(["a", "a"], ["x", "y"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    _measuring.configure(parser)
    return parser
