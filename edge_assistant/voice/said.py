"""What a person says where a text has figures, units, dates, symbols, Markdown and citations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

MAX_SENTENCE = 200  # characters spoken as one; a longer sentence is divided where it allows
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_UNITS = {
    "%": "percent", "‰": "per mille", "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees",
    "K": "kelvin", "kg": "kilograms", "g": "grams", "mg": "milligrams", "µg": "micrograms", "mcg": "micrograms",
    "t": "tons", "lb": "pounds", "lbs": "pounds", "oz": "ounces", "l": "liters", "L": "liters", "dl": "deciliters",
    "dL": "deciliters", "ml": "milliliters", "mL": "milliliters", "km": "kilometers", "m": "meters",
    "cm": "centimeters", "mm": "millimeters", "µm": "micrometers", "ft": "feet", "in": "inches", "mi": "miles",
    "h": "hours", "hr": "hours", "hrs": "hours", "min": "minutes", "s": "seconds", "sec": "seconds",
    "ms": "milliseconds", "d": "days", "bar": "bar", "mbar": "millibar", "Pa": "pascals", "hPa": "hectopascals",
    "kPa": "kilopascals", "MPa": "megapascals", "psi": "P S I", "mmHg": "millimeters of mercury", "Hz": "hertz",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "V": "volts", "mV": "millivolts", "kV": "kilovolts",
    "A": "amperes", "mA": "milliamperes", "W": "watts", "kW": "kilowatts", "MW": "megawatts", "Wh": "watt hours",
    "kWh": "kilowatt hours", "Nm": "newton meters", "N": "newtons", "kN": "kilonewtons", "J": "joules",
    "kJ": "kilojoules", "kcal": "kilocalories", "dB": "decibels", "dBA": "decibels", "rpm": "R P M",
    "bpm": "beats per minute", "mmol": "millimoles", "IU": "international units", "ppm": "parts per million",
    "KB": "kilobytes", "MB": "megabytes", "GB": "gigabytes", "KiB": "kibibytes", "MiB": "mebibytes",
    "GiB": "gibibytes",
}  # fmt: skip
_SINGULAR = {"feet": "foot", "inches": "inch", "hertz": "hertz", "kelvin": "kelvin", "bar": "bar"}
_MONEY = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", ""), "RM": ("ringgit", "sen"),
    "USD": ("dollar", "cent"), "EUR": ("euro", "cent"), "GBP": ("pound", "penny"), "CHF": ("franc", "centime"),
    "MYR": ("ringgit", "sen"), "JPY": ("yen", ""),
}  # fmt: skip
_PLURALS = {"penny": "pence", "ringgit": "ringgit", "sen": "sen", "yen": "yen"}
_SYMBOLS = {
    "&": " and ", "+": " plus ", "=": " equals ", "<": " less than ", ">": " more than ", "≤": " at most ",
    "≥": " at least ", "≠": " is not ", "≈": " about ", "~": " about ", "×": " times ", "÷": " divided by ",
    "±": " plus or minus ", "−": "-", "→": " to ", "²": " squared ", "³": " cubed ", "½": " one half ",
    "¼": " one quarter ", "¾": " three quarters ", "—": ", ", "–": "-", "…": ". ", "(": ", ", ")": ", ", "|": ", ",
    "’": "'", "µ": "µ", "μ": "µ", "@": " at ",
}  # fmt: skip
_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_SIGN = "|".join(re.escape(sign) for sign in sorted(_MONEY, key=len, reverse=True))

Say = Callable[[re.Match[str]], str]


def said(text: str) -> str:
    """What a person says for a text: words, and the marks `. , ; : ? !` that they pause at.

    >>> said("The total is **$60.30** on 2024-03-05 [E3].")
    'The total is 60 dollars and 30 cents on March 5th, 2024.'
    """
    text = _without_markup(text)
    for pattern, say in _FIGURES:
        text = pattern.sub(say, text)
    return _tidied("".join(_SYMBOLS.get(character, character) for character in text))


def _without_markup(text: str) -> str:
    """Without control characters, citations and Markdown."""
    kept = "".join(
        " " if unicodedata.category(character)[0] == "C" and character != "\n" else character for character in text
    )
    for pattern, replacement in _MARKUP:
        kept = pattern.sub(replacement, kept)
    lines = (line.strip() for line in kept.splitlines())
    return "\n".join(line if line[-1] in ".,;:?!" else f"{line}." for line in lines if line)


_MARKUP = (
    (re.compile(r"\[E\d+(?:\s{0,3}[,;-]\s{0,3}E?\d+)*\](?:\([^()\s]{0,500}\))?"), ""),
    (re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,500}\)"), r"\1"),
    (re.compile(r"https?://\S+"), "a link"),
    (re.compile(r"</?[A-Za-z][^<>]{0,200}>"), " "),
    (re.compile(r"(?m)^[ \t]{0,20}(?:[-*+>]|#{1,6}|\d{1,3}[.)])[ \t]+"), ""),
    (re.compile(r"(?m)^[ \t|:-]{3,}$"), ""),
    (re.compile(r"\*+|`+|_{2,}|~{2,}"), ""),
)


def _date(match: re.Match[str]) -> str:
    year, month, day = (int(part) for part in match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(match.group())
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{_MONTHS[month - 1]} {day}{ending}, {_year(year)}"


def _year(year: int) -> str:
    """As two numbers, but for the centuries' first years and the first decade of this one."""
    if 1100 <= year < 2000 and year % 100 >= 10:
        return f"{year // 100} {year % 100}"
    return str(year)


