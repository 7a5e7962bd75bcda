"""Two opinions on a thing, what is only suspected, and the data that relates the classifier's classes to the labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import drawings
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelCorrupt
from edge_assistant.perception.classifier import Classifier, relations
from edge_assistant.perception.detectors import LABELS, Detection, Detector
from edge_assistant.perception.senses.objects import FAINT, alike, around, see, weigh
from edge_assistant_models.installed import InstalledModel

Models = Callable[[str], InstalledModel]
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
