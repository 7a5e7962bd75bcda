"""Labels that stand above their values: `Name` over `Ada`, as in forms in boxes and on labels of two columns.

A label with a colon is known by it. One without is known by how the rows lie: it keeps closer to what stands under it
than to what stands above, the value keeps away from the next row, and the label is in smaller print or the values hold
digits. A header of a table differs: the rows under it follow each other as closely as they follow the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from edge_assistant.perception import tables
from edge_assistant.perception.labels import has_digit, is_label, split_label
from edge_assistant.perception.layout import Cell, Row, joined
from edge_assistant.perception.ticks import EMPTY, TICKED

Pair = tuple[Cell, Cell]

_COLON_GAP = 1.2  # label heights between a label with a colon and the value under it
_GAP = 0.5  # heights of the higher line between a label without one and its value
_ALIGNED = 1.0  # heights by which a value may stand further right than its label; half of it further left
_CLOSER = 0.1  # heights by which a label keeps closer to its value than to the row above
_APART = 0.15  # heights by which a value keeps further from the row below than from its label
_LIKELY = 0.1  # by how much values are higher than labels; outlines vary by as much, so digits count too
_DIGITS = 0.2  # what it counts that all values of a row hold digits
_HIGHEST = 2.2  # label heights of a value; more is a sign over small print
_SIMILAR = 1.35  # times that the labels of a page differ in height at the most
_MIN_PAIRS = 2  # on a page, of labels without a colon
_NEIGHBOURS = 3  # rows above and below that are looked at
_PLAIN_HEADER = 0.15  # values that are higher than this over a table's header are no rows of it


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
    """Pairs of the rows that lie as labels and values do, where the page has several and their labels look alike."""
    stacks: list[list[Pair]] = []
    below = 0
    for index in range(len(rows) - 1):
        if index < below:
            continue
        pairs = _pairs(rows[index], rows[index + 1])
        if pairs and _is_stack(rows, index, pairs):
            stacks.append(pairs)
            below = index + 2
    size = median([label.height for pairs in stacks for label, _ in pairs] or [0.0])
    alike = [pairs for pairs in stacks if all(size / _SIMILAR < label.height < size * _SIMILAR for label, _ in pairs)]
    found = [pair for pairs in alike for pair in pairs]
    return found if len(found) >= _MIN_PAIRS else []


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


def _is_stack(rows: Sequence[Row], index: int, pairs: Sequence[Pair]) -> bool:
    """Whether the row of that index holds labels and the next one their values."""
    height = median(max(label.height, value.height) for label, value in pairs)
    higher = median(value.height / label.height for label, value in pairs) - 1
    digits = sum(has_digit(value.text) for _, value in pairs) / len(pairs)
    gap = median(value.top - label.bottom for label, value in pairs) / height
    above = _distance(rows[max(0, index - _NEIGHBOURS) : index], [rows[index]], height)
    below = _distance([rows[index + 1]], rows[index + 2 : index + 2 + _NEIGHBOURS], height)
    near = gap < _GAP and above - gap > _CLOSER and below - gap > _APART
    heads = len(pairs) > 2 and higher < _PLAIN_HEADER and tables.is_header(rows[index])
    return near and higher + _DIGITS * digits > _LIKELY and higher < _HIGHEST - 1 and not heads


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