def _clock(match: re.Match[str]) -> str:
    hours, minutes, seconds = match.groups()
    if seconds is not None:
        return f"{int(hours)} {_two(minutes)} and {_number(float(seconds))} seconds"
    return f"{int(hours)} o'clock" if minutes == "00" else f"{int(hours)} {_two(minutes)}"


def _two(minutes: str) -> str:
    return f"oh {minutes[1]}" if minutes[0] == "0" else minutes


def _number(value: float) -> str:
    return f"{value:g}"


def _money(match: re.Match[str]) -> str:
    sign, amount = match["before"] or match["after"], match["a"] or match["b"]
    whole, _, part = amount.partition(".")
    name, small = _MONEY[sign]
    if part and (len(part) != 2 or not small):
        return f"{amount} {_many(name, 2)}"
    spoken = [f"{int(whole)} {_many(name, int(whole))}"] if int(whole) or not int(part or 0) else []
    if int(part or 0):
        spoken.append(f"{int(part)} {_many(small, int(part))}")
    return " and ".join(spoken)


def _many(name: str, count: int) -> str:
    return name if count == 1 else _PLURALS.get(name, f"{name}s")


def _quantity(match: re.Match[str]) -> str:
    number, unit, per = match["number"], _UNITS[match["unit"]], match["per"]
    if number == "1":
        unit = _one(unit)
    return f"{number} {unit} per {_one(_UNITS[per])}" if per else f"{number} {unit}"


def _one(unit: str) -> str:
    """The singular of a unit: of its first word, as in `beats per minute`."""
    first, _, rest = unit.partition(" ")
    single = _SINGULAR.get(first) or (first[:-1] if first.endswith("s") and len(first) > 2 else first)
    return f"{single} {rest}".strip()


def _digits(match: re.Match[str]) -> str:
    return " ".join(match.group().replace("-", ","))


_FIGURES: tuple[tuple[re.Pattern[str], Say | str], ...] = (
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
    (re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b(?:T(?=\d))?"), _date),
    (re.compile(r"(?<![\d:.])(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,3})?))?(?![\d:])"), _clock),
    (re.compile(rf"(?P<before>{_SIGN})\s?(?P<a>\d{{1,12}}(?:\.\d+)?)|(?<![\d.])(?P<b>\d{{1,12}}(?:\.\d+)?)\s?(?P<after>{_SIGN})(?!\w)"), _money),  # noqa: E501 - one pattern
    (re.compile(rf"(?<![\w.])(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})(?:/(?P<per>{_UNIT}))?(?![\w²³])"), _quantity),
    (re.compile(r"\b(\d{1,3})/(\d{1,3})\b(?!/)"), r"\1 over \2"),
    (re.compile(r"\b\d+(?:-\d+)+\b(?<=\d{4})|\b0\d+\b|\b\d{7,}\b"), _digits),
    (re.compile(r"(?<=\d)\s?[-–]\s?(?=\d)"), " to "),
    (re.compile(r"(?<![\w.])[-−](?=\d)"), "minus "),
    (re.compile(r"#(?=\d)"), "number "),
)  # fmt: skip


def _tidied(text: str) -> str:
    """Latin letters, digits and marks, each mark once and without space before it."""
    kept = "".join(character if _sounds(character) else " " for character in text)
    kept = re.sub(r"(?<![0-9])\.(?=\w)|\.(?=[A-Za-z])", " ", kept)
    kept = re.sub(r"(?<!\w)['-]+|['-]+(?!\w)", " ", kept)
    kept = " ".join(kept.split())
    kept = re.sub(r"\s+(?=[.,;:?!])", "", kept)
    kept = re.sub(r"[.,;:?!]*([.?!])[.,;:?!]*(?!\d)|[,;:]*([,;:])(?!\d)", r"\1\2", kept)
    return kept.strip(" ,;:")


def _sounds(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in ".,;:?!'-"
    return character.isalpha() and unicodedata.name(character, "").startswith("LATIN")


def sentences(text: str) -> Iterator[str]:
    """What `said` gave, in pieces of at most `MAX_SENTENCE` characters: sentences, or parts of long ones."""
    for sentence in re.split(r"(?<=[.?!])\s+", text):
        rest = sentence
        while len(rest) > MAX_SENTENCE:
            head = rest[:MAX_SENTENCE]
            cut = max(head.rfind(mark) for mark in (", ", "; ", ": ")) + 1 or head.rfind(" ") + 1 or MAX_SENTENCE
            yield rest[:cut].strip()
            rest = rest[cut:].strip()
        if rest:
            yield rest


def clauses(sentence: str) -> list[tuple[str, str]]:
    """The words between marks, each with the mark after it; '' where there is none.

    >>> clauses("At 12.5 bar, yes.")
    [('At 12.5 bar', ','), ('yes', '.')]
    """
    parts = re.findall(r"([^\s.,;:?!](?:[^.,;:?!]|[.,:](?=\d))*)([.,;:?!]?)", sentence)
    return [(words.strip(), mark) for words, mark in parts if words.strip()]
