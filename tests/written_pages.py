"""Receipts that are typeset from a seed, with what they say; read by geometry, as a page is, or drawn for the reader.

Every receipt is another one: seven layouts, and in each the parts that real ones have or have not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from edge_assistant.evidence import Detail, Evidence, Locator
from edge_assistant.perception import forms, layout
from edge_assistant.perception.layout import Piece

if TYPE_CHECKING:
    from PIL import Image

WIDTH = 44  # characters of a row
_PITCH, _HEIGHT, _CHARACTER = 34, 22, 13  # pixels of a row, of the writing, of a character

_GOODS = (
    "APPLE JUICE 1L", "WHOLEMEAL BREAD", "COFFEE BEANS 250G", "BATTERIES AA X4", "TEA LIGHTS", "DISH SOAP",
    "OLIVE OIL 500ML", "NOTEBOOK A5", "GREEN TEA", "PAPER TOWELS", "RICE 5KG", "LIGHT BULB E27",
    "CHICKEN BREAST", "YOGHURT 4PK", "USB CABLE 2M", "Oil change", "Gift card", "Nasi Lemak", "Iced Latte",
    "Club Sandwich", "Teh Tarik", "Screwdriver set", "Total cereal", "Cash box", "Tax guide 2024",
    "Card holder",
)  # fmt: skip
_SHOPS = (
    "HARTMANN & SONS LTD", "GREEN LEAF GROCERY", "KEDAI BUKU MAJU SDN BHD", "Corner Cafe", "THE OLD FORGE",
    "PEARL STATIONERY", "UNIVERSAL HARDWARE ENTERPRISE", "Lakeside Deli", "NORTH PIER FISH BAR",
    "Bluebird Books", "ORCHID RESTAURANT", "QUICKMART",
)  # fmt: skip
_STREETS = ("12 Harbour Street", "NO. 7, JALAN MELATI 3/2,", "48 Mill Lane", "LOT 3-12 GROUND FLOOR", "230 Market Road")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Cells = Sequence[tuple[int, str]]  # column of the first character, words


@dataclass
class Receipt:
    """A receipt being written from the top down, and what it says."""

    rows: list[Cells] = field(default_factory=list)
    truth: dict[str, object] = field(default_factory=dict)
    articles: list[tuple[str, Decimal]] = field(default_factory=list)

    def centred(self, text: str) -> None:
        self.rows.append([((WIDTH - len(text)) // 2, text)])

    def left(self, text: str) -> None:
        self.rows.append([(0, text)])

    def ends(self, left: str, right: str, indent: int = 0) -> None:
        self.rows.append([(indent, left), (WIDTH - len(right), right)])

    def columns(self, *texts: str) -> None:
        """A name, and numbers flush right in columns."""
        edges = {3: (30, 44), 4: (26, 35, 44)}[len(texts)]
        numbers = zip(edges, texts[1:], strict=True)
        self.rows.append([(0, texts[0]), *((edge - len(text), text) for edge, text in numbers if text)])

    def rule(self) -> None:
        self.rows.append([])

    def evidence(self) -> tuple[Evidence, ...]:
        """What a reader without errors makes of it."""
        found = forms.read(layout.rows(self.pieces()))
        return numbered([(item.text, item.detail) for item in found])

    def pieces(self) -> list[Piece]:
        return [_piece(text, x, y) for y, row in enumerate(self.rows) for x, text in row]

    def image(self) -> Image.Image:
        """The page, clean."""
        from PIL import Image, ImageDraw

        from edge_assistant.bench.paper import font

        face = font(_HEIGHT - 1, "mono")
        page = Image.new("RGB", (WIDTH * _CHARACTER + 80, len(self.rows) * _PITCH + 80), "white")
        draw = ImageDraw.Draw(page)
        for y, row in enumerate(self.rows):
            for x, text in row:
                draw.text((40 + x * _CHARACTER, 40 + y * _PITCH), text, font=face, fill="black")
        return page


def numbered(details: Sequence[tuple[str, Detail]]) -> tuple[Evidence, ...]:
    """Details as evidence with ids."""
    return tuple(Evidence(f"E{i}", "image:1", text, 1.0, Locator(), d) for i, (text, d) in enumerate(details, 1))


def _piece(text: str, x: int, y: int) -> Piece:
    left, top, right = x * _CHARACTER, y * _PITCH, (x + len(text)) * _CHARACTER
    corners = ((left, top), (right, top), (right, top + _HEIGHT), (left, top + _HEIGHT))
    return Piece(text, 1.0, corners)


def receipt(seed: int) -> Receipt:
    """The receipt of a seed; the layouts take turns."""
    page = Receipt()
    chance = random.Random(seed)
    LAYOUTS[seed % len(LAYOUTS)](page, chance)
    return page


class _Sums:
    """The amounts of a purchase."""

    def __init__(self, chance: random.Random, rate: str, rounded: bool = False, service: str = "0") -> None:
        self.articles = []
        for name in chance.sample(_GOODS, chance.randint(1, 6)):
            count = chance.choice((1, 1, 1, 2, 3))
            single = Decimal(chance.randint(50, 3000)) / 100
            self.articles.append((name, count, single, count * single))
        self.net = sum((article[3] for article in self.articles), Decimal(0))
        self.service = _cents(self.net * Decimal(service))
        self.tax = _cents((self.net + self.service) * Decimal(rate))
        self.gross = self.net + self.service + self.tax
        self.total = (self.gross * 20).quantize(Decimal(1)) / 20 if rounded else self.gross
        self.rounding = self.total - self.gross
        note = chance.choice((5, 10, 20, 50))
        self.cash = (self.total // note + 1) * note
        self.change = self.cash - self.total


def _cents(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"))


def _head(page: Receipt, chance: random.Random) -> None:
    shop = chance.choice(_SHOPS)
    if chance.random() < 0.2:
        page.left(str(chance.randint(100000, 9999999)))
    page.centred(shop)
    page.truth["seller"] = shop
    if chance.random() < 0.5:
        page.centred(f"({chance.randint(100000, 999999)}-{chance.choice('XMTKV')})")
    page.centred(chance.choice(_STREETS))
    if chance.random() < 0.6:
        page.centred(f"Tel: 0{chance.randint(2, 9)}-{chance.randint(10000000, 99999999)}")
    if chance.random() < 0.4:
        page.centred(f"GST ID : {chance.randint(10**11, 10**12 - 1)}")
    if chance.random() < 0.5:
        page.centred(chance.choice(("TAX INVOICE", "RECEIPT", "Cash Bill", "*** Welcome ***")))
    if chance.random() < 0.2:
        page.centred("Open daily 9:00 - 22:00")
    page.rule()


def _when(page: Receipt, chance: random.Random, american: bool = False) -> None:
    year, month, day = chance.randint(2015, 2026), chance.randint(1, 12), chance.randint(1, 28)
    hour, minute = chance.randint(8, 21), chance.randint(0, 59)
    page.truth["date"] = (year, month, day)
    written = chance.choice((
        f"{day:02d}/{month:02d}/{year}", f"{day:02d}-{month:02d}-{year}", f"{year}-{month:02d}-{day:02d}",
        f"{day} {_MONTHS[month - 1]} {year}", f"{day:02d}-{_MONTHS[month - 1]}-{year}", f"{day:02d}.{month:02d}.{year}",
    ))  # fmt: skip
    if american:
        written = f"{month:02d}/{day:02d}/{year}"
    time = f"{hour:02d}:{minute:02d}" + (f":{chance.randint(0, 59):02d}" if chance.random() < 0.5 else "")
    number = f"{chance.choice(('CS', 'INV', 'A', ''))}{chance.randint(1000, 999999)}"
    match chance.randint(0, 4):
        case 0:
            page.left(f"Date: {written}  {time}")
            page.left(f"Receipt No: {number}")
        case 1:
            page.ends(f"Date : {written}", f"Time : {time}")
            page.ends(f"Invoice No : {number}", f"Table: {chance.randint(1, 40)}")
        case 2:
            page.ends(written, time)
            page.left(f"Bill No. {number}")
        case 3:
            page.ends("Receipt #:", number)
            page.left(f"{written} {time} T1 R{chance.randint(1000, 99999)}")
        case _:
            page.left(f"Cashier: {chance.choice(('Ana', 'JOHN', '003'))}")
            page.ends("Invoice:", number)
            page.ends("Date:", f"{written} {time}")
    page.truth["receipt number"] = number
    page.rule()


def _pay(page: Receipt, chance: random.Random, sums: _Sums, money: Callable[[Decimal], str], indent: int = 0) -> None:
    """Cash and change, or a card."""
    if chance.random() < 0.7:
        page.ends(
            chance.choice(("CASH", "Cash", "Cash Tendered", "Paid Amount", "Received Cash", "Amount tendered")),
            money(sums.cash),
            indent,
        )
        page.ends(chance.choice(("CHANGE", "Change", "Change Due", "Balance")), money(sums.change), indent)
        page.truth |= {"cash": sums.cash, "change": sums.change}
    else:
        page.ends(
            chance.choice(("VISA", "Card", "Debit Card", "MASTERCARD", "Visa ****1234")), money(sums.total), indent
        )
        page.truth["cash"] = sums.total
        if chance.random() < 0.3:
            page.ends("Change", money(Decimal("0.00")), indent)
            page.truth["change"] = Decimal("0.00")


def _foot(page: Receipt, chance: random.Random) -> None:
    if chance.random() < 0.4:
        page.centred(chance.choice(("Thank you, please come again", "THANK YOU", "Goods sold are not returnable")))
    if chance.random() < 0.25:
        page.centred(f"Return before {chance.randint(1, 28):02d}/11/2027")
    if chance.random() < 0.2:
        page.ends("Points earned", f"{chance.randint(10, 90)}.00")


def _tax_summary(page: Receipt, sums: _Sums, net: str = "Amount(RM)") -> None:
    page.rule()
    page.columns("GST Summary", net, "Tax(RM)")
    page.columns("SR @ 6%", f"{sums.net:.2f}", f"{sums.tax:.2f}")
    page.columns("Total", f"{sums.net:.2f}", f"{sums.tax:.2f}")


def _plain(number: Decimal) -> str:
    return f"{number:.2f}"


def _tell(page: Receipt, sums: _Sums) -> None:
    page.truth["total"] = sums.total
    page.articles = [(name, price) for name, _, _, price in sums.articles]


def _grocer(page: Receipt, chance: random.Random) -> None:
    sums = _Sums(chance, chance.choice(("0.07", "0")))
    _head(page, chance)
    _when(page, chance)
    for name, _, _, price in sums.articles:
        page.ends(name, _plain(price))
    page.rule()
    if sums.tax:
        page.ends("SUBTOTAL", _plain(sums.net))
        page.ends("TAX 7%", _plain(sums.tax))
    page.ends(chance.choice(("TOTAL", "Total", "TOTAL TO PAY", "BALANCE DUE")), _plain(sums.total))
    _pay(page, chance, sums, _plain)
    if chance.random() < 0.4:
        page.left(f"TOTAL ITEMS {len(sums.articles)}")
    _tell(page, sums)
    _foot(page, chance)


def _coded(page: Receipt, chance: random.Random) -> None:
    """Names on lines of their own over numbers, amounts with RM, tax included."""
    sums = _Sums(chance, "0", rounded=True)

    def money(number: Decimal) -> str:
        return f"RM {number:.2f}"

    _head(page, chance)
    for name, count, single, price in sums.articles:
        page.ends(name, "*S")
        page.columns(str(chance.randint(10**11, 10**12)), f"{count} X {single:.2f}", f"{price:.2f}")
    page.rule()
    page.ends(f"Item(s) : {len(sums.articles)}", f"Qty(s) : {sum(a[1] for a in sums.articles)}")
    page.ends("Total Incl. GST@6%", money(sums.gross))
    if sums.rounding or chance.random() < 0.5:
        page.ends("Rounding Adj.", money(sums.rounding).replace("RM -", "-RM "))
        page.ends(
            chance.choice(("Total Rounded", "Rounded Total", "Total After Rounding", "Total Amt Payable")),
            money(sums.total),
        )
    _pay(page, chance, sums, money)
    page.ends("GST @6% included in total", money(_cents(sums.gross * 6 / 106)))
    page.rule()
    _when(page, chance)
    _tell(page, sums)
    _foot(page, chance)


def _restaurant(page: Receipt, chance: random.Random) -> None:
    sums = _Sums(chance, "0.20", service="0.10")
    sign = chance.choice(("£", "$", ""))

    def money(number: Decimal) -> str:
        return f"{sign}{number:.2f}"

    _head(page, chance)
    _when(page, chance)
    for name, count, _, price in sums.articles:
        page.ends(f"{count} {name}", money(price))
    page.rule()
    page.ends(chance.choice(("Subtotal", "Sub Total", "Sub-total", "Total")), money(sums.net))
    page.ends("Service charge 10%", money(sums.service))
    page.ends(chance.choice(("VAT 20%", "VAT", "Tax")), money(sums.tax))
    page.ends(chance.choice(("TOTAL", "Grand Total", "Amount due", "BILL TOTAL")), money(sums.total))
    _pay(page, chance, sums, money)
    _tell(page, sums)
    _foot(page, chance)


def _tabled(page: Receipt, chance: random.Random) -> None:
    sums = _Sums(chance, "0.06", rounded=True)
    _head(page, chance)
    _when(page, chance)
    page.columns("Item", "Qty", "Price", "Amount")
    for name, count, single, price in sums.articles:
        page.columns(name, str(count), f"{single:.2f}", f"{price:.2f}")
    page.rule()
    page.ends(chance.choice(("Total (Excluding GST) :", "Sub Total :", "Total Excl. GST :")), _plain(sums.net), 8)
    page.ends(chance.choice(("Total GST :", "GST Amount :", "GST @ 6% :")), _plain(sums.tax), 8)
    page.ends(chance.choice(("Total (Inclusive of GST) :", "Total Incl. GST :", "Total :")), _plain(sums.gross), 8)
    page.ends("Rounding Adjustment :", _plain(sums.rounding), 8)
    page.ends(chance.choice(("Total Amt Payable :", "Net Total :", "Total Due :", "Total :")), _plain(sums.total), 8)
    _pay(page, chance, sums, _plain, 8)
    if chance.random() < 0.6:
        _tax_summary(page, sums)
    _tell(page, sums)
    _foot(page, chance)


def _american(page: Receipt, chance: random.Random) -> None:
    sums = _Sums(chance, "0.0825")
    _head(page, chance)
    for name, count, single, price in sums.articles:
        page.ends(name, f"{price:.2f} T")
        if count > 1:
            page.left(f"  {count} @ {single:.2f}")
    page.rule()
    page.ends("SUBTOTAL", f"${sums.net:.2f}")
    page.ends("SALES TAX 8.25%", f"${sums.tax:.2f}")
    page.ends("TOTAL", f"${sums.total:.2f}")
    _pay(page, chance, sums, lambda number: f"${number:.2f}")
    _when(page, chance, american=True)
    _tell(page, sums)
    _foot(page, chance)


def _continental(page: Receipt, chance: random.Random) -> None:
    """Decimal commas, tax included, the net amount below the total."""
    sums = _Sums(chance, "0")

    def money(number: Decimal) -> str:
        return f"{number:.2f}".replace(".", ",")

    _head(page, chance)
    for name, count, single, price in sums.articles:
        page.ends(f"{name} {count} x {money(single)}" if count > 1 else name, f"{money(price)} A")
    page.rule()
    page.ends("Total EUR", money(sums.total))
    _pay(page, chance, sums, money)
    tax = _cents(sums.total * 19 / 119)
    page.ends("VAT 19%", money(tax))
    page.ends("Total excl. VAT", money(sums.total - tax))
    _when(page, chance)
    _tell(page, sums)
    _foot(page, chance)


def _stacked(page: Receipt, chance: random.Random) -> None:
    """Amounts under their labels, a discount, and what was saved."""
    sums = _Sums(chance, "0")
    off = _cents(sums.net / 10)
    sums.total = sums.net - off
    sums.cash = (sums.total // 20 + 1) * 20
    sums.change = sums.cash - sums.total
    _head(page, chance)
    _when(page, chance)
    for name, _, _, price in sums.articles:
        page.ends(name, _plain(price))
    page.ends("Member discount 10%", f"-{off:.2f}")
    page.rule()
    page.left("TOTAL")
    page.left(f"RM{sums.total:.2f}")
    _pay(page, chance, sums, _plain)
    page.ends("You saved", _plain(off))
    _tell(page, sums)
    _foot(page, chance)


LAYOUTS: tuple[Callable[[Receipt, random.Random], None], ...] = (
    _grocer,
    _coded,
    _restaurant,
    _tabled,
    _american,
    _continental,
    _stacked,
)
