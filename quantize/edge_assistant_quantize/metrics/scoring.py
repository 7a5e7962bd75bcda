"""How an answer to a scenario's question is judged, without the product's own reading of values: docs/scenarios.md.

An answer is first read for its mentions. Each way to write a day or a time of day is a rule; what a rule has read is
taken out of the text, so that the 19 of "19 March" is no number. Numbers are what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_assistant_quantize.datasets.scenarios import Question
from edge_assistant_quantize.metrics.transcripts import MONTHS, ONES, ORDINALS

_UNITS = ORDINALS[:9]
_COUNTED = (*ONES[2:], "twenty")  # a whole number from 2 may stand in words; "one" is too often a pronoun
_ORDINALS = {
    **{word: number for number, word in enumerate(ORDINALS[:20], 1)},
    **{f"twenty-{word}": number for number, word in enumerate(_UNITS, 21)},
    "thirtieth": 30,
    "thirty-first": 31,
}
_MONTHS = {word: number for number, name in enumerate(MONTHS, 1) for word in (name, name[:3])} | {"sept": 9}
_ALIKE = str.maketrans("’‘‑–\N{MINUS SIGN}\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}", "''---uu")
_EXACT = 1e-6  # two numbers that differ by less are the same


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_MONTH = rf"(?P<month>{_alternatives(_MONTHS)})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_HALF = r"(?P<half>[ap])\.?m\.?"
_SPOKEN_DAY = re.compile(
    rf"\b(?P<before>{_alternatives(_ORDINALS)})\b(?=(?: day)? (?:of )?{_MONTH}\b)"
    rf"|(?<=[a-z] )(?:the )?(?P<after>{_alternatives(_ORDINALS)})\b(?=,? \d{{4}})"
)
_YEAR_LAST = re.compile(
    r"(?<![\d.])(?P<day>\d{1,2})(?P<between>[-/.])(?P<month>\d{1,2})(?P=between)(?P<year>\d{4}|\d\d)\b"
)
_DAYS = (
    re.compile(r"\b(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})\b"),
    _YEAR_LAST,
    re.compile(rf"{_DAY}(?: day)?[ -]?(?:of )?[ -]?{_MONTH}(?:,?[ -]+(?P<year>\d{{4}}|\d\d)\b(?![:.,]\d))?(?![a-z])"),
    re.compile(rf"\b{_MONTH} (?:the )?{_DAY}(?:,? (?P<year>\d{{4}})\b)?(?![\d:.,]\d)"),
)
_CLOCKS = (
    re.compile(rf"\b(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::\d\d)?(?:\.\d+)?(?:z|\s*{_HALF})?(?!\d)"),
    re.compile(rf"\b(?P<hour>\d{{1,2}})(?:\.(?P<minute>\d\d))?\s*{_HALF}(?![a-z])"),
    re.compile(r"\b(?P<hour>\d{1,2})h(?P<minute>\d\d)\b(?P<half>)"),
)
_PRICE = re.compile(r"(?<![\d.,])(\d{1,3})-(\d\d)(?![\d.,-]*\d)")  # 97-84, as recognisers write a price
_NUMBER = re.compile(r"(?<![\d.,])-?\d+(?:[.,]\d+)*(?!\d|(?:st|nd|rd|th)\b)")


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """Which parts of an answer are right."""

    status: bool
    answer: bool
    cites: bool

    @property
    def correct(self) -> bool:
        """Whether all are."""
        return self.status and self.answer and self.cites


@dataclass(slots=True)
class _Mentions:
    """What a text mentions: days (year or None, month, day), times of day in minutes, numbers."""

    text: str
    days: set[tuple[int | None, int, int]] = field(default_factory=set)
    clocks: set[int] = field(default_factory=set)
    numbers: list[float] = field(default_factory=list)


def judge(question: Question, reply: Mapping[str, Any]) -> AnswerScore:
    """Judge a reply, an object as `ask --json` prints it; one without an answer's text is wrong in all."""
    said = reply.get("answer")
    if not isinstance(said, str) or not said.strip():
        return AnswerScore(status=False, answer=False, cites=False)
    return AnswerScore(
        status=reply.get("status") == question.status,
        answer=states(said, question.answer),
        cites=set(question.cites) <= cited(reply),
    )


def cited(reply: Mapping[str, Any]) -> set[str]:
    """The signals of the evidence that a reply cites."""
    told = [item for item in reply.get("evidence") or () if isinstance(item, Mapping)]
    ids = {str(one.get("id") if isinstance(one, Mapping) else one) for one in reply.get("citations") or ()}
    return {str(item.get("signal", "")) for item in told if item.get("id") is not None and str(item["id"]) in ids}


