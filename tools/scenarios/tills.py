"""Receipts: a till's slip, a bill and an invoice, each with amounts that are not the total."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.sheet import BLACK, GREY, Sheet, typeface

LAYOUTS = ("slip", "bill", "invoice")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands on a receipt, as it is printed.

    Attributes:
        shop: its name.
        address: lines below it.
        facts: labels with values in the head, such as the date; an empty label is a value alone.
        items: name, quantity, price of one, amount.
        sums: labels with amounts, in the order of printing; `strong` is the place of the total among them.
        strong: index of the row in larger print.
        footer: lines at the end.
        title: `INVOICE` and the like.
    """

    shop: str
    address: Sequence[str]
    facts: Sequence[tuple[str, str]]
    items: Sequence[tuple[str, str, str, str]]
    sums: Sequence[tuple[str, str]]
    strong: int
    footer: Sequence[str]
    title: str = ""


def draw_receipt(receipt: Receipt, layout: str, draw: random.Random) -> Sheet:
    """The receipt as a sheet in a layout."""
    return {"slip": _slip, "bill": _bill, "invoice": _invoice}[layout](receipt, draw)


def _slip(receipt: Receipt, draw: random.Random) -> Sheet:
    """Thermal paper: a fixed-width font, items with what they cost, dashes between the parts."""
    size = draw.randint(25, 30)
    till = _Till(Sheet(640, 2400), 44, size, "mono", "mono bold")
    for line in (receipt.shop.upper(), *receipt.address):
        till.centred(line)
    till.gap()
    for label, value in receipt.facts:
        if label:
            till.pair(f"{label}: {value}", "", field=(label, value))
        else:
            till.single(value)
    till.dashes()
    for name, count, _, amount in receipt.items:
        till.pair(f"{count} {name}", amount, field=(f"{count} {name}", amount))
    till.dashes()
    _sums(till, receipt)
    return till.finish(receipt.footer)


def _bill(receipt: Receipt, draw: random.Random) -> Sheet:
    """A waiter's or cashier's bill: item, quantity and amount under each other, sums towards the right."""
    size = draw.randint(24, 29)
    till = _Till(Sheet(760, 2400), 60, size, draw.choice(("sans", "narrow", "serif")), "bold")
    till.centred(receipt.shop, typeface(size + 14, "bold"))
    for line in receipt.address:
        till.centred(line)
    till.gap()
    for label, value in receipt.facts:
        till.pair(label, value, field=(label, value)) if label else till.single(value)
    till.rule()
    for name, count, _, amount in receipt.items:
        till.cells((name, count, amount), (60, 500, 700), ())
    till.rule()
    _sums(till, receipt, left=260)
    return till.finish(receipt.footer)


def _invoice(receipt: Receipt, draw: random.Random) -> Sheet:
    """An invoice with a table: item, quantity, price, amount."""
    size = draw.randint(21, 25)
    till = _Till(Sheet(920, 2000), 70, size, draw.choice(("sans", "serif")), "bold")
    till.single(receipt.shop, typeface(size + 12, "bold"))
    for line in receipt.address:
        till.single(line)
    till.gap()
    till.single(receipt.title or "INVOICE", typeface(size + 8, "bold"))
    for label, value in receipt.facts:
        till.labelled(label or "Date", value)
    till.gap()
    header = draw.choice((("Item", "Qty", "Price", "Amount"), ("Description", "Quantity", "Unit price", "Total")))
    edges = (70, 560, 710, 850)
    till.cells(header, edges, (), typeface(size, "bold"), ruled=True)
    for row in receipt.items:
        till.cells(row, edges, header, ruled=True)
    till.gap()
    _sums(till, receipt, left=470)
    return till.finish(receipt.footer)


def _sums(till: _Till, receipt: Receipt, left: int | None = None) -> None:
    for number, (label, amount) in enumerate(receipt.sums):
        face = typeface(till.size + 5, till.strong) if number == receipt.strong else None
        till.pair(label, amount, field=(label, amount), face=face, left=left)


class _Till:
    """Writes lines from the top down, and notes each."""

    def __init__(self, sheet: Sheet, margin: int, size: int, face: str, strong: str) -> None:
        self.sheet, self.margin, self.size, self.strong = sheet, margin, size, strong
        self.face = typeface(size, face)
        self.y = 70.0
        self.right = sheet.image.width - margin

    def gap(self) -> None:
        self.y += self.size * 0.7

    def _next(self) -> None:
        self.y += self.size * 1.55

    def centred(self, text: str, face: object = None) -> None:
        box = self.sheet.put(self.sheet.image.width / 2, self.y, text, face or self.face, BLACK, "ms")  # type: ignore[arg-type]
        self.sheet.line([text], [box])
        self._next()

    def single(self, text: str, face: object = None) -> None:
        box = self.sheet.put(self.margin, self.y, text, face or self.face)  # type: ignore[arg-type]
        self.sheet.line([text], [box])
        self._next()

    def labelled(self, label: str, value: str) -> None:
        boxes = [self.sheet.put(self.margin, self.y, f"{label}:", self.face, GREY)]
        boxes.append(self.sheet.put(self.margin + 230, self.y, value, self.face))
        self.sheet.field(label, value, boxes)
        self._next()

    def pair(
        self, left_text: str, right_text: str, *, field: tuple[str, str], face: object = None, left: int | None = None
    ) -> None:
        used = face or self.face
        boxes = [self.sheet.put(left or self.margin, self.y, left_text, used)]  # type: ignore[arg-type]
        if right_text:
            boxes.append(self.sheet.put(self.right, self.y, right_text, used, BLACK, "rs"))  # type: ignore[arg-type]
        self.sheet.field(*field, boxes)
        self._next()

    def cells(
        self,
        texts: Sequence[str],
        edges: Sequence[int],
        header: Sequence[str],
        face: object = None,
        *,
        ruled: bool = False,
    ) -> None:
        used, boxes = face or self.face, []
        for number, text in enumerate(texts):
            anchor = "rs" if number else "ls"
            boxes.append(self.sheet.put(edges[number], self.y, text, used, BLACK, anchor))  # type: ignore[arg-type]
        self.sheet.line(texts, boxes, header)
        if ruled:
            low = self.y + self.size * 0.42
            self.sheet.draw.line((self.margin - 6, low, self.right + 6, low), GREY, 1)
        self._next()

    def dashes(self) -> None:
        self.sheet.put(self.margin, self.y, "-" * int((self.right - self.margin) / (self.size * 0.6)), self.face)
        self._next()

    def rule(self) -> None:
        self.sheet.draw.line((self.margin, self.y - self.size * 0.6, self.right, self.y - self.size * 0.6), BLACK, 2)
        self.y += self.size * 0.6

    def finish(self, footer: Sequence[str]) -> Sheet:
        self.gap()
        for line in footer:
            self.centred(line)
        self.sheet.crop(self.y + 40)
        return self.sheet
