"""The lines of a source as the model reads them: the cells of a table's row stand behind the names of their columns."""

from __future__ import annotations

from collections.abc import Sequence

from edge_assistant.core.evidence import Evidence, Line
from edge_assistant.reasoning.sources import one_line

_LEAST = 3  # cells of a table's header; two are a label and its value


def as_read(lines: Sequence[Evidence]) -> list[str]:
    """Each line of evidence as it stands in a prompt."""
    header: tuple[str, ...] = ()
    shown = []
    for number, line in enumerate(lines):
        cells = _cells(line)
        if not len(header) - 1 <= len(cells) <= len(header):
            header = ()
        if not header and _is_header(cells, lines[number + 1 : number + 2]):
            header = cells
            shown.append(one_line(line.text))
        elif header:
            shown.append(one_line("; ".join(f"{name}: {cell}" for name, cell in zip(header, cells, strict=False))))
        elif len(cells) == 2:
            shown.append(one_line(f"{cells[0].rstrip(':')}: {cells[1]}"))
        else:
            shown.append(one_line(line.text))
    return shown


def _cells(line: Evidence) -> tuple[str, ...]:
    return line.detail.cells if isinstance(line.detail, Line) else ()


def _is_header(cells: Sequence[str], following: Sequence[Evidence]) -> bool:
    """Whether cells without digits stand over a row of as many."""
    if len(cells) < _LEAST or any(character.isdigit() for cell in cells for character in cell):
        return False
    return any(len(cells) - 1 <= len(_cells(line)) <= len(cells) for line in following)
