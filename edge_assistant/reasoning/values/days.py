"""Calendar days and months in text, in the writings of forms, labels, loggers and recognisers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary, word_pattern
from edge_assistant.reasoning.values.numerals import number_words, spoken_numbers
from edge_assistant.reasoning.values.spans import ValueSpan, alternatives, leftmost_longest, non_overlapping
from edge_assistant.reasoning.values.values import Day, Month

_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_SLASHED = re.compile(r"(?<![\d.])(\d{1,2})([-/.]| / )(\d{1,2})\2(\d{4}|\d{2}(?!\d|\.\d))")
_SOLID = re.compile(r"(?<!\d)(\d{2})(\d{2})((?:19|20)\d{2})(?!\d)")
_YEAR_MONTH = re.compile(
    r"(?<![\d/.-])(?:(?P<m>\d{1,2})\s?[/.-]\s?(?P<y>(?:19|20)\d{2})|(?P<y2>(?:19|20)\d{2})[/-](?P<m2>\d{1,2}))(?![\d/-]|\.\d)"
)
_SHORT = re.compile(r"(?<![\d/.-])(\d{1,2})/(\d{1,2})(?![\d/-]|\.\d)")
# Words that are verbs or commands too: only as a recogniser or a person writes a month are they one
_DOUBTFUL = frozenset({"may", "march", "mar"})
_NEWEST_SHORT = 49  # two digits beyond can only be of the last century


def days(text: str) -> Iterator[ValueSpan]:
    """Find calendar days: 2018-10-19, 19/10/2018, 19-Oct-18, 9 October 1971, the third of April, October 9th."""
    yield from leftmost_longest([*_numeric_days(text), *_worded_days(text)])


def _numeric_days(text: str) -> Iterator[ValueSpan]:
    for match in _ISO.finditer(text):
        yield from _day(match, [(int(match[1]), int(match[3]), int(match[4]))])
    for match in _SLASHED.finditer(text):
        a, b = int(match[1]), int(match[3])
        yield from _day(match, [(year, *order) for order in ((b, a), (a, b)) for year in _years(match[4])])
    for match in _SOLID.finditer(text):
        yield from _day(match, [(int(match[3]), int(match[2]), int(match[1]))])


def _worded_days(text: str) -> Iterator[ValueSpan]:
    for pattern in _named_days():
        for match in pattern.finditer(text):
            month = vocabulary().months.get(match["month"].lower(), 0)  # re.I lets a long s pass for an s
            if not _is_doubtful(match):
                yield from _day(match, [(year, month, ordinal(match["day"])) for year in _years(match["year"])])


def months(text: str) -> Iterator[ValueSpan]:
    """Find months that stand without a day: June 2027, 06/2027, 2027-06, "in June"; none that is part of a day."""
    found = [*_numeric_months(text), *_named_months(text)]
    return non_overlapping(sorted(found, key=lambda candidate: candidate.start), days(text))


def dates(text: str) -> Iterator[ValueSpan]:
    """Find days and months, and days without a year in digits: 19/10. From left to right."""
    sure = [*days(text), *months(text)]
    short = (c for match in _SHORT.finditer(text) for c in _short(match, text))
    yield from sorted([*sure, *non_overlapping(short, sure)], key=lambda candidate: candidate.start)


def _short(match: re.Match[str], text: str) -> Iterator[ValueSpan]:
    """19/10 is a day of any year; 06/27 on a label that tells an expiry is a month of a year, and so is 06/32."""
    a, b = int(match[1]), int(match[2])
    on_label = _expiry().search(text[max(0, match.start() - 16) : match.start()]) or (
        b > 12 and text.strip() == match[0]
    )
    if 1 <= a <= 12 and (b > 31 or on_label):
        yield ValueSpan(match[0], Month(_years(match[2])[0], a), *match.span())
    else:
        yield from _day(match, [(None, b, a), (None, a, b)])


_expiry = word_pattern(lambda known: rf"\b(?:{alternatives(known.words['expiry'])})(?: date)?[ :.]*\Z")


def _numeric_months(text: str) -> Iterator[ValueSpan]:
    for match in _YEAR_MONTH.finditer(text):
        year, month = int(match["y"] or match["y2"]), int(match["m"] or match["m2"])
        if 1 <= month <= 12:
            yield ValueSpan(match[0], Month(year, month), match.start(), match.end())


def _named_months(text: str) -> Iterator[ValueSpan]:
    for match in _named_month().finditer(text):
        year = _years(match["year"])[0]
        month = vocabulary().months.get(match["month"].lower())
        if month is None or (year is None and (not match["before"] or not match["month"][0].isupper())):
            continue
        start = match.start("month")
        if re.search(r"\d(?:st|nd|rd|th)?(?: of)? ?\Z", text[max(0, start - 8) : start], re.I):
            continue  # its day is told, and is none
        yield ValueSpan(text[start : match.end()], Month(year, month), start, match.end())


def _day(match: re.Match[str], readings: Sequence[tuple[int | None, int, int]], group: int = 0) -> Iterator[ValueSpan]:
    valid = tuple(dict.fromkeys(reading for reading in readings if _is_day(reading)))
    if valid:
        yield ValueSpan(match[group], Day(valid), match.start(group), match.end(group))


def _is_day(reading: tuple[int | None, int, int]) -> bool:
    year, month, day = reading
    if not (1 <= month <= 12 and 1 <= day <= _LENGTHS[month - 1]):
        return False
    leap = year is None or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return leap or (month, day) != (2, 29)


def _is_doubtful(match: re.Match[str]) -> bool:
    """Whether "may" or "march" is rather the verb: in lower case, with neither a year nor an ordinal beside it."""
    if match["month"] not in _DOUBTFUL or match["year"] is not None:
        return False
    return match["day"].isdigit() and " of " not in match[0]


def _years(text: str | None) -> tuple[int | None, ...]:
    """The years that a text can be, the likeliest first: 51 is 1951, and 18 is 2018 or, for a birth, 1918."""
    if text is None:
        return (None,)
    text = re.sub(r"(?<=\d),? (?=\d)", "", text.strip("'’ "))
    if not text.isdigit():
        readings = [int(number) for number in spoken_numbers(text) if 1900 <= number <= 2099]
        return (readings[0],) if readings else (None,)
    year = int(text)
    if year > 99:
        return (year,)
    return (2000 + year, 1900 + year) if year <= _NEWEST_SHORT else (1900 + year,)


def ordinal(text: str) -> int:
    """Day of the month in digits or words: 9, 9th, ninth, twenty-first."""
    digits = re.match(r"\d+", text)
    if digits:
        return int(digits[0])
    words = re.split(r"[ -]", text.lower())
    return sum(vocabulary().numbers.get(word, 0) or vocabulary().ordinals.get(word, 0) for word in words)


def _spoken_year(vocabulary: Vocabulary) -> str:
    zero = alternatives(vocabulary.words["zero"])
    return rf"(?:(?:nineteen|twenty|two thousand)(?:[ -](?:{number_words()}|{zero}|and)){{1,4}})"


@per_vocabulary
def _named_days(vocabulary: Vocabulary) -> tuple[re.Pattern[str], ...]:
    months = alternatives(vocabulary.months)
    ordinals = alternatives(vocabulary.ordinals)
    day = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|(?:(?:twenty|thirty)[ -])?(?:{ordinals}))"
    broken = r"(?:19|20),? \d{2}(?=\s*(?:\Z|[.,;!?)\n](?!\d)))"  # 20, 25 as a recogniser writes 2025
    full = rf"(?:19|20)\d{{2}}(?!\d)|{broken}|{_spoken_year(vocabulary)}"
    joined = r"(?<=[-/.'’a-z])\d{2}(?![\d:/]|[.,]\d)"  # 19-Oct-18, 19OCT18, Oct '18
    last = r"\d{2}(?=\s*(?:\Z|[;)\n]|\.(?!\d)))"  # 19 OCT 18
    return (
        re.compile(
            rf"\b{day}[ /.-]?(?:day )?(?:of )?[ -]?(?P<month>{months})(?![^\W\d_])"
            rf"(?:\.?,?(?:[ -]{{1,3}}|[/.]|(?=\d))['’]?(?P<year>{full}|{joined}|{last}))?",
            re.I,
        ),
        re.compile(
            rf"\b(?P<month>{months})\b\.?[ -](?:the )?{day}(?![\d:/]|\.\d|[^\W\d_])"
            rf"(?:(?:, ?| |-|/|\. (?=(?:19|20)\d\d[,.;\n]))['’]?(?P<year>{full}|{joined}))?",
            re.I,
        ),
    )


_named_month = word_pattern(
    lambda known: (
        r"(?P<before>\b(?:in|of|since|until|till|by|early|late|mid|last|next|expires|expiry|exp)\s)?"
        rf"(?<!\d[ -])\b(?P<month>{alternatives(known.months)})\b\.?"
        rf"(?:,?(?: of)?[ /-]['’]?(?P<year>\d{{4}}(?!\d)|(?<=[-/'’])\d{{2}}(?![\d:])|{_spoken_year(known)}))?"
        r"(?!\s\d)"
    )
)
