"""Tables and labels above values: what rows of cells mean by how they lie.

A header of a table is known by its words or by the numbers in the columns under it. A label that stands above its
value, such as `Name` over `Ada` in forms in boxes, is known by its colon, else by how the rows lie: it keeps closer to
what stands under it than to what stands above, the value keeps away from the next row, and the label is in smaller
print or the values hold digits. A header differs: the rows under it follow each other as closely as they follow it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from statistics import median

from edge_assistant.perception.documents.labels import EMPTY, TICKED, has_digit, is_label, split_label
from edge_assistant.perception.documents.layout import Cell, Row, joined

Pair = tuple[Cell, Cell]

ALIGNED = 1.2  # heights of the writing by which edges or centres of a column's cells may differ
_MAX_APART = 2  # rows that do not fit the columns may stand between those that do: names of items on lines of their own
_MIN_CELLS = 3  # of a header that is known only by the rows under it
_TELLING = 2  # rows under a header by which it is known
_AMOUNT = re.compile(r"\d\.\d{2}$")
_MEASURE = re.compile(r"\W{0,3}[A-Z]{0,3}\s?\d")  # a number, with its unit behind it or without
_POINTLESS = re.compile(r"\d{1,4} \d{2}")
_INFERRED = 0.8  # confidence of what was not read but follows from its column
_NUMBER = re.compile(r"\W{0,3}[A-Z]{0,3}\s?\d[\d.,' ]*%?")  # with a sign, bracket or currency before it
_COLON_GAP = 1.2  # label heights between a label with a colon and the value under it
_UNDER_GAP = 0.5  # heights of the higher line between a label without one and its value, at the most
_SHIFTED = 1.0  # heights by which a value may stand further right than its label; half of it further left
_AT_LEAST = 0.04  # heights by which every label keeps closer to its value than both keep to other rows
_CLOSER, _APART = 0.1, 0.15  # the same of a page's median, above and below; letters under the line blur it
_LOWEST, _HIGHEST = -0.2, 1.2  # how much higher values are than labels: a heading is no label, a sign no value
_LIKELY = 0.1  # how much higher they are on a page; what else tells of them counts too
_DIGITS, _DISTANCE = 0.2, 0.2  # how much it counts that all values hold digits, and a height of distance
_SIMILAR, _SAME_GAP = 1.3, 0.2  # how many times a page's labels differ in height, and heights by which their gaps do
_MIN_PAIRS = 2  # on a page
_NEIGHBOURS = 3  # rows above and below that are looked at
_PLAIN = 0.15  # less higher than this, one row under the header of a table is of that table


def header_of(rows: Sequence[Row]) -> dict[int, Row]:
    """The header of each row that lies in a table, by the row's index; headers themselves are not in it."""
    found: dict[int, Row] = {}
    for index, header in enumerate(rows):
        if index not in found and (is_header(header) or _heads_numbers(rows, index)):
            found |= dict.fromkeys(_rows_under(rows, index), header)
    return found


def named(row: Row, header: Row) -> str:
    """A row in words, each cell after the name of its column: `Item Tea, Qty 2, Price 4.50`.

    A cell in no column, such as `Total`, stands for itself.
    """
    names = [_column(cell, header) for cell in row]
    return ", ".join(
        cell.text if name is None else f"{header[name].text} {cell.text}" for name, cell in zip(names, row, strict=True)
    )


def is_number(text: str) -> bool:
    """Whether a cell holds a number and nothing else but its currency or percent sign."""
    return _NUMBER.fullmatch(text) is not None


@cache
def _words() -> frozenset[str]:
    data = tomllib.loads(files(__package__).joinpath("headers.toml").read_text(encoding="utf-8"))
    return frozenset(word for words in data.values() for word in words.split())


def is_header(row: Sequence[Cell]) -> bool:
    """Whether enough of a row's cells hold words that head columns."""
    if len(row) < 2 or not _may_head(row):
        return False
    words = [re.findall(r"[a-z]+", cell.text.lower()) for cell in row]
    if len(row) == 2:
        return all(some and _words().issuperset(some) for some in words)
    return 2 * sum(not _words().isdisjoint(some) for some in words) >= len(row)


def _may_head(row: Sequence[Cell]) -> bool:
    """Whether a row has neither numbers nor labels with their values."""
    return not any(has_digit(cell.text) or ":" in cell.text for cell in row)


def _heads_numbers(rows: Sequence[Row], index: int) -> bool:
    """Whether a row of three cells or more, whatever they say, stands over rows with numbers in the same columns."""
    header, under = rows[index], rows[index + 1 : index + 1 + _TELLING]
    if len(header) < _MIN_CELLS or len(under) < _TELLING or not _may_head(header):
        return False
    level = all([_column(cell, header) for cell in row] == list(range(len(header))) for row in under)
    return level and _has_numbers(under)


def _has_numbers(rows: Sequence[Row]) -> bool:
    """Whether a column of rows of as many cells holds numbers or codes of one form."""
    return any(
        len(forms := {_form(cell.text) for cell in column}) == 1 and "0" in forms.pop()
        for column in zip(*rows, strict=True)
    )


