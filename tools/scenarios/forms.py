"""Forms: fields and tick boxes in three layouts, and lists with columns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from scenarios.sheet import BLACK, GREY, INK, Sheet, typeface

LAYOUTS = ("ruled", "above", "grid")
_MARGIN = 64


@dataclass(frozen=True, slots=True)
class Form:
    """What stands on a form.

    Attributes:
        title: its heading.
        subtitle: the line below.
        fields: labels with values.
        ticks: questions with options and which of them is ticked.
        table: rows of a list below, the first is the header; or empty.
        footer: the last line.
    """

    title: str
    subtitle: str
    fields: Sequence[tuple[str, str]]
    ticks: Sequence[tuple[str, Sequence[str], int]] = ()
    table: Sequence[Sequence[str]] = field(default=())
    footer: str = "Page 1 of 1"


@dataclass(frozen=True, slots=True)
class _Style:
    size: int
    face: str
    value_face: str
    value_size: int
    colour: tuple[int, int, int]


def draw_form(form: Form, layout: str, draw: random.Random) -> Sheet:
    """The form as a sheet in a layout: values on ruled lines, below their labels in boxes, or in a ruled table."""
    size = draw.randint(23, 29)
    value_face = draw.choice(
        ("hand", "mono", "italic", "sans", "serif", "mono") if layout != "grid" else ("mono", "sans", "serif")
    )
    scale = 1.75 if value_face == "hand" else 1.15
    style = _Style(
        size,
        draw.choice(("sans", "serif", "sans")),
        value_face,
        round(size * scale),
        draw.choice((INK, BLACK)) if value_face != "hand" else INK,
    )
    sheet = Sheet(1040, 1900)
    y = _heading(sheet, form, size, draw)
    y = {"ruled": _ruled, "above": _above, "grid": _grid}[layout](sheet, form, style, y)
    for question, options, ticked in form.ticks:
        y = _ticks(sheet, question, options, ticked, style, y)
    if form.table:
        y = _table(sheet, form.table, style, y + size)
    y += 2 * size
    box = sheet.put(_MARGIN, y, form.footer, typeface(size - 7, "sans"), GREY)
    sheet.line([form.footer], [box])
    sheet.crop(y + 50)
    return sheet


def _heading(sheet: Sheet, form: Form, size: int, draw: random.Random) -> float:
    centred = draw.random() < 0.3
    x, anchor = (sheet.image.width / 2, "ms") if centred else (_MARGIN, "ls")
    face = typeface(size + draw.randint(10, 18), draw.choice(("bold", "serif", "bold")))
    box = sheet.put(x, 100, form.title, face, BLACK, anchor)
    sheet.line([form.title], [box])
    box = sheet.put(x, 100 + size * 1.6, form.subtitle, typeface(size - 5, "sans"), GREY, anchor)
    sheet.line([form.subtitle], [box])
    return 100 + size * 3.4


def _ruled(sheet: Sheet, form: Form, style: _Style, y: float) -> float:
    """Label on the left, value on a line."""
    label_face, value_face = typeface(style.size, style.face), typeface(style.value_size, style.value_face)
    start = _MARGIN + max(sheet.draw.textlength(f"{label}:", label_face) for label, _ in form.fields) + 36
    for label, value in form.fields:
        y += style.size * 2.6
        boxes = [sheet.put(_MARGIN, y, f"{label}:", label_face, GREY)]
        boxes.append(sheet.put(start + 14, y - 4, _spaced(value, style), value_face, style.colour))
        sheet.draw.line((start, y + 6, sheet.image.width - _MARGIN, y + 6), (140, 140, 140), 2)
        sheet.field(label, value, boxes)
    return y


def _above(sheet: Sheet, form: Form, style: _Style, y: float) -> float:
    """Two boxes in a row, a small label on top of each value."""
    small, value_face = typeface(style.size - 7, style.face), typeface(style.value_size, style.value_face)
    half = (sheet.image.width - 2 * _MARGIN) / 2
    height = style.size * 1.6 + style.value_size * 1.5
    wide = any(sheet.draw.textlength(_spaced(value, style), value_face) > half - 50 for _, value in form.fields)
    columns = 1 if wide else 2
    for index, (label, value) in enumerate(form.fields):
        column, row = index % columns, index // columns
        left, top = _MARGIN + column * half, y + row * height
        right = left + half * (2 / columns)
        sheet.draw.rectangle((left, top, right, top + height), outline=(120, 120, 120), width=2)
        boxes = [sheet.put(left + 14, top + style.size * 1.05, label, small, GREY)]
        boxes.append(
            sheet.put(left + 22, top + height - style.size * 0.7, _spaced(value, style), value_face, style.colour)
        )
        sheet.field(label, value, boxes)
    return y + height * ((len(form.fields) + columns - 1) // columns)


def _grid(sheet: Sheet, form: Form, style: _Style, y: float) -> float:
    """A ruled table, labels in its shaded first column."""
    label_face, value_face = typeface(style.size - 2, style.face), typeface(style.value_size, style.value_face)
    start = _MARGIN + max(sheet.draw.textlength(label, label_face) for label, _ in form.fields) + 50
    height = style.size * 2.5
    for label, value in form.fields:
        sheet.draw.rectangle((_MARGIN, y, start, y + height), fill=(232, 235, 240), outline=(80, 80, 80), width=2)
        sheet.draw.rectangle((start, y, sheet.image.width - _MARGIN, y + height), outline=(80, 80, 80), width=2)
        boxes = [sheet.put(_MARGIN + 14, y + height * 0.64, label, label_face, BLACK)]
        boxes.append(sheet.put(start + 20, y + height * 0.64, value, value_face, style.colour))
        sheet.field(label, value, boxes)
        y += height
    return y


def _ticks(sheet: Sheet, question: str, options: Sequence[str], ticked: int, style: _Style, y: float) -> float:
    face, side = typeface(style.size, style.face), round(style.size * 1.1)
    y += style.size * 2.6
    sheet.put(_MARGIN, y, f"{question}:", face, GREY)
    x = _MARGIN + sheet.draw.textlength(f"{question}:", face) + 60
    for number, option in enumerate(options):
        top = y - side + 3
        sheet.draw.rectangle((x, top, x + side, y + 3), outline=GREY, width=3)
        if number == ticked:
            sheet.draw.line((x + 4, top + 6, x + side - 4, y - 2), INK, 4)
            sheet.draw.line((x + side - 2, top + 2, x + 3, y - 1), INK, 4)
        box = sheet.put(x + side + 16, y, option, face, GREY)
        sheet.tick(f"{question}: {option}", number == ticked, [box, (int(x), int(top), side, side)])
        x += side + 16 + box[2] + 70
    return y


def _table(sheet: Sheet, rows: Sequence[Sequence[str]], style: _Style, y: float) -> float:
    """A list with a header; columns as wide as their share."""
    face, value_face = (
        typeface(style.size - 2, "bold"),
        typeface(style.size, "mono" if style.value_face == "hand" else style.value_face),
    )
    width = (sheet.image.width - 2 * _MARGIN) / len(rows[0])
    height = style.size * 2.1
    for number, row in enumerate(rows):
        boxes = []
        for column, cell in enumerate(row):
            left = _MARGIN + column * width
            shade = (232, 235, 240) if number == 0 else None
            sheet.draw.rectangle((left, y, left + width, y + height), fill=shade, outline=(80, 80, 80), width=2)
            boxes.append(sheet.put(left + 14, y + height * 0.66, cell, face if number == 0 else value_face))
        sheet.line(row, boxes, rows[0] if number else ())
        y += height
    return y


def _spaced(value: str, style: _Style) -> str:
    """Handwriting with wider gaps between its words, as the font's own are too narrow to be seen."""
    return value.replace(" ", "  ") if style.value_face == "hand" else value
