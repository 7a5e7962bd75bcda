"""Receipts: a slip, bill or invoice, and what is claimed for it; now and then a second receipt of another shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from scenarios.desk import Desk, Told, approximation, as_rounded, typed
from scenarios.model import Question, Rest, Scenario, Signal
from scenarios.talk import Note
from scenarios.tills import LAYOUTS, Receipt, draw_receipt
from scenarios.values import CURRENCIES, Value, calendar_day, money, time_of_day
from scenarios.words import identifier, person, phrase

_SHOPS = (  # name, what was bought there, goods as they are printed and as they are said
    (
        "The Copper Spoon",
        "the lunch",
        (
            ("Tomato Soup", "tomato soup"),
            ("Fish Pie", "fish pie"),
            ("Lentil Salad", "lentil salad"),
            ("Mineral Water", "mineral water"),
            ("Apple Cake", "apple cake"),
            ("Veggie Burger", "veggie burger"),
        ),
    ),
    (
        "Bella Napoli",
        "the dinner",
        (
            ("Pizza Funghi", "pizza funghi"),
            ("Lasagne", "lasagne"),
            ("Green Salad", "green salad"),
            ("Tiramisu", "tiramisu"),
            ("House Wine 0.2l", "house wine"),
            ("Espresso", "espresso"),
        ),
    ),
    (
        "Hammer & Co",
        "the hardware",
        (
            ("Cable Ties 100pc", "cable ties"),
            ("LED Lamp E27", "LED lamp"),
            ("Wood Glue 250g", "wood glue"),
            ("Extension Cord 5m", "extension cord"),
            ("Paint Brush Set", "paint brush set"),
            ("Padlock 40mm", "padlock"),
        ),
    ),
    (
        "Fixit Hardware",
        "the tool order",
        (
            ("Screwdriver Set", "screwdriver set"),
            ("Duct Tape", "duct tape"),
            ("Tape Measure 5m", "tape measure"),
            ("Work Gloves L", "work gloves"),
            ("Spirit Level", "spirit level"),
            ("Hex Keys", "hex keys"),
        ),
    ),
    (
        "Paperworld",
        "the stationery",
        (
            ("Printer Paper A4", "printer paper"),
            ("Stapler", "stapler"),
            ("Ball Pens 10pk", "ball pens"),
            ("Ring Binder", "ring binder"),
            ("Whiteboard Marker", "whiteboard marker"),
            ("Envelopes C5", "envelopes"),
        ),
    ),
    (
        "Quill Office Supply",
        "the office order",
        (
            ("Desk Lamp", "desk lamp"),
            ("USB Cable 2m", "USB cable"),
            ("Mouse Pad", "mouse pad"),
            ("Sticky Notes", "sticky notes"),
            ("Paper Shredder", "paper shredder"),
            ("Toner Black", "toner"),
        ),
    ),
    (
        "Green Basket",
        "the grocery run",
        (
            ("Bananas 1kg", "bananas"),
            ("Orange Juice 1L", "orange juice"),
            ("Oat Milk", "oat milk"),
            ("Dark Chocolate", "dark chocolate"),
            ("Bread Rolls", "bread rolls"),
            ("Coffee Beans 500g", "coffee beans"),
        ),
    ),
    (
        "Corner Bakery",
        "the breakfast",
        (
            ("Croissant", "croissant"),
            ("Cheese Sandwich", "cheese sandwich"),
            ("Cappuccino", "cappuccino"),
            ("Fruit Salad", "fruit salad"),
            ("Blueberry Muffin", "blueberry muffin"),
            ("Herbal Tea", "herbal tea"),
        ),
    ),
)
_STREETS = (
    "14 Mill Lane",
    "2 Station Road",
    "88 High Street",
    "Unit 5, Harbour Park",
    "31 Church Walk",
    "7 Market Square",
)
_OTHERS = ("the taxi", "the parking", "the train ticket", "the hotel breakfast", "the toll", "the museum ticket")
_LABELS = {
    "total": ("TOTAL", "Total", "Amount due", "Grand Total", "Total to pay", "Balance due"),
    "day": ("Date", "Date", "Date of sale", "Issued"),
    "hour": ("Time", "Time"),
    "change": ("CHANGE", "Change", "Change due", "Change given"),
    "cash": ("CASH", "Cash", "Cash tendered", "Cash received"),
    "number": ("Receipt No", "Receipt", "Receipt no.", "Receipt #"),
    "tax": ("VAT included", "Incl. VAT", "VAT 20%", "Tax (20%)"),
}
_GUESTS = (
    ("Grace", "Tanaka"),
    ("Omar", "Haddad"),
    ("Julia", "Stone"),
    ("Peter", "Lindqvist"),
    ("Maria", "Costa"),
    ("Henry", "Walsh"),
)


@dataclass(slots=True)
class _Purchase:
    """A purchase with its receipt's numbers; amounts in hundredths."""

    shop: str
    what: str
    items: list[tuple[str, str, int, int]]  # printed, said, quantity, price of one
    currency: str
    values: dict[str, Value]

    def amount(self, fact: str) -> int:
        key = self.values[fact].key
        assert isinstance(key, int)
        return key


