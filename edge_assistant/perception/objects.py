"""The objects sense: what can be seen in a picture, counted, each thing with its box and score.

A detector finds things of the 80 classes of COCO. A classifier, where there is one, gives a second opinion on each,
names the kind of the main thing or of a picture in which nothing was found, and tells a photograph from a written page:
what the detector believes to see in a page counts for less by as much as it is one. Faces, where there is a model for
them, are counted and never recognised. Pages of a PDF are documents: they are read, and not searched for objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar

from edge_assistant.core.evidence import Evidence, Locator, Scene, Thing
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception import pictures, scenes, things
from edge_assistant.perception.classifier import Classifier
from edge_assistant.perception.detectors import Detection, Detector, open_detector
from edge_assistant.perception.faces import Face, Faces
from edge_assistant.perception.sense import Percept, Request, Sense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.perception.page import Page

    Pixels = NDArray[np.uint8]

_MARGIN = 0.1  # of its size, around the main thing when its kind is looked for
_FloatBox = tuple[float, float, float, float]
Locate = Callable[[_FloatBox], Locator]


class Objects(Sense):
    """Sees things and counts them."""

    name: ClassVar[str] = "objects"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.IMAGE})
    roles: ClassVar[tuple[str, ...]] = ("detector",)
    optional_roles: ClassVar[tuple[str, ...]] = ("classifier", "faces")
    seconds: ClassVar[float] = 0.2

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Look at every page of a picture; see `Sense.perceive`."""
        if _is_pdf(signal):
            return Percept(())
        evidence: list[Evidence] = []
        notes: list[str] = []
        for page in pictures.pages(signal):
            evidence += self.look(page.rgb, signal.id, partial(_locate, page))
            notes += page.notes
            request.progress(0.5)
        request.progress(1.0)
        return Percept(tuple(evidence), notes=tuple(notes))

    def look(self, rgb: Pixels, signal: str, locate: Locate) -> list[Evidence]:
        """What one picture shows: the sentence about it, each object, the kind of the main one, and what may be there.

        Args:
            rgb: uint8 [H, W, 3], upright.
            signal: id of the signal it belongs to.
            locate: gives the locator of a box x, y, width, height in pixels of `rgb`.
        """
        written = self._classifier.written(rgb) if self._classifier else 0.0
        if written:
            found = [replace(item, score=item.score * (1 - written)) for item in self._detector.detect(rgb)]
            return [_page(rgb, signal, found, locate), *_things(found, signal, locate)]
        seen = things.see(rgb, self._detector, self._classifier)
        faces = self._faces.find(rgb) if self._faces else []
        return [
            _scene(rgb, signal, seen.found, faces, self._detector.sure, locate),
            *_things(seen.found, signal, locate),
            *self._kind(rgb, signal, seen.found, locate),
            *_faint_things(seen.faint, signal, locate),
        ]

    def _kind(self, rgb: Pixels, signal: str, found: Sequence[Detection], locate: Locate) -> list[Evidence]:
        """What kind the largest thing is, or the picture where nothing was found; nothing where that is not sure."""
        if self._classifier is None:
            return []
        main = max(found, key=lambda item: item.box[2] * item.box[3] * item.score, default=None)
        part = things.around(main.box, rgb, _MARGIN) if main else rgb
        named = self._classifier.name(part, main.label if main else None)
        if named is None:
            return []
        name, probability = named
        text = scenes.kind(main.label if main else None, name)
        where = locate(main.box if main else _whole(rgb))
        return [Evidence("", signal, text, probability, where, Thing(name))]

    @cached_property
    def _detector(self) -> Detector:
        return open_detector(self.models["detector"], self.runtime)

    @cached_property
    def _classifier(self) -> Classifier | None:
        model = self.models.get("classifier")
        return Classifier(model, self.runtime) if model else None

    @cached_property
    def _faces(self) -> Faces | None:
        model = self.models.get("faces")
        return Faces(model, self.runtime) if model else None


def _page(rgb: Pixels, signal: str, found: Sequence[Detection], locate: Locate) -> Evidence:
    """The sentence about a picture that is a written page."""
    counts = _counts(found)
    least = min((item.score for item in found), default=None)
    return Evidence("", signal, scenes.written(counts), least, locate(_whole(rgb)), Scene((*counts.items(),)))


def _scene(
    rgb: Pixels, signal: str, found: Sequence[Detection], faces: Sequence[Face], sure: float, locate: Locate
) -> Evidence:
    """The sentence about a photograph; it is as sure as the least sure thing in it."""
    counts = _counts(found)
    certain = {item.label for item in found if item.score >= sure}
    told = {label: number for label, number in counts.items() if label in certain}
    text = scenes.sentence(told, {k: v for k, v in counts.items() if k not in certain}, len(faces))
    scores = [item.score for item in found] + [score for score, _ in faces]
    boxes = [item.box for item in found] + [box for _, box in faces]
    where = locate(_union(boxes) if boxes else _whole(rgb))
    detail = Scene((*counts.items(), *([(scenes.FACE, len(faces))] if faces else [])))
    return Evidence("", signal, text, min(scores, default=None), where, detail)


def _counts(found: Sequence[Detection]) -> dict[str, int]:
    """How many things there are of each label, those that take most of the picture first."""
    counts = Counter(item.label for item in found)
    area = {label: sum(item.box[2] * item.box[3] for item in found if item.label == label) for label in counts}
    return {label: counts[label] for label in sorted(counts, key=lambda label: -area[label])}


def _things(found: Sequence[Detection], signal: str, locate: Locate) -> Iterator[Evidence]:
    for item in found:
        yield Evidence("", signal, scenes.one(item.label), item.score, locate(item.box), Thing(item.label))


def _faint_things(faint: Sequence[Detection], signal: str, locate: Locate) -> Iterator[Evidence]:
    """What may be there; each thing is told as such."""
    for item in faint:
        thing = Thing(item.label, sure=False)
        yield Evidence("", signal, scenes.perhaps(item.label), item.score, locate(item.box), thing)


def _locate(page: Page, box: _FloatBox) -> Locator:
    return Locator(page=page.number, box=page.in_picture(box))


def _is_pdf(signal: Signal) -> bool:
    with signal.open() as stream:
        return b"%PDF-" in stream.read(1024)


def _whole(rgb: Pixels) -> _FloatBox:
    return 0.0, 0.0, float(rgb.shape[1]), float(rgb.shape[0])


def _union(boxes: Sequence[_FloatBox]) -> _FloatBox:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top
