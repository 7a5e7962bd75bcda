"""Reading order from geometry alone: pieces of writing become rows of cells, on pages that lie askew.

Rows are grown like a minimum spanning tree (Kruskal, 1956): the pair of pieces that lies most nearly level is joined
first, and two groups never join where they would stand above each other. Neighbours join before distant cells do, so a
row that drifts across a curled receipt holds together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]  # clockwise from the upper left, as one reads

_SAME_ROW = 0.5  # of the lower piece's height must be level with the other
_SIMILAR = 0.3  # heights that differ by more are a logo beside small print
_STACKED = 0.25  # of the narrower piece's width: overlapping more, two pieces stand above each other
_CELL_GAP = 0.75  # of the height: a wider gap divides cells; a space is narrower, and outlines have a margin
_ALONE = frozenset("☐☑")  # tick boxes are cells of their own
_LONG = 10  # times as wide as high: a line of prose
_PROSE_LINES = 4  # on both sides make a column


@dataclass(frozen=True, slots=True)
class Piece:
    """Writing that was recognised in one go, with its corners in pixels of the page."""

    text: str
    confidence: float
    corners: Corners


@dataclass(frozen=True, slots=True)
class Cell:
    """Pieces of one row with no wide gap between them.

    Attributes:
        text: the words.
        confidence: the lowest of the pieces'.
        left, right, top, bottom: in pixels of the page turned level.
        bounds: x, y, width, height in pixels of the page itself.
    """

    text: str
    confidence: float
    left: float
    right: float
    top: float
    bottom: float
    bounds: tuple[float, float, float, float]

    @property
    def height(self) -> float:
        """Height of the writing, turned level."""
        return self.bottom - self.top


Row = tuple[Cell, ...]


def rows(pieces: Sequence[Piece]) -> list[Row]:
    """Rows from top to bottom, cells from left to right; columns of prose one after the other."""
    angle = skew(pieces)
    placed = sorted((_placed(piece, angle) for piece in pieces), key=_key)
    return [_cells(row) for column in _columns(placed) for row in _rows_of(column)]


def skew(pieces: Sequence[Piece]) -> float:
    """How the writing lies, in radians clockwise: the median over long pieces, weighted by their length."""
    angles = []
    for piece in pieces:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = piece.corners
        width, height = math.dist((ax, ay), (bx, by)), math.dist((ax, ay), (dx, dy))
        angle = math.atan2((by - ay) + (cy - dy), (bx - ax) + (cx - dx))
        if width > 3 * height and abs(angle) < math.pi / 4:
            angles.append((angle, width))
    return _weighted_median(sorted(angles))


def union(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """The smallest box x, y, w, h around boxes."""
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    return left, top, max(b[0] + b[2] for b in boxes) - left, max(b[1] + b[3] for b in boxes) - top


def bounds(corners: Sequence[Point]) -> tuple[float, float, float, float]:
    """The smallest box x, y, w, h around points."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def joined(cells: Sequence[Cell]) -> Cell:
    """Cells as one, their words with spaces between them."""
    return Cell(
        " ".join(cell.text for cell in cells),
        min(cell.confidence for cell in cells),
        min(cell.left for cell in cells),
        max(cell.right for cell in cells),
        min(cell.top for cell in cells),
        max(cell.bottom for cell in cells),
        union([cell.bounds for cell in cells]),
    )


def _weighted_median(pairs: list[tuple[float, float]]) -> float:
    half = sum(weight for _, weight in pairs) / 2
    for value, weight in pairs:
        half -= weight
        if half <= 0:
            return value
    return 0.0


def _placed(piece: Piece, angle: float) -> Cell:
    """A piece as a cell of its own, turned level about the page's origin."""
    cos, sin = math.cos(-angle), math.sin(-angle)
    level = [(x * cos - y * sin, x * sin + y * cos) for x, y in piece.corners]
    xs, ys = [x for x, _ in level], [y for _, y in level]
    return Cell(piece.text, piece.confidence, min(xs), max(xs), min(ys), max(ys), bounds(piece.corners))


def _key(cell: Cell) -> tuple[float, ...]:
    """An order that does not depend on the order of what came in."""
    return (cell.top + cell.bottom, cell.left, cell.right, cell.top)


