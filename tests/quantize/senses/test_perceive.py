from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from helpers import drawings

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputError
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing, QuantizationFailed, UsageError
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.senses import perceive

RUNTIME = Runtime(1)


@pytest.fixture(autouse=True)
def silero(store, monkeypatch):
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


@pytest.fixture
def spoken(pytestconfig, tmp_path):
    shutil.copy(pytestconfig.rootpath / "tests/fixtures/speech/pressure.wav", tmp_path)
    (tmp_path / "pressure.txt").write_text("The pressure in the second boiler is four bar.")
    return tmp_path


@pytest.fixture
def photos(tmp_path):
    drawings.clock().save(tmp_path / "clock.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def given(model, role, **data):
    return dict(perceive(model, role, data, RUNTIME, ignore))


def test_speech_gives_words_and_scenarios_are_recordings_too(spoken, tmp_path, models):
    heard = given(models("speech"), "speech", path=str(spoken))
    assert list(heard) == ["pressure.wav"]
    assert "pressure in the second boiler" in heard["pressure.wav"]
    folder = tmp_path / "set" / "boiler"
    folder.mkdir(parents=True)
    shutil.copy(spoken / "pressure.wav", folder / "voice.wav")
    (folder / "scenario.toml").write_text('[[signals]]\nfile = "voice.wav"\nsaid = "four bar"\n')
    ((name, found),) = given(models("vad"), "vad", path=str(tmp_path / "set")).items()
    assert (name, len(found)) == ("boiler/voice.wav", 1)


def test_pages_are_rendered_by_seed(models):
    steps = []
    read = dict(perceive(models("writing"), "writing", {"count": 3, "seed": 4, "limit": 1}, RUNTIME, steps.append))
    assert list(read) == ["page 4"]
    assert len(read["page 4"].pieces) > 3
    assert [(step.done, step.total) for step in steps] == [(0, 1), (1, 1)]


def test_a_folder_of_pages(tmp_path, models):
    drawings.receipt().save(tmp_path / "till.png")
    pieces = given(models("writing"), "writing", path=tmp_path)["till.png"].pieces
    assert any("Item number" in piece.text for piece in pieces)


def test_photographs_without_labels(photos, models):
    seen = given(models("detector"), "detector", path=photos)
    assert list(seen) == ["clock.png"]
    assert [item.label for item in seen["clock.png"].seen.found] == ["clock"]
    assert seen["clock.png"].pixels == 640 * 480
    assert given(models("faces"), "faces", path=photos) == {"clock.png": []}


def test_labelled_objects_are_pictures_for_the_classifier(photos, models):
    objects = [{"label": "clock", "box": [200, 100, 240, 240]}, {"label": "bus", "box": [0, 0, 20, 20]}]
    (photos / "labels.json").write_text(json.dumps({"clock.png": {"size": [640, 480], "objects": objects}}))
    found = given(models("classifier"), "classifier", path=photos)
    assert list(found) == ["clock.png", "clock.png#1 clock"]  # the bus is too small to be looked at
    assert all(p.shape == (1000,) and abs(p.sum() - 1) < 1e-3 for p in found.values())


def test_texts_and_examples(tmp_path, models):
    (tmp_path / "texts.txt").write_text("Good morning\n\nHow many bottles are there?\n")
    vectors = given(models("embedder"), "embedder", path=tmp_path / "texts.txt")
    assert list(vectors) == ["text 1", "text 2"]
    assert np.linalg.norm(vectors["text 2"]) == pytest.approx(1, abs=1e-5)
    assert len(given(models("embedder"), "embedder", examples=True, limit=3)) == 3


@pytest.mark.parametrize(
    ("role", "data", "says"),
    [
        ("speech", {"path": "photos"}, "the data holds no recordings with their words for the role speech"),
        ("detector", {"path": "speech"}, "the data holds no pictures for the role detector"),
        ("classifier", {"path": "texts.txt"}, "texts.txt is no folder"),
        ("embedder", {"path": "photos/clock.png"}, "the data is not text in UTF-8"),
        ("embedder", {"path": "photos"}, "photos is a directory"),
        ("embedder", {"path": "blank.txt"}, "the data holds no texts for the role embedder"),
        ("writing", {}, "the data holds no pictures for the role writing"),
        ("writing", {"count": -1}, "'count' of the data is not a whole number"),
        ("detector", {"path": "photos", "limit": "two"}, "'limit' of the data is not a whole number"),
        ("faces", {}, "the data has no 'path'"),
        ("detector", {"path": "broken"}, "broken.png is a damaged picture"),
        ("classifier", {"path": "unlabelled"}, "labels.json is not of the expected form"),
    ],
)
def test_data_of_the_wrong_kind(role, data, says, tmp_path, models, monkeypatch):
    for name in ("photos", "speech", "broken", "unlabelled"):
        (tmp_path / name).mkdir()
    drawings.clock().save(tmp_path / "photos" / "clock.png")
    (tmp_path / "broken" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "unlabelled" / "labels.json").write_text("[]")
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    (tmp_path / "blank.txt").write_text("\n\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises((CalibrationInvalid, InputError)) as caught:
        given(models(role), role, **data)
    assert says in caught.value.message
    assert "\n" not in str(caught.value)


def test_recordings_that_cannot_be_used(spoken, models):
    (spoken / "pressure.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(CalibrationInvalid, match="not text in UTF-8"):
        given(models("speech"), "speech", path=spoken)
    (spoken / "pressure.txt").write_text("four bar")
    (spoken / "pressure.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"pressure\.wav"):
        given(models("speech"), "speech", path=spoken)


def test_data_or_a_sense_that_is_not_there(models):
    with pytest.raises(InputMissing, match="nowhere does not exist"):
        given(models("detector"), "detector", path="nowhere")
    with pytest.raises(UsageError, match="role 'language'"):
        given(models("faces"), "language", path=".")


def test_a_file_that_the_model_lacks(photos, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"")
    lacking = Candidate("mine", "detector", tmp_path, {"net": "net.onnx"}, {"architecture": "nanodet"})
    with pytest.raises(InputMissing, match="the model has no file 'model'"), lacking.held() as (model, _):
        given(model, "detector", path=photos)


def test_a_graph_that_loads_and_cannot_be_run(photos, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    given_ = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 256, 256])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    rows = helper.make_tensor("rows", TensorProto.INT64, [1], [7])
    node = helper.make_node("Gather", ["image", "rows"], ["out"], axis=0)  # there is no row 7
    graph = helper.make_graph([node], "broken", [given_], [out], [rows])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "broken.onnx")
    broken = InstalledModel("broken", "", {"model": tmp_path / "broken.onnx"}, {"architecture": "nanodet"})
    with pytest.raises(QuantizationFailed, match=r"broken cannot be run \("):
        given(broken, "detector", path=photos)