def states(answer: str, entries: Iterable[str]) -> bool:
    """Whether each entry, in one of its alternatives, occurs in an answer.

    >>> states("RM 38.4 by the receipt, 34.80 by the recording", ["38.40", "34.80"])
    True
    >>> states("On the nineteenth of October.", ["2018-10-19"]), states("at 10:41 pm", ["22:41"])
    (True, True)
    """
    mentions = _read(answer)
    return all(any(_occurs(part, mentions) for part in entry.split("|")) for entry in entries)


def _occurs(part: str, mentions: _Mentions) -> bool:
    """Whether one alternative occurs: its form says whether it is a day, a time, a computed or told number or words."""
    wanted = _plain(part)
    if day := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", wanted):
        year, *rest = (int(group) for group in day.groups())
        return bool({(year, *rest), (None, *rest)} & mentions.days)
    if clock := re.fullmatch(r"(\d{1,2}):(\d\d)", wanted):
        hour, minute = int(clock[1]), clock[2]
        dotted = rf"(?<![\d.])0?{hour}\.{minute}(?![\d.]*\d)"  # 12.30 without am or pm is read as a number too
        return hour * 60 + int(minute) in mentions.clocks or bool(re.search(dotted, mentions.text))
    if computed := re.fullmatch(r"~(-?\d+(?:\.(\d+))?)", wanted):
        half = 0.5 * 10 ** -len(computed[2] or "")
        return any(abs(number - float(computed[1])) <= half + 1e-9 for number in mentions.numbers)
    if re.fullmatch(r"-?\d+(,\d{3})*(\.\d+)?", wanted):
        return _is_told(float(wanted.replace(",", "")), mentions)
    return bool(wanted) and bool(re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?:e?s)?(?![a-z0-9])", mentions.text))


def _is_told(value: float, mentions: _Mentions) -> bool:
    place = value - 2
    if place.is_integer() and 0 <= place < len(_COUNTED) and re.search(rf"\b{_COUNTED[int(place)]}\b", mentions.text):
        return True
    return any(abs(number - value) < _EXACT for number in mentions.numbers)


def _plain(text: str) -> str:
    """Lower case, single spaces, one sort of dash and quote, and a hyphen in "twenty-first"."""
    text = text.lower().translate(_ALIKE)
    text = re.sub(rf"\b(twenty|thirty)[ -]({'|'.join(_UNITS)})\b", r"\1-\2", text)
    return " ".join(text.split())


def _read(answer: str) -> _Mentions:
    """Read an answer for what it mentions."""
    found = _Mentions(_plain(answer))
    rest = _SPOKEN_DAY.sub(lambda match: str(_ORDINALS[match["before"] or match["after"]]), found.text)
    rest = re.sub(r"(?<=\d{4}-\d\d-\d\d)t(?=\d\d:)", " ", rest)  # of a time stamp
    for pattern in _DAYS:
        rest = pattern.sub(lambda match: _without(match, found.days, _days(match)), rest)
    for pattern in _CLOCKS:
        rest = pattern.sub(lambda match: _without(match, found.clocks, _clocks(match)), rest)
    found.numbers += _numbers(rest)
    return found


def _without(match: re.Match[str], found: set[Any], read: set[Any]) -> str:
    """What is left of a place that a rule has read: all of it, where it could not be that."""
    found |= read
    return " | " if read else match[0]


def _days(match: re.Match[str]) -> set[tuple[int | None, int, int]]:
    """The days that were written; with the year last in either order of day and month."""
    month, day, written = _MONTHS.get(match["month"]) or int(match["month"]), int(match["day"]), match["year"]
    year = int(written) if written else None
    if written and len(written) == 2:  # from 1970 to 2069
        year = int(written) + (2000 if int(written) < 70 else 1900)
    orders = [(month, day), (day, month)] if match.re is _YEAR_LAST else [(month, day)]
    return {(year, month, day) for month, day in orders if 1 <= month <= 12 and 1 <= day <= 31}


def _clocks(match: re.Match[str]) -> set[int]:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"]:
        hour = hour % 12 + 12 * (match["half"] == "p") if hour <= 12 else hour
    return {hour * 60 + minute} if hour <= 23 and minute <= 59 else set()


def _numbers(text: str) -> list[float]:
    """The numbers that are left: with commas at thousands or as a decimal comma, else commas part a list."""
    found = [float(f"{whole}.{cents}") for whole, cents in _PRICE.findall(text)]
    for written in _NUMBER.findall(text):
        if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", written):
            parts = [written.replace(",", "")]
        elif re.fullmatch(r"-?\d+,\d{1,2}", written):
            parts = [written.replace(",", ".")]
        else:
            parts = written.split(",")
        for part in parts:
            if part.count(".") <= 1:  # 1.2.3 is no number
                found.append(float(part))
                if part.startswith("-"):
                    found.append(float(part[1:]))  # the 12 of 10-12
    return found
