"""Things in a picture: what the detector finds, with a second opinion of the classifier, and what it only suspects.

A detector takes a kitten for a dog or a van for a car. The classifier, which knows many kinds of each, looks at that
part of the picture by itself; both opinions are weighed among labels that are taken for one another (see kinds.toml).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_assistant.perception.classifier import Classifier, relations
from edge_assistant.perception.detectors import Detection, Detector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

ASKED = 8  # things of a picture, surest first, on which the classifier is asked; 7 ms each
FAINT = 5  # of a picture, one of a label
# What follows was chosen on 80 photographs of COCO's training part.
_WEIGHT = 0.3  # exponent of the classifier's opinion; up to 0.5 nearly as good
_UNHEARD = 0.03  # added to the classifier's share, so that none is nothing
_NO_CLASS = 0.06  # the classifier's share of a label for which it has no class, such as giraffe
_SAME_PLACE = 0.7  # intersection over union with what was found, from which nothing faint is there too
MARGIN = 0.07  # of its size, around a thing when the classifier looks at it


@dataclass(frozen=True, slots=True)
class Seen:
    """Things in a picture, surest first.

    Attributes:
        found: what is there, as far as the models can tell.
        faint: what may be there, of labels that were not found and are not taken for one that was: too faint to be told
            or counted, but it can confirm what another signal tells.
    """

    found: tuple[Detection, ...]
    faint: tuple[Detection, ...]


def see(rgb: Pixels, detector: Detector, classifier: Classifier | None) -> Seen:
    """The things in a picture, uint8 [H, W, 3] RGB."""
    suspected = detector.detect(rgb, down_to=detector.faint)
    found = [item for item in suspected if item.score >= detector.threshold]
    rest = suspected[len(found) :]
    if classifier:
        found = detector.merge(list(_second_opinions(rgb, found, classifier)))
    return Seen(tuple(found), tuple(_faint(found, rest)))


def weigh(item: Detection, shares: Mapping[str, float]) -> Detection:
    """A thing under the label that is most likely by both opinions; its score stays that of there being a thing.

    Args:
        item: what the detector found.
        shares: the classifier's probability of each label that it has classes for.
    """
    weights = {
        label: item.scores.get(label, 0.0) * (shares[label] + _UNHEARD if label in shares else _NO_CLASS) ** _WEIGHT
        for label in alike(item.label)
    }
    best = max(weights, key=lambda label: (weights[label], label == item.label), default=item.label)
    return replace(item, label=best)


def alike(label: str) -> Sequence[str]:
    """The labels that are taken for one another with this one, itself included; none where it is not taken for any."""
    groups: Mapping[str, list[str]] = relations()["alike"]
    return next((labels for labels in groups.values() if label in labels), [])


def around(box: tuple[float, float, float, float], rgb: Pixels, margin: float) -> Pixels:
    """A square around a box with a margin (of its longer side), as far as the picture goes, at least a pixel wide."""
    height, width = rgb.shape[:2]
    x, y, w, h = box
    half = max(w, h) * (0.5 + margin)
    left, top = int(max(0, min(x + w / 2 - half, width - 1))), int(max(0, min(y + h / 2 - half, height - 1)))
    right, bottom = int(min(width, x + w / 2 + half)), int(min(height, y + h / 2 + half))
    return rgb[top : max(bottom, top + 1), left : max(right, left + 1)]


def _second_opinions(rgb: Pixels, found: Sequence[Detection], classifier: Classifier) -> Iterator[Detection]:
    asked = 0
    for item in found:
        if alike(item.label) and asked < ASKED:
            asked += 1
            yield weigh(item, classifier.shares(around(item.box, rgb, MARGIN)))
        else:
            yield item


def _faint(found: Sequence[Detection], rest: Sequence[Detection]) -> list[Detection]:
    """Of the rest, the surest of some labels that were not found."""
    told = {other for item in found for other in (item.label, *alike(item.label))}
    faint: list[Detection] = []
    for item in rest:
        if len(faint) < FAINT and item.label not in told and not any(_same_place(item, other) for other in found):
            told.add(item.label)
            faint.append(item)
    return faint


def _same_place(one: Detection, other: Detection) -> bool:
    (x, y, w, h), (left, top, width, height) = one.box, other.box
    shared = max(0.0, min(x + w, left + width) - max(x, left)) * max(0.0, min(y + h, top + height) - max(y, top))
    return shared > _SAME_PLACE * (w * h + width * height - shared)
