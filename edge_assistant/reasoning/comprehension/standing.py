"""Where a value stands in the lines of a source: in its words or in another notation, and not denied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from edge_assistant.core.evidence import Evidence
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, common_values, join_thousands
from edge_assistant.reasoning.comprehension.reading import Page, locate, runs, words
from edge_assistant.reasoning.guard import adds
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.spans import ValueSpan, blank_out, has_digit
from edge_assistant.reasoning.values.units import is_currency, meanings, unit_of
from edge_assistant.reasoning.values.values import Clock, Day, Quantity, is_negated, same
from edge_assistant.reasoning.values.words import as_words

# Ends of clauses; not before the answer of a question, nor in "no fever, cough or rash"
_CLAUSE = re.compile(
    r"[.;!](?=\s|$)|\?(?=\s|$)(?!\s*no\s*(?:[.,;!]|$))|,(?=\s|$)(?![^.;!?]{0,200}\bn?or\b)|\bbut\b", re.I
)

_SIGNED = re.compile(r"(?<![\w.,/:-])((?:(?<![-=])[<>\u2264\u2265\u00b1]=?\s?)?[-\u2212.]*)(?:[$€£¥]\s?)?(\d[\d.,:/]*)")
_DECIMAL = re.compile(r"\d+(?:\.\d+)?")
_PLAIN = re.compile(rf"-?{_DECIMAL.pattern}")
# Behind a number of which it is a part: 5B, 3 bn, 3e6, 10^6, 3.14.2, 1 1/2
_GOES_ON = re.compile(r"(?![xy]\b)[^\W_](?![^\W\d_])|\s?(?:bn|mn|k)\b|\^|[.,]\d| \d+/\d", re.I)
_THOUSANDS = re.compile(r"\d\.\d{3}(?!\d)")  # of money: 1.450 euros
_MILLIONS = re.compile(r"[$€£¥]\s?[\d.,]+m", re.I)  # €3m
_APOSTROPHE = re.compile(r"(?<=\d)['\u2019](?=\d{3}(?!\d))")  # 1'450
_MIDNIGHT = re.compile(r"(\d\d:\d\d):00")  # a format has seconds, which nobody says
_MARK = re.compile(r"[^\w\s.,;:!?'\"()\[\]\u2018-\u201f\u2010-\u2015-]")  # $, %, <, +, #: they tell something
_ADDRESS = re.compile(r"\S@\S|\w://")  # each of its characters counts
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)")  # a date-time
_SENTENCE_END = re.compile(r"[.;!?]\s+(?=[^\Wa-z])")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\s+(?=[a-z])")  # of a word that was broken at the end of a line
_NUMBER_SIGN = re.compile(r"\bno\.(?=\s*[:#\d])", re.I)  # denies nothing: Frame no.: 12
_OF_NUMBERS = frozenset({"count", "number", "no"})  # by which a name says that a value is a number
_LINES_BEFORE = 2  # in which a sentence may have begun


def as_text(value: object) -> str:
    """A value as a source may say it."""
    if isinstance(value, str):
        return _MIDNIGHT.sub(r"\1", value.replace("T", " ") if re.match(r"\d{4}-\d\d-\d\dT", value) else value)
    return format(Decimal(str(value)), "f").removesuffix(".0") if isinstance(value, float) else str(value)


def told_in(text: str, page: Page, question: str, name: str) -> tuple[tuple[Evidence, ...], str] | None:
    """The lines in which a value stands, and its words there; None if in none, or with another unit than its name."""
    lines = standing(text, page, question)
    seen = " ".join(page[line] for line in lines)
    return None if not lines or has_other_unit(text, seen, name) else (lines, as_told(text, seen))


def standing(text: str, page: Page, question: str = "") -> tuple[Evidence, ...]:
    """The lines in which a value stands in its words, or in another notation; empty if none, or if they deny it.

    Of several lines it is the one that shares the most words with the question.
    """
    return _standing(text, page, question) or _standing_apart(text, page)


def _standing(text: str, page: Page, question: str) -> tuple[Evidence, ...]:
    wanted, asked = words(text), {*words(question)}
    if not wanted:
        return ()
    holding = [line for line, shown in page.items() if runs(wanted, words(shown))]

    def shared(line: Evidence) -> tuple[int, bool]:
        return len(asked & {*words(page[line])}), not _is_within_number(text, page[line])

    places = (max(holding, key=shared),) if holding else _over_a_hyphen(wanted, page) or locate(text, page)
    seen = " ".join(page[line] for line in places)
    if not places or _is_within_number(text, seen):
        return ()
    if not runs(wanted, words(seen)) and runs(wanted, words(healed := _HYPHEN.sub("", seen))):
        seen = healed
    in_words = runs(wanted, words(seen)) and not _has_other_marks(text, seen)
    if not in_words and not _is_notation(text, seen):
        return ()
    return () if _is_denied(text, f"{_begun(places[0], page)}{seen}") else places


def _standing_apart(text: str, page: Page) -> tuple[Evidence, ...]:
    """The line in which a sentence tells the day and the time of a date-time, and no other day or time."""
    parts = match.groups() if (match := _MOMENT.fullmatch(text)) else ()
    for line, shown in page.items() if parts else ():
        for sentence in _SENTENCE_END.split(shown):
            alone = len([*dates(sentence)]) == len([*clocks(sentence)]) == 1
            if alone and all(_standing(part, {line: sentence}, "") for part in parts):
                return (line,)
    return ()


def _over_a_hyphen(wanted: Sequence[str], page: Page) -> tuple[Evidence, ...]:
    """The line, or two that follow one another, in which words stand once those broken by a hyphen are whole."""
    lines = [*page]
    for many in (1, 2):
        for start in range(len(lines) - many + 1):
            places = lines[start : start + many]
            if runs(wanted, words(_HYPHEN.sub("", " ".join(page[line] for line in places)))):
                return tuple(places)
    return ()


def _begun(line: Evidence, page: Page) -> str:
    """The lines before one that goes on with their sentence: a wrapped line begins in lower case."""
    lines = [*page]
    at = first = lines.index(line)
    while at and first - at < _LINES_BEFORE and page[lines[at]][:1].islower():
        at -= 1
    return "".join(f"{page[one]} " for one in lines[at:first])


def _is_within_number(text: str, seen: str) -> bool:
    """Whether a number of a text stands in a line only as a part of another number, or with another sign."""
    return _is_other_number(text, seen) or _is_part(text, seen)


def _is_other_number(text: str, seen: str) -> bool:
    """Whether a number of a text stands in another one only behind a sign or a point that it does not have itself."""
    marks: dict[object, set[str]] = {}
    for mark, number in _signed(seen):
        marks.setdefault(number, set()).add(mark)
    return any(number in marks and mark not in marks[number] for mark, number in _signed(text))


def _signed(text: str) -> Iterator[tuple[str, object]]:
    """The numbers of a text, each with what makes another one of it: .20 is not 20, and neither -5 nor < 5 is 5."""
    for mark, number in _SIGNED.findall(text):
        plain = number.rstrip(".,:/")
        yield "".join(mark.split()).replace("\u2212", "-"), Decimal(plain) if _DECIMAL.fullmatch(plain) else plain


def _is_part(text: str, seen: str) -> bool:
    """Whether a text is a number that stands in a line as part of another one: 3 in 3 million, 38.4 in 3840."""
    if not _PLAIN.fullmatch(text):
        return False
    seen = _APOSTROPHE.sub("", join_thousands(seen))
    found = [*quantities(seen)]
    if any(Decimal(text) in _numbers(one) and not _GOES_ON.match(seen, one.end) for one in found):
        return False
    return text not in words(blank_out(seen, (one.span for one in found)))  # of a day, a time or a name


def _numbers(span: ValueSpan) -> tuple[Decimal | None, ...]:
    """The numbers that a quantity says: of digits the likeliest reading, so that 3840 is not 38.40."""
    if not isinstance(span.value, Quantity) or _MILLIONS.match(span.text):
        return ()
    if is_currency(span.value.unit) and _THOUSANDS.search(span.text):
        return ()
    readings, said = span.value.readings, words(span.text)
    if not has_digit(span.text):
        return readings
    apart = readings[1:] and [Decimal(word) for word in said if _DECIMAL.fullmatch(word)]  # 20-30 may be 20.30
    return readings[0], span.value.least, span.value.most, *apart


def _has_other_marks(text: str, seen: str) -> bool:
    """Whether a text has a mark that does not stand beside its words in a line, or another address: $96 is not €96."""
    if _ADDRESS.search(text):
        return text.lower() not in seen.lower()
    if not _MARK.search(text):
        return False
    where = span(text, seen) or slice(0, len(seen))
    return not {*_MARK.findall(text)} <= {*seen[max(0, where.start - 2) : where.stop + 2]}


def occurrences(text: str, page: Page) -> int:
    """How often the words of a text stand in the lines of a source."""
    wanted = words(text)
    return sum(runs(wanted, words(shown)) for shown in page.values())


def _is_notation(text: str, seen: str) -> bool:
    """Whether a text is a day, a time or a number of another one, which can be read in no other way, and adds nothing.

    03/04/2024 is the third of April or the fourth of March, so neither; 9:30 is written like 09:30, and not like 21:30.
    """
    typed = common_values([text], AnswerType.OTHER)[0]
    if isinstance(typed, Day):
        days = [one.value for one in dates(seen) if isinstance(one.value, Day) and same(typed, one.value)]
        if not any({day[1:] for day in one.readings} <= {day[1:] for day in typed.readings} for one in days):
            return False
    if isinstance(typed, Clock):
        found = [
            (one.text, one.value) for one in clocks(seen) if isinstance(one.value, Clock) and same(typed, one.value)
        ]
        if not any(said.zfill(len(text)) == text or {*one.readings} <= {*typed.readings} for said, one in found):
            return False
    return isinstance(typed, Day | Clock | Quantity) and not adds(text, seen)


def _is_denied(text: str, seen: str) -> bool:
    """Whether the clause in which a value stands denies it, or a "no" behind it, and it does not say so itself."""
    if is_negated(as_words(text)):
        return False
    clauses = _CLAUSE.split(_NUMBER_SIGN.sub("number", seen))
    for clause, behind in zip(clauses, [*clauses[1:], ""], strict=True):
        parts = clause.split(",")
        first = next((n for n, part in enumerate(parts) if is_negated(as_words(part))), len(parts))
        if span(text, ",".join(parts[first:])) or (words(behind) == ["no"] and span(text, clause)):
            return True
    return False


def rows(values: Mapping[str, Sequence[str]], page: Page) -> dict[str, Page]:
    """Of each object of a list, by its path, the words that tell all of its values: of a line what ends with them.

    Nothing tells an object whose values stand in several lines, or among those of another one: a price may belong to
    another thing.
    """
    left, found = dict(page), dict[str, Page]()
    for row, said in values.items():
        found[row] = {}
        for line, shown in left.items():
            spans = [span(text, shown) for text in said]
            if all(spans):
                end = max(one.stop for one in spans if one)
                end = max([end, *(one.end for one in quantities(shown) if one.start < end)])  # with its unit or scale
                end = next((at for at in range(end, len(shown)) if not shown[at].isalnum()), len(shown))
                left[line], found[row] = shown[end:], {line: shown[:end]}
                break
    return found


def as_told(text: str, seen: str) -> str:
    """A value in the words of the lines in which it stands, without the hyphen of a word that was broken.

    >>> as_told("14:00", "At 2 pm"), as_told("paracetamol", "She takes para- cetamol")
    ('2 pm', 'paracetamol')
    """
    if found := span(text, seen):
        return seen[found]
    return text if span(text, _HYPHEN.sub("", seen)) else seen


def span(text: str, shown: str) -> slice | None:
    """Where a value stands in a line; None if it does not.

    >>> span("14:00", "At 2 pm"), span("ana berg", "Ana Berg")
    (slice(3, 7, None), slice(0, 8, None))
    """
    pattern = r"\W+".join(map(re.escape, words(text)))
    if pattern and (match := re.search(rf"(?<!\w){pattern}(?!\w)", shown, re.I)):
        return slice(match.start(), match.end())
    if moment := _MOMENT.fullmatch(text):
        parts = [part for part in (span(one, shown) for one in moment.groups()) if part]
        return slice(min(p.start for p in parts), max(p.stop for p in parts)) if len(parts) > 1 else None
    pairs = ((next(finder(text), None), finder(shown)) for finder in (dates, clocks, quantities))
    alike = (one for value, found in pairs if value for one in found if same(value.value, one.value))
    return next((slice(one.start, one.end) for one in alike), None)


def has_other_unit(text: str, seen: str, name: str) -> bool:
    """Whether a number stands in a line with another unit than it has itself, or than the last word of a name says.

    >>> has_other_unit("82", "Weight: 82 kg", "weight lb"), has_other_unit("82", "Weight: 82 kg", "weight kg")
    (True, False)
    """
    *before, last = name.split() or [""]
    number = next(quantities(text), None)
    if number is None or not isinstance(number.value, Quantity):
        return False
    unit = number.value.unit or (unit_of(last) if before else None)
    if unit is None:
        return False
    alike = [
        one.value.unit
        for one in quantities(seen)
        if isinstance(one.value, Quantity) and one.value.readings[0] == number.value.readings[0]
    ]
    return bool(alike) and all(one and all(x != y for x, y in meanings(one, unit)) for one in alike)


def is_opposed(text: str, name: str, lines: Iterable[str]) -> bool:
    """Whether a line has all words of a number's name and other numbers alone.

    >>> [is_opposed("3", name, ["Two supers, one lid."]) for name in ("super count", "weight of super")]
    [True, False]
    """
    value = common_values([text], AnswerType.OTHER)[0]
    wanted = {one for one in as_words(name).tokens if unit_of(one) is None} - _OF_NUMBERS
    if not wanted or not isinstance(value, Quantity):
        return False
    for line in lines:
        told = [one.value for one in quantities(line)] if wanted <= as_words(line).tokens else []
        if told and not any(same(value, one) for one in told):
            return True
    return False