def make(desk: Desk, number: int) -> Scenario:
    """One scenario of receipts."""
    purchase = _purchase(desk)
    second = _purchase(desk, apart_from=purchase) if number % 5 == 3 else None
    words = {"what": purchase.what, "shop": purchase.shop, "other": desk.draw.choice(desk.own("others", _OTHERS))}
    if second:
        words["what"] = f"{purchase.what} at {purchase.shop}"
        words |= {"must": purchase.shop, "of": f" of {words['what']}"}
    note = Note(desk.draw, desk.phrases, desk.common, words, typed=desk.chance(0.4))
    image = "image:1" if second is None or desk.chance(0.5) else "image:2"
    receipt, printed = _printed(desk, purchase, image)
    if second is not None:
        facts = ["total", desk.draw.choice(("day", "hour"))]
    elif number % 3 == 2:  # the claim is about one item, so it does not tell the total
        facts = desk.draw.sample(("day", "hour", "change", "cash"), 2)
    else:
        facts = ["total", desk.draw.choice(("day", "day", "hour", "change", "cash"))]
    questions = [_over_two(desk, note, fact, purchase, printed, words) for fact in facts]
    if second is None:
        questions += _further(desk, note, printed, words)
    if "total" not in facts:
        questions.append(_joined(desk, note, purchase, receipt, image))
    if number % 3:
        questions.append(desk.absent(words))
    desk.draw.shuffle(questions)
    claim = note.signal("claim" if note.typed else "note")
    pictures = [_picture(desk, receipt, number, "receipt.jpg")]
    if second is not None:
        other, _ = _printed(desk, second, "image:1")
        pictures.append(_picture(desk, other, number + 1, "receipt2.jpg"))
        pictures.sort(key=lambda picture: picture.file, reverse=image == "image:2")
    signals = [*pictures, claim] if desk.chance(0.5) else [claim, *pictures]
    if desk.chance(0.15) and not note.typed:
        signals.append(desk.unrelated())
    return Scenario(f"receipt-{number + 1:03d}", "receipts", signals, questions)


