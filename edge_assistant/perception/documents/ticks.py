"""Tick boxes: small squares on a page, empty or marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.perception.documents.labels import EMPTY, TICKED
from edge_assistant.perception.documents.layout import Corners, Piece, skew

Mask = NDArray[np.uint8]
Quad = NDArray[np.float32]

_SMALLEST, _LARGEST = 0.5, 2.0  # inside of a box in heights of lines; that of a capital O is 0.4
_MIN_PIXELS = 9  # smaller, a round O looks square
_MAX_MARKS = limits.PAGE_MARKS.value
_MARKED = 0.08  # share of the inside that is ink; a thin tick covers a tenth, noise a hundredth
_STRAIGHT = 0.7  # share of the smallest rectangle around a frame's inside; the ends of a tick take some of it
_THICKEST = 2.2  # the outside of a frame and of a tick that sticks out, in sides of its inside
_CORNER = 0.4  # share of ink in a corner; a round O has none there
_CORNERS = 0.7  # the same on average; a tick may take much of one, and a small bold O has 0.67 in each
_FULL = 0.953  # share of its bounding box that an outline fills; one with a tick 0.957, a bold C 0.948
_APART = 0.35  # sides of a box between it and the words beside it
_CLEAR = 0.2  # share of ink along a line beside a frame; a tick may run over one side
_LEVEL = math.radians(0.3)  # a page that lies more askew is turned first
_FRAME = 0.18  # thickness of a frame in sides of its inside
_MIN_WORD = 0.4  # heights; less beside a box is its frame


@dataclass(frozen=True, slots=True)
class Tick:
    """A box with its x, y, width, height in pixels."""

    box: tuple[int, int, int, int]
    ticked: bool


def find(rgb: NDArray[np.uint8], quads: Sequence[Quad]) -> list[Tick]:
    """The boxes on a page uint8 [H, W, 3] whose lines of writing, float32 [4, 2], have been found."""
    import cv2

    if not len(quads):
        return []
    height = max(8.0, median(math.dist(quad[0], quad[3]) for quad in quads))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    angle = skew([Piece("", 1.0, corners(quad)) for quad in quads])
    if abs(angle) < _LEVEL:
        return _boxes(grey, height)
    centre = (grey.shape[1] / 2, grey.shape[0] / 2)
    level = cv2.getRotationMatrix2D(centre, math.degrees(angle), 1.0)
    turned = cv2.warpAffine(grey, level, grey.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return [_turned(tick, cv2.invertAffineTransform(level)) for tick in _boxes(turned, height)]


def _turned(tick: Tick, matrix: NDArray[np.float64]) -> Tick:
    """A box of the same size where its centre comes to lie."""
    x, y, w, h = tick.box
    across, down = matrix @ (x + w / 2, y + h / 2, 1.0)
    return Tick((round(across - w / 2), round(down - h / 2), w, h), tick.ticked)


def _boxes(grey: Mask, height: float) -> list[Tick]:
    """The boxes on a level page.

    Frames are what is left of the ink when only level and upright strokes are kept, so that a tick that runs over the
    edge does not hide its box.
    """
    import cv2

    ink = _ink(grey, height)
    frames = _frames(ink, height)
    contours, tree = cv2.findContours(frames, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    ticks = []
    for index, contour in enumerate(contours):
        parent = tree[0][index][3]
        if parent < 0 or not _is_box(contour, contours[parent], height):
            continue
        box = cv2.boundingRect(contour)
        if _stands_alone(ink, box):
            ticks.append(Tick((box[0], box[1], box[2], box[3]), _share(ink, box) > _MARKED))
    return ticks[:_MAX_MARKS]


def parted(quad: Quad, ticks: Sequence[Tick]) -> list[Quad]:
    """A line of writing without the boxes in it: what stands before, between and after them."""
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    width, height = float(np.hypot(*across)), float(np.hypot(*down))
    cuts = sorted(cut for tick in ticks if (cut := _within(quad, tick)))
    if not cuts:
        return [quad]
    edges = [0.0, *(edge for cut in cuts for edge in cut), 1.0]
    bottom = quad[2] - quad[3]
    return [
        np.stack([quad[0] + a * across, quad[0] + b * across, quad[3] + b * bottom, quad[3] + a * bottom])
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if (b - a) * width > _MIN_WORD * height
    ]


def corners(quad: Quad) -> Corners:
    """A quadrangle as the layout takes it."""
    a, b, c, d = ((float(x), float(y)) for x, y in quad)
    return a, b, c, d


def as_piece(tick: Tick) -> Piece:
    """A box as it stands among the pieces of a page."""
    x, y, w, h = tick.box
    return Piece(TICKED if tick.ticked else EMPTY, 1.0, ((x, y), (x + w, y), (x + w, y + h), (x, y + h)))


def _within(quad: Quad, tick: Tick) -> tuple[float, float] | None:
    """From where to where along a line a box lies, as fractions of its length; None where it does not."""
    x, y, w, h = tick.box
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    centre = np.array([x + w / 2, y + h / 2], np.float32) - quad[0]
    along, below = (float(centre @ side / max(1e-6, float(side @ side))) for side in (across, down))
    if not (0 < along < 1 and 0 < below < 1):
        return None
    half = (0.5 + _FRAME) * w / max(1.0, float(np.hypot(*across)))
    return max(0.0, along - half), min(1.0, along + half)


def _ink(grey: Mask, height: float) -> Mask:
    import cv2

    block = int(height) * 2 + 1
    ink: Mask = cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, max(15, block), 18)
    return ink


def _frames(ink: Mask, height: float) -> Mask:
    import cv2

    length = max(5, int(_SMALLEST * height))
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    upright = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    frames: Mask = cv2.morphologyEx(level | upright, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return frames


def _is_box(inside: NDArray[np.int32], outside: NDArray[np.int32], height: float) -> bool:
    """Whether the two outlines of a frame are squares of a box's size, the outer one with its corners."""
    import cv2

    _, _, w, h = cv2.boundingRect(inside)
    if not max(_MIN_PIXELS, _SMALLEST * height) <= max(w, h) <= _LARGEST * height or not 0.8 < w / h < 1.25:
        return False
    if max(cv2.boundingRect(outside)[2:]) > _THICKEST * max(w, h):  # joined to others, as in a comb for letters
        return False
    (_, (across, down), _) = cv2.minAreaRect(inside)
    return cv2.contourArea(inside) > _STRAIGHT * across * down and _has_corners(outside, w)


