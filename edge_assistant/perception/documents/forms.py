"""What rows of writing mean: fields (label and value), tables with a header, plain lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_assistant.core.evidence import Detail, Field, Line, TickBox
from edge_assistant.perception.documents import tables
from edge_assistant.perception.documents.labels import EMPTY, TICKED, has_digit, is_label, is_symbol, split_label
from edge_assistant.perception.documents.layout import Cell, Row, joined

_INDENTED = 2.5  # heights from the label's beginning to the lines of its value
_MAX_BLANK_WORDS = 4
_CURRENCY = re.compile(r"(?:[A-Z]{2,3}|[$€£¥₹]|[A-Z]{1,2}\$)")
_PRICE = re.compile(r"\d[\d,' ]*[.,]\d{2}")
_VALUE = re.compile(r"[($€£¥₹+<>~±-]{0,2}\s?\w")
_NEXT_LABEL = re.compile(r"\s(?=[A-Z][A-Za-z.]{2,15}\s?:(?:\s|\d))")


@dataclass(frozen=True, slots=True)
class FormItem:
    """One thing that is written, with the cell that its words come from.

    Attributes:
        value: of a field, where its value stands.
    """

    text: str
    detail: Detail
    cell: Cell
    value: Cell | None = None


def read(rows: Sequence[Row]) -> list[FormItem]:
    """Fields, table rows, tick boxes and lines, in the order of the rows; each word is in exactly one of them."""
    rows = [
        row for row in tables.labels_above(tables.heads_parted(tables.mended([_tidied(row) for row in rows]))) if row
    ]
    headers = tables.header_of(rows)
    sides = _sides(rows)
    found: list[FormItem] = []
    for index, row in enumerate(rows):
        if any(cell.text in (EMPTY, TICKED) for cell in row):
            found += _boxes(row)
        elif index in headers:
            found.append(FormItem(tables.named(row, headers[index]), _line(row), joined(row)))
        elif row in headers.values():
            found.append(FormItem(joined(row).text, _line(row), joined(row)))
        elif found and _continues(found[-1], row):
            last, line = found[-1], row[0]
            assert isinstance(last.detail, Field)
            whole = f"{last.detail.value} {line.text}"
            found[-1] = field(last.detail.label, whole, joined([last.cell, line]), line)
        elif index in sides:
            found += _fields(row)
        else:
            found += _row(row)
    return found


def _sides(rows: Sequence[Row]) -> set[int]:
    """Rows in which labels and values take turns: half of their values hold digits, or those of a row beside them."""
    turns = {i for i, row in enumerate(rows) if len(row) > 2 and _take_turns(row)}
    found = {i for i in turns if 4 * sum(has_digit(value.text) for value in rows[i][1::2]) >= len(rows[i])}
    for order in (sorted(turns), sorted(turns, reverse=True)):
        found |= {i for i in order if any(n in found and _same_columns(rows[i], rows[n]) for n in (i - 1, i + 1))}
    return found


def _take_turns(row: Row) -> bool:
    pairs = list(zip(row[::2], row[1::2], strict=False))
    named = all(_is_named(a.text, b.text) and not has_digit(a.text) for a, b in pairs)
    return len(row) % 2 == 0 and named and not any(":" in cell.text for cell in row[::2])


def _same_columns(row: Row, other: Row) -> bool:
    return len(row) == len(other) and all(
        abs(a.left - b.left) < tables.ALIGNED * a.height for a, b in zip(row, other, strict=True)
    )


def _fields(row: Sequence[Cell]) -> list[FormItem]:
    return [field(a.text, b.text, joined([a, b]), b) for a, b in zip(row[::2], row[1::2], strict=True)]


def _continues(last: FormItem, row: Row) -> bool:
    """Whether a row is the next line of the value before it: it stands under it, close, and has no label."""
    if last.value is None or len(row) > 1 or split_label(row[0].text)[0] is not None:
        return False
    value, line = last.value, row[0]
    indented = line.left - last.cell.left > _INDENTED * value.height
    aligned = abs(line.left - value.left) < 1.5 * value.height
    return indented and aligned and line.top - value.bottom < 0.5 * value.height


def _line(row: Sequence[Cell]) -> Line:
    return Line(tuple(cell.text for cell in row))


def _row(row: Row) -> list[FormItem]:
    """The fields of a row, and what stands between them."""
    cells = [part for cell in row for part in _labels_apart(cell)]
    found: list[FormItem] = []
    plain: list[Cell] = []
    while cells:
        cell = cells.pop(0)
        label, value = split_label(cell.text)
        if label is None or (value and cells and tables.is_number(cells[0].text)):  # an item with a colon in its name
            plain.append(cell)
            continue
        beside: Cell | None = _value_part(cell)
        if not value:
            taken = _values(cells)
            beside = taken[0] if taken else None
            if not taken and not _is_short(label):
                plain.append(cell)
                continue
            cells = cells[len(taken) :]
            cell = joined([cell, *taken])
            value = " ".join(part.text for part in taken)
        found += _plain(plain)
        plain = []
        found.append(field(label, value, cell, beside))
    return found + _plain(plain)


def _boxes(row: Row) -> list[FormItem]:
    """Tick boxes with the words beside them; words before the first are the question that they answer."""
    marks = [i for i, cell in enumerate(row) if cell.text in (EMPTY, TICKED)]
    found: list[FormItem] = []
    if marks[-1] == len(row) - 1 and marks[0] > 0:  # yes [ ]  no [x]
        starts = [0, *(mark + 1 for mark in marks)]
        groups = [(row[mark], row[start:mark]) for mark, start in zip(marks, starts, strict=False)]
        question = ""
    else:
        ends = [*marks[1:], len(row)]
        groups = [(row[mark], row[mark + 1 : end]) for mark, end in zip(marks, ends, strict=True)]
        question = " ".join(cell.text for cell in row[: marks[0]])
    for mark, words in groups:
        beside = " ".join(cell.text for cell in words)
        label, value = split_label(beside)
        if label is not None and value and not question and mark is groups[0][0]:
            question, beside = label, value
        asked = _balanced(question)
        name = f"{asked}: {beside}" if asked and beside else asked or beside
        ticked = mark.text == TICKED
        confidence = min((cell.confidence for cell in words), default=mark.confidence)
        cell = replace(joined([mark, *words]), confidence=confidence)
        found.append(FormItem(f"{name} ({'ticked' if ticked else 'not ticked'})".strip(), TickBox(name, ticked), cell))
    return found


def _value_part(cell: Cell) -> Cell:
    """About where the value stands in a cell that has its label too."""
    share = (cell.text.find(":") + 2) / (len(cell.text) + 1)
    return replace(cell, left=cell.left + share * (cell.right - cell.left))


def _values(cells: Sequence[Cell]) -> list[Cell]:
    """The cells up to the next label."""
    taken: list[Cell] = []
    for cell in cells:
        if split_label(cell.text)[0] is not None:
            break
        taken.append(cell)
    return taken


def _plain(cells: list[Cell]) -> list[FormItem]:
    """Cells without a colon: they may be labels and their values, as on a rating plate or under a bill."""
    if not cells:
        return []
    pairs = list(zip(cells[::2], cells[1::2], strict=False))
    paired = len(cells) % 2 == 0 and all(_is_named(a.text, b.text) for a, b in pairs)
    if paired and (len(pairs) == 1 or all(has_digit(b.text) and not has_digit(a.text) for a, b in pairs)):
        return _fields(cells)
    whole = joined(cells)
    return [FormItem(whole.text, _line(cells), whole)]


def _is_named(label: str, value: str) -> bool:
    return (is_label(label) and _VALUE.match(value) is not None) or is_symbol(label, value)


def field(label: str, value: str, cell: Cell, beside: Cell | None = None) -> FormItem:
    """A label and its value as one; an empty value was left blank."""
    label, value = _balanced(label), _balanced(value)
    return FormItem(f"{label}: {value or '(left blank)'}", Field(label, value), cell, beside)


def _is_short(label: str) -> bool:
    """Whether a label without a value is a blank in a form and not the end of a sentence."""
    return len(label.split()) <= _MAX_BLANK_WORDS and "," not in label and ". " not in label


def _labels_apart(cell: Cell) -> list[Cell]:
    """A cell with several labels as one cell each: `Tel: 123 Fax: 456`."""
    head, colon, tail = cell.text.partition(":")
    first, *others = _NEXT_LABEL.split(tail)
    if not others:
        return [cell]
    parts = [head + colon + first, *others]
    return [Cell(p, cell.confidence, cell.left, cell.right, cell.top, cell.bottom, cell.bounds) for p in parts]


def _tidied(row: Row) -> Row:
    """A currency in a cell of its own joins the amount on its right, a colon at a cell's beginning the label before."""
    cells: list[Cell] = []
    for cell in row:
        if cells and (
            cell.text.startswith(":") or (_CURRENCY.fullmatch(cells[-1].text) and _PRICE.fullmatch(cell.text))
        ):
            cell = joined([cells.pop(), cell])
        cells.append(cell)
    return tuple(cells)


def _balanced(text: str) -> str:
    """Words without the half of a bracket whose other half stands elsewhere."""
    text = text.strip(" :;,")
    for opening, closing in ("()", "[]"):
        if text.startswith(opening) and text.count(opening) > text.count(closing):
            text = text[1:]
        if text.endswith(closing) and text.count(closing) > text.count(opening):
            text = text[:-1]
    return text.strip()
