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
    patterns = {tuple(has_digit(cell.text) for cell in row) for row in under}
    level = all([_column(cell, header) for cell in row] == list(range(len(header))) for row in under)
    return level and len(patterns) == 1 and any(patterns.pop())


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
    distances = [
        min(
            abs(cell.left - head.left),
            abs(cell.right - head.right),
            abs(cell.left + cell.right - head.left - head.right) / 2,
        )
        for head in header
    ]
    nearest = min(range(len(header)), key=distances.__getitem__)
    if distances[nearest] <= ALIGNED * cell.height:
        return nearest
    under = [i for i, head in enumerate(header) if min(cell.right, head.right) > max(cell.left, head.left)]
    return under[0] if len(under) == 1 else None


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
