"""The rows of a written page as the senses give them, whatever sort of evidence they came as."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge_assistant import limits
from edge_assistant.evidence import Box, Evidence, Field, Line

MAX_ROWS = limits.WRITTEN_ROWS.value
MAX_CHARACTERS = 400  # of one cell that are looked at; more is prose

_MARKS = re.compile(r"[*_~=#|]{2,}|[-.]{4,}")  # rules and leaders that a reader takes for letters


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        id: of its evidence.
        cells: left to right; those of a form's field are its label and its value.
        columns: name of the table column that each cell lies in, or None.
        field: it is a label with its value.
        confidence: of its reading, 1 where the sense gives none.
        box: where it stands, or None where that is not known.
    """

    id: str
    cells: tuple[str, ...]
    columns: tuple[str | None, ...]
    field: bool
    confidence: float
    box: Box | None = None

    @property
    def text(self) -> str:
        """The words of all cells."""
        return " ".join(self.cells)


def rows(evidence: Iterable[Evidence]) -> list[Row]:
    """The rows of fields and lines among pieces of evidence, in their order."""
    found: list[Row] = []
    for item in evidence:
        match item.detail:
            case Field(label=label, value=value):
                cells: tuple[str, ...] = (_short(label), _short(value))
                columns: tuple[str | None, ...] = (None, None)
            case Line(cells=cells):
                columns = _columns(item.text, cells)
                cells = tuple(_short(cell) for cell in cells)
            case _:
                continue
        confidence = 1.0 if item.confidence is None else item.confidence
        found.append(Row(item.id, cells, columns, isinstance(item.detail, Field), confidence, item.locator.box))
        if len(found) == MAX_ROWS:
            break
    return found


def _short(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text[:MAX_CHARACTERS]).split())


def _columns(text: str, cells: tuple[str, ...]) -> tuple[str | None, ...]:
    """The columns of a table's row, whose evidence says them before each cell: `Item Tea, Qty 2, Price 4.50`."""
    names: list[str | None] = []
    at = 0
    for index, cell in enumerate(cells):
        last = index == len(cells) - 1
        at_end = len(text) - len(cell) if last and text.endswith(cell) else -1
        place = at_end if at_end >= 0 else text.find(cell if last else f"{cell},", at)
        if not cell or place < at:
            return (None,) * len(cells)
        names.append(text[at:place].strip(" ,") or None)
        at = place + len(cell)
    return tuple(names)
