"""Writers: one value in the ways that people, forms and recognisers write it, to test what reads them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip
ORDINALS = {
    1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth", 20: "twentieth",
    30: "thirtieth",
}  # fmt: skip
NATO = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima", "mike",
    "november", "oscar", "papa", "quebec", "romeo",
]  # fmt: skip


def in_words(number: int, hyphen: str = "-", joined: str = " and ") -> str:
    """A whole number in words."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        rest = number % 10
        return TENS[number // 10] + (f"{hyphen}{SMALL[rest]}" if rest else "")
    places = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"), (100, "hundred"))
    place, name = next((place, name) for place, name in places if number >= place)
    head, rest = divmod(number, place)
    words = f"{in_words(head, hyphen, joined)} {name}"
    if not rest:
        return words
    return words + (joined if rest < 100 else " ") + in_words(rest, hyphen, joined)


def decimal_words(number: Decimal) -> str:
    """A number with its decimals read out one by one."""
    whole, _, decimals = f"{abs(number)}".partition(".")
    words = in_words(int(whole)) + (" point " + " ".join(SMALL[int(digit)] for digit in decimals) if decimals else "")
    return f"minus {words}" if number < 0 else words


def money(cents: int) -> list[str]:
    """An amount in ringgit: on a receipt, said, and as recognisers write what was said."""
    whole, rest = divmod(cents, 100)
    exact = f"{whole}.{rest:02d}"
    written = [exact, f"RM{exact}", f"RM {whole:,}.{rest:02d}", f"{exact} ringgit", f"MYR {whole},{rest:02d}"]
    if rest == 0:
        return [*written, f"{whole}", f"RM {whole}", in_words(whole), f"{in_words(whole, ' ')} ringgit"]
    written += [f"{whole} ringgit {rest} sen", f"{in_words(whole)} ringgit and {in_words(rest)} sen"]
    if rest >= 10 and 1 <= whole < 1000:
        written += [
            f"{whole}{rest}",
            f"{whole}-{rest}",
            f"{whole} {rest}",
            f"{in_words(whole)} ringgit {in_words(rest)}",
        ]
    return written


def days(day: date) -> list[str]:
    """A day on forms, labels and in speech."""
    month, year = MONTHS[day.month - 1], day.year
    ordinal, suffix = _ordinal(day.day), _suffix(day.day)
    said = (
        f"{in_words(year // 100)} {'oh ' if year % 100 < 10 else ''}{in_words(year % 100)}" if year % 100 else f"{year}"
    )
    said = in_words(year) if 2000 <= year < 2010 else said
    return [
        f"{day:%Y-%m-%d}", f"{day:%Y/%m/%d}", f"{day:%d/%m/%Y}", f"{day:%d.%m.%Y}", f"{day:%d-%m-%y}",
        f"{day.day} {month} {year}", f"{day.day}{suffix} of {month} {year}", f"{month} {day.day}, {year}",
        f"{month[:3]} {day.day}{suffix}, {year}", f"{day:%d}-{month[:3]}-{day:%y}",
        f"{day.day} {month[:3].upper()} {year}", f"the {ordinal} of {month} {said}", f"{month} the {ordinal}, {said}",
        f"{day:%d}{month[:3].upper()}{year}",
        f"{day:%A}, {day.day} {month} {year}", f"{day:%Y-%m-%d}T10:05:00", f"the {ordinal} of {month}",
    ]  # fmt: skip


def _ordinal(number: int) -> str:
    if number in ORDINALS:
        return ORDINALS[number]
    if number < 20:
        return f"{SMALL[number]}th"
    return f"{TENS[number // 10]}-{_ordinal(number % 10)}"


def _suffix(number: int) -> str:
    return "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def clocks(hour: int, minute: int) -> list[str]:
    """A time of day on displays and in speech, told fully."""
    of_12, half = hour % 12 or 12, "am" if hour < 12 else "pm"
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    written = [
        f"{hour:02d}:{minute:02d}", f"{hour:02d}:{minute:02d}:31", f"{of_12}:{minute:02d} {half}",
        f"{of_12}.{minute:02d} {half[0]}.m.", f"{hour:02d}{minute:02d} hours", f"2018-10-19T{hour:02d}:{minute:02d}:00",
    ]  # fmt: skip
    if minute == 0:
        return [*written, f"{of_12} {half}", f"{in_words(of_12)} o'clock {part}", f"{in_words(of_12)} {part}"]
    said = f"oh {SMALL[minute]}" if minute < 10 else in_words(minute)
    written.append(f"{in_words(of_12)} {said} {half}")
    nearest, offset, way = (of_12, minute, "past") if minute <= 30 else (of_12 % 12 + 1, 60 - minute, "to")
    amount = {15: "a quarter", 30: "half"}.get(offset) or f"{in_words(offset)} minutes"
    if part.endswith("morning") or hour not in (11, 17, 23):  # "to six" at 17:45 is said of the evening
        written.append(f"at {amount} {way} {in_words(nearest)}")
    return written


def telephones(digits: str) -> list[str]:
    """A British number that begins with a zero."""
    return [
        digits, f"{digits[:5]} {digits[5:8]} {digits[8:]}", f"{digits[:5]}-{digits[5:]}",
        f"+44 {digits[1:5]} {digits[5:]}", f"0044{digits[1:]}", f"+44 (0){digits[1:]}", " ".join(digits),
        spelled(digits, "oh"), spelled(digits, "zero"),
        spelled(digits, "oh").replace("seven seven", "double seven"),
    ]  # fmt: skip


def spelled(code: str, zero: str = "zero") -> str:
    """Letters and digits read out."""
    return " ".join(zero if c == "0" else SMALL[int(c)] if c.isdigit() else c for c in code)


def identifiers(letters: str, digits: str) -> list[str]:
    """A code of letters and digits, written and read out."""
    phonetic = " ".join(NATO["ABCDEFGHIJKLMNOPQR".index(letter)] for letter in letters)
    return [
        f"{letters}{digits}", f"{letters}-{digits}", f"{letters} {digits}", f"{letters.lower()}{digits}",
        spelled(letters + digits), f"{phonetic} {spelled(digits, 'oh')}",
    ]  # fmt: skip
