"""Text normalization for speech: what a person says for figures, units, dates, symbols, Markdown and citations."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

MAX_SENTENCE = 200  # characters spoken as one; a longer sentence is divided where it allows
MAX_FIRST = 80  # of the first, so that it is heard soon
_ENGLISH: Mapping[str, Any] = tomllib.loads((files(__package__) / "english.toml").read_text(encoding="utf-8"))
_UNITS: Mapping[str, str] = _ENGLISH["units"]
_MONEY: Mapping[str, tuple[str, str]] = _ENGLISH["money"]
_WORDS: Mapping[str, str] = _ENGLISH["words"]
_SYMBOLS: Mapping[str, str] = _ENGLISH["symbols"]
_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_SIGN = "|".join(re.escape(sign) for sign in sorted(_MONEY, key=len, reverse=True))

Say = Callable[[re.Match[str]], str]


def spoken_form(text: str) -> str:
    """What a person says for a text: words, and the marks `. , ; : ? !` that they pause at.

    >>> spoken_form("The total is **$60.30** on 2024-03-05 [E3].")
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
    (re.compile(r"\[[A-Z]\d{1,6}(?:\s?[,;-]\s?[A-Z]?\d{1,6}){0,50}\](?:\([^()\s]{0,500}\))?"), ""),
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
        return _digits(match)
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{_ENGLISH['months'][month - 1]} {day}{ending}, {_year(year)}"


def _year(year: int) -> str:
    """As two numbers, but for the centuries' first years and the first decade of this one."""
    if 1100 <= year < 2000 and year % 100 >= 10:
        return f"{year // 100} {year % 100}"
    return str(year)


def _clock(match: re.Match[str]) -> str:
    """A time of day, or of a recording: what has no hours says so, as both are right then."""
    hours, minutes, seconds = int(match[1]), match[2], float(match[3] or 0)
    if match[3] is None or (seconds == 0 and hours):
        return f"{hours} o'clock" if minutes == "00" else f"{hours} {_two(minutes)}"
    if hours:
        return f"{hours} {_two(minutes)} and {_count(seconds, 'second')}"
    return f"0 hours {_count(int(minutes), 'minute')} and {_count(seconds, 'second')}"


def _position(match: re.Match[str]) -> str:
    """Minutes and seconds of a recording."""
    return f"{_count(int(match[1]), 'minute')} and {_count(float(match[2]), 'second')}"


def _count(number: float, name: str) -> str:
    return f"{number:g} {_many(name, number)}"


def _two(minutes: str) -> str:
    return f"oh {minutes[1]}" if minutes[0] == "0" else minutes


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


def _many(name: str, count: float) -> str:
    return name if count == 1 else str(_ENGLISH["plurals"].get(name, f"{name}s"))


def _quantity(match: re.Match[str]) -> str:
    unit = _UNITS[match["unit"]]
    spoken = _one(unit) if match["number"] == "1" else unit
    if match["power"]:
        spoken = f"{_ENGLISH['powers'][match['power']]} {spoken}"
    if match["per"]:
        spoken += f" per {_one(_UNITS[match['per']])}"
    if match["of"]:
        spoken += {"²": " squared", "³": " cubed"}[match["of"]]
    return f"{match['number']} {spoken}"


def _one(unit: str) -> str:
    """The singular of a unit: of its first word with an ending, as in `beats per minute` and `watt hours`."""
    first, _, rest = unit.partition(" ")
    if rest.endswith("hours") or rest.endswith("amperes"):
        return unit[:-1]
    single = _ENGLISH["singular"].get(first) or (first[:-1] if first.endswith("s") else first)
    return f"{single} {rest}".strip()


def _digits(match: re.Match[str]) -> str:
    return " ".join(match.group().replace("-", ","))


_FIGURES: tuple[tuple[re.Pattern[str], Say | str], ...] = (
    (re.compile("|".join(rf"(?<!\w){re.escape(word)}" for word in _WORDS)), lambda match: _WORDS[match.group()]),
    (re.compile(r"\bNo\.\s?(?=\d)"), "number "),
    (re.compile(r"\b([A-Z])\.(?=\s?[A-Z])"), r"\1 "),
    (re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)"), _date),
    (re.compile(r"(?<=\d)T(?=\d\d:)"), " at "),
    (re.compile(r"(?<![\d/])0?(\d{1,2})/0?(\d{1,2})/(\d{2}|\d{4})(?![\d/])"), r"\1, \2, \3"),
    (re.compile(r"(?<![\d:.])(\d{1,2}):(\d\d\.\d{1,3})(?!\d)"), _position),
    (re.compile(r"(?<![\d:.])(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,3})?))?(?![\d:])"), _clock),
    (re.compile(r"(?<![\d.,-])\d{1,10}(?:-\d{1,10}){0,5}-\d{4,10}(?!\.?\d)"), _digits),
    (re.compile(r"(?<![\d.,])(?:0\d{1,30}|\d{7,30})(?!\.?\d)"), _digits),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
    (re.compile(r"\b(\d\d)(\d0)s\b"), r"\1 \2's"),
    (
        re.compile(
            rf"(?<!\w)(?P<before>{_SIGN})\s?(?P<a>\d{{1,12}}(?:\.\d{{1,12}})?)"
            rf"|(?<![\d.])(?P<b>\d{{1,12}}(?:\.\d{{1,12}})?)\s?(?P<after>{_SIGN})(?!\w)"
        ),
        _money,
    ),
    (
        re.compile(
            rf"(?<![\w.])(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})(?P<power>[²³23])?"
            rf"(?:/(?P<per>{_UNIT})(?P<of>[²³])?)?(?![\w²³])"
        ),
        _quantity,
    ),
    (re.compile(r"(?<![\w/])(\d{1,3})/(\d{1,3})(?![\w/])"), r"\1 over \2"),
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
    kept = kept.strip(" ,;:")
    return f"{kept}." if kept and kept[-1] not in ".?!" else kept


def _sounds(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in ".,;:?!'-"
    return character.isalpha() and unicodedata.name(character, "").startswith("LATIN")


def sentences(text: str) -> Iterator[str]:
    """What `spoken_form` gave, in pieces: sentences, or parts of long ones.

    The first is at most `MAX_FIRST` characters long if a mark allows it, all are at most `MAX_SENTENCE`.
    """
    limit = MAX_FIRST
    for sentence in re.split(r"(?<=[.?!])\s+", text):
        rest = sentence
        while cut := _cut(rest, limit):
            yield rest[:cut].strip()
            rest, limit = rest[cut:].strip(), MAX_SENTENCE
        if rest:
            yield rest
            limit = MAX_SENTENCE


def _cut(text: str, limit: int) -> int:
    """Where to divide a text that is too long: after a mark, else, if it must be, after a word; 0 for nowhere."""
    if len(text) <= limit:
        return 0
    mark = max(text.rfind(mark, 0, limit) for mark in (", ", "; ", ": ")) + 1
    if mark or len(text) <= MAX_SENTENCE:
        return mark
    return text.rfind(" ", 0, MAX_SENTENCE) + 1 or MAX_SENTENCE


def clauses(sentence: str) -> list[tuple[str, str]]:
    """The words between marks, each with the mark after it; '' where there is none.

    >>> clauses("At 12.5 bar, yes.")
    [('At 12.5 bar', ','), ('yes', '.')]
    """
    parts = re.findall(r"([^\s.,;:?!](?:[^.,;:?!]|[.,:](?=\d))*)([.,;:?!]?)", sentence)
    return [(words.strip(), mark) for words, mark in parts if words.strip()]
