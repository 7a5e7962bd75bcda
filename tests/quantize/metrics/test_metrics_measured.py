"""Each metric over real small models: what is known of the data comes out, and damage shows."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import damaged, drawings

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import candidate
from edge_assistant_quantize.datasets.paper import font
from edge_assistant_quantize.errors import CalibrationInvalid, QuantizationFailed, ToolMissing, UsageError
from edge_assistant_quantize.metrics.metric import MetricRun, metric
from edge_assistant_quantize.metrics.transcripts import word_edits
from edge_assistant_quantize.onnx.methods import parse
from edge_assistant_quantize.onnx.quantize import quantize
from edge_assistant_quantize.progress import ProgressStep, ignore
from edge_assistant_quantize.record import Measured

Models = Callable[[str], InstalledModel]
SAID = {
    "allergies": "I am allergic to penicillin. My brother is allergic to peanuts.",
    "pressure": "The pressure in the third boiler is 4 bar.",  # one word is wrong
}


def measure(
    name: str, model: InstalledModel, reference: InstalledModel | None = None, **data: object
) -> dict[str, Measured]:
    found = metric(name).measure(MetricRun(model, reference, data, Runtime(1), ignore))
    return {result.metric: result for result in found}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    drawings.clock().save(folder / "clock.png")
    drawings.stop_sign().save(folder / "sign.png")
    sign = [{"label": "stop sign", "box": [228, 78, 184, 184]}, {"label": "bus", "box": [600, 440, 20, 20]}]
    clock = [{"label": "clock", "box": [200, 100, 240, 240]}]
    labels = {"sign.png": sign, "clock.png": clock}
    document = {name: {"size": [640, 480], "objects": objects} for name, objects in labels.items()}
    (folder / "labels.json").write_text(json.dumps(document))
    return folder


def test_word_error(
    pytestconfig: pytest.Config, tmp_path: Path, models: Models, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model, and of one that hears nothing."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    for name, text in SAID.items():
        shutil.copy(pytestconfig.rootpath / "tests/fixtures/speech" / f"{name}.wav", tmp_path)
        (tmp_path / f"{name}.txt").write_text(text)
    both = measure("wer", models("speech"), path=tmp_path)
    found, slots = both["wer"], both["slots"]
    assert found.items == ("allergies.wav", "pressure.wav")
    assert found.wholes == (11, 9)
    assert found.parts[1] == 1
    assert found.lower_is_better
    assert (slots.items, slots.parts, slots.wholes) == (found.items, (0, 1), (0, 3))  # 3rd, 4 and bar
    assert slots.details == {"number": 0.5, "unit": 0}
    assert slots.lower_is_better
    deaf = damaged.damaged(models("speech"), "encoder", tmp_path / "deaf", damaged.not_numbers)
    heard = measure("wer", deaf, path=tmp_path)
    assert (heard["wer"].value, heard["slots"].value) == (1, 1)
    (tmp_path / "pressure.wav").unlink()
    assert list(measure("slots", models("speech"), path=tmp_path)) == ["wer"]  # there is no slot


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the program espeak-ng is not installed")
def test_what_a_voice_says_is_heard(
    tmp_path: Path, models: Models, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In floats, in eight bits, which a folder as of Piper's hub leads to, and damaged."""
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    data = {"path": tmp_path / "texts.txt", "ear": models("speech").name}
    data["path"].write_text("I am allergic to penicillin.\n")
    found = measure("heard", models("voice"), **data)["heard"]
    assert (found.items, found.wholes, found.lower_is_better) == (("text 1",), (5,), True)
    assert found.value < 0.3
    assert measure("heard", models("voice"), **data)["heard"] == found  # what is drawn is drawn again
    source, small = models("voice").files, tmp_path / "joe.onnx"
    quantize(source["model"], small, parse("dynamic-int8", {}), threads=1)
    shutil.copyfile(source["config"], tmp_path / "joe.onnx.json")
    eight = candidate.find(str(small))
    assert (eight.role, eight.bytes < 0.4 * source["model"].stat().st_size) == ("voice", True)
    with eight.held() as (held, _):
        assert measure("heard", held, **data)["heard"].value < 0.3
    hoarse = damaged.damaged(models("voice"), "model", tmp_path / "hoarse", damaged.noisy(0.5))
    assert measure("heard", hoarse, **data)["heard"].value > 0.5
    dumb = damaged.damaged(models("voice"), "model", tmp_path / "dumb", damaged.not_numbers)
    with pytest.raises(QuantizationFailed, match="cannot be run"):
        measure("heard", dumb, **data)