def _rows_of(cells: list[Cell]) -> list[list[Cell]]:
    group = list(range(len(cells)))
    members = {i: [i] for i in group}
    for _, i, j in sorted(_level_pairs(cells)):
        a, b = group[i], group[j]
        if a == b or any(_stacked(cells[m], cells[n]) for m in members[a] for n in members[b]):
            continue
        for m in members[b]:
            group[m] = a
        members[a] += members.pop(b)
    found = [sorted((cells[m] for m in row), key=lambda cell: (cell.left, *_key(cell))) for row in members.values()]
    return sorted(found, key=lambda row: (median(cell.top + cell.bottom for cell in row), row[0].left))


def _level_pairs(cells: list[Cell]) -> list[tuple[float, int, int]]:
    """Pairs that may share a row, with how far from level they are; the cells are sorted from the top down."""
    pairs = []
    tallest = max((cell.height for cell in cells), default=0.0)
    for i, a in enumerate(cells):
        for j in range(i + 1, len(cells)):
            b = cells[j]
            if (b.top + b.bottom) - (a.top + a.bottom) > 2 * tallest:
                break
            lower, higher = sorted((a.height, b.height))
            shared = min(a.bottom, b.bottom) - max(a.top, b.top)
            if shared < _SAME_ROW * lower or lower < _SIMILAR * higher or _stacked(a, b):
                continue
            gap = max(a.left, b.left) - min(a.right, b.right)
            offset = abs((a.top + a.bottom) - (b.top + b.bottom)) / 2
            pairs.append(((offset + 0.02 * max(0.0, gap)) / max(lower, 1e-6), i, j))
    return pairs


def _stacked(a: Cell, b: Cell) -> bool:
    shared = min(a.right, b.right) - max(a.left, b.left)
    return shared > _STACKED * min(a.right - a.left, b.right - b.left)


def _cells(row: list[Cell]) -> Row:
    """Neighbours with no wide gap between them become one cell."""
    cells: list[list[Cell]] = [[row[0]]]
    for cell in row[1:]:
        last = cells[-1][-1]
        alone = cell.text in _ALONE or last.text in _ALONE
        near = not alone and cell.left - last.right < _CELL_GAP * min(cell.height, last.height)
        cells[-1:] = [[*cells[-1], cell]] if near else [cells[-1], [cell]]
    return tuple(joined(cell) for cell in cells)


def _columns(cells: list[Cell]) -> list[list[Cell]]:
    """Columns of prose, each in one list; what spans them cuts the page into bands. Tables and forms stay whole."""
    gutter = _gutter(cells)
    if gutter is None:
        return [cells]
    bands: list[list[Cell]] = [[]]
    spanning: list[bool] = [False]
    for cell in cells:
        spans = cell.left < gutter < cell.right
        if spans != spanning[-1]:
            bands.append([])
            spanning.append(spans)
        bands[-1].append(cell)
    found = []
    for band, spans in zip(bands, spanning, strict=True):
        sides = [[c for c in band if c.right <= gutter], [c for c in band if c.left >= gutter]]
        divided = not spans and all(sum(map(_is_long, side)) >= _PROSE_LINES for side in sides)
        found += [column for side in sides for column in _columns(side)] if divided else [band]
    return [column for column in found if column]


def _gutter(cells: list[Cell]) -> float | None:
    """Where columns of prose part, or None: full lines on both sides that follow each other closely."""
    long = [cell for cell in cells if _is_long(cell)]
    for left_edge in sorted({cell.left for cell in long}):
        right = [c for c in long if c.left >= left_edge - c.height]
        x = min((c.left for c in right), default=0.0) - 0.5
        left = [c for c in long if c.right <= x]
        if len(left) >= _PROSE_LINES and _is_prose(left) and len(right) >= _PROSE_LINES and _is_prose(right):
            return x
    return None


def _is_long(cell: Cell) -> bool:
    return cell.right - cell.left > _LONG * cell.height


def _is_prose(lines: list[Cell]) -> bool:
    """Whether most lines are as long as the longest and follow each other without a gap."""
    widest = max(line.right - line.left for line in lines)
    full = sum(line.right - line.left > 0.8 * widest for line in lines)
    tops = sorted(line.top for line in lines)
    pitch = median(b - a for a, b in pairwise(tops))
    return full > 0.6 * len(lines) and pitch < 2.2 * median(line.height for line in lines)
