"""When something happened that a question means and another signal tells the time of: "when the belt squeaked"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from edge_assistant.perception.table import Table
from edge_assistant.reasoning.readings.moments import resolve
from edge_assistant.reasoning.readings.subjects import heading, other_than
from edge_assistant.reasoning.readings.when import Relation, When, whens
from edge_assistant.reasoning.rules.phrasing import found
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.clauses import listed, plain, sentences
from edge_assistant.reasoning.told.corrections import corrected
from edge_assistant.reasoning.told.script import Script
from edge_assistant.reasoning.values.words import MAX_TEXT, as_words

_SHARE = 0.5  # of the words of what happened that a sentence has to have
_STEM = 4  # letters that two words share from which on they are of one stem: squeak, squeaked; trip, tripped
_FEW = 2  # words of a sentence that says no more than when it was: "that was at half past nine"
_PIECE = re.compile(r"[^,;:]*?(?:(?<!\d)[,;:]|[,;:](?!\d)|\s(?=(?:and|but|then|when|while|as)\s)|$)", re.I)
_BACK = re.compile(
    r"\s*(?:and\s+)?(?:that|this|it|which|time|at|around|about|roughly|noted|noticed)\b", re.I
)  # begins a sentence that says when the one before was


@dataclass(frozen=True, slots=True)
class Happened:
    """When it was, and the evidence that tells it."""

    moment: datetime
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    start: int
    whens: tuple[When, ...]

    @property
    def times(self) -> list[When]:
        """The times of day at which something was."""
        at = (Relation.AT, Relation.SINCE)
        return [when for when in self.whens if when.relation in at and when.first and when.first.minutes is not None]

    @property
    def days(self) -> list[When]:
        """The days that it names, alone or with a time of day."""
        return [_day(when) for when in self.whens if when.first and when.first.day and when.length is None]


def happened(clause: str, script: Script, table: Table, asked: Sequence[When] = ()) -> Happened | None:
    """When something happened.

    Args:
        clause: what happened, as a question says it.
        script: all that a signal tells; the time may stand in the sentence before or behind.
        table: the readings, whose days are meant.
        asked: what the question says of when; the days count.

    Returns:
        None where no sentence tells it, or it is not sure on which day it was.
    """
    wanted = as_words(clause).tokens
    told = list(_sentences(script.text[:MAX_TEXT]))
    head = heading(script.text)
    for at in sorted(range(len(told)), key=lambda at: -_share(wanted, told[at].text)):
        if not wanted or _share(wanted, told[at].text) < _SHARE:
            return None
        if _is_else(told[at].text, head):
            continue
        for time, also in _times(told, at, wanted):
            moment = _resolved(time, told, at, also, table, asked)
            if moment is not None:
                spans = [told[at], *([also] if also else [])]
                ids = [id for s in spans for id in script.evidence(s.start, s.start + len(s.text))]
                return Happened(moment, tuple(dict.fromkeys(ids)))
    return None


def _sentences(text: str) -> Iterator[_Sentence]:
    ready = corrected(plain(text))
    for start, end in sentences(ready):
        lead = len(ready[start:end]) - len(ready[start:end].lstrip())
        said = ready[start + lead : end]
        yield _Sentence(said, start + lead, tuple(whens(said)))


def _is_else(text: str, head: str) -> bool:
    """Whether a sentence tells that it did not happen, or of another machine, or of a time before the readings."""
    denied = found(text, "words", "never") is not None
    return denied or other_than(text, head) is not None or listed("recent").search(text) is not None


def _times(told: Sequence[_Sentence], at: int, wanted: frozenset[str]) -> Iterator[tuple[When, _Sentence | None]]:
    """The times that can be meant, the likeliest first, and the other sentence that has them."""
    own = told[at]
    best = max((m.span() for m in _PIECE.finditer(own.text)), key=lambda span: _share(wanted, own.text[slice(*span)]))
    beside = sorted(own.times, key=lambda when: max(best[0] - when.end, when.start - best[1], 0))
    yield from ((when, None) for when in beside)
    if beside:
        return
    if at + 1 < len(told) and _BACK.match(told[at + 1].text) and _says_when(told[at + 1]):
        yield from ((when, told[at + 1]) for when in told[at + 1].times)
    if at > 0 and (_says_when(told[at - 1]) or found(own.text, "words", "then")):
        yield from ((when, told[at - 1]) for when in reversed(told[at - 1].times))


def _says_when(sentence: _Sentence) -> bool:
    """Whether a sentence says no more than when it was."""
    rest = sentence.text
    for when in sentence.whens:
        rest = rest[: when.start] + " " * (when.end - when.start) + rest[when.end :]
    return len(as_words(rest).tokens - vocabulary().words["generic"]) <= _FEW


def _resolved(
    time: When,
    told: Sequence[_Sentence],
    at: int,
    also: _Sentence | None,
    table: Table,
    asked: Sequence[When],
) -> datetime | None:
    """A time of day on the clock of the readings: on its own day, that of the question or the last that was named."""
    assert time.first is not None
    named = [_day(when) for when in asked if when.first and when.first.day]
    days = [named] if named else [[day] for s in _before(told, at, also) for day in s.days[-1:]][:1]
    for day in [[]] if time.first.day is not None else [*days, *([] if named else [[]])]:
        period = resolve([replace(time, relation=Relation.AT), *day], table)
        if period is not None and period.moments and not period.trouble:
            return period.moments[0]
    return None


def _before(told: Sequence[_Sentence], at: int, also: _Sentence | None) -> list[_Sentence]:
    """The sentences that may name the day, the nearest first."""
    return [told[at], *([also] if also else []), *reversed(told[:at])]


def _day(when: When) -> When:
    assert when.first is not None
    return replace(when, relation=Relation.AT, first=replace(when.first, minutes=None, part=None), second=None)


def _share(wanted: frozenset[str], text: str) -> float:
    """How much of what happened a text tells."""
    words = as_words(text).tokens
    return sum(any(_alike(a, b) for b in words) for a in wanted) / max(1, len(wanted))


def _alike(a: str, b: str) -> bool:
    """Whether two words are of one stem."""
    short, long = sorted((a, b), key=len)
    stem = max(_STEM, len(short) - 2)
    return a == b or (len(short) >= _STEM and long[:stem] == short[:stem])