def _purchase(desk: Desk, apart_from: _Purchase | None = None) -> _Purchase:
    """Draw one whose amounts are all different, so that none can be taken for another."""
    draw = desk.draw
    while True:
        name, what, goods = desk.pick(_SHOPS, "shops")
        items = [
            (*good, draw.choice((1, 1, 1, 2, 3)), draw.randint(120, 2900))
            for good in draw.sample(goods, draw.randint(3, 5))
        ]
        currency = draw.choice(sorted(CURRENCIES)) if apart_from is None else apart_from.currency
        total = sum(count * price for _, _, count, price in items)
        cash = -(-total // 1000) * 1000 + draw.choice((0, 0, 1000, 2000))
        tax = round(total / 6)
        day = date(2023, 1, 2) + timedelta(days=draw.randrange(900))
        values = {
            "total": money(total, currency),
            "cash": money(cash, currency),
            "change": money(cash - total, currency),
            "tax": money(tax, currency),
            "day": calendar_day(day, year_told=draw.random() < 0.5),
            "hour": time_of_day(draw.randint(8, 21), draw.choice((2, 5, 10, 14, 15, 20, 27, 30, 38, 45, 52, 55))),
            "number": identifier(f"{draw.choice('ABKRT')}{draw.randint(1, 9)}-{draw.randint(1000, 9999)}"),
        }
        amounts = [total, cash, cash - total, tax, *(count * price for _, _, count, price in items)]
        apart = apart_from is None or (
            apart_from.shop != name
            and not set(amounts) & {apart_from.amount("total")}
            and apart_from.values["day"].key != values["day"].key
        )
        if len(set(amounts)) == len(amounts) and cash - total >= 100 and 800 < total < 16000 and apart:
            return _Purchase(name, what, items, currency, values)


def _printed(desk: Desk, purchase: _Purchase, image: str) -> tuple[Receipt, dict[str, Told]]:
    """The receipt, and what it tells."""
    draw, told = desk.draw, {}
    sign = draw.choice(("", "", CURRENCIES[purchase.currency][0]))

    def told_as(fact: str, words: str) -> tuple[str, str]:
        told[fact] = Told(image, purchase.values[fact], words)
        return desk.pick(_LABELS[fact], f"labels.{fact}"), words

    def amount(cents: int) -> str:
        return f"{sign}{cents // 100}.{cents % 100:02d}"

    values = purchase.values
    facts = [
        told_as("number", draw.choice(values["number"].printed[:2])),
        told_as("day", draw.choice(values["day"].printed)),
        told_as("hour", draw.choice(values["hour"].printed[:2])),
    ]
    total = purchase.amount("total")
    sums = [(draw.choice(("Subtotal", "Net", "Sub Total excl. VAT")), amount(total - purchase.amount("tax")))]
    sums.append(told_as("tax", amount(purchase.amount("tax"))))
    if draw.random() < 0.3:
        sums.append((draw.choice(("Rounding", "Rounding adj.")), amount(0)))
    strong = len(sums)
    sums.append(told_as("total", amount(total)))
    sums += [told_as("cash", amount(purchase.amount("cash"))), told_as("change", amount(purchase.amount("change")))]
    items = [(name, str(count), amount(price), amount(count * price)) for name, _, count, price in purchase.items]
    address = [
        draw.choice(desk.own("streets", _STREETS)),
        f"Tel. 0{draw.randint(20, 99)} 496 0{draw.randint(100, 999)}",
    ]
    footer = [draw.choice(("Thank you for your visit", "Please keep this receipt", "Goods sold are not returnable"))]
    return Receipt(
        purchase.shop, address, facts, items, sums, strong, footer, draw.choice(("INVOICE", "Tax invoice"))
    ), told


def _over_two(
    desk: Desk, note: Note, fact: str, purchase: _Purchase, printed: Mapping[str, Told], words: Mapping[str, str]
) -> Question:
    """What receipt and claim both tell."""
    names = ("receipt", "claim" if note.typed else desk.draw.choice(("recording", "voice note", "claim")))
    deal = desk.deal()
    value = purchase.values[fact] if deal.agree else _another(desk, purchase, fact)
    told = _tell(desk, note, fact, value, purchase, agree=deal.agree)
    return desk.compared(fact, deal, [printed[fact], told], words, names)


def _tell(desk: Desk, note: Note, fact: str, value: Value, purchase: _Purchase, *, agree: bool) -> Told:
    signal = "text:1" if note.typed else "audio:1"
    chance, unit = desk.draw.random(), CURRENCIES[purchase.currency][1]
    if chance < 0.2 and agree and value.kind == "money" and isinstance(value.key, int):
        about = approximation(value.key / 100, unit, 0.035)
        if about:
            return Told(
                signal, as_rounded(value, about), note.tell(fact, value, about=typed(about) if note.typed else about)
            )
    if chance < 0.35 and not note.typed:
        return Told(signal, value, note.tell(fact, value, wrong=_another(desk, purchase, fact, value)))
    if chance < 0.45:
        return Told(signal, value, note.tell(fact, value, negated=_another(desk, purchase, fact, value)))
    words = note.tell(fact, value)
    for what in ("older", "other"):
        if desk.phrases.has(fact, what) and desk.chance(0.35):
            note.aside(fact, what, _another(desk, purchase, fact, value))
            break
    return Told(signal, value, words)


def _another(desk: Desk, purchase: _Purchase, fact: str, apart_from: Value | None = None) -> Value:
    """Another value, clearly apart from the receipt's and from one more; of amounts often with two digits swapped."""
    true = purchase.values[fact]
    while True:
        found = _drawn(desk, purchase, true)
        if _clear(found, true) and (apart_from is None or _clear(found, apart_from)):
            return found


def _drawn(desk: Desk, purchase: _Purchase, true: Value) -> Value:
    draw = desk.draw
    if isinstance(true.key, date):
        told = len(true.typed) > 4  # with its year, which has more writings
        return calendar_day(true.key + timedelta(days=draw.choice((-14, -9, -2, -1, 1, 2, 7, 10))), year_told=told)
    assert isinstance(true.key, int)
    if true.kind == "time":
        return time_of_day(draw.randint(8, 21), draw.choice((0, 5, 10, 15, 20, 30, 40, 45, 50)))
    if draw.random() < 0.5 and true.key % 100:
        digits = list(f"{true.key}")
        place = draw.randrange(len(digits) - 1)
        digits[place], digits[place + 1] = digits[place + 1], digits[place]
        return money(int("".join(digits)), purchase.currency)
    step = 1000 if true.key % 1000 == 0 else 1
    return money(true.key + step * round(true.key / step * draw.uniform(-0.4, 0.8)), purchase.currency)


def _clear(found: Value, other: Value) -> bool:
    if isinstance(found.key, date) and isinstance(other.key, date):
        swapped = (found.key.day, found.key.month) == (other.key.month, other.key.day)
        return found.key != other.key and not swapped and found.key.year == other.key.year
    assert isinstance(found.key, int)
    assert isinstance(other.key, int)
    if found.kind == "time":
        return abs(found.key - other.key) >= 35
    return found.key > 100 and abs(found.key - other.key) > max(50, 0.07 * other.key)


def _further(desk: Desk, note: Note, printed: Mapping[str, Told], words: Mapping[str, str]) -> list[Question]:
    """What only one of the two tells."""
    questions = [desk.lookup(fact, printed[fact], words) for fact in desk.draw.sample(("tax", "number"), 1)]
    signal = "text:1" if note.typed else "audio:1"
    if desk.chance(0.6):
        fact = desk.draw.choice(("guest", "project"))
        value = (
            person(*desk.draw.choice(desk.own("guests", _GUESTS)))
            if fact == "guest"
            else identifier(f"P-{desk.draw.randint(1000, 9999)}")
        )
        questions.append(desk.lookup(fact, Told(signal, value, note.tell(fact, value)), words))
    return questions


def _joined(desk: Desk, note: Note, purchase: _Purchase, receipt: Receipt, image: str) -> Question:
    """The note says which item it is about, the receipt has the price; of an item that was bought once."""
    single = [n for n, item in enumerate(purchase.items) if item[2] == 1] or [0]
    chosen = desk.draw.choice(single)
    _, said, count, price = purchase.items[chosen]
    goods = phrase("item", said, (said,), (said,), (said,))
    which = Rest("text:1" if note.typed else "audio:1", note.tell("item", goods))
    amount = count * price
    answers = (f"{amount // 100}.{amount % 100:02d}",)
    ask = desk.ask("item", {"what": purchase.what, "shop": purchase.shop})
    return Question(ask, "cross", "supported", answers, (Rest(image, receipt.items[chosen][3], answers), which))


def _picture(desk: Desk, receipt: Receipt, number: int, file: str) -> Signal:
    sheet = draw_receipt(receipt, LAYOUTS[number % 3], desk.draw)
    data, evidence = sheet.scanned(
        desk.draw.randrange(1 << 30), desk.draw.uniform(-1.8, 1.8), noise=desk.draw.uniform(3, 6)
    )
    return Signal("image", file, data=data, evidence=evidence)
