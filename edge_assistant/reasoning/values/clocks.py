"""Times of day in text: on displays and in words, with what tells morning from afternoon."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, vocabulary, word_pattern
from edge_assistant.reasoning.values.numerals import spoken_digits, spoken_numbers
from edge_assistant.reasoning.values.spans import ValueSpan, alternatives, hedge, leftmost_longest, non_overlapping
from edge_assistant.reasoning.values.units import unit_at
from edge_assistant.reasoning.values.values import Clock

_HOUR, _DAY = 60, 24 * 60
_MERIDIEM = r"(?:[ap]\.\s?m\b\.?|[ap]\s?m\b)"
_CLOCK = re.compile(
    rf"(?<![\d:.])(?P<h>\d{{1,2}}):(?P<m>\d{{2}})(?::\d{{2}}(?:[.,]\d{{1,6}})?)?(?![\d:])\s?(?P<half>{_MERIDIEM})?"
    rf"|(?<![\d:.,])(?P<h2>\d{{1,2}})[.h ](?P<m2>\d{{2}})\s?(?P<half2>{_MERIDIEM})"
    rf"|(?<![\d:.,])(?P<h3>\d{{1,2}})\s?(?P<half3>{_MERIDIEM})"
    rf"|(?<![\d:.,£$€-])(?P<h5>\d{{1,2}})(?P<m5>[0-5]\d)\s?(?P<half5>{_MERIDIEM})"
    rf"|(?<![\d:.,])(?P<h4>\d{{1,2}})h(?P<m4>\d{{2}})(?!\d)",
    re.I,
)


def clocks(text: str) -> Iterator[ValueSpan]:
    """Find what can only be a time of day: 16:20, 4:05 pm, half past three, 1530 hours, noon, four in the afternoon."""
    found = [*_digital(text), *_relative(text), *_hyphenated(text), *_whole(text), *_hour_names(text)]
    yield from leftmost_longest(found)


def times(text: str) -> Iterator[ValueSpan]:
    """Find what is a time of day where one is looked for: "at nine", "fifteen thirty", 1530, besides what is sure."""
    sure = list(clocks(text))
    loose = non_overlapping(leftmost_longest(_loose(text)), sure)
    yield from sorted([*sure, *loose], key=lambda candidate: candidate.start)


def _digital(text: str) -> Iterator[ValueSpan]:
    for match in _CLOCK.finditer(text):
        hour = int(match["h"] or match["h2"] or match["h3"] or match["h4"] or match["h5"])
        minute = int(match["m"] or match["m2"] or match["m4"] or match["m5"] or 0)
        half = (match["half"] or match["half2"] or match["half3"] or match["half5"] or "").lower()[:1]
        if hour <= 23 and minute <= 59 and not (half and not 1 <= hour <= 12):
            of_24 = (match["h"] or "").startswith("0") or text[max(0, match.start() - 1) : match.start()] == "T"
            hours = [hour % 12 + (12 if half == "p" else 0)] if half else [hour] if of_24 else _hours(hour)
            yield _clock(text, match.start(), match.end(), hours, minute)


def _hour_names(text: str) -> Iterator[ValueSpan]:
    """Noon and midnight, and a day's hours as they are written without a colon: 1530 hours."""
    for match in _hour_name().finditer(text):
        yield _clock(text, *match.span(), [vocabulary().hours[match["name"].lower()]], 0)
    for match in _military().finditer(text):
        said = match[1] if match[1].isdigit() else spoken_digits(match[1]) or ""
        hour, minute = divmod(int(said), 100) if len(said) in (3, 4) else (24, 0)
        if hour < 24 and minute < _HOUR:
            yield _clock(text, *match.span(), [hour], minute)


def _relative(text: str) -> Iterator[ValueSpan]:
    """Minutes past or to an hour: half past three, quarter to nine, ten past six."""
    for match in _past_or_to().finditer(text):
        hour, minutes = _number(match["hour"]), _number(match["minutes"])
        before = match["way"].lower() in vocabulary().words["before"]
        end, way = match.end(), match["way"].lower()
        if hour is None or minutes is None or not (1 <= hour <= 12 and 0 < minutes < _HOUR):
            continue
        sure = way == "past" or (way == "to" and bool(match["fraction"]))
        sure = sure or (minutes > hour and not text[: match.start()].endswith("from "))
        if sure or _is_time_by_context(text, match.start(), end):
            yield _clock(text, match.start(), end, _hours_of_12(hour), -minutes if before else minutes)


