"""Tick boxes: small squares on a page, empty or marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from edge_assistant.perception.layout import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.uint8]

EMPTY, TICKED = "☐", "☑"  # how a box stands among the pieces of a page
_SMALLEST, _LARGEST = 0.4, 2.0  # side of a box in heights of the page's writing
_MIN_PIXELS = 7  # less is a speck
_MAX_MARKS = 400  # of one page
_MARKED = 0.08  # share of the inside that is ink; a thin tick covers a tenth, noise a hundredth
_STRAIGHT = 0.87  # share of the smallest rectangle around a frame's inside; that of a round O is 0.79
_CLEAR = 0.2  # share of ink along a line beside a frame; a tick may run over one side
_LOOKALIKES = frozenset("□口回囗区図凶☐☑☒✓✔√vVxX×OoQ0DUL[](){}|/\\-_.,图日目四")  # what a box is read as


@dataclass(frozen=True, slots=True)
class Tick:
    """A box with its x, y, width, height in pixels."""

    box: tuple[int, int, int, int]
    ticked: bool


def find(rgb: NDArray[np.uint8], pieces: Sequence[Piece]) -> list[Tick]:
    """The boxes on a page uint8 [H, W, 3] whose writing has been read.

    Frames are what is left of the ink when only level and upright strokes are kept, so that a tick that runs over the
    edge does not hide its box.
    """
    import cv2

    if not pieces:
        return []
    heights = [piece.corners[3][1] - piece.corners[0][1] for piece in pieces]
    height = max(8.0, median(heights))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    ink = _ink(grey, height)
    frames = _frames(ink, height)
    contours, tree = cv2.findContours(frames, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    ticks = []
    for index, contour in enumerate(contours):
        box = cv2.boundingRect(contour)
        if tree[0][index][3] >= 0 and _is_box(contour, box, frames, height) and _stands_alone(ink, box):
            ticks.append(Tick((box[0], box[1], box[2], box[3]), _share(ink, box) > _MARKED))
    return [tick for tick in ticks[:_MAX_MARKS] if not _is_letter(tick, pieces)]


def placed(pieces: Sequence[Piece], ticks: Sequence[Tick]) -> list[Piece]:
    """The pieces with the boxes among them; a character that a box was read as is taken out."""
    kept = []
    for piece in pieces:
        for tick in ticks:
            piece = _without(piece, tick)
        if piece.text:
            kept.append(piece)
    return kept + [_as_piece(tick) for tick in ticks]


def _ink(grey: Mask, height: float) -> Mask:
    import cv2

    block = int(height) * 2 + 1
    ink: Mask = cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, max(15, block), 18)
    return ink


def _frames(ink: Mask, height: float) -> Mask:
    import cv2
    import numpy as np

    length = max(5, int(_SMALLEST * height))
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    upright = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    frames: Mask = cv2.morphologyEx(level | upright, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return frames


def _is_box(contour: NDArray[np.int32], box: Sequence[int], frames: Mask, height: float) -> bool:
    """Whether the hole that a contour goes around is the inside of a square frame, corners included."""
    import cv2

    x, y, w, h = box
    if min(w, h) < max(_MIN_PIXELS, _SMALLEST * height) or max(w, h) > _LARGEST * height or not 0.75 < w / h < 1.34:
        return False
    (_, (across, down), _) = cv2.minAreaRect(contour)
    if cv2.contourArea(contour) < _STRAIGHT * across * down:
        return False
    reach = max(2, round(0.12 * w))
    corners = ((x, y), (x + w - 1, y), (x, y + h - 1), (x + w - 1, y + h - 1))
    return all(_inked(frames, cx, cy, reach) > 0.35 for cx, cy in corners)


def _stands_alone(ink: Mask, box: Sequence[int]) -> bool:
    """Whether there is paper around a frame; around what only looks like one inside a word there are letters."""
    x, y, w, h = box
    margin = max(4, round(0.35 * w))
    left, top, right, bottom = x - margin, y - margin, x + w + margin, y + h + margin
    if min(left, top) < 0 or right > ink.shape[1] or bottom > ink.shape[0]:
        return False
    sides = (ink[top:bottom, left], ink[top:bottom, right - 1], ink[top, left:right], ink[bottom - 1, left:right])
    return sum(float(side.mean()) < _CLEAR for side in sides) >= 3


def _inked(mask: Mask, x: int, y: int, reach: int) -> float:
    part = mask[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    return float(part.mean())


def _share(ink: Mask, box: Sequence[int]) -> float:
    """Share of ink in the middle of a box; its frame may lean into the edge."""
    x, y, w, h = box
    dx, dy = round(0.18 * w), round(0.18 * h)
    return float(ink[y + dy : y + h - dy, x + dx : x + w - dx].mean())


def _is_letter(tick: Tick, pieces: Sequence[Piece]) -> bool:
    """Whether a square is part of a word: it lies inside a piece, and not where that reads a character of its own."""
    return any(_overlaps(piece, tick) and _without(piece, tick) is piece for piece in pieces)


def _overlaps(piece: Piece, tick: Tick) -> bool:
    x, y, w, h = tick.box
    left, right = piece.corners[0][0], piece.corners[1][0]
    top, bottom = piece.corners[0][1], piece.corners[3][1]
    return left + 0.3 * w < x + w / 2 < right - 0.3 * w and top < y + h / 2 < bottom


def _without(piece: Piece, tick: Tick) -> Piece:
    """The piece without the box's character at its beginning or end, or the piece itself where there is none."""
    if not _overlaps(piece, tick):
        return piece
    x, _, w, _ = tick.box
    a, b, c, d = piece.corners
    width = max(1.0, b[0] - a[0])
    begin, end = (x - a[0]) / width, (x + w - a[0]) / width
    words = piece.text.split()
    if len(words) == 1 and len(piece.text) <= 2 and set(piece.text) <= _LOOKALIKES:
        return Piece("", piece.confidence, piece.corners)
    first, last = piece.text[0], piece.text[-1]
    if begin * width < w and first in _LOOKALIKES and (len(words[0]) == 1 or not first.isalnum()):
        share = min(end, 0.9)
        corners = (_between(a, b, share), b, c, _between(d, c, share))
        return Piece(piece.text[1:].strip(), piece.confidence, corners)
    if (
        (1 - end) * width < w
        and piece.text[-1] in _LOOKALIKES
        and (len(words[-1]) == 1 or not piece.text[-1].isalnum())
    ):
        share = max(begin, 0.1)
        corners = (a, _between(a, b, share), _between(d, c, share), d)
        return Piece(piece.text[:-1].strip(), piece.confidence, corners)
    return piece


def _between(a: tuple[float, float], b: tuple[float, float], share: float) -> tuple[float, float]:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _as_piece(tick: Tick) -> Piece:
    x, y, w, h = tick.box
    corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
    return Piece(TICKED if tick.ticked else EMPTY, 1.0, corners)