def _has_corners(outline: NDArray[np.int32], side: int) -> bool:
    """Whether an outline fills the corners of its bounding box, once the ends of a tick are cut off."""
    import cv2

    x, y, w, h = cv2.boundingRect(outline)
    shape = np.zeros((h + 2, w + 2), np.uint8)
    cv2.fillPoly(shape, [outline - (x - 1, y - 1)], 1)
    shape = cv2.morphologyEx(shape, cv2.MORPH_OPEN, np.ones((side // 2, side // 2), np.uint8))
    x, y, w, h = cv2.boundingRect(shape)
    reach = max(2, round(0.15 * side))
    if float(shape[y : y + h, x : x + w].mean()) < _FULL:
        return False
    places = [(left, top) for left in (x, x + w - reach) for top in (y, y + h - reach)]
    filled = [float(shape[b : b + reach, a : a + reach].mean()) for a, b in places]
    return min(filled) > _CORNER and sum(filled) > 4 * _CORNERS


def _stands_alone(ink: Mask, box: Sequence[int]) -> bool:
    """Whether there is paper around a frame; around what only looks like one inside a word there are letters."""
    x, y, w, h = box
    margin = max(4, round((_FRAME + _APART) * w))
    left, top, right, bottom = x - margin, y - margin, x + w + margin, y + h + margin
    if min(left, top) < 0 or right > ink.shape[1] or bottom > ink.shape[0]:
        return False
    sides = (ink[top:bottom, left], ink[top:bottom, right - 1], ink[top, left:right], ink[bottom - 1, left:right])
    return sum(float(side.mean()) < _CLEAR for side in sides) >= 3


def _share(ink: Mask, box: Sequence[int]) -> float:
    """Share of ink in the middle of a box; its frame may lean into the edge."""
    x, y, w, h = box
    dx, dy = round(0.18 * w), round(0.18 * h)
    return float(ink[y + dy : y + h - dy, x + dx : x + w - dx].mean())