def _hyphenated(text: str) -> Iterator[ValueSpan]:
    """Half three, and "ten to one in the afternoon" as a recogniser writes it: 10-1 in the afternoon."""
    for match in _half().finditer(text):
        hour, end = _number(match["hour"]), match.end()
        told = _is_time_by_context(text, match.start(), end) or _day_part().match(text, end) is not None
        if hour is not None and 1 <= hour <= 12 and told and not _has_unit(text, end):
            yield _clock(text, match.start(), end, _hours_of_12(hour), _HOUR // 2)
    for match in _MINUTES_TO.finditer(text):
        hour, minutes = int(match["hour"]), int(match["minutes"])
        if 1 <= hour <= 12 and minutes > hour and _day_part().match(text, match.end()):
            yield _clock(text, *match.span(), _hours_of_12(hour), -minutes)


def _is_time_by_context(text: str, start: int, end: int) -> bool:
    """Whether "five to ten" is a time of day and no range: a word such as "at" before it, and no unit behind."""
    before = re.findall(r"[^\W_]+(?:['’]s)?", text[max(0, start - 16) : start].lower())
    return bool(before) and before[-1] in vocabulary().words["at"] and not _has_unit(text, end)


def _has_unit(text: str, at: int) -> bool:
    return unit_at(text, at + (text[at : at + 1] in (" ", "-"))) is not None


def _whole(text: str) -> Iterator[ValueSpan]:
    """An hour, with its minutes or without, that "o'clock", "pm" or a part of the day makes a time of day."""
    for match in _hour_and_minutes().finditer(text):
        part = _day_part().match(text, match.end())
        if part is None and match["o_clock"] is None:
            continue
        hour, minute = _number(match["hour"]), _number(match["minutes"] or "")
        of_12 = part is not None and part["meridiem"] is not None
        if hour is None or minute is None or minute >= _HOUR or hour > 23 or (of_12 and not 1 <= hour <= 12):
            continue
        if hour or part is None:
            yield _clock(text, match.start(), match.end(), _hours(hour), minute)


def _loose(text: str) -> Iterator[ValueSpan]:
    """Bare numbers that a word such as "at" makes a time of day, or that are all there is."""
    for match in _loose_clock().finditer(text):
        said, digits = match["hour"] or match["digits"][:-2], match["digits"] or ""
        hour, minute = _number(said), _number(match["minutes"] or digits[-2:])
        alone = text.strip() == match[0].strip() and (match["minutes"] or len(digits) == 4)
        if hour is None or minute is None or hour > 23 or minute >= _HOUR or not (match["at"] or alone):
            continue
        if not _has_unit(text, match.end()):
            hours = [hour] if said.startswith("0") else _hours(hour)
            yield _clock(text, match.end("at") if match["at"] else match.start(), match.end(), hours, minute)


def _clock(text: str, start: int, end: int, hours: list[int], minute: int) -> ValueSpan:
    """A time of day with the part of the day that is told behind it, and its hedge before or behind."""
    part = _day_part().match(text, end)
    if part:
        hours, end = _in_part(hours, minute, part), part.end()
    end = start + len(text[start:end].rstrip())
    hedged = hedge(text, start, end)
    readings = tuple(dict.fromkeys((hour * _HOUR + minute) % _DAY for hour in hours))
    side = hedged if hedged in ("under", "over") else ""
    return ValueSpan(text[start:end], Clock(readings, bool(side) or hedged == "about", side), start, end)


def _hours(hour: int) -> list[int]:
    """The hours of a day that an hour can be: 4 is 4 or 16."""
    return [hour, hour + 12] if 0 < hour < 12 else [hour % 24]


def _hours_of_12(hour: int) -> list[int]:
    """The same of an hour with minutes past or to it: nobody says "half past zero"."""
    return [0, 12] if hour == 12 else _hours(hour)


def _in_part(hours: list[int], minute: int, part: re.Match[str]) -> list[int]:
    """Those of the hours that lie in the part of the day that was told."""
    if part["meridiem"]:
        return [hours[0] % 12 + (12 if part["meridiem"].lower().startswith("p") else 0)]
    first, after = vocabulary().halves[" ".join(part["day"].lower().split())]
    both = sorted({*hours, (hours[0] + 12) % 24} if hours[0] <= 12 else set(hours))
    minutes = [(hour, hour * _HOUR + minute) for hour in both]
    span = range(first * _HOUR, after * _HOUR)
    return [hour for hour, at in minutes if at in span or at + _DAY in span] or hours


def _number(text: str) -> int | None:
    """An hour or minutes in digits or words: 0 for nothing, 30 for a half."""
    plain = " ".join(text.lower().split())
    fraction = vocabulary().fractions.get(plain)
    if fraction is not None:
        return int(fraction * _HOUR)
    if not plain or (plain.isascii() and plain.isdigit()):
        return int(plain or 0)
    digits = spoken_digits(plain) if re.split("[ -]", plain)[0] in vocabulary().words["zero"] else None
    readings = spoken_numbers(plain)
    return int(digits) if digits else int(readings[0]) if len(readings) == 1 else None


_hour_name = word_pattern(lambda known: rf"\b(?:12 )?(?P<name>{alternatives(known.hours)})\b")


@word_pattern
def _military(vocabulary: Vocabulary) -> str:
    zero, hours = alternatives(vocabulary.words["zero"]), alternatives(vocabulary.words["hours"])
    named = rf"(?:(?:{zero})[ -])?(?:{_small(vocabulary, 24)})[ -](?:hundred|{_minutes(vocabulary)})"
    return rf"(?<![\w:.,])((?:[01]\d|2[0-3])[0-5]\d|{named}) ?(?:{hours})\b"


@word_pattern
def _past_or_to(vocabulary: Vocabulary) -> str:
    words = vocabulary.words
    fraction = alternatives(vocabulary.fractions)
    return (
        rf"(?<![\w:.,])(?:a )?(?P<minutes>(?P<fraction>{fraction})|\d{{1,2}}|{_minutes(vocabulary)})(?: minutes?)?"
        rf" (?P<way>{alternatives(words['past'] | words['before'])}) (?P<hour>\d{{1,2}}|{_small(vocabulary, 13)})"
        rf"(?![\w:]|[.,]\d|-)(?: ?(?:{alternatives(words['o_clock'])}))?"
    )


_half = word_pattern(lambda known: rf"(?<![\w:.,-])half (?P<hour>\d{{1,2}}|{_small(known, 13)})(?![\w:/]|[.,]\d|-)")
_MINUTES_TO = re.compile(r"(?<![\w:.,/-])(?P<minutes>5|10|20|25)-(?P<hour>\d{1,2})(?![\w:/]|[.,]\d|-)")


_hour_and_minutes = word_pattern(
    lambda known: (
        rf"(?<![\w:.,])(?P<hour>\d{{1,2}}|{_small(known, 24)})"
        rf"(?:(?: |-)(?P<minutes>{_minutes(known)}))?(?![\w:]|[.,]\d)"
        rf"(?P<o_clock> ?(?:{alternatives(known.words['o_clock'])}))?"
    )
)
_loose_clock = word_pattern(
    lambda known: (
        rf"(?P<at>\b(?:{alternatives(known.words['at_bare'])}) )?(?<![\w:.,/-])(?:(?P<digits>\d{{3,4}})"
        rf"|(?P<hour>\d{{1,2}}|{_small(known, 24)})(?:[ -](?P<minutes>[0-5]\d|{_minutes(known)}))?)"
        rf"(?![\w:/]|[.,]\d|-\d)"
    )
)
_day_part = word_pattern(lambda known: rf",? ?(?:(?P<meridiem>{_MERIDIEM})|\b(?P<day>{alternatives(known.halves)})\b)")


def _small(vocabulary: Vocabulary, below: int) -> str:
    """Words of the numbers below a limit, one word or two."""
    tens = alternatives(
        word for word, number in vocabulary.numbers.items() if 20 <= number < below and number % 10 == 0
    )
    ones = alternatives(word for word, number in vocabulary.numbers.items() if number < min(below, 20))
    return rf"(?:(?:{tens})[ -](?:{ones})\b|{ones}|{tens})"


def _minutes(vocabulary: Vocabulary) -> str:
    return rf"(?:(?:{alternatives(vocabulary.words['zero'])})[ -](?:{_small(vocabulary, 10)})|{_small(vocabulary, 60)})"
