"""Rating plates and labels: engraved, printed or stuck on, photographed a little askew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.sheet import BLACK, GREY, Colour, Sheet, typeface

PLATES = ("columns", "cells", "ruled")
LABELS = ("framed", "shelf", "pharmacy")
_METALS: tuple[tuple[Colour, Colour], ...] = (  # ground and letters
    ((38, 42, 50), (235, 235, 235)),
    ((196, 200, 204), (30, 30, 34)),
    ((232, 232, 226), (28, 28, 28)),
    ((168, 164, 150), (24, 24, 24)),
)
_WALLS: tuple[Colour, ...] = ((96, 110, 100), (70, 84, 110), (150, 120, 90), (120, 120, 124))


@dataclass(frozen=True, slots=True)
class Sign:
    """What stands on a plate or label.

    Attributes:
        title: the largest words.
        fields: labels with values.
        table: a table below, the first row is its header; or empty.
        lines: further lines.
    """

    title: str
    fields: Sequence[tuple[str, str]]
    table: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = ()


class _Board:
    """A sign being drawn on a wall."""

    def __init__(self, draw: random.Random, ground: Colour, ink: Colour, width: int, size: int) -> None:
        self.sheet = Sheet(width + 120, 1600, draw.choice(_WALLS))
        self.ground, self.ink, self.size = ground, ink, size
        self.left, self.right, self.top, self.y = 60, width + 60, 60, 60.0 + 2.2 * size
        self.sheet.draw.rectangle((self.left, self.top, self.right, 1600), fill=ground)

    def title(self, text: str, *, centred: bool) -> None:
        face = typeface(self.size + 14, "bold")
        x, anchor = ((self.left + self.right) / 2, "ms") if centred else (self.left + 46, "ls")
        self.sheet.line([text], [self.sheet.put(x, self.y, text, face, self.ink, anchor)])
        self.y += self.size * 0.8
        self.sheet.draw.line((self.left + 40, self.y, self.right - 40, self.y), self.ink, 2)
        self.y += self.size * 1.7

    def text(self, x: float, text: str, face: str, size: int | None = None) -> tuple[int, int, int, int]:
        return self.sheet.put(x, self.y, text, typeface(size or self.size, face), self.ink)

    def rows(self, fields: Sequence[tuple[str, str]], start: float, face: str, *, colon: bool) -> None:
        """Label on the left, value in a column."""
        for label, value in fields:
            shown = f"{label}:" if colon else label
            self.sheet.field(label, value, [self.text(self.left + 46, shown, "sans"), self.text(start, value, face)])
            self.y += self.size * 1.75

    def pairs(self, fields: Sequence[tuple[str, str]], face: str, *, ruled: bool) -> None:
        """Two fields beside each other, a small label above each value."""
        half = (self.right - self.left - 80) / 2
        for place in range(0, len(fields), 2):
            for column, (label, value) in enumerate(fields[place : place + 2]):
                x = self.left + 40 + column * half
                if ruled:
                    box = (x, self.y - self.size, x + half, self.y + self.size * 1.8)
                    self.sheet.draw.rectangle(box, outline=self.ink, width=2)
                first = self.text(x + 14, label, "sans", self.size - 6)
                second = self.sheet.put(
                    x + 18, self.y + self.size * 1.35, value, typeface(self.size + 4, face), self.ink
                )
                self.sheet.field(label, value, [first, second])
            self.y += self.size * 2.8
        self.y += self.size * 0.4

    def grid(self, rows: Sequence[Sequence[str]], *, header: bool = True) -> None:
        """A table with lines; its first row may be a header."""
        width = (self.right - self.left - 80) / len(rows[0])
        for number, row in enumerate(rows):
            boxes = []
            for column, cell in enumerate(row):
                x = self.left + 40 + column * width
                box = (x, self.y - self.size * 1.2, x + width, self.y + self.size * 0.6)
                self.sheet.draw.rectangle(box, outline=self.ink, width=2)
                boxes.append(self.text(x + 14, cell, "bold" if header and number == 0 else "sans"))
            self.sheet.line(row, boxes, rows[0] if header and number else ())
            self.y += self.size * 1.8
        self.y += self.size * 0.5

    def lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.sheet.line([line], [self.text(self.left + 46, line, "sans")])
            self.y += self.size * 1.6

    def finish(self, *, screws: bool = False, frame: bool = False) -> Sheet:
        bottom = int(self.y)
        wall = self.sheet.image.getpixel((5, 5))
        self.sheet.draw.rectangle((0, bottom, self.sheet.image.width, 1600), fill=wall)
        if frame:
            self.sheet.draw.rectangle(
                (self.left + 14, self.top + 14, self.right - 14, bottom - 14), outline=self.ink, width=3
            )
        if screws:
            for x in (self.left + 26, self.right - 26):
                for y in (self.top + 26, bottom - 26):
                    self.sheet.draw.ellipse((x - 9, y - 9, x + 9, y + 9), fill=(128, 128, 128), outline=GREY)
        self.sheet.crop(bottom + 60)
        return self.sheet


def draw_plate(sign: Sign, layout: str, draw: random.Random) -> Sheet:
    """A rating plate: two columns, cells with small labels, or a ruled list."""
    ground, ink = draw.choice(_METALS)
    board = _Board(draw, ground, ink, 900, draw.randint(28, 33))
    board.title(sign.title, centred=layout != "ruled")
    if layout == "columns":
        board.rows(sign.fields, board.left + 430, "bold", colon=False)
    elif layout == "cells":
        board.pairs(sign.fields, "bold", ruled=True)
    else:
        board.grid(sign.fields, header=False)
        board.sheet.evidence = board.sheet.evidence[:1] + _as_fields(board.sheet, sign.fields)
    if sign.table:
        board.y += board.size * 0.4
        board.grid(sign.table)
    board.lines(sign.lines)
    return board.finish(screws=layout != "ruled" or draw.random() < 0.5, frame=layout == "columns")


def _as_fields(sheet: Sheet, fields: Sequence[tuple[str, str]]) -> list:  # type: ignore[type-arg]
    """The rows of a ruled list as what they are: labels with values."""
    kept = sheet.evidence[1:]
    sheet.evidence = []
    for item, (label, value) in zip(kept, fields, strict=True):
        assert item.locator.box is not None
        sheet.field(label, value, [item.locator.box])
    return sheet.evidence


def draw_label(sign: Sign, layout: str, draw: random.Random) -> Sheet:
    """A label: framed with two columns, a shelf's with small labels, a pharmacy's with lines of text."""
    ground: Colour = {"framed": (250, 250, 244), "shelf": (246, 222, 96), "pharmacy": (255, 255, 255)}[layout]
    board = _Board(draw, ground, BLACK, 900, draw.randint(28, 33))
    board.title(sign.title, centred=layout != "pharmacy")
    if layout == "framed":
        board.rows(sign.fields, board.left + 400, draw.choice(("bold", "serif", "sans")), colon=draw.random() < 0.5)
    elif layout == "shelf":
        board.pairs(sign.fields, "bold", ruled=draw.random() < 0.4)
    else:
        board.lines(sign.lines)
        board.rows(sign.fields, board.left + 400, "mono", colon=True)
    if sign.table:
        board.y += board.size * 0.4
        board.grid(sign.table)
    if layout != "pharmacy":
        board.lines(sign.lines)
    board.y += board.size * 0.6
    return board.finish(frame=layout == "framed")
