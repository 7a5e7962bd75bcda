"""Quantities, amounts of money and blood pressures in text: digits or words, currency, unit, sign, range, hedge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, vocabulary, word_pattern
from edge_assistant.reasoning.values import units
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.days import days
from edge_assistant.reasoning.values.numerals import number_words, spoken_numbers, without_zeros
from edge_assistant.reasoning.values.spans import ValueSpan, alternatives, hedge, non_overlapping, words_before
from edge_assistant.reasoning.values.values import Pair, Quantity

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d+(?:[.,]\d+)?(?:[½¼¾])?|[½¼¾])"
_VULGAR = {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}
_CENT = Decimal("0.01")
_MOST_WORDS = 12  # of one number: "nine hundred and ninety nine million ..." has 11
_DASHES = frozenset({"-", "–", "—", "..", "...", "÷"})
_PLUS_MINUS = frozenset({"±", "+/-", "+-", "plus or minus", "plus minus"})
_APART = 18  # characters between two numbers that belong together; "plus or minus" has most
# Units that are said one after another: five foot ten, two hours and thirty minutes
_COMPOSED = {
    ("ft", "in"), ("stone", "lb"), ("lb", "oz"),
    ("hour", "minute"), ("minute", "s"), ("year", "month"), ("week", "day"),
}  # fmt: skip
# What a recogniser writes for pounds and euros that are followed by their cents, and the most that can follow otherwise
_HEARD_AS = {"lb": ("GBP", 15), "year": ("EUR", 12)}
_LEAST, _MOST = 20, 350  # mmHg of a blood pressure
_UNSAID = {"ft": "in", "stone": "lb"}  # of which the second unit may be left out: "five foot ten"


@dataclass(frozen=True, slots=True)
class _Number:
    """One number with the unit it stands with, before neighbours are put together."""

    start: int
    end: int
    readings: tuple[Decimal, ...]
    unit: str | None
    digits: bool
    least: Decimal | None = None
    most: Decimal | None = None
    part: bool = False  # a bare half or quarter, which is a number only behind another


def quantities(text: str) -> Iterator[ValueSpan]:
    """Find numbers in digits or words, with a currency before or a unit behind, outside days and times of day.

    A number without a unit may be a price that lost its point: `3840` is also 38.40.
    """
    for number in _join(text, _numbers(text)):
        hedged = hedge(text, number.start, number.end)
        quantity = Quantity(number.readings, number.unit, least=number.least, most=number.most)
        yield ValueSpan(text[number.start : number.end], _with_hedge(quantity, hedged), number.start, number.end)


def amounts(text: str) -> Iterator[ValueSpan]:
    """Find what can be an amount of money: with a currency, or without any unit."""
    for candidate in quantities(text):
        unit = candidate.value.unit if isinstance(candidate.value, Quantity) else None
        if unit is None or units.is_currency(unit):
            yield candidate


def _with_hedge(quantity: Quantity, hedged: str) -> Quantity:
    """A quantity as the words beside it make it approximate, or an open range."""
    first = quantity.readings[0]
    if hedged == "least":
        return replace(quantity, least=first) if quantity.most is None else quantity
    if hedged == "most":
        return replace(quantity, most=first) if quantity.least is None else quantity
    return replace(quantity, approximate=True, side="" if hedged == "about" else hedged) if hedged else quantity


def _numbers(text: str) -> Iterator[_Number]:
    taken = {i for finder in (days, clocks) for found in finder(text) for i in range(found.start, found.end)}
    past = 0
    for match in _pattern().finditer(text):
        written, end = _unit_behind(match, text)
        if match.start() < past or not taken.isdisjoint(range(match.start(), end)) or _is_pronoun(match, written, text):
            continue
        past = end
        coin = (
            None
            if match["currency"]
            else vocabulary().hundredths.get(written if len(written) == 1 else written.lower())
        )
        unit = units.unit_of(written or match["currency"] or "")
        readings = _readings(match, written, unit)
        if readings and coin is not None:
            yield _Number(match.start(), end, ((readings[0] / 100).quantize(_CENT),), coin or None, True)
        elif readings:
            yield _number(match, readings, unit, end, text)


def _number(match: re.Match[str], readings: tuple[Decimal, ...], unit: str | None, end: int, text: str) -> _Number:
    below = _below().match(text, end)
    if match["sign"] or below:
        readings = tuple(-reading for reading in readings)
    known = vocabulary().fractions
    part = unit is None and (match["words"] or "").lower().split(" ")[-1] in known and readings[0] in known.values()
    return _Number(match.start(), below.end() if below else end, readings, unit, bool(match["digits"]), part=part)


def _unit_behind(match: re.Match[str], text: str) -> tuple[str, int]:
    """The unit that is written behind a number, and where number and unit end: "half a tablet" has "tablet"."""
    at = match.end()
    words = (match["words"] or "").lower()
    of_one = _of_one().match(text, at) if words.split(" ")[-1] in vocabulary().fractions else None
    places = [of_one.end()] if of_one else []
    places += [at + 1] if text[at : at + 1] == "-" or (text[at : at + 1].isspace() and text[at] != "\n") else [at]
    found = next(filter(None, (units.unit_at(text, place) for place in places)), None)
    return found or ("", at)


def _readings(match: re.Match[str], written: str, unit: str | None) -> tuple[Decimal, ...]:
    if match["digits"]:
        if " " in match["digits"]:  # 4 point 2
            return (Decimal(re.sub(r" [^\W\d_]+ ", ".", match["digits"])),)
        bare = (unit is None or units.is_currency(unit)) and not match["scale"]
        readings = _digits(match["digits"], priced=bare)
        return tuple(_scale(r, match["scale"]) for r in readings) if match["scale"] else readings
    words = match["words"].lower()
    if written.lower() == "second" and words != "one":
        return ()  # "the twenty second" is a day or a place in a row; of the unit there are "twenty seconds"
    if words in vocabulary().words["hundreds"]:
        return ()  # "a quarter of a million"
    if words in vocabulary().words["article"]:
        return (Decimal(1),) if written else ()  # "an hour and a half"
    spoken = spoken_numbers(words)
    if unit is None or units.is_currency(unit):
        return spoken
    return tuple(sorted(spoken, key=lambda number: number != number.to_integral_value()))  # four fifteen volts: 415


def _scale(number: Decimal, scale: str) -> Decimal:
    known = vocabulary()
    return without_zeros(
        number * (12 if scale.lower() in known.words["dozen"] else known.numbers.get(scale.lower(), 1))
    )


def _digits(text: str, *, priced: bool) -> tuple[Decimal, ...]:
    """Every number that digits can stand for; `priced` admits a lost decimal point: 3840 for 38.40."""
    part = _VULGAR.get(text[-1], Decimal(0))
    text = text.rstrip("½¼¾")
    if not text:
        return (part,)
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        return (Decimal(text.replace(",", "")),)
    if re.fullmatch(r"\d{1,3}(\.\d{3})+,\d{1,2}", text):
        return (Decimal(text.replace(".", "").replace(",", ".")),)
    number = Decimal(text.replace(",", ".")) + part
    can_be_price = priced and re.fullmatch(r"\d{3,6}", text) and number % 100  # nobody says the cents of 40.00
    return (number, (number / 100).quantize(_CENT)) if can_be_price else (number,)


def _is_pronoun(match: re.Match[str], written: str, text: str) -> bool:
    """Whether "one" stands for a thing: "this one", "the other one", "one of them"."""
    if (match["words"] or "").lower() != "one" or written:
        return False
    before = words_before(text, match.start(), 16)
    after = text[match.end() : match.end() + 6].lower()
    return after.lstrip().startswith("of ") or bool(before and before[-1] in vocabulary().words["pronoun"])


def _join(text: str, found: Iterable[_Number]) -> Iterator[_Number]:
    """Put neighbours together that are one quantity: 38 ringgit 40 sen, five foot ten, 2 to 8 degrees."""
    waiting: _Number | None = None
    for number in found:
        if waiting is None or number.start < waiting.end:
            waiting = waiting or number
            continue
        between = text[waiting.end : number.start]
        together = None
        if len(between) <= _APART:
            between = " ".join(between.lower().split())
            together = _compose(waiting, number, between, text) or _range(waiting, number, between, text)
        if together is None and not waiting.part:
            yield waiting
        waiting = together or number
    if waiting is not None and not waiting.part:
        yield waiting


def _compose(a: _Number, b: _Number, between: str, text: str) -> _Number | None:
    """Two numbers that add up to one: of a greater and a lesser unit, or a price and its cents."""
    apart = between.strip(",").strip()
    if "  " in text[a.end : b.start]:  # where another value stood, which `blank_out` took
        return None
    if a.least is not None or a.part or a.readings[0] != int(a.readings[0]) or apart not in ("", "and", "-"):
        return None
    if b.part:
        return _sum(a, b, a.readings[0] + b.readings[0], a.unit) if apart == "and" and a.unit else None
    if apart == "and" and _is_broken_hundred(a, b, text):
        return _sum(a, b, a.readings[0] + b.readings[0], b.unit)
    if units.is_currency(a.unit):
        return _with_cents(a, b, between, text)
    if a.unit is not None:
        return _with_lesser(a, b, apart) or _with_misrecognized_cents(a, b, between, text)
    if b.unit is None and _is_split_price(a, b, text):
        whole, cents = text[a.start : a.end], text[b.start : b.end]
        return replace(a, end=b.end, readings=(Decimal(f"{whole}.{cents}"), Decimal(whole + cents)))
    return None


def _with_cents(a: _Number, b: _Number, between: str, text: str) -> _Number | None:
    """38 ringgit 40 sen, thirty-eight ringgit forty."""
    second = b.readings[0]
    is_coin = b.digits and 0 < second < 1 and second.as_tuple().exponent == -2
    close = between == "" or (between == "," and _total().match(text, b.end))  # but not "126 euros, 57 guests"
    two_digits = not b.digits or re.fullmatch(r"\d\d", text[b.start : b.end])
    if not is_coin and (b.unit is not None or not close or not 0 <= second < 100 or not two_digits):
        return None
    if between == "-" or (not is_coin and second != int(second)):
        return None
    return _sum(a, b, (a.readings[0] + (second if is_coin else second / 100)).quantize(_CENT), a.unit)


def _with_misrecognized_cents(a: _Number, b: _Number, between: str, text: str) -> _Number | None:
    """54lbs 17 and 94 years 98, as a recogniser writes pounds and euros with their cents."""
    currency, most = _HEARD_AS.get(a.unit or "", ("", 0))
    if not currency or not a.digits or not b.digits or b.readings[0] <= most:
        return None
    return _with_cents(replace(a, unit=currency), b, between, text)


def _is_broken_hundred(a: _Number, b: _Number, text: str) -> bool:
    """Whether a recogniser wrote one number as two: 100 and 45.4 degrees; "between 100 and 145" are two."""
    before = words_before(text, a.start, 24)
    is_one = a.digits and b.digits and a.unit is None and b.unit is not None and a.least is None
    if not is_one or not re.fullmatch(r"[1-9]\d{0,2}00", text[a.start : a.end]) or not 0 < b.readings[0] < 100:
        return False
    return not before or before[-1] not in vocabulary().words["between"] | vocabulary().words["both"]


def _with_lesser(a: _Number, b: _Number, apart: str) -> _Number | None:
    """Five foot ten, two hours and thirty minutes."""
    greater = a.unit or ""
    lesser = "lb" if b.unit == "GBP" else b.unit or (_UNSAID.get(greater) if apart == "" else None)
    if lesser is None or (greater, lesser) not in _COMPOSED or apart == "-":
        return None
    if not 0 <= b.readings[0] < units.convert(Fraction(1), greater, lesser):
        return None
    return _sum(a, b, Decimal(int(units.convert(Fraction(a.readings[0]), greater, lesser))) + b.readings[0], lesser)


def _sum(a: _Number, b: _Number, number: Decimal, unit: str | None) -> _Number:
    return _Number(a.start, b.end, (number,), unit, a.digits)


def _is_split_price(a: _Number, b: _Number, text: str) -> bool:
    """Whether 60-30 or 60 30 can be 60.30: whole digits, two of them behind, and no third number."""
    written = re.fullmatch(r"\d{1,5}[ -]\d\d", text[a.start : b.end])
    return written is not None and not re.match(r"[ -]\d", text[b.end : b.end + 2])


def _range(a: _Number, b: _Number, between: str, text: str) -> _Number | None:
    """Two numbers that are the ends of a range, or a number and how far it may be off."""
    unit = b.unit or a.unit
    if a.least is not None or a.part or b.part or (a.unit and (not b.unit or not units.meanings(a.unit, b.unit))):
        return None
    spoken = len(a.readings) > 1 and not units.is_currency(unit)  # "one twenty" of a unit is 120, not 1.20
    low, high = max(a.readings) if spoken else a.readings[0], b.readings[0]
    if between in _PLUS_MINUS:
        return _Number(a.start, b.end, (low,), unit, a.digits, low - high, low + high)
    before = words_before(text, a.start, 24)
    words = vocabulary().words
    is_between = between in ("and", "to") and bool(before) and before[-1] in words["between"]
    is_to = between in _DASHES or (between in words["to"] and not words["changes"] & set(before[-2:]))
    is_range = low < high and (is_between or is_to)
    return _Number(a.start, b.end, (low, high), unit, a.digits, low, high) if is_range else None


@word_pattern
def _pattern(vocabulary: Vocabulary) -> str:
    money = [w for w, u in vocabulary.units.items() if units.is_currency(u) and " " not in w]
    signs = alternatives(w for w in money if not w.isalpha())
    codes = alternatives(w for w in money if w.isalpha() and len(w) <= 3)
    scale = alternatives({*vocabulary.words["hundreds"], *vocabulary.words["dozen"]})
    minus = alternatives(vocabulary.words["minus"])
    article, part = alternatives(vocabulary.words["article"]), alternatives(vocabulary.fractions)
    digits = rf"(?:\d{{1,6}} (?:{alternatives(vocabulary.words['point'])}) \d{{1,4}}|{_DIGITS})"
    return (
        r"(?:(?=[^\w\s]|\d)|(?<![^\W\d_])(?=[a-z]))"  # no number begins within a word; this is for speed
        rf"(?:(?P<currency>(?<![^\W\d_])(?:{codes})|{signs})\s?)?"
        rf"(?:(?P<sign>(?<![^\W_])(?<![.,:/)])[-−–](?=\d)|\b(?:{minus})\s)?"
        rf"(?:(?P<digits>(?:(?<![^\W_])|(?<=[$€£¥₹])|(?<=(?-i:RM))|(?<=[A-Z]{{3}}))(?<![.,:/]){digits}(?![\d/]|-\d+-))"
        rf"(?:\s(?P<scale>{scale})\b)?"
        rf"|\b(?P<words>{_words(vocabulary)}|(?:{article})(?= [^\W\d_]{{1,12}} and (?:a )?(?:{part})\b))\b))"
    )


def _words(vocabulary: Vocabulary) -> str:
    """Number words that can be one number; "and" only where a number goes on behind it."""
    number, zero = number_words(), alternatives(vocabulary.words["zero"])
    article, point = alternatives(vocabulary.words["article"]), alternatives(vocabulary.words["point"])
    hundreds, dozen = alternatives(vocabulary.words["hundreds"]), alternatives(vocabulary.words["dozen"])
    part = alternatives(vocabulary.fractions)
    goes_on = "|".join(f"(?<={word}) and " for word in sorted(vocabulary.words["hundreds"]))
    plain = rf"(?:{number})(?:(?:[ -]|{goes_on})(?:{number})\b){{0,{_MOST_WORDS}}}"
    tail = rf"(?: and (?:(?:{article}|one|three) )?(?:{part}))?"
    digits = rf"(?:[ -](?:{number}|{zero})\b){{1,{_MOST_WORDS}}}"
    scaled = rf"(?: (?:{article} )?(?:{hundreds}|{dozen})\b)?"
    return (
        rf"(?:(?:{article}) )?(?:{part})(?: (?:{article}) (?:{hundreds}|{dozen}))?"
        rf"|(?:{number}) (?:{part})"
        rf"|(?:{article}) (?:(?:{hundreds})(?:(?: and)? {plain})?(?: (?:{point}){digits})?|{dozen})"
        rf"|(?:(?:{plain}|{zero}) )?(?:{point}){digits}{scaled}"
        rf"|{plain}[ -](?:{zero})[ -](?:{number})"
        rf"|{plain}{tail}{scaled}"
    )


_total = word_pattern(lambda known: rf"\s*(?:[.;!?]|$|,(?!\s?\d)|(?:{alternatives(known.words['in_total'])})\b)")
_of_one = word_pattern(lambda known: rf" (?:of )?(?:{alternatives(known.words['article'])}) ")
_below = word_pattern(
    lambda known: rf"\s?(?:degrees\s)?(?:{alternatives(known.words['below_zero'])})\b|\sbelow(?=\s*(?:[.,;!?]|$))"
)


def pairs(text: str) -> Iterator[ValueSpan]:
    """Find pairs of whole numbers: 120/80, "120 over 80", "a hundred and twenty over eighty"."""
    yield from non_overlapping(_pairs(text), days(text))


def _pairs(text: str) -> Iterator[ValueSpan]:
    for match in _pair_pattern().finditer(text):
        first, second = _pressure(match["first"]), _pressure(match["second"])
        if first is not None and second is not None:
            unit = vocabulary().units.get(" ".join(match["unit"].lower().split())) if match["unit"] else None
            approximate = hedge(text, match.start(), match.end()) in ("about", "under", "over")
            pair = Pair(Quantity((first,), unit, approximate), Quantity((second,), unit, approximate))
            yield ValueSpan(match[0], pair, *match.span())


def _pressure(text: str) -> Decimal | None:
    """A whole number in the range of pressures; "one twenty" is 120, and so is 100 and 20."""
    parts = re.findall(r"\d+", text)
    readings = (Decimal(sum(map(int, parts))),) if parts else spoken_numbers(text)
    return next((n for n in readings if n == int(n) and _LEAST <= n <= _MOST), None)


@word_pattern
def _pair_pattern(vocabulary: Vocabulary) -> str:
    article = alternatives(vocabulary.words["article"])
    words = rf"(?:(?:{article}) )?(?:{number_words()})(?:(?:[ -]| and )(?:{number_words()})){{0,4}}"
    broken = r"[1-3]00(?:,? and |,? )\d{1,2}|\d{0,2}[2-9]0,? [1-9]"  # 100 and 20, 120 4: one number for a listener
    number = rf"(?:{broken}|\d{{2,3}}|{words})"
    over = alternatives(vocabulary.words["pair"])
    return (
        rf"(?<![\w./,-])(?P<first>{number})(?:\s?/\s?| (?:{over}) )(?P<second>{number})(?![\w/]|[.,]\d)"
        rf"(?: ?(?P<unit>mm ?hg|millimet(?:re|er)s of mercury)\b)?"
    )
