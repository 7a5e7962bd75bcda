from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import drawings
from PIL import Image

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelCorrupt
from edge_assistant.core.evidence import Evidence, Scene, Thing
from edge_assistant.core.signals import Kind, Origin, take_bytes, take_file
from edge_assistant.perception.detectors import Detection
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses import objects
from edge_assistant.perception.senses.objects import Objects, Seen
from edge_assistant_models.installed import InstalledModel

Models = Callable[[str], InstalledModel]


@pytest.fixture(scope="module")
def sense(models: Models) -> Objects:
    return Objects({role: models(role) for role in ("detector", "classifier", "faces")}, Runtime(2))


def seen(sense: Objects, *images: Image.Image, kind: str = "PNG", **options: object) -> Percept:
    stream = io.BytesIO()
    if images[1:]:
        options |= {"save_all": True, "append_images": images[1:]}
    images[0].save(stream, kind, **options)
    return sense.perceive(take_bytes(stream.getvalue(), Kind.IMAGE, 1, origin=Origin.FILE, name="drawing"), Request())


def scene(percept: Percept) -> Evidence:
    first = percept.evidence[0]
    assert isinstance(first.detail, Scene)
    return first


def near(box: tuple[int, ...] | None, wanted: tuple[int, ...], pixels: int = 12) -> bool:
    return box is not None and all(abs(a - b) <= pixels for a, b in zip(box, wanted, strict=True))


def test_a_drawn_stop_sign_is_one_sentence_and_one_object(sense: Objects) -> None:
    percept = seen(sense, drawings.stop_sign())
    sentence, sign = percept.evidence
    assert sentence.text == "The picture shows one stop sign"
    assert sentence.detail == Scene((("stop sign", 1),))
    assert sign.detail == Thing("stop sign")
    assert sign.signal == "image:1"
    assert sign.confidence is not None
    assert sign.confidence > 0.7
    assert near(sign.locator.box, (228, 78, 184, 184))
    assert sentence.locator == sign.locator


def test_the_classifier_adds_the_kind_of_the_main_thing(sense: Objects) -> None:
    *_, kind = seen(sense, drawings.clock()).evidence
    assert kind.text == "The clock looks like: analog clock"
    assert kind.detail == Thing("analog clock")
    assert near(kind.locator.box, (200, 100, 240, 240))


def test_the_demos_bottles_are_counted(sense: Objects, pytestconfig: pytest.Config) -> None:
    signal = take_file(pytestconfig.rootpath / "examples" / "line" / "camera.jpg", Kind.IMAGE, 1)
    percept = sense.perceive(signal, Request())
    assert scene(percept).text == "The picture shows five bottles"
    assert scene(percept).detail == Scene((("bottle", 5),))
    assert [item.text for item in percept.evidence[1:6]] == ["bottle"] * 5


def test_a_receipt_is_a_written_page_and_hardly_a_book(sense: Objects) -> None:
    percept = seen(sense, drawings.receipt())
    assert scene(percept).text.startswith("The picture looks like a written page")
    assert all(item.confidence is not None and item.confidence < 0.5 for item in percept.evidence[1:])
    assert not [item for item in percept.evidence if "looks like:" in item.text]


def test_what_is_faint_is_neither_told_nor_counted(sense: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    faint = Detection("umbrella", 0.2, (0.0, 0.0, 5.0, 5.0))
    monkeypatch.setattr(objects, "see", lambda *_: Seen((), (faint,)))
    sentence, umbrella = seen(sense, Image.new("RGB", (300, 200))).evidence
    assert sentence.detail == Scene(())
    assert sentence.text == "No known object was found in the picture"
    assert (umbrella.text, umbrella.confidence) == ("perhaps an umbrella", 0.2)
    assert umbrella.detail == Thing("umbrella", sure=False)


def test_boxes_are_in_the_pixels_of_the_upright_picture(sense: Objects) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    lying = drawings.stop_sign().rotate(90, expand=True)
    sign = seen(sense, lying, kind="JPEG", quality=95, exif=exif).evidence[1]
    assert sign.text == "stop sign"
    assert near(sign.locator.box, (228, 78, 184, 184))


def test_what_is_no_detector_is_refused(models: Models, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(64)))
    for files, architecture, said in (
        (models("detector").files, "fancy", "unknown architecture"),
        ({"model": path}, "nanodet", "cannot be loaded"),
    ):
        other = InstalledModel("other", "", files, {"architecture": architecture})
        with pytest.raises(ModelCorrupt, match=said):
            seen(Objects({"detector": other}, Runtime(1)), drawings.clock())
