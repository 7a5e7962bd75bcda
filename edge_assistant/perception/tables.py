"""Tables: which row is a header, and which rows lie in its columns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import pairwise

from edge_assistant.perception.labels import has_digit
from edge_assistant.perception.layout import Cell, Row

ALIGNED = 1.2  # heights of the writing by which edges or centres of a column's cells may differ
_MAX_APART = 2  # rows that do not fit the columns may stand between those that do: names of items on lines of their own
_MIN_CELLS = 3  # of a header that is known only by the rows under it
_TELLING = 2  # rows under a header by which it is known
_AMOUNT = re.compile(r"\d\.\d{2}$")
_MEASURE = re.compile(r"\W{0,3}[A-Z]{0,3}\s?\d")  # a number, with its unit behind it or without
_POINTLESS = re.compile(r"\d{1,4} \d{2}")
_INFERRED = 0.8  # confidence of what was not read but follows from its column
NUMBER = re.compile(r"\W{0,3}[A-Z]{0,3}\s?\d[\d.,' ]*%?")  # with a sign, bracket or currency before it


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
    return NUMBER.fullmatch(text) is not None


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