def _form(text: str) -> str:
    """How words and numbers follow each other.

    >>> _form("2.5 mg"), _form("75mg"), _form("B23"), _form("-18")
    ('0a', '0a', 'a0', '0')
    """
    words = re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+(?:[.,:/-]\d+)*", "0", text))
    return "".join(c for c in words if c in "0a")


def heads_parted(rows: Sequence[Row]) -> list[Row]:
    """Rows in which heads of a table that stand close, and were read as one cell, are parted by the columns under them.

    `Item | Quantity Unit price | Total` over rows of four cells is a header of four.
    """
    found = list(rows)
    for index, header in enumerate(rows):
        under = rows[index + 1 : index + 1 + _TELLING]
        if len(under) == _TELLING and len(header) > 1 and _may_head(header):
            columns = under[0]
            parted = [part for cell in header for part in _by_columns(cell, columns)]
            if len(header) < len(parted) == len(columns) == len(under[1]) and _has_numbers(under):
                found[index] = tuple(parted)
    return found


def _by_columns(cell: Cell, columns: Row) -> list[Cell]:
    """A cell over two columns as two, where a space between its words lies as the columns do."""
    over = [column for column in columns if min(column.right, cell.right) > max(column.left, cell.left)]
    spaces = [match.start() for match in re.finditer(" ", cell.text)]
    if len(over) != 2 or not spaces:
        return [cell]
    parts = [(_part(cell, 0, at), _part(cell, at + 1, len(cell.text))) for at in spaces]
    return list(min(parts, key=lambda pair: sum(map(_aside, pair, over))))


def _part(cell: Cell, start: int, end: int) -> Cell:
    """Some characters of a cell as one of its own."""
    width = (cell.right - cell.left) / len(cell.text)
    x, y, _, height = cell.bounds
    bounds = (x + start * width, y, (end - start) * width, height)
    left, right = cell.left + start * width, cell.left + end * width
    return replace(cell, text=cell.text[start:end], left=left, right=right, bounds=bounds)


def _rows_under(rows: Sequence[Row], index: int) -> list[int]:
    """Indices of the rows in the columns of a header."""
    header, found, apart = rows[index], [], 0
    for below in range(index + 1, len(rows)):
        if _fits(rows[below], header):
            found.append(below)
            apart = 0
        elif is_header(rows[below]) or _heads_numbers(rows, below) or apart == _MAX_APART:
            break
        else:
            apart += 1
    return found


def _fits(row: Row, header: Row) -> bool:
    """Whether cells lie in different columns, at least two of them, with a number beside what they are about.

    A total under a column of amounts is no row of the table where it has no other number: it is a field.
    """
    columns = [_column(cell, header) for cell in row]
    known = [column for column in columns if column is not None]
    ordered = all(a < b for a, b in pairwise(known))
    numbers = sum(_MEASURE.match(cell.text) is not None for cell in row[1:])
    total = len(row) == 2 < len(header) and columns[0] != 0
    return ordered and len(known) >= 2 and len(row) - len(known) <= 1 and numbers >= 1 and not total


def _column(cell: Cell, header: Row) -> int | None:
    """The column that a cell lies in: the nearest of left edges, right edges or centres, or the one it lies under."""
    distances = [_aside(cell, head) for head in header]
    nearest = min(range(len(header)), key=distances.__getitem__)
    if distances[nearest] <= ALIGNED * cell.height:
        return nearest
    under = [i for i, head in enumerate(header) if min(cell.right, head.right) > max(cell.left, head.left)]
    return under[0] if len(under) == 1 else None


def _aside(cell: Cell, head: Cell) -> float:
    """Pixels by which two cells fail to lie under each other: at the left, at the right or in the middle."""
    middle = abs(cell.left + cell.right - head.left - head.right) / 2
    return min(abs(cell.left - head.left), abs(cell.right - head.right), middle)


def mended(rows: Sequence[Row]) -> list[Row]:
    """Rows in which amounts have their decimal points back that a faint print lost.

    `2 30` becomes `2.30` only in a column of at least three such amounts, one of which has its point.
    """
    amounts = [cell for row in rows for cell in row if _AMOUNT.search(cell.text)]
    faint = [cell for row in rows for cell in row if _POINTLESS.fullmatch(cell.text)]

    def mend(cell: Cell) -> Cell:
        whole, column = ([a for a in some if _level_right(a, cell)] for some in (amounts, amounts + faint))
        if not whole or len(column) < 3:
            return cell
        return replace(cell, text=cell.text.replace(" ", "."), confidence=min(cell.confidence, _INFERRED))

    return [tuple(mend(cell) if _POINTLESS.fullmatch(cell.text) else cell for cell in row) for row in rows]


def _level_right(a: Cell, b: Cell) -> bool:
    return abs(a.right - b.right) < ALIGNED * min(a.height, b.height)


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
    heads = len(alike) == 1 and len(found) > 2 and alike[0].higher < _PLAIN and is_header([a for a, _ in found])
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
    return centred or -0.5 * _SHIFTED * height <= value.left - label.left <= _SHIFTED * height


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
    near = gap < _UNDER_GAP and min(above, below) > _AT_LEAST and _LOWEST < higher < _HIGHEST
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
