"""Writing found and recognised in a picture with PP-OCR models: quadrangles, then their characters.

Detection is DBNet (Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", 2020), recognition a
CTC model (Graves et al., 2006). Constants without another source are those of PaddleOCR's inference, which the
weights were trained with.
"""

from __future__ import annotations

import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import onnxruntime

    Pixels = NDArray[np.uint8]
    Quad = NDArray[np.float32]

MIN_SIDE = 736  # the detector misses print of fewer pixels than a page of this width gives
MAX_DETECTED = 1_700_000  # pixels that the detector looks at; A4 at 130 dpi
_MULTIPLE = 32  # of both sides, the detector's stride
_INK = 0.3  # a pixel this probable belongs to writing
_BOX = 0.5  # an outline this probable on average is writing
_UNCLIP = 1.6  # the detector is trained on shrunken outlines; this grows them back
MAX_LINES = limits.PAGE_LINES.value
_HEIGHT = 48  # the recogniser's input
_MIN_WIDTH = 48
_MAX_WIDTH = 3_200  # a line 66 times as long as high
_STEP = 8  # pixels of width per step of the recogniser's output
_BATCH_WIDTH = 1_200  # summed width of a batch: 11 MB of output over 18,710 characters; more is no faster
_PADDING = 1.15  # how much wider than its narrowest line a batch may be
_CLASSIFIED = (48, 192)  # height and width that the classifier of upside-down lines takes
# Letters that the recogniser takes for digits; in a number it is asked whether the digit was probable, too.
_DIGITS = {**dict.fromkeys("OoCDQ", "0"), **dict.fromkeys("Il", "1")}
_PROBABLE = 0.05  # of the digit, where the letter is the recogniser's first choice; in clear print it is below 0.01
_AT_END = 0.1  # the same where the letter ends the number, and may be its unit: 38C
_PART = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class RecognizedLine:
    """What a line says.

    Attributes:
        text: the characters, spaces included.
        confidence: mean probability of the characters, 0 where there are none.
        places: for each character its centre across the line, 0 at the left end and 1 at the right.
    """

    text: str
    confidence: float
    places: tuple[float, ...]


class LineReader:
    """Finds and recognises lines of writing. Pictures are uint8 [H, W, 3] in RGB order."""

    def __init__(
        self,
        detection: onnxruntime.InferenceSession,
        recognition: onnxruntime.InferenceSession,
        classification: onnxruntime.InferenceSession,
        characters: Sequence[str],
        side_by_side: int = 1,
    ) -> None:
        """Take the three models, the recogniser's characters without blank and space, and how often it runs at once.

        The networks are small: two runs of the recogniser on a core each are done before one after the other on both.
        """
        self._side_by_side = side_by_side
        self._detection = detection
        self._recognition = recognition
        self._classification = classification
        self._characters = ["", *characters, " "]

    def detect(self, picture: Pixels) -> list[Quad]:
        """Quadrangles around lines, float32 [4, 2]: x, y clockwise from the line's upper left in pixels."""
        import cv2

        height, width = picture.shape[:2]
        size = detector_size(width, height)
        shrinking = size[0] * size[1] < width * height
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
        found = _run(self._detection, _normalised(small)[None])
        quads = _outlines(found[0, 0])
        back = np.array([width / size[0], height / size[1]], np.float32)
        return [quad * back for quad in quads]

    def recognise(self, lines: Sequence[Pixels]) -> list[RecognizedLine]:
        """Read lines that `cut` gave, in their order."""
        widths = [line_width(line) for line in lines]
        found = list(batches(widths))[::-1]  # the widest first: they take longest, and what they took serves the others

        def read(number: int) -> list[RecognizedLine]:
            batch, last = found[number], number == len(found) - 1
            stack = _stacked([lines[i] for i in batch], (_HEIGHT, widths[batch[-1]]))
            scores = _run(self._recognition, stack, give_back=last)
            return [self._decoded(row, widths[index]) for row, index in zip(scores, batch, strict=True)]

        readings: list[RecognizedLine] = [RecognizedLine("", 0.0, ())] * len(lines)
        with ThreadPoolExecutor(self._side_by_side) as pool:
            for batch, read_lines in zip(found, pool.map(read, range(len(found))), strict=True):
                for index, reading in zip(batch, read_lines, strict=True):
                    readings[index] = reading
        return readings

    def upside_down(self, lines: Sequence[Pixels]) -> float:
        """How probable it is, on average over the lines, that they stand on their heads."""
        scores = _run(self._classification, _stacked(lines, _CLASSIFIED))
        return float(scores[:, 1].mean())

    def _decoded(self, scores: NDArray[np.float32], width: int) -> RecognizedLine:
        """Greedy CTC for characters; spaces where the sum over all alignments has one, which greedy CTC misses."""
        space = len(self._characters) - 1
        best = scores.argmax(axis=1)
        steps = np.flatnonzero((best != 0) & (best != space) & (best != np.r_[-1, best[:-1]]))
        if not len(steps):
            return RecognizedLine("", 0.0, ())
        read = [(int(step), self._characters[best[step]]) for step in steps]
        read += [(step, " ") for step in _spaces(scores[:, 0], scores[:, space], steps)]
        read.sort()
        text = as_digits(
            "".join(c for _, c in read),
            lambda index, digit: float(scores[read[index][0], self._characters.index(digit)]),
        )
        places = tuple(min(1.0, (step + 0.5) * _STEP / width) for step, _ in read)
        return RecognizedLine(text, float(scores[steps, best[steps]].mean()), places)