def test_writing_of_rendered_pages(models: Models) -> None:
    found = measure("writing", models("writing"), count=1, seed=1)
    assert found["cer"].value < 0.05
    assert found["cer"].lower_is_better
    assert not found["fields"].lower_is_better
    assert found["fields"].wholes == (5,)
    assert found["fields"].value > 0.7


def test_writing_of_pictures_has_no_fields(tmp_path: Path, models: Models) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (500, 120), "white")
    ImageDraw.Draw(picture).text((30, 40), "Pressure 4 bar", fill="black", font=font(36))
    picture.save(tmp_path / "label.png")
    with pytest.raises(CalibrationInvalid, match=r"nothing says what is written in label\.png"):
        measure("cer", models("writing"), path=tmp_path)
    (tmp_path / "label.txt").write_text("Pressure 5 bar\n")
    found = measure("cer", models("writing"), path=tmp_path)
    assert list(found) == ["cer"]
    assert (found["cer"].parts, found["cer"].wholes) == ((1,), (14,))


def test_objects(photos: Path, tmp_path: Path, models: Models) -> None:
    found = measure("objects", models("detector"), path=photos)
    assert found["presence"].items == ("sign.png", "clock.png")
    assert (found["presence"].parts, found["presence"].wholes) == ((1, 1), (1, 1))
    assert (found["presence_all"].parts, found["presence_all"].wholes) == ((1, 1), (2, 1))  # no bus
    assert found["precision"].value == 1
    blind = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    found = measure("objects", blind, path=photos)
    assert found["presence"].value == found["precision"].value == 0
    (photos / "labels.json").unlink()
    with pytest.raises(CalibrationInvalid, match=r"no labels\.json"):
        measure("presence", models("detector"), path=photos)


def test_first_class(photos: Path, tmp_path: Path, models: Models) -> None:
    model = models("classifier")
    same = measure("top1", model, model, path=photos)["top1"]
    assert (same.value, len(same.items)) == (1, 4)
    worse = damaged.damaged(model, "model", tmp_path / "noisy", damaged.noisy(1.0))
    assert measure("top1", worse, model, path=photos)["top1"].value < 1
    broken = damaged.damaged(model, "model", tmp_path / "nan", damaged.not_numbers)
    assert measure("top1", broken, model, path=photos)["top1"].value == 0


def test_cosine(tmp_path: Path, models: Models) -> None:
    """The reference is run once for many candidates over the same data, wherever its files lie."""
    texts = tmp_path / "texts.txt"
    texts.write_text("How many bottles are on the line?\nShe is allergic to penicillin.\n")
    model = models("embedder")
    changed = damaged.damaged(model, "model", tmp_path / "noisy", damaged.noisy(1.0))
    steps: list[ProgressStep] = []

    def measured(of: InstalledModel) -> tuple[Measured, int]:
        steps.clear()
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        for path in model.files.values():
            (folder / path.name).symlink_to(path)
        reference = replace(model, files={key: folder / path.name for key, path in model.files.items()})
        (found,) = metric("cosine").measure(MetricRun(of, reference, {"path": texts}, Runtime(1), steps.append))
        return found, sum(step.done == 0 for step in steps)

    same, runs = measured(model)
    assert runs == 2
    assert same.value == pytest.approx(1, abs=1e-5)
    assert all(part <= 1 for part in same.parts)
    found, runs = measured(changed)
    assert runs == 1
    assert found.value < same.value
    texts.write_text("How many bottles are on the line?\nAnd now?\n")
    assert measured(model)[1] == 2
    for name in ("top1", "cosine"):
        with pytest.raises(UsageError, match=f"{name} compares with a reference"):
            measure(name, model, path=".")


def test_counting_edits_needs_jiwer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ToolMissing, match="jiwer"):
        word_edits("a", "b")
