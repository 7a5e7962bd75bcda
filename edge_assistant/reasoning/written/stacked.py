"""Labels that stand above their values where the senses did not see it: rows of a page become fields and tables.

A form in boxes has the label in the upper corner of each and the value under it. A reader of rows then gives a row of
labels and a row of values, or a label and a value as lines of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from edge_assistant.reasoning.attributes import labelled, phrase
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.written.rows import Row

_MAX_ROWS_BETWEEN = 2  # of the boxes beside a label, before the row of its value
_MAX_LABEL_WORDS = 5
_MAX_VALUE_WORDS = 8
_BELOW = 3.5  # heights of a label's writing from its top to the top of its value
_ASIDE = 2.0  # heights from the left edge of a label to that of its value
_MAX_TABLE = 60  # rows under one header


def unstacked(page: Sequence[Row]) -> list[Row]:
    """The rows of a page with the fields and columns that stand in them from above to below."""
    return _fields(_columns(_pairs(page)))


def is_label(text: str) -> bool:
    """Whether a text is the name of an attribute and nothing else.

    >>> is_label("Appointment (time)"), is_label("Patient intake"), is_label("12 kg")
    (True, False, False)
    """
    if not text or len(text.split()) > _MAX_LABEL_WORDS or any(c.isdigit() for c in text):
        return False
    mentions = labelled(text)
    covered = sum(len(phrase(text[m.start : m.end])) for m in {(m.start, m.end): m for m in mentions}.values())
    others = [word for word in phrase(text) if word in vocabulary().written["plain"]]
    named = {word for m in mentions for word in phrase(text[m.start : m.end])}
    return bool(mentions) and covered + sum(word not in named for word in others) >= len(phrase(text))


def _pairs(page: Sequence[Row]) -> list[Row]:
    """Two labels over two values, which were taken for a label with a value each time."""
    found: list[Row] = []
    at = 0
    while at < len(page):
        row, under = page[at], page[at + 1] if at + 1 < len(page) else None
        if under is not None and _is_pair(row, under):
            cells = zip(row.cells, under.cells, strict=True)
            found += [replace(under, cells=(label, value), columns=(None, None), field=True) for label, value in cells]
            at += 2
        else:
            found.append(row)
            at += 1
    return found


def _is_pair(row: Row, under: Row) -> bool:
    if len(row.cells) != 2 or len(under.cells) != 2 or any(row.columns) or any(under.columns):
        return False
    return all(map(is_label, row.cells)) and not any(map(is_label, under.cells)) and all(under.cells)


def _columns(page: Sequence[Row]) -> list[Row]:
    """Rows under a header of as many cells, whose names are known."""
    found = list(page)
    for index, header in enumerate(found):
        if not _is_header(header) and not _heads_numbers(found[index : index + 3]):
            continue
        for below in range(index + 1, min(len(found), index + 1 + _MAX_TABLE)):
            row = found[below]
            if row.field or any(row.columns) or len(row.cells) != len(header.cells) or _is_header(row):
                break
            found[below] = replace(row, columns=header.cells)
    return found


def _is_header(row: Row) -> bool:
    """Whether at least two of a row's cells, three at the least, name attributes or columns of articles."""
    if not _may_head(row):
        return False
    names = vocabulary().written["columns"]
    return sum(is_label(cell) or set(phrase(cell)) <= names for cell in row.cells) >= 2


def _heads_numbers(rows: Sequence[Row]) -> bool:
    """Whether a row with one known name stands over two rows of as many cells, numbers in the same columns."""
    if len(rows) < 3 or not _may_head(rows[0]) or not any(map(is_label, rows[0].cells)):
        return False
    if any(row.field or any(row.columns) or len(row.cells) != len(rows[0].cells) for row in rows[1:]):
        return False
    first, second = ([any(c.isdigit() for c in cell) for cell in row.cells] for row in rows[1:])
    return first == second and any(first)


def _may_head(row: Row) -> bool:
    return not (row.field or any(row.columns) or len(row.cells) < 3 or any(c.isdigit() for c in row.text))


def _fields(page: Sequence[Row]) -> list[Row]:
    """Lines that are a label and the value under it become fields; sums are left to those who know all amounts."""
    found = list(page)
    taken: set[int] = set()
    for index, label in enumerate(page):
        if label.field or len(label.cells) != 1 or not is_label(label.text) or _is_other(label.text):
            continue
        for below in range(index + 1, min(len(page), index + 2 + _MAX_ROWS_BETWEEN)):
            if below not in taken and _is_value(label, page[below], below - index):
                found[below] = replace(
                    page[below], cells=(label.text, page[below].text), columns=(None,) * 2, field=True
                )
                taken |= {index, below}
                break
    return [row for index, row in enumerate(found) if index not in taken or row.field]


def _is_other(text: str) -> bool:
    """Whether a line names a sum, or heads a page: the number of a receipt does not follow its "Tax invoice"."""
    if any(mention.attribute.value == "money" for mention in labelled(text)):
        return True
    return " ".join(re.findall(r"[^\W\d_]+", text.lower())) in vocabulary().written["not_seller"]


def _is_value(label: Row, row: Row, distance: int) -> bool:
    """Whether a row stands under a label: by its box, or directly after it where boxes are not known."""
    if row.field or len(row.cells) != 1 or is_label(row.text) or len(row.text.split()) > _MAX_VALUE_WORDS:
        return False
    if label.box is None or row.box is None:
        return distance == 1
    left, top, _, height = label.box
    return 0 < row.box[1] - top < _BELOW * height and abs(row.box[0] - left) < _ASIDE * height
