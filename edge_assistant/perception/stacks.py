"""Labels that stand above their values: `Name` over `Ada`, as in forms in boxes and on labels of two columns.

A label with a colon is known by it. One without is known by how the rows lie: it keeps closer to what stands under it
than to what stands above, the value keeps away from the next row, and the label is in smaller print or the values hold
digits. A header of a table differs: the rows under it follow each other as closely as they follow the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from edge_assistant.perception import tables
from edge_assistant.perception.labels import has_digit, is_label, split_label
from edge_assistant.perception.layout import Cell, Row, joined
from edge_assistant.perception.ticks import EMPTY, TICKED

Pair = tuple[Cell, Cell]

_COLON_GAP = 1.2  # label heights between a label with a colon and the value under it
_GAP = 0.5  # heights of the higher line between a label without one and its value, at the most
_ALIGNED = 1.0  # heights by which a value may stand further right than its label; half of it further left
_AT_LEAST = 0.04  # heights by which every label keeps closer to its value than both keep to other rows
_CLOSER, _APART = 0.1, 0.15  # the same of a page's median, above and below; letters under the line blur it
_LOWEST, _HIGHEST = -0.2, 1.2  # how much higher values are than labels: a heading is no label, a sign no value
_LIKELY = 0.1  # how much higher they are on a page; what else tells of them counts too
_DIGITS, _DISTANCE = 0.2, 0.2  # how much it counts that all values hold digits, and a height of distance
_SIMILAR, _SAME_GAP = 1.3, 0.2  # how many times a page's labels differ in height, and heights by which their gaps do
_MIN_PAIRS = 2  # on a page
_NEIGHBOURS = 3  # rows above and below that are looked at
_PLAIN = 0.15  # less higher than this, one row under the header of a table is of that table


@dataclass(frozen=True, slots=True)
class _Stack:
    """A row of labels over a row of values.

    Attributes:
        pairs: each label with its value.
        size: height of the labels in pixels.
        higher: by what share of it the values are higher.
        gap: between them, in heights of the higher line, as are the others.
        above, below: by how much that is less than the distance to the rows above and below.
    """

    pairs: list[Pair]
    size: float
    higher: float
    gap: float
    above: float
    below: float


def labels_above(rows: Sequence[Row]) -> list[Row]:
    """Rows in which a label that stands above its value has become one cell with it: `Name:` over `Ada`."""
    values = dict(_with_colons(rows) + _without_colons(rows))
    taken = set(values.values())
    return [tuple(_over(cell, values.get(cell)) for cell in row if cell not in taken) for row in rows]


def _over(label: Cell, value: Cell | None) -> Cell:
    if value is None:
        return label
    return replace(joined([label, value]), text=f"{label.text.rstrip(' :')}: {value.text}")


def _with_colons(rows: Sequence[Row]) -> list[Pair]:
    found = []
    for upper, lower in pairwise(rows):
        for index, label in enumerate(upper):
            beside = index + 1 < len(upper) and not upper[index + 1].text.endswith(":")
            if not label.text.endswith(":") or beside or not is_label(label.text.rstrip(" :")):
                continue
            for value in lower:
                near = value.top - label.bottom < _COLON_GAP * label.height
                if near and abs(value.left - label.left) < label.height and split_label(value.text)[0] is None:
                    found.append((label, value))
    return found


def _without_colons(rows: Sequence[Row]) -> list[Pair]:
    """Pairs of the rows that lie as labels and values do, where the page has several and they look alike."""
    stacks: list[_Stack] = []
    below = 0
    for index in range(len(rows) - 1):
        if index >= below and (stack := _stack(rows, index)) is not None:
            stacks.append(stack)
            below = index + 2
    if not stacks:
        return []
    size, gap = median(stack.size for stack in stacks), median(stack.gap for stack in stacks)
    alike = [s for s in stacks if size / _SIMILAR < s.size < size * _SIMILAR and abs(s.gap - gap) < _SAME_GAP]
    found = [pair for stack in alike for pair in stack.pairs]
    heads = len(alike) == 1 and len(found) > 2 and alike[0].higher < _PLAIN and tables.is_header([a for a, _ in found])
    return found if len(found) >= _MIN_PAIRS and not heads and _likely(alike) else []


def _likely(stacks: Sequence[_Stack]) -> bool:
    """Whether a page's stacks are labels and values by all that tells: their distances, heights and digits."""
    above, below = median(stack.above for stack in stacks), median(stack.below for stack in stacks)
    values = [value for stack in stacks for _, value in stack.pairs]
    digits = sum(has_digit(value.text) for value in values) / len(values)
    sure = median(stack.higher for stack in stacks) + _DIGITS * digits + _DISTANCE * min(above, below)
    return above > _CLOSER and below > _APART and sure > _LIKELY


def _pairs(upper: Row, lower: Row) -> list[Pair]:
    """Each cell of the lower row with the label above it; none where one has no label, or most labels no value."""
    if any(has_digit(cell.text) or cell.text.endswith(":") or not is_label(cell.text) for cell in upper):
        return []
    found = []
    for value in lower:
        above = [label for label in upper if _aligned(label, value)]
        if len(above) != 1 or not _may_be_value(value.text):
            return []
        found.append((above[0], value))
    labels = {label for label, _ in found}
    return found if len(labels) == len(found) and 2 * len(found) >= len(upper) else []


def _aligned(label: Cell, value: Cell) -> bool:
    height = max(label.height, value.height)
    centred = abs(label.left + label.right - value.left - value.right) < height
    return centred or -0.5 * _ALIGNED * height <= value.left - label.left <= _ALIGNED * height


def _may_be_value(text: str) -> bool:
    """Whether it is neither a label with its value, nor a tick box, nor a remark on what stands above, as `(RM)`."""
    return text not in (EMPTY, TICKED) and split_label(text)[0] is None and not (text[0] == "(" and text[-1] == ")")


def _stack(rows: Sequence[Row], index: int) -> _Stack | None:
    """The row of that index as labels and the next one as their values, where they may be that."""
    pairs = _pairs(rows[index], rows[index + 1])
    if not pairs:
        return None
    height = median(max(label.height, value.height) for label, value in pairs)
    higher = median(value.height / label.height for label, value in pairs) - 1
    gap = median(value.top - label.bottom for label, value in pairs) / height
    above = _distance(rows[max(0, index - _NEIGHBOURS) : index], [rows[index]], height) - gap
    below = _distance([rows[index + 1]], rows[index + 2 : index + 2 + _NEIGHBOURS], height) - gap
    near = gap < _GAP and min(above, below) > _AT_LEAST and _LOWEST < higher < _HIGHEST
    return _Stack(pairs, median(label.height for label, _ in pairs), higher, gap, above, below) if near else None


def _distance(upper: Sequence[Row], lower: Sequence[Row], height: float) -> float:
    """Heights between rows and the nearest that stand under them; one where there are none."""
    gaps = [
        (b.top - a.bottom) / height
        for row in upper
        for a in row
        for under in lower
        for b in under
        if min(a.right, b.right) > max(a.left, b.left)
    ]
    return min(gaps, default=1.0)
