"""Numbers, dates and times of day as people say them."""

from __future__ import annotations

from datetime import date

from make_spoken_corpus import number as number
from make_spoken_corpus import ordinal

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DIGITS = ("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def large(value: int) -> str:
    """A whole number below a million in words.

    >>> large(2850), large(1000), large(14020)
    ('two thousand eight hundred and fifty', 'one thousand', 'fourteen thousand and twenty')
    """
    thousands, rest = divmod(value, 1000)
    if not thousands:
        return number(rest)
    head = f"{number(thousands)} thousand"
    return head + (f" {'and ' if rest < 100 else ''}{number(rest)}" if rest else "")


def decimal(text: str) -> str:
    """A number with a point, digit by digit behind it.

    >>> decimal("37.2"), decimal("0.75"), decimal("400"), decimal("-4.5")
    ('thirty seven point two', 'zero point seven five', 'four hundred', 'minus four point five')
    >>> decimal("101.7")
    'a hundred and one point seven'
    """
    if text.startswith("-"):
        return f"minus {decimal(text[1:])}"
    whole, _, behind = text.partition(".")
    said = large(int(whole)).removeprefix("one ") if 100 <= int(whole) < 200 else large(int(whole))
    said = f"a {said}" if said.startswith("hundred") else said
    return f"{said} point {' '.join(_digit(d) for d in behind)}" if behind else said


def _digit(digit: str) -> str:
    return "zero" if digit == "0" else _DIGITS[int(digit)]


def clipped(value: int) -> str:
    """A number of three digits as instruments are read out.

    >>> clipped(142), clipped(105), clipped(120), clipped(300), clipped(88)
    ('one forty two', 'one oh five', 'one twenty', 'three hundred', 'eighty eight')
    """
    hundreds, rest = divmod(value, 100)
    if not hundreds or not rest:
        return number(value)
    return f"{number(hundreds)} {'oh ' if rest < 10 else ''}{number(rest)}"


def digits(text: str) -> str:
    """Digits and letters one by one; groups stay apart.

    >>> digits("0161 496"), digits("KX-22")
    ('oh one six one, four nine six', 'K X, two two')
    """
    groups = text.replace("-", " ").replace("/", " ").split()
    return ", ".join(" ".join(_DIGITS[int(c)] if c.isdigit() else c.upper() for c in group) for group in groups)


def year(value: int) -> str:
    """A year.

    >>> year(1971), year(2005), year(2018), year(1906), year(2000)
    ('nineteen seventy one', 'two thousand and five', 'twenty eighteen', 'nineteen oh six', 'two thousand')
    """
    if 2000 <= value < 2010:
        return large(value)
    century, rest = divmod(value, 100)
    return f"{number(century)} {'oh ' if rest < 10 else ''}{number(rest)}"


def day(value: date, *, with_year: bool = True) -> tuple[str, str]:
    """A date as it is said in Britain and in America.

    >>> day(date(2018, 10, 19))
    ('the nineteenth of October twenty eighteen', 'October nineteenth, twenty eighteen')
    """
    month, which = MONTHS[value.month - 1], ordinal(value.day)
    tail = f" {year(value.year)}" if with_year else ""
    return f"the {which} of {month}{tail}", f"{month} {which}{',' + tail if tail else ''}"


def part_of_day(hour: int) -> str:
    """`in the morning`, `in the afternoon`, `in the evening` or `at night`, the last after ten."""
    if hour < 5 or hour >= 22:
        return "at night"
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"


def clock(hour: int, minute: int) -> tuple[str, ...]:
    """A time of day in three ways.

    >>> clock(16, 5)
    ('five past four in the afternoon', 'four oh five p m', 'sixteen oh five')
    >>> clock(9, 45)
    ('quarter to ten in the morning', 'nine forty five a m', 'nine forty five in the morning')
    """
    twelve = (hour - 1) % 12 + 1
    behind = "" if minute == 0 else f" {'oh ' if minute < 10 else ''}{number(minute)}"
    half = "a m" if hour < 12 else "p m"
    last = f"{number(hour)}{behind or ' hundred'}" if hour >= 13 else f"{number(twelve)}{behind} {part_of_day(hour)}"
    return f"{_past(twelve, minute)} {part_of_day(hour)}", f"{number(twelve)}{behind} {half}", last


def _past(twelve: int, minute: int) -> str:
    following = number(twelve % 12 + 1)
    if minute == 0:
        return number(twelve)
    if minute == 30:
        return f"half past {number(twelve)}"
    if minute % 5:
        return f"{number(twelve)} {'oh ' if minute < 10 else ''}{number(minute)}"
    near, hour = (minute, f"past {number(twelve)}") if minute < 30 else (60 - minute, f"to {following}")
    return f"{'quarter' if near == 15 else number(near)} {hour}"
