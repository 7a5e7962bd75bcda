"""What is seen in pictures: things, counted and weighed by two opinions, and what is only suspected."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import drawings
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelCorrupt
from edge_assistant.core.evidence import Evidence, Scene, Thing
from edge_assistant.core.signals import Kind, Origin, take_bytes, take_file
from edge_assistant.perception.classifier import Classifier, relations
from edge_assistant.perception.detectors import LABELS, Detection, Detector
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses import objects
from edge_assistant.perception.senses.objects import FAINT, Objects, Seen, alike, around, see, weigh
from edge_assistant_models.model import InstalledModel

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


def test_faces_are_counted_and_pages_of_a_pdf_are_only_read(sense: Objects) -> None:
    first = scene(seen(sense, drawings.face()))
    assert first.text.endswith("one face")
    assert dict(first.detail.counts)["face"] == 1  # type: ignore[union-attr]
    assert seen(sense, drawings.stop_sign(), kind="PDF").evidence == ()
    assert objects.kind_sentence(None, "maze") == "The picture looks like: maze"


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


@pytest.mark.parametrize(("score", "text"), [(0.46, "The picture shows"), (0.44, "The picture perhaps shows")])
def test_what_is_not_sure_is_told_with_perhaps(
    sense: Objects, monkeypatch: pytest.MonkeyPatch, score: float, text: str
) -> None:
    monkeypatch.setattr(objects, "see", lambda *_: Seen((Detection("dog", score, (0.0, 0.0, 50.0, 50.0)),), ()))
    sentence = scene(seen(sense, Image.new("RGB", (300, 200))))
    assert sentence.text == f"{text} one dog"
    assert sentence.detail == Scene((("dog", 1),))


def test_every_page_of_a_tiff_has_its_sentence(sense: Objects) -> None:
    percept = seen(sense, drawings.stop_sign(), drawings.clock(), kind="TIFF")
    scenes = [item for item in percept.evidence if isinstance(item.detail, Scene)]
    assert [(item.locator.page, item.text) for item in scenes] == [
        (1, "The picture shows one stop sign"),
        (2, "The picture shows one clock"),
    ]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 2)])
def test_odd_shapes_are_looked_at(sense: Objects, size: tuple[int, int]) -> None:
    assert scene(seen(sense, Image.new("RGB", size, "grey"))).locator.box == (0, 0, *size)


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


# two opinions

BOX = (0.0, 0.0, 10.0, 10.0)


def detector(*found: Detection) -> Detector:
    """One that always finds the same."""
    stand_in: Any = SimpleNamespace(threshold=0.3, faint=0.15, overlap=0.45)
    stand_in.detect = lambda _, down_to: [item for item in found if item.score >= down_to]
    stand_in.merge = lambda items: Detector.merge(stand_in, items)
    return cast(Detector, stand_in)


def classifier(**shares: float) -> Classifier:
    """One that always sees the same."""
    return cast(Classifier, SimpleNamespace(shares=lambda _: shares))


def look(found: list[Detection], second: Classifier | None = None) -> tuple[list[str], list[str]]:
    seen = see(np.zeros((100, 100, 3), np.uint8), detector(*found), second)
    return [item.label for item in seen.found], [item.label for item in seen.faint]


KITTEN = Detection("dog", 0.5, BOX, {"dog": 0.5, "cat": 0.3, "person": 0.2})
GIRAFFE = Detection("giraffe", 0.6, BOX, {"giraffe": 0.6, "zebra": 0.3})


@pytest.mark.parametrize(
    ("seen", "shares", "label"),
    [
        (KITTEN, {"dog": 0.02, "cat": 0.9}, "cat"),  # the classifier decides where the detector wavers
        (KITTEN, {"dog": 0.0, "cat": 0.0}, "dog"),
        (KITTEN, {"dog": 0.9, "cat": 0.1}, "dog"),
        (KITTEN, {"dog": 0.0, "zebra": 1.0, "person": 1.0}, "dog"),  # what the detector rules out stays out
        (GIRAFFE, {"zebra": 0.1}, "giraffe"),  # which has no class
        (GIRAFFE, {"zebra": 0.95}, "zebra"),
    ],
)
def test_two_opinions_are_weighed(seen: Detection, shares: dict[str, float], label: str) -> None:
    assert (weigh(seen, shares).label, weigh(seen, shares).score) == (label, seen.score)


@given(
    st.sampled_from([label for labels in relations()["alike"].values() for label in labels]),
    st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1)),
    st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1)),
)
def test_a_thing_stays_among_its_likes(label: str, scores: dict[str, float], shares: dict[str, float]) -> None:
    assert weigh(Detection(label, 0.5, BOX, scores), shares).label in alike(label)


def test_two_that_turn_out_to_be_one_are_told_once() -> None:
    van = Detection("car", 0.6, BOX, {"car": 0.6, "truck": 0.4})
    assert look([van, Detection("truck", 0.5, BOX, {"truck": 0.5})], classifier(truck=0.9, car=0.0))[0] == ["truck"]


def at(x: float, label: str, score: float) -> Detection:
    return Detection(label, score, (x, 0.0, 10.0, 10.0), {label: score})


@pytest.mark.parametrize(
    ("there", "found", "faint"),
    [
        ([("dog", 0.5), ("frisbee", 0.2), ("person", 0.1)], ["dog"], ["frisbee"]),
        ([("dog", 0.5), ("cat", 0.25)], ["dog"], []),  # which is taken for what was found
        ([("dog", 0.5), ("frisbee", 0.2), ("frisbee", 0.16), ("dog", 0.2)], ["dog"], ["frisbee"]),  # nor twice
        ([(label, 0.29 - i / 1000) for i, label in enumerate(LABELS)], [], list(LABELS[:FAINT])),
    ],
)
def test_what_is_faint_is_told_apart(there: list[tuple[str, float]], found: list[str], faint: list[str]) -> None:
    assert look([at(20 * i, label, score) for i, (label, score) in enumerate(there)]) == (found, faint)


def test_nothing_is_faint_in_the_place_of_what_was_found() -> None:
    assert look([at(0, "dog", 0.5), at(1, "couch", 0.25)]) == (["dog"], [])


def test_a_square_around_a_box_stays_in_the_picture() -> None:
    rgb = np.zeros((50, 80, 3), np.uint8)
    assert around((10, 10, 20, 10), rgb, 0.0).shape == (20, 20, 3)
    assert around((0, 0, 80, 50), rgb, 0.1).shape == (50, 80, 3)
    assert around((80, 50, 0, 0), rgb, 0.1).size > 0


def test_the_relations_name_labels_and_classes_and_each_once(models: Models) -> None:
    tables = relations()
    groups = [label for labels in tables["alike"].values() for label in labels]
    assert len(groups) == len(set(groups))
    assert {*groups, *tables["kinds"], *tables["others"]} <= set(LABELS)
    rows = [row for rows in Classifier(models("classifier"), Runtime(1))._classes.values() for row in rows]
    assert len(rows) == len(set(rows))


def test_the_classifier_sees_a_label_in_its_classes(models: Models) -> None:
    shares = Classifier(models("classifier"), Runtime(2)).shares(np.asarray(drawings.clock().convert("RGB")))
    assert shares["clock"] > 0.5
    assert all(0 <= share <= 1.001 for share in shares.values())


def test_a_classifier_of_other_classes_is_refused(models: Models, tmp_path: Path) -> None:
    model = models("classifier")
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\n")
    other = InstalledModel(model.name, model.sha256, {**model.files, "labels": labels}, model.options)
    with pytest.raises(ModelCorrupt, match="ImageNet"):
        Classifier(other, Runtime(1))
