"""Rendered pages whose words are known: receipts, forms of two kinds, tables and prose, another one for each seed."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from importlib import resources
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge_assistant_quantize.datasets.paper import font

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_CONTENT = tomllib.loads((resources.files(__package__) / "pages.toml").read_text("utf-8"))
WORDS, GOODS, _PEOPLE = _CONTENT["words"].split(), _CONTENT["goods"], _CONTENT["people"]
_INK = (25, 35, 110)
MARGIN = 60


def sheet(seed: int) -> RenderedPage:
    """The page of a seed; the kinds take turns."""
    return KINDS[seed % len(KINDS)](np.random.default_rng(seed))


def one(random: np.random.Generator, *choices: str) -> str:
    """One of some words."""
    return str(random.choice(choices))


def several(random: np.random.Generator, choices: list[str], count: int) -> list[str]:
    """Some of a list; of `WORDS` one may come again."""
    return [str(one) for one in random.choice(choices, count, replace=choices is WORDS)]


def _date(random: np.random.Generator, century: int, first: int, last: int) -> str:
    day, month = random.integers(1, 29), random.integers(1, 13)
    return f"{day:02d}/{month:02d}/{century}{random.integers(first, last)}"


def receipt(random: np.random.Generator) -> RenderedPage:
    """A till receipt: names, dates, items with prices flush right, the total among other amounts."""
    size, width = int(random.integers(19, 27)), 620
    page = RenderedPage(width, 1400, font(size, one(random, "mono", "sans")), round(size * 1.45))
    page.line(centre=f"{one(random, *_PEOPLE).split()[1].upper()} TRADING LTD")
    page.line(centre=f"{random.integers(1, 240)} {one(random, *WORDS).title()} Street")
    page.line(centre=f"Tel: 0{random.integers(10, 99)}-{random.integers(100000, 999999)}", skip=True)
    page.line(f"Date: {_date(random, 20, 15, 26)}")
    page.line("Receipt No:", f"{random.integers(1000, 99999)}", note=True, skip=True)
    total = 0.0
    chosen = several(random, GOODS, int(random.integers(3, 9)))
    for goods in chosen:
        price = float(random.integers(50, 4000)) / 100
        total += price
        page.line(goods, f"{price:.2f}", skip=goods == chosen[-1])
    cash = float(math.ceil(total / 10) * 10)
    for label, amount in (("TOTAL", total), ("CASH", cash), ("CHANGE", cash - total)):
        page.line(label, f"{amount:.2f}", note=True, skip=label == "CHANGE")
    page.line(centre="Thank you, please come again")
    return page.cut()


def form(random: np.random.Generator) -> RenderedPage:
    """A form: labels in print, values in another hand on lines, a row of tick boxes."""
    size = int(random.integers(20, 28))
    page = RenderedPage(900, 900, font(size), round(size * 2.3))
    page.line("Patient intake", face=font(size + 12, "bold"))
    hand = font(size + 4, one(random, "serif", "mono"))
    page.labelled("Name", one(random, *_PEOPLE), hand)
    page.labelled("Date of birth", _date(random, 19, 40, 99), hand)
    page.labelled("Allergies", one(random, "none known", "penicillin", "latex", "peanuts"), hand)
    page.labelled("Medication", f"Ramipril {random.choice([2, 5, 10])} mg daily", hand)
    page.labelled("Blood pressure", f"{random.integers(100, 170)}/{random.integers(60, 100)}", hand)
    chosen = int(random.integers(0, 3))
    page.ticks("Smoker:", [(option, i == chosen) for i, option in enumerate(("yes", "no", "formerly"))])
    return page.cut()


def boxes(random: np.random.Generator) -> RenderedPage:
    """A form in two columns, with or without boxes: labels in small print, each above its value."""
    size = int(random.integers(24, 32))
    page = RenderedPage(1000, 900, font(round(size * random.uniform(0.65, 0.9))), round(size * 2.6))
    page.line("Goods received", face=font(size + 12, "bold"))
    hand = font(size, one(random, "sans", "bold", "serif", "mono"))
    values = {
        "Delivered by": one(random, *_PEOPLE),
        "Best before": _date(random, 20, 26, 31),
        "Lot": f"L{random.integers(1, 10)}-{random.integers(1000, 9999)}",
        "Storage": one(random, "cool and dry", "below 8 °C", "frozen"),
        "Pieces": f"{random.integers(2, 400)}",
        "Weight": f"{random.integers(10, 900) / 10:.1f} kg",
    }
    chosen = [(label, values[label]) for label in random.permutation(list(values))]
    ruled = bool(random.integers(0, 2))
    for at in range(0, len(chosen), 2):
        page.stacked(chosen[at : at + 2], hand, ruled=ruled)
    return page.cut()


def table(random: np.random.Generator) -> RenderedPage:
    """A ruled table with a header and numbers flush right."""
    size = int(random.integers(18, 25))
    page = RenderedPage(1000, 900, font(size), round(size * 2))
    page.line(f"Delivery note {random.integers(1000, 9999)}", face=font(size + 8, "bold"))
    columns = (60, 480, 640, 800)
    page.cells(columns, ("Item", "Qty", "Unit price", "Amount"), font(size, "bold"))
    for goods in several(random, GOODS, int(random.integers(5, 11))):
        count, price = int(random.integers(1, 20)), float(random.integers(50, 4000)) / 100
        page.cells(columns, (goods, str(count), f"{price:.2f}", f"{count * price:.2f}"))
    return page.cut()


def prose(random: np.random.Generator) -> RenderedPage:
    """Running text in one column or two."""
    size = int(random.integers(17, 24))
    columns = int(random.integers(1, 3))
    page = RenderedPage(1000, 1100, font(size, one(random, "sans", "serif")), round(size * 1.5))
    page.line("On the " + " ".join(several(random, WORDS, 3)), face=font(size + 10, "bold"), skip=True)
    width = (1000 - 2 * MARGIN - 50 * (columns - 1)) / columns
    top = page.y
    for column in range(columns):
        page.y = top
        page.paragraph(several(random, WORDS, 130), MARGIN + column * (width + 50), width)
    return page.cut()


KINDS: tuple[Callable[[np.random.Generator], RenderedPage], ...] = (receipt, form, table, prose, boxes)


class RenderedPage:
    """A page that is written from the top down, and what stands on it.

    Attributes:
        image: the clean page.
        rows: its words in reading order, one entry a row, one space between cells.
        fields: labels with their values.
        boxes: labels of tick boxes, and whether they are ticked.
    """

    def __init__(self, width: int, height: int, face: Font, pitch: int) -> None:
        self.face, self.pitch, self.y = face, pitch, MARGIN
        self.image = Image.new("RGB", (width, height), "white")
        self.draw: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)
        self.rows: list[str] = []
        self.fields: list[tuple[str, str]] = []
        self.boxes: list[tuple[str, bool]] = []

    def cut(self) -> RenderedPage:
        """The page without what is blank below."""
        self.image = self.image.crop((0, 0, self.image.width, min(self.image.height, self.y + MARGIN)))
        return self

    def line(
        self,
        left: str = "",
        right: str = "",
        centre: str = "",
        face: Font | None = None,
        *,
        note: bool = False,
        skip: bool = False,
    ) -> None:
        """A row at the left margin, flush right or in the middle; noted as a field, with half a row blank behind it."""
        free = self.image.width - self.draw.textlength(right + centre, face or self.face)
        for text, x in ((left, MARGIN), (right, free - MARGIN), (centre, free / 2)):
            self._write(x, text, face)
        self._next(left, right, centre)
        self.fields += [(left.rstrip(":"), right)] * note
        self.y += self.pitch // 2 * skip

    def labelled(self, label: str, value: str, hand: Font) -> None:
        """A label and a value on a line of its own."""
        self._write(MARGIN, f"{label}:")
        self._write(330, value, hand, _INK, up=6)
        base = self.y + round(self.pitch * 0.55)
        self.draw.line((320, base, self.image.width - MARGIN, base), fill=(120, 120, 120), width=1)
        self._next(f"{label}:", value)
        self.fields.append((label, value))

    def stacked(self, pairs: list[tuple[str, str]], hand: Font, *, ruled: bool) -> None:
        """Labels side by side, each with its value under it."""
        width, drop = (self.image.width - 2 * MARGIN) / len(pairs), round(self.pitch * 0.36)
        for index, (label, value) in enumerate(pairs):
            x = MARGIN + index * width
            self._write(x + 10, label)
            self._write(x + 16, value, hand, _INK, up=-drop)
            if ruled:
                self.draw.rectangle((x, self.y - 6, x + width, self.y + self.pitch - 6), outline=(90, 90, 90), width=2)
        self.rows.append(" ".join(label for label, _ in pairs))
        self._next(*(value for _, value in pairs))
        self.fields += pairs

    def ticks(self, question: str, options: list[tuple[str, bool]]) -> None:
        """A question with boxes, words on their right."""
        self._write(MARGIN, question)
        side, x = round(self.pitch * 0.42), 330.0
        for option, ticked in options:
            left, top, right, bottom = x, self.y + 2, x + side, self.y + 2 + side
            self.draw.rectangle((left, top, right, bottom), outline="black", width=2)
            if ticked:
                self.draw.line((left + 2, top + 4, right + 3, bottom + 1), fill=_INK, width=3)
                self.draw.line((left - 2, bottom + 2, right - 1, top - 3), fill=_INK, width=3)
            self._write(x + side + 12, option)
            x += side + 12 + self.draw.textlength(option, self.face) + 60
        self._next(question, *(option for option, _ in options))
        self.boxes += [(f"{question} {option}", ticked) for option, ticked in options]

    def cells(self, columns: tuple[int, ...], texts: tuple[str, ...], face: Font | None = None) -> None:
        """A ruled row: the first cell from the left, the others flush right in their columns."""
        top = self.y - round(self.pitch * 0.2)
        for (left, right), text in zip(pairwise((*columns, self.image.width - MARGIN)), texts, strict=True):
            room = right - left - 20 - self.draw.textlength(text, face or self.face)
            self._write(left + 10 + (room if left > columns[0] else 0), text, face)
            self.draw.rectangle((left, top, right, top + self.pitch), outline=(90, 90, 90))
        self._next(*texts)

    def paragraph(self, words: list[str], x: float, width: float) -> None:
        """Words wrapped to a width."""
        line: list[str] = []
        for word in [*words, None]:
            if word is None or self.draw.textlength(" ".join([*line, word]), self.face) > width:
                self._write(x, " ".join(line))
                self._next(" ".join(line))
                line = []
            if word is not None:
                line.append(word)

    def _write(
        self, x: float, text: str, face: Font | None = None, fill: tuple[int, int, int] = (0, 0, 0), up: int = 0
    ) -> None:
        self.draw.text((x, self.y - up), text, font=face or self.face, fill=fill)

    def _next(self, *cells: str) -> None:
        self.rows.append(" ".join(cell for cell in cells if cell))
        self.y += self.pitch