def _run(
    session: onnxruntime.InferenceSession, x: NDArray[np.float32], *, give_back: bool = True
) -> NDArray[np.float32]:
    """A model's one output; what this run and others took is given back, or kept for the next."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    if give_back:  # pages of many sizes would pile up half a gigabyte
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    (output,) = session.run(None, {"x": x}, run_options=options)
    result: NDArray[np.float32] = output
    return result


def _spaces(blank: NDArray[np.float32], space: NDArray[np.float32], steps: NDArray[np.intp]) -> list[int]:
    """The steps at which words part: between two characters, a blank at every step is less probable than a space."""
    found = []
    for last, following in pairwise(steps.tolist()):
        empty, gap = blank[last + 1 : following], space[last + 1 : following]
        if len(gap) and float((empty / (empty + gap + 1e-9)).prod()) < 0.5:
            found.append(last + 1 + int(gap.argmax()))
    return found


def detector_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which the detector looks at a picture: small ones grow, large ones shrink.

    >>> detector_size(400, 600), detector_size(1000, 1400), detector_size(4000, 4000)
    ((736, 1088), (992, 1408), (1312, 1312))
    """
    scale = max(1.0, MIN_SIDE / min(width, height))
    scale = min(scale, math.sqrt(MAX_DETECTED / (width * height)))
    across, down = (max(_MULTIPLE, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height))
    return across, down


def cut(picture: Pixels, quad: Quad) -> Pixels:
    """The line in a quadrangle, straightened; one that is much higher than wide is turned a quarter clockwise."""
    import cv2

    width = max(1, round(max(math.dist(quad[0], quad[1]), math.dist(quad[3], quad[2]))))
    height = max(1, round(max(math.dist(quad[0], quad[3]), math.dist(quad[1], quad[2]))))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    line = cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.rot90(line) if height >= 1.5 * width else line


def line_width(line: Pixels) -> int:
    """The width of a line at the recogniser's height."""
    height, width = int(line.shape[0]), int(line.shape[1])
    return min(_MAX_WIDTH, max(_MIN_WIDTH, math.ceil(_HEIGHT * width / height)))


def batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of lines of similar width: what is padded is computed for nothing.

    >>> list(batches([100, 500, 105, 520]))
    [[0, 2], [1, 3]]
    """
    batch: list[int] = []
    for index in sorted(range(len(widths)), key=lambda i: widths[i]):
        full = (len(batch) + 1) * widths[index] > _BATCH_WIDTH
        if batch and (full or widths[index] > _PADDING * widths[batch[0]]):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _normalised(picture: Pixels) -> NDArray[np.float32]:
    """Channels first in BGR order, -1 to 1."""
    scaled: NDArray[np.float32] = picture[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / 127.5 - 1.0
    return scaled


def _stacked(lines: Sequence[Pixels], size: tuple[int, int]) -> NDArray[np.float32]:
    """Lines of one height, padded to one width with middle grey: float32 [N, 3, height, width]."""
    import cv2

    height, width = size
    stack = np.zeros((len(lines), 3, height, width), np.float32)
    for row, line in zip(stack, lines, strict=True):
        own = min(width, max(1, math.ceil(height * line.shape[1] / line.shape[0])))
        method = cv2.INTER_AREA if line.shape[0] > 2 * height else cv2.INTER_LINEAR
        row[:, :, :own] = _normalised(cv2.resize(line, (own, height), interpolation=method))
    return stack


def _outlines(probability: NDArray[np.float32]) -> list[Quad]:
    """Rectangles, turned as they lie, around what the detector holds for writing."""
    import cv2

    ink = cv2.dilate((probability > _INK).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(ink, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads = []
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:MAX_LINES]:
        (x, y), (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < 3 or _mean_within(probability, contour) < _BOX:
            continue
        grown = _UNCLIP * width * height / (width + height)  # area / circumference on each of two sides
        quads.append(_clockwise(cv2.boxPoints(((x, y), (width + grown, height + grown), angle))))
    return quads


def _mean_within(probability: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    import cv2

    x, y, width, height = cv2.boundingRect(contour)
    corners = cv2.boxPoints(cv2.minAreaRect(contour)) - (x, y)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
    return float(cv2.mean(probability[y : y + height, x : x + width], mask)[0])


def _clockwise(corners: NDArray[np.float32]) -> Quad:
    """Corners from the upper left on: the two leftmost are the left side, the upper one of them is first."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    return np.stack([left[0], right[0], right[1], left[1]]).astype(np.float32)


def as_digits(text: str, probability: Callable[[int, str], float]) -> str:
    """The text with digits for letters where all else in a number is digits and the digit is probable.

    Args:
        text: a line.
        probability: of a character other than the one read, at an index of the text.

    >>> as_digits("Tel (C115) 2O4-C", lambda index, digit: 0.3)
    'Tel (0115) 204-C'
    """
    found = list(text)
    for part in _PART.finditer(text):
        letters = [i for i in range(part.start(), part.end()) if not text[i].isdigit()]
        alike = all(text[i] in _DIGITS for i in letters)
        if not letters or not alike or len(letters) == part.end() - part.start():
            continue
        for i in letters:
            least = _AT_END if i == part.end() - 1 else _PROBABLE
            if probability(i, _DIGITS[text[i]]) >= least:
                found[i] = _DIGITS[text[i]]
    return "".join(found)
