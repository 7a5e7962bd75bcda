"""Detectors of the 80 classes of COCO and of faces: what goes into each network, and how its output becomes boxes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.core.errors import ModelCorrupt

if TYPE_CHECKING:
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_models.model import InstalledModel

    Floats = NDArray[np.float32]
    Pixels = NDArray[np.uint8]

LABELS = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard"),
    *("cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors"),
    *("teddy bear", "hair drier", "toothbrush"),
)
MAX_OBJECTS = limits.OBJECTS.value
_SAME_PLACE = 0.85  # of two classes in one place the surer is right (4 times of 5 on COCO's training photographs)
_CANDIDATES = 1_000  # of one picture before overlapping ones are dropped
_RULED_OUT = 0.02  # a label with a lower score in a place is not thought of there
_FACES_SIDE = 256
_FACES_SCORE = 0.65
_FACES_OVERLAP = 0.3
_ANCHORS = ((16, 2), (32, 6))  # stride, and anchors in each of its cells
_LOGIT_LIMIT = 80  # beyond it the exponential overflows and the score does not change

Face = tuple[float, tuple[float, float, float, float]]
"""Score 0..1 and box x, y, width, height in pixels of the picture given."""


@dataclass(frozen=True, slots=True)
class Detection:
    """An object.

    Attributes:
        label: of COCO.
        score: 0..1.
        box: x, y, width, height in pixels of the picture given.
        scores: of every label that the detector does not rule out in this place.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]
    scores: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a picture lies in the square that a network is given: scaled, then moved, in pixels of the square."""

    scale: tuple[float, float]  # of width and height
    left: float = 0.0
    top: float = 0.0

    def back(self, points: Floats) -> Floats:
        """Points x, y, x, y, ... [n, 2k] of the square in pixels of the picture."""
        times = points.shape[1] // 2
        moved = points - np.tile(np.array([self.left, self.top], np.float32), times)
        return (moved / np.tile(np.array(self.scale, np.float32), times)).astype(np.float32, copy=False)


class Detector(ABC):
    """A network with its own input and output; one subclass an architecture.

    Attributes:
        architecture: as the catalog's option `architecture` names it.
        threshold: scores below it are noise.
        sure: a label none of whose objects reaches this score is told with "perhaps".
        faint: from this score up to the threshold, an object may be there.
        overlap: intersection over union from which two boxes of one class are the same object.
        mirrored: whether the mirror image is looked at too.
    """

    architecture: ClassVar[str]
    threshold: ClassVar[float]
    sure: ClassVar[float]
    faint: ClassVar[float]
    overlap: ClassVar[float]
    mirrored: ClassVar[bool]
    _STRIDES: ClassVar[tuple[int, ...]] = (8, 16, 32)

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        self._session = runtime.session(model.files["model"])
        shape = self._session.get_inputs()[0].shape
        if len(shape) != 4 or not isinstance(shape[2], int) or shape[2] != shape[3] or shape[2] % 32:
            raise ModelCorrupt(f"{model.name} does not take a square picture", "use a detector of the catalog")
        self.side: int = shape[2]

    def detect(self, rgb: Pixels, down_to: float | None = None) -> list[Detection]:
        """The objects in a picture, surest first.

        Args:
            rgb: uint8 [H, W, 3].
            down_to: the lowest score; the detector's threshold where it is not given.
        """
        height, width = rgb.shape[:2]
        image, placed = self._prepared(rgb)
        scores, corners = self._run(image)
        if self.mirrored:
            scores, corners = self._with_mirror_image(image, scores, corners)
        corners = np.clip(placed.back(corners), 0, [width, height, width, height])
        rows, classes = np.nonzero(scores >= (self.threshold if down_to is None else down_to))
        best = np.argsort(-scores[rows, classes], kind="stable")[:_CANDIDATES]
        rows, classes = rows[best], classes[best]
        kept = suppress(corners[rows], classes, self.overlap)[:MAX_OBJECTS]
        return [_detection(classes[i], scores[rows[i]], corners[rows[i]]) for i in kept]

    def merge(self, found: Sequence[Detection]) -> list[Detection]:
        """Objects of which those in one place are told once, surest first; as `detect` does it."""
        ordered = sorted(found, key=lambda item: -item.score)
        boxes = np.array([item.box for item in ordered], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        classes = np.array([LABELS.index(item.label) for item in ordered], np.intp)
        return [ordered[i] for i in suppress(boxes, classes, self.overlap)]

    def _run(self, image: Floats) -> tuple[Floats, Floats]:
        outputs = self._session.run(None, {self._session.get_inputs()[0].name: channels_first(image)})
        return self._decoded([np.asarray(output, np.float32) for output in outputs])

    def _with_mirror_image(self, image: Floats, scores: Floats, corners: Floats) -> tuple[Floats, Floats]:
        """The mean, cell by cell, of what is seen in a picture and in its mirror image."""
        other_scores, other = self._run(image[:, ::-1])
        rows = self._mirror_rows()
        other = other[rows]
        other = np.stack([self.side - other[:, 2], other[:, 1], self.side - other[:, 0], other[:, 3]], axis=1)
        half = np.float32(0.5)
        return (scores + other_scores[rows]) * half, (corners + other) * half

    def _mirror_rows(self) -> NDArray[np.intp]:
        """The output's row of each cell's mirror image; cells are numbered as in `grid`."""
        rows, start = [], 0
        for stride in self._STRIDES:
            n = self.side // stride
            rows.append(np.arange(start, start + n * n).reshape(n, n)[:, ::-1].ravel())
            start += n * n
        return np.concatenate(rows)

    @abstractmethod
    def _prepared(self, rgb: Pixels) -> tuple[Floats, Placed]:
        """The network's input as f32 [side, side, 3], and where in it the picture lies."""

    @abstractmethod
    def _decoded(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Scores [n, 80] and boxes [n, 4] as left, top, right, bottom in pixels of the network's input."""


class NanoDet(Detector):
    """NanoDet (https://github.com/RangiLyu/nanodet): each side of a box is a distribution over its distance.

    Distances are in strides, the expectation of a softmax over 11 bins (Li et al. 2020, "Generalized Focal Loss").
    """

    architecture = "nanodet"
    threshold = 0.3
    sure = 0.45
    faint = 0.15
    overlap = 0.45
    mirrored = True
    _MEAN = (103.53, 116.28, 123.675)  # BGR
    _DEVIATION = (57.375, 57.12, 58.395)
    _BINS = 11

    def _prepared(self, rgb: Pixels) -> tuple[Floats, Placed]:
        image, placed = letterbox(rgb, self.side, tuple(reversed(self._MEAN)), centred=True)
        mean, deviation = np.array(self._MEAN, np.float32), np.array(self._DEVIATION, np.float32)
        return (image[:, :, ::-1] - mean) / deviation, placed

    def _decoded(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        scores, sides = np.concatenate(outputs[:3], axis=1)[0], np.concatenate(outputs[3:], axis=1)[0]
        cells, strides = grid(self.side, self._STRIDES)
        bins = sides.reshape(-1, 4, self._BINS)
        odds = np.exp(bins - bins.max(axis=2, keepdims=True))
        distances = odds @ np.arange(self._BINS, dtype=np.float32) / odds.sum(axis=2) * strides[:, None]
        centres = (cells + 0.5) * strides[:, None]
        return scores, np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1)


class YoloX(Detector):
    """YOLOX (Ge et al. 2021, https://github.com/Megvii-BaseDetection/YOLOX): centre, logarithmic size, objectness."""

    architecture = "yolox"
    threshold = 0.4
    sure = 0.5
    faint = 0.2
    overlap = 0.45
    mirrored = False
    _FILL = (114.0, 114.0, 114.0)  # grey below and right of the picture, as in training

    def _prepared(self, rgb: Pixels) -> tuple[Floats, Placed]:
        image, placed = letterbox(rgb, self.side, self._FILL)
        return image[:, :, ::-1], placed

    def _decoded(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        (rows,) = outputs[0]
        cells, strides = grid(self.side, self._STRIDES)
        centres = (rows[:, :2] + cells) * strides[:, None]
        halves = np.exp(np.minimum(rows[:, 2:4], 10)) * strides[:, None] / 2  # 10: 700,000 pixels, no overflow
        return rows[:, 4:5] * rows[:, 5:], np.concatenate([centres - halves, centres + halves], axis=1)


class RtDetr(Detector):
    """RT-DETR, RT-DETRv2 and D-FINE (Zhao et al. 2024, "DETRs Beat YOLOs on Real-time Object Detection").

    The whole picture is stretched to the square, as in training. Each row is a query that looks for one object. The
    thresholds are not tuned, as no weights of it were to be had.
    """

    architecture = "rt-detr"
    threshold = 0.5
    sure = 0.6
    faint = 0.25
    overlap = 0.8  # queries seldom find an object twice
    mirrored = False

    def _prepared(self, rgb: Pixels) -> tuple[Floats, Placed]:
        from PIL import Image

        height, width = rgb.shape[:2]
        image = Image.fromarray(rgb).resize((self.side, self.side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return (np.asarray(image) / 255).astype(np.float32), Placed((self.side / width, self.side / height))

    def _decoded(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        logits, boxes = outputs[0][0], outputs[1][0] * self.side
        centres, halves = boxes[:, :2], boxes[:, 2:] / 2
        return _sigmoid(logits), np.concatenate([centres - halves, centres + halves], axis=1)


def open_detector(model: InstalledModel, runtime: Runtime) -> Detector:
    """The detector of a model, by its option `architecture`.

    Raises:
        ModelCorrupt: the file cannot be loaded or is of another architecture.
    """
    for kind in Detector.__subclasses__():
        if kind.architecture == model.options.get("architecture"):
            return kind(model, runtime)
    known = ", ".join(kind.architecture for kind in Detector.__subclasses__())
    raise ModelCorrupt(f"{model.name} is a detector of an unknown architecture", f"its catalog entry must say {known}")


class Faces:
    """Finds faces, to be counted; nothing here tells one face from another.

    The network is BlazeFace for back cameras (Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection
    on Mobile GPUs").
    """

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        self._session = runtime.session(model.files["model"])
        parts = []
        for stride, repeats in _ANCHORS:
            cells, _ = grid(_FACES_SIDE, (stride,))
            parts.append(np.repeat((cells + 0.5) * stride, repeats, axis=0))
        self._anchors: Floats = np.concatenate(parts)

    def find(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """The faces in a picture, uint8 [H, W, 3] RGB, surest first."""
        height, width = rgb.shape[:2]
        image, placed = letterbox(rgb, _FACES_SIDE, centred=True)
        outputs = self._session.run(None, {"image": (image / 127.5 - 1)[None].astype(np.float32)})
        logits = np.concatenate(outputs[:2], axis=1)[0, :, 0]
        boxes = np.concatenate(outputs[2:], axis=1)[0, :, :4]
        scores = _sigmoid(logits)
        best = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= _FACES_SCORE]
        centres, halves = self._anchors[best] + boxes[best, :2], boxes[best, 2:] / 2
        corners = np.clip(
            placed.back(np.concatenate([centres - halves, centres + halves], axis=1)), 0, [width, height] * 2
        )
        found = []
        for i in suppress(corners, np.zeros(len(best), np.intp), _FACES_OVERLAP):
            left, top, right, bottom = (float(value) for value in corners[i])
            found.append((float(scores[best[i]]), (left, top, right - left, bottom - top)))
        return found


def grid(side: int, strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Cells [n, 2] as column and row, row by row and stride after stride, and the stride [n] of each."""
    cells, sizes = [], []
    for stride in strides:
        steps = np.arange(side // stride, dtype=np.float32)
        columns, rows = np.meshgrid(steps, steps)
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        sizes.append(np.full(len(cells[-1]), stride, np.float32))
    return np.concatenate(cells), np.concatenate(sizes)


def suppress(corners: Floats, classes: NDArray[np.intp], overlap: float) -> list[int]:
    """Non-maximum suppression: rows to keep, given boxes as corners, surest first.

    Within a class boxes are one object from `overlap`, between classes from `_SAME_PLACE` intersection over union.
    """
    kept: list[int] = []
    alive = np.ones(len(corners), bool)
    for i in range(len(corners)):
        if alive[i]:
            kept.append(i)
            limits = np.where(classes == classes[i], overlap, _SAME_PLACE)
            alive &= overlaps(corners[i], corners) < limits
    return kept


def overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box with each of several, all as left, top, right, bottom."""
    both = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = both.clip(min=0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(areas - shared, np.float32(1e-6))  # type: ignore[no-any-return]


def _sigmoid(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-np.clip(logits, -_LOGIT_LIMIT, _LOGIT_LIMIT)))).astype(np.float32, copy=False)


def _detection(label: int, scores: Floats, corners: Floats) -> Detection:
    left, top, right, bottom = (float(value) for value in corners)
    thought_of = {name: float(score) for name, score in zip(LABELS, scores, strict=True) if score >= _RULED_OUT}
    return Detection(LABELS[label], float(scores[label]), (left, top, right - left, bottom - top), thought_of)


def letterbox(
    rgb: Pixels, side: int, fill: tuple[float, ...] = (0.0, 0.0, 0.0), *, centred: bool = False
) -> tuple[Floats, Placed]:
    """A picture scaled into a square f32 [side, side, 3] without distortion, the rest filled with one colour."""
    from PIL import Image

    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = ((side - w) // 2, (side - h) // 2) if centred else (0, 0)
    square = np.full((side, side, 3), fill, np.float32)
    resized = Image.fromarray(rgb).resize((w, h), Image.Resampling.BILINEAR, reducing_gap=2.0)
    square[top : top + h, left : left + w] = np.asarray(resized)
    return square, Placed((scale, scale), left, top)


def channels_first(image: Floats) -> Floats:
    """One picture [H, W, 3] as a batch [1, 3, H, W]."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None])
