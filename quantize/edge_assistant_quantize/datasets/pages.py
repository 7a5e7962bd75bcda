"""Rendered pages whose words are known: receipts, forms of two kinds, tables and prose, another one for each seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge_assistant_quantize.datasets.paper import font

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_TEXT = (
    "able account across after again air allow along amount answer area around autumn balance basin before bench "
    "between bridge bright carry castle centre change child circle clear cloud coast copper corner cotton country "
    "cover daily design different dinner during early engine evening every family figure final finger flour "
    "follow forest garden general glass ground harbour heavy history house hundred island itself journey kitchen "
    "ladder language larger letter little machine market matter measure middle minute morning mountain narrow "
    "nature never nothing number ocean office orange paper people perhaps person picture plain quarter quiet "
    "quick rather reason record river school second several shadow silver simple singular small spring station "
    "stone street strong summer surface table thing through together travel under useful valley village voice "
    "water weather weekend winter window without wonder worker writing yellow young"
)
_WORDS = _TEXT.split()
_GOODS = (
    "Apple juice 1L", "Wholemeal bread", "Coffee beans 250g", "Batteries AA x4", "Tea light candles", "Dish soap",
    "Olive oil 500ml", "Notebook A5", "Green tea", "Paper towels", "Rice 5kg", "Light bulb E27", "Chicken breast",
    "Yoghurt 4pk", "USB cable 2m",
)  # fmt: skip
_PEOPLE = (
    "Ada Keller", "Jonas Wirth", "Maria Oduya", "Peter Lindqvist", "Grace Tanaka", "Omar Haddad", "Ruth Svensson",
    "Ivan Petrov",
)  # fmt: skip
_INK = (25, 35, 110)


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPage:
    """A rendered page and what stands on it."""

    kind: str  # the function that made it
    image: Image.Image  # the clean page
    rows: list[str]  # its words in reading order, one entry a row, one space between cells
    fields: list[tuple[str, str]] = field(default_factory=list)  # labels with their values
    boxes: list[tuple[str, bool]] = field(default_factory=list)  # labels of tick boxes, and whether they are ticked


def sheet(seed: int) -> RenderedPage:
    """The page of a seed; the kinds take turns."""
    return KINDS[seed % len(KINDS)](np.random.default_rng(seed))


def _one(random: np.random.Generator, *choices: str) -> str:
    return str(random.choice(choices))


def _date(random: np.random.Generator, century: int, first: int, last: int) -> str:
    day, month = random.integers(1, 29), random.integers(1, 13)
    return f"{day:02d}/{month:02d}/{century}{random.integers(first, last)}"


def receipt(random: np.random.Generator) -> RenderedPage:
    """A till receipt: names, dates, items with prices flush right, the total among other amounts."""
    size, width = int(random.integers(19, 27)), 620
    page = _Writer("receipt", width, 1400, font(size, _one(random, "mono", "sans")), round(size * 1.45))
    shop = f"{_one(random, *_PEOPLE).split()[1].upper()} TRADING LTD"
    page.centred(shop)
    page.centred(f"{random.integers(1, 240)} {_one(random, *_WORDS).title()} Street")
    page.centred(f"Tel: 0{random.integers(10, 99)}-{random.integers(100000, 999999)}")
    page.skip()
    page.left(f"Date: {_date(random, 20, 15, 26)}")
    page.ends("Receipt No:", f"{random.integers(1000, 99999)}", note=True)
    page.skip()
    total = 0.0
    for goods in random.choice(_GOODS, int(random.integers(3, 9)), replace=False):
        price = float(random.integers(50, 4000)) / 100
        total += price
        page.ends(str(goods), f"{price:.2f}")
    page.skip()
    page.ends("TOTAL", f"{total:.2f}", note=True)
    cash = float(math.ceil(total / 10) * 10)
    page.ends("CASH", f"{cash:.2f}", note=True)
    page.ends("CHANGE", f"{cash - total:.2f}", note=True)
    page.skip()
    page.centred("Thank you, please come again")
    return page.sheet()


def form(random: np.random.Generator) -> RenderedPage:
    """A form: labels in print, values in another hand on lines, a row of tick boxes."""
    size = int(random.integers(20, 28))
    page = _Writer("form", 900, 900, font(size), round(size * 2.3))
    page.left("Patient intake", font(size + 12, "bold"))
    hand = font(size + 4, _one(random, "serif", "mono"))
    values = {
        "Name": _one(random, *_PEOPLE),
        "Date of birth": _date(random, 19, 40, 99),
        "Allergies": _one(random, "none known", "penicillin", "latex", "peanuts"),
        "Medication": f"Ramipril {random.choice([2, 5, 10])} mg daily",
        "Blood pressure": f"{random.integers(100, 170)}/{random.integers(60, 100)}",
    }
    for label, value in values.items():
        page.labelled(f"{label}:", value, hand)
    chosen = int(random.integers(0, 3))
    page.ticks("Smoker:", [(option, i == chosen) for i, option in enumerate(("yes", "no", "formerly"))])
    return page.sheet()


def boxes(random: np.random.Generator) -> RenderedPage:
    """A form in two columns, with or without boxes: labels in small print, each above its value."""
    size = int(random.integers(24, 32))
    page = _Writer("boxes", 1000, 900, font(round(size * random.uniform(0.65, 0.9))), round(size * 2.6))
    page.left("Goods received", font(size + 12, "bold"))
    hand = font(size, _one(random, "sans", "bold", "serif", "mono"))
    values = {
        "Delivered by": _one(random, *_PEOPLE),
        "Best before": _date(random, 20, 26, 31),
        "Lot": f"L{random.integers(1, 10)}-{random.integers(1000, 9999)}",
        "Storage": _one(random, "cool and dry", "below 8 °C", "frozen"),
        "Pieces": f"{random.integers(2, 400)}",
        "Weight": f"{random.integers(10, 900) / 10:.1f} kg",
    }
    chosen = [(label, values[label]) for label in random.permutation(list(values))]
    ruled = bool(random.integers(0, 2))
    for at in range(0, len(chosen), 2):
        page.stacked(chosen[at : at + 2], hand, ruled=ruled)
    return page.sheet()


def table(random: np.random.Generator) -> RenderedPage:
    """A ruled table with a header and numbers flush right."""
    size = int(random.integers(18, 25))
    page = _Writer("table", 1000, 900, font(size), round(size * 2))
    page.left(f"Delivery note {random.integers(1000, 9999)}", font(size + 8, "bold"))
    columns = (60, 480, 640, 800)
    page.cells(columns, ("Item", "Qty", "Unit price", "Amount"), font(size, "bold"))
    for goods in random.choice(_GOODS, int(random.integers(5, 11)), replace=False):
        count, price = int(random.integers(1, 20)), float(random.integers(50, 4000)) / 100
        page.cells(columns, (str(goods), str(count), f"{price:.2f}", f"{count * price:.2f}"))
    return page.sheet()


def prose(random: np.random.Generator) -> RenderedPage:
    """Running text in one column or two."""
    size = int(random.integers(17, 24))
    columns = int(random.integers(1, 3))
    page = _Writer("prose", 1000, 1100, font(size, _one(random, "sans", "serif")), round(size * 1.5))
    page.left("On the " + " ".join(random.choice(_WORDS, 3)), font(size + 10, "bold"))
    page.skip()
    width = (1000 - 2 * _MARGIN - 50 * (columns - 1)) / columns
    top = page.y
    for column in range(columns):
        page.y = top
        page.paragraph([str(word) for word in random.choice(_WORDS, 130)], _MARGIN + column * (width + 50), width)
    return page.sheet()


def letter(random: np.random.Generator, rows: int) -> RenderedPage:
    """So many rows in one column, A4 at 150 dots an inch with fifty: sentences, and labels with amounts flush right."""
    height = 2 * _MARGIN + rows * _PITCH
    page = _Writer("letter", 1240, height, font(20, _one(random, "sans", "serif")), _PITCH)
    for number in range(rows):
        if number % 5 == 3:
            amount = f"{random.integers(1, 900)}.{random.integers(10, 99)}"
            page.ends(_one(random, *_GOODS), amount)
        else:
            page.left(" ".join(str(word) for word in random.choice(_WORDS, int(random.integers(6, 12)))))
    return page.sheet()


KINDS: tuple[Callable[[np.random.Generator], RenderedPage], ...] = (receipt, form, table, prose, boxes)
_MARGIN = 60
_PITCH = 32  # pixels from one row of a letter to the next


class _Writer:
    """A page being written from the top down."""

    def __init__(self, kind: str, width: int, height: int, face: Font, pitch: int) -> None:
        self.kind, self.face, self.pitch, self.y = kind, face, pitch, _MARGIN
        self.image = Image.new("RGB", (width, height), "white")
        self.draw: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)
        self.rows: list[str] = []
        self.fields: list[tuple[str, str]] = []
        self.boxes: list[tuple[str, bool]] = []

    def sheet(self) -> RenderedPage:
        bottom = min(self.image.height, self.y + _MARGIN)
        return RenderedPage(
            self.kind, self.image.crop((0, 0, self.image.width, bottom)), self.rows, self.fields, self.boxes
        )

    def skip(self) -> None:
        self.y += self.pitch // 2

    def left(self, text: str, face: Font | None = None) -> None:
        self._write(_MARGIN, text, face)
        self._next([text])

    def centred(self, text: str) -> None:
        self._write((self.image.width - self.draw.textlength(text, self.face)) / 2, text)
        self._next([text])

    def ends(self, left: str, right: str, *, note: bool = False) -> None:
        """One thing at the left margin, one flush right."""
        self._write(_MARGIN, left)
        self._write(self.image.width - _MARGIN - self.draw.textlength(right, self.face), right)
        self._next([left, right])
        if note:
            self.fields.append((left.rstrip(":"), right))

    def labelled(self, label: str, value: str, hand: Font) -> None:
        """A label and a value on a line of its own."""
        self._write(_MARGIN, label)
        self._write(330, value, hand, _INK, up=6)
        base = self.y + round(self.pitch * 0.55)
        self.draw.line((320, base, self.image.width - _MARGIN, base), fill=(120, 120, 120), width=1)
        self._next([label, value])
        self.fields.append((label.rstrip(":"), value))

    def stacked(self, pairs: list[tuple[str, str]], hand: Font, *, ruled: bool) -> None:
        """Labels side by side, each with its value under it."""
        width, drop = (self.image.width - 2 * _MARGIN) / len(pairs), round(self.pitch * 0.36)
        for index, (label, value) in enumerate(pairs):
            x = _MARGIN + index * width
            self._write(x + 10, label)
            self._write(x + 16, value, hand, _INK, up=-drop)
            if ruled:
                self.draw.rectangle((x, self.y - 6, x + width, self.y + self.pitch - 6), outline=(90, 90, 90), width=2)
        self.rows.append(" ".join(label for label, _ in pairs))
        self._next([value for _, value in pairs])
        self.fields += pairs

    def ticks(self, question: str, options: list[tuple[str, bool]]) -> None:
        """A question with boxes, words on their right."""
        self._write(_MARGIN, question)
        side, x = round(self.pitch * 0.42), 330.0
        for option, ticked in options:
            left, top, right, bottom = x, self.y + 2, x + side, self.y + 2 + side
            self.draw.rectangle((left, top, right, bottom), outline="black", width=2)
            if ticked:
                self.draw.line((left + 2, top + 4, right + 3, bottom + 1), fill=_INK, width=3)
                self.draw.line((left - 2, bottom + 2, right - 1, top - 3), fill=_INK, width=3)
            self._write(x + side + 12, option)
            x += side + 12 + self.draw.textlength(option, self.face) + 60
        self._next([question, *(option for option, _ in options)])
        self.boxes += [(f"{question} {option}", ticked) for option, ticked in options]

    def cells(self, columns: tuple[int, ...], texts: tuple[str, ...], face: Font | None = None) -> None:
        """A ruled row: the first cell from the left, the others flush right in their columns."""
        edges = [*columns, self.image.width - _MARGIN]
        for index, text in enumerate(texts):
            room = edges[index + 1] - edges[index] - 20 - self.draw.textlength(text, face or self.face)
            self._write(edges[index] + (10 if index == 0 else 10 + room), text, face)
        top = self.y - round(self.pitch * 0.2)
        for left, right in pairwise(edges):
            self.draw.rectangle((left, top, right, top + self.pitch), outline=(90, 90, 90))
        self._next(list(texts))

    def paragraph(self, words: list[str], x: float, width: float) -> None:
        """Words wrapped to a width."""
        line: list[str] = []
        for word in [*words, None]:
            if word is None or self.draw.textlength(" ".join([*line, word]), self.face) > width:
                self._write(x, " ".join(line))
                self._next([" ".join(line)])
                line = []
            if word is not None:
                line.append(word)

    def _write(
        self, x: float, text: str, face: Font | None = None, fill: tuple[int, int, int] = (0, 0, 0), up: int = 0
    ) -> None:
        self.draw.text((x, self.y - up), text, font=face or self.face, fill=fill)

    def _next(self, cells: list[str]) -> None:
        self.rows.append(" ".join(cells))
        self.y += self.pitch
