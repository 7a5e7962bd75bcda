"""The objects sense: what can be seen in a picture, counted, each thing with its box and score.

A detector finds things of the 80 classes of COCO. It takes a kitten for a dog or a van for a car, so a classifier,
where there is one, gives a second opinion on each: both are weighed among labels that are taken for one another (see
kinds.toml). It also names the kind of the main thing or of a picture in which nothing was found, and tells a photograph
from a written page: what the detector believes to see in a page counts for less by as much as it is one. Faces, where
there is a model for them, are counted and never recognised. Pages of a PDF are read, and not searched for objects.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

from edge_assistant.core.evidence import Evidence, Locator, Scene, Thing
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.sense import Percept, Request, Sense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.perception.classifier import Classifier
    from edge_assistant.perception.detectors import Detection, Detector, Face, Faces
    from edge_assistant.perception.page import Page

    Pixels = NDArray[np.uint8]

FACE = "face"
ASKED = 8  # things of a picture, surest first, on which the classifier is asked; 7 ms each
FAINT = 5  # of a picture, one of a label
# What follows was chosen on 80 photographs of COCO's training part.
_WEIGHT = 0.3  # exponent of the classifier's opinion; up to 0.5 nearly as good
_UNHEARD = 0.03  # added to the classifier's share, so that none is nothing
_NO_CLASS = 0.06  # the classifier's share of a label for which it has no class, such as giraffe
_SAME_PLACE = 0.7  # intersection over union with what was found, from which nothing faint is there too
MARGIN = 0.07  # of its size, around a thing when the classifier looks at it
_KIND_MARGIN = 0.1  # of its size, around the main thing when its kind is looked for
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
        from edge_assistant.perception.decoders import client
        from edge_assistant.perception.page import is_pdf

        client.ahead(signal)
        with signal.open() as stream:
            if is_pdf(stream):
                return Percept(())
        self._detector, self._classifier, self._faces  # noqa: B018 - loaded while the process that decodes starts
        evidence: list[Evidence] = []
        notes: list[str] = []
        for page in client.pages(signal):
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
        seen = see(rgb, self._detector, self._classifier)
        faces = self._faces.find(rgb) if self._faces else []
        return [
            _scene(rgb, signal, seen.found, faces, self._detector.sure, locate),
            *_things(seen.found, signal, locate),
            *self._kind(rgb, signal, seen.found, locate),
            *_things(seen.faint, signal, locate, sure=False),
        ]

    def _kind(self, rgb: Pixels, signal: str, found: Sequence[Detection], locate: Locate) -> list[Evidence]:
        """What kind the largest thing is, or the picture where nothing was found; nothing where that is not sure."""
        if self._classifier is None:
            return []
        main = max(found, key=lambda item: item.box[2] * item.box[3] * item.score, default=None)
        part = around(main.box, rgb, _KIND_MARGIN) if main else rgb
        named = self._classifier.name(part, main.label if main else None)
        if named is None:
            return []
        name, probability = named
        text = kind_sentence(main.label if main else None, name)
        where = locate(main.box if main else _whole(rgb))
        return [Evidence("", signal, text, probability, where, Thing(name))]

    @cached_property
    def _detector(self) -> Detector:
        from edge_assistant.perception.detectors import open_detector

        return open_detector(self.models["detector"], self.runtime)

    @cached_property
    def _classifier(self) -> Classifier | None:
        from edge_assistant.perception.classifier import Classifier

        model = self.models.get("classifier")
        return Classifier(model, self.runtime) if model else None

    @cached_property
    def _faces(self) -> Faces | None:
        from edge_assistant.perception.detectors import Faces

        model = self.models.get("faces")
        return Faces(model, self.runtime) if model else None


def _page(rgb: Pixels, signal: str, found: Sequence[Detection], locate: Locate) -> Evidence:
    """The sentence about a picture that is a written page."""
    counts = _counts(found)
    least = min((item.score for item in found), default=None)
    return Evidence("", signal, page_sentence(counts), least, locate(_whole(rgb)), Scene((*counts.items(),)))


def _scene(
    rgb: Pixels, signal: str, found: Sequence[Detection], faces: Sequence[Face], sure: float, locate: Locate
) -> Evidence:
    """The sentence about a photograph; it is as sure as the least sure thing in it."""
    from edge_assistant.perception.documents.layout import union

    counts = _counts(found)
    certain = {item.label for item in found if item.score >= sure}
    told = {label: number for label, number in counts.items() if label in certain}
    text = scene_sentence(told, {k: v for k, v in counts.items() if k not in certain}, len(faces))
    placed = [(item.score, item.box) for item in found] + [*faces]
    where = locate(union([box for _, box in placed]) if placed else _whole(rgb))
    detail = Scene((*counts.items(), *([(FACE, len(faces))] if faces else [])))
    return Evidence("", signal, text, min((score for score, _ in placed), default=None), where, detail)


def _counts(found: Sequence[Detection]) -> dict[str, int]:
    """How many things there are of each label, those that take most of the picture first."""
    counts = Counter(item.label for item in found)
    area = {label: sum(item.box[2] * item.box[3] for item in found if item.label == label) for label in counts}
    return {label: counts[label] for label in sorted(counts, key=lambda label: -area[label])}


def _things(found: Sequence[Detection], signal: str, locate: Locate, *, sure: bool = True) -> Iterator[Evidence]:
    """Each thing; one that is only suspected is told as such."""
    for item in found:
        text = called(item.label) if sure else perhaps(item.label)
        yield Evidence("", signal, text, item.score, locate(item.box), Thing(item.label, sure=sure))


def _locate(page: Page, box: _FloatBox) -> Locator:
    return Locator(page=page.number, box=page.in_picture(box))


def _whole(rgb: Pixels) -> _FloatBox:
    return 0.0, 0.0, float(rgb.shape[1]), float(rgb.shape[0])


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
    from edge_assistant.perception.classifier import relations

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


def scene_sentence(sure: Mapping[str, int], unsure: Mapping[str, int], faces: int) -> str:
    """What a picture shows, in one sentence without its full stop.

    Args:
        sure: how many there are of each label, in the order of telling.
        unsure: the same for labels of which the detector is not sure.
        faces: how many faces were seen.

    >>> scene_sentence({"giraffe": 2, "person": 1}, {"bus": 14}, 1)
    'The picture shows two giraffes, one person and perhaps 14 buses; one face can be seen'
    >>> scene_sentence({}, {"person": 1, "sheep": 2}, 0)
    'The picture perhaps shows one person and two sheep'
    """
    told = [counted(label, number) for label, number in sure.items()]
    guessed = [counted(label, number) for label, number in unsure.items()]
    seen = counted(FACE, faces)
    if not told and not guessed:
        return _say("nothing_but_faces", faces=seen) if faces else _say("nothing")
    things = _listed(guessed if guessed else told)
    if told and guessed:
        things = _words()["comma"].join(told) + _words()["perhaps"] + things
    found = _say("picture" if told else "picture_perhaps", things=things)
    return _say("faces_too", sentence=found, faces=seen) if faces else found


def page_sentence(things: Mapping[str, int]) -> str:
    """That a picture is a written page, with the things that the detector believes to see in it.

    >>> page_sentence({"book": 1})
    'The picture looks like a written page and perhaps shows one book'
    """
    names = [counted(*item) for item in things.items()]
    return _say("written_perhaps", things=_listed(names)) if names else _say("written")


def kind_sentence(label: str | None, name: str) -> str:
    """That a thing, or the whole picture, looks like a certain kind.

    >>> kind_sentence("dog", "beagle")
    'The dog looks like: beagle'
    """
    if label is None:
        return _say("picture_looks_like", kind=name)
    return _say("looks_like", thing=called(label), kind=name)


def perhaps(label: str) -> str:
    """That a thing may be there.

    >>> perhaps("umbrella"), perhaps("skis")
    ('perhaps an umbrella', 'perhaps a pair of skis')
    """
    thing = called(label)
    return _say("an" if thing[0] in _words()["vowels"] else "a", thing=thing)


def counted(label: str, number: int) -> str:
    """A number of things of one label, in words up to twelve.

    >>> counted("sheep", 3), counted("person", 1), counted("wine glass", 13)
    ('three sheep', 'one person', '13 wine glasses')
    """
    words = _words()
    numbers: list[str] = words["numbers"]
    name = called(label) if number == 1 else words["plural"].get(label, f"{label}s")
    return f"{numbers[number] if number < len(numbers) else number} {name}"


def called(label: str) -> str:
    """What one thing of a label is called."""
    return str(_words()["singular"].get(label, label))


def _listed(items: Sequence[str]) -> str:
    *first, last = items
    return str(_words()["comma"].join(first) + _words()["and"] + last) if first else last


def _say(key: str, **given: str) -> str:
    """A sentence of scenes_english.toml with what it is about."""
    return str(_words()[key].format(**given))


@cache
def _words() -> Mapping[str, Any]:
    text = resources.files("edge_assistant.perception").joinpath("scenes_english.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
