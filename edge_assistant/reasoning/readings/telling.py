"""Clauses of a remark that tell of readings: which computation each gives the value of, and the value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from edge_assistant.perception.table import Column
from edge_assistant.reasoning.readings.columns import comparable, converted, score
from edge_assistant.reasoning.readings.comparing import (
    direction,
    is_kept,
    limit_of,
    names_limit,
    numbers_in,
    plain,
    violation,
)
from edge_assistant.reasoning.readings.lengths import seconds
from edge_assistant.reasoning.readings.measured import Computing, Kind, Wants, range_kind
from edge_assistant.reasoning.readings.moves import told_extent
from edge_assistant.reasoning.readings.subjects import subjects, without_places
from edge_assistant.reasoning.readings.when import Relation, When, is_throughout, masked, whens
from edge_assistant.reasoning.rules.phrasing import found, pattern
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.spoken import spoken_numbers
from edge_assistant.reasoning.values.values import Clock, Quantity, Truth, Value

Claimed = tuple[Computing, Value, bool]
"""A computation, the value that is told of it, and whether that is said to be approximate."""

_NO_FACTS = ("conditions", "unsure", "coming", "future")  # of told.toml
_SENTENCE = re.compile(
    r"(?:[^.;!?\n]|\.(?=\d)|(?<=\b[mM]ax)\.|(?<![\w/][mM]in)(?<=\b[mM]in)\.(?=\s*\d)|(?<=\b[tT]emp)\.|(?<=\b[apAP])\.(?=\s?[mM]\b)|(?<=\b[apAP]\.[mM])\.(?=\s+[a-z])|(?<=\b[apAP]\s[mM])\.(?=\s+[a-z]))+[.;!?]?"
)
_CLAUSE = re.compile(
    r"(?:,?\s+(?:but|then|and then|while|whereas|although|though|because|so)\s+)|,\s+(?:and\s+)?"
    r"|\s+and\s+(?=(?:[a-z]+ed|it|that|this|the|we|then|went|never|fell|rose|was|had|has|is|did|didn't|always|at|by"
    r"|came|got|read|ran|after|before|in|on|from|since|kept|hit|pump|pressure|temperature|humidity)\b)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Telling:
    """A clause at the characters [start, end) of a text.

    Attributes:
        clause: its words.
        start: first character.
        end: after the last character.
        whens: the periods and moments that it names.
        rest: the clause without them.
        numbers: the quantities in the rest.
        rules: where those start in the rest that say how much something may be, and not how much it was.
    """

    clause: str
    start: int
    end: int
    whens: tuple[When, ...]
    rest: str
    numbers: tuple[Candidate, ...]
    rules: frozenset[int] = frozenset()

    def claims(self, column: Column) -> Iterator[Claimed]:
        """What it tells of a column: at most a value and a moment."""
        facts = [n.value for n in self.numbers if n.start not in self.rules and isinstance(n.value, Quantity)]
        numbers = [plain(value) for value in facts if _fits(value, column)]
        passed = found(self.rest, "words", "over", "under") or violation(self.rest)
        passed = passed or (found(self.rest, "words", "reach") if self._negated and limit_of(self.rest) else None)
        over = direction(self.rest) if passed else None
        free = not found(self.rest, "words", "over", "under")
        ranged = range_kind(self.rest) if free and found(self.clause, "words", "stay", "outside") else None
        if ranged is not None:
            told = Truth(not self._negated or found(self.rest, "words", "never") is None)
            if not self._unplaced:
                yield self._as(ranged, Wants.TRUTH, True, limit=limit_of(self.rest)), told, False
            return
        if is_kept(self.rest) and over is None:
            if not self._unplaced:
                yield self._as(Kind.STAYED, Wants.TRUTH, True), Truth(not self._negated), False
            return
        if found(self.rest, "words", "over") and found(self.rest, "words", "under"):
            return  # two limits in one clause, and what belongs to which is not known
        if over is not None and (limit_of(self.rest) or names_limit(self.rest) or violation(self.rest)):
            yield from self._limited(over)
        elif extreme := self._extreme():
            yield from self._of_extreme(*extreme, numbers)
        elif (trend := self._trend()) is not None and not numbers:
            if not self._unplaced:
                yield self._as(Kind.TREND, Wants.TRUTH, trend), Truth(not self._negated), False
        elif numbers and self._is_reading(column, numbers[0]):
            yield from self._plain(numbers)

    def is_about(self, column: Column) -> bool:
        """Whether it is said of what the column holds, and not of the sales, the price, the people."""
        if score(re.sub(r"%|percent", " ", self.rest), column):
            return True
        triggers = [found(self.rest, "words", "over", "under", "within", "outside")]
        triggers += [found(self.rest, "told", name) for name in vocabulary().measuring["told"]]
        starts = [match.start() for match in triggers if match] or [n.start for n in self.numbers]
        words = vocabulary().measuring["words"]
        passing = {
            *vocabulary().question["auxiliary"],
            *words["adverb"],
            *words["went"],
            *words["stay"],
            *words["never"],
            *words["over"],
            *words["under"],
            *words["back"],
            *vocabulary().numbers,
            *(name for names in vocabulary().measuring["lengths"].values() for name in names),
        }
        before = re.findall(r"[^\W\d_]+(?:'\w+)?", self.rest[: min(starts, default=0)].lower())
        subject = next((word for word in reversed(before) if word not in passing), None)
        known = {
            *words["said_of"],
            *words["instrument"],
            *words["limit"],
            *vocabulary().measuring["subjects"]["anything"],
        }
        return subject is None or subject in known or subject.split("'")[0] in known or bool(subjects(subject))

    def left(self, column: Column) -> tuple[Wants, int, int] | None:
        """The one value or time of day that it tells of a column, and where it stands; None of what is not so."""
        if self._negated or self._unplaced or direction(self.rest) is not None or found(self.rest, "words", "back"):
            return None
        if not self.numbers:
            at = self._moment
            return (Wants.MOMENT, at.start, at.end) if at is not None and len(self._moments) == 1 else None
        if len(self.numbers) > 1 or self._moments or self.numbers[0].start in self.rules:
            return None
        number = self.numbers[0]
        fits = isinstance(number.value, Quantity) and _fits(number.value, column)
        return (Wants.VALUE, number.start, number.end) if fits else None

    def of(self, kind: Kind, wants: Wants) -> Claimed:
        """What is `left`, as told of a computation."""
        if wants is Wants.MOMENT and self._moment is not None:
            return self._as(kind, wants), self._clock(), self._about(self._moment.start)
        value = self.numbers[0].value
        assert isinstance(value, Quantity)
        return self._as(kind, wants), plain(value), False

    def _is_reading(self, column: Column, number: Quantity) -> bool:
        """Whether a number without any other word for it is said of what the column holds."""
        known = score(self.rest, column) > 0 or (number.unit is not None and column.unit is not None)
        return known or found(self.rest, "words", "instrument") is not None

    @property
    def _negated(self) -> bool:
        return found(self.rest, "words", "never") is not None

    @property
    def _unplaced(self) -> bool:
        """Whether it says when by what happened: "after the break"."""
        return found(_COMPARED.sub(" ", self.rest), "words", "unplaced") is not None

    @property
    def _moments(self) -> tuple[When, ...]:
        """The times of day that it names."""
        return tuple(w for w in self.whens if w.relation is Relation.AT and w.first and w.first.minutes)

    @property
    def _moment(self) -> When | None:
        return next(iter(self._moments), None)

    @property
    def _frames(self) -> tuple[When, ...]:
        """The periods that it names."""
        frames = [when for when in self.whens if when not in self._moments]
        first = self._moment.first if self._moment else None
        if self._moment and first and first.day is not None:
            frames.append(replace(self._moment, first=replace(first, minutes=None)))
        return tuple(frames)

    def _as(
        self,
        kind: Kind,
        wants: Wants,
        over: bool | None = None,
        *,
        limit: Quantity | None = None,
        at: When | None = None,
    ) -> Computing:
        return Computing(kind, wants, over, limit, (*self._frames, at) if at else self._frames, None, self.rest)

    def _limited(self, over: bool) -> Iterator[Claimed]:
        """What is told against a limit."""
        limit = limit_of(self.rest)
        if limit is not None and all(plain(n.value) != limit for n in self.numbers if isinstance(n.value, Quantity)):
            return  # more than twenty people
        stays = found(self.clause, "words", "stay") is not None or is_throughout(self.clause)
        if self._negated and (not stays or self._is_never):
            if self._unplaced:
                return
            yield self._as(Kind.STAYED, Wants.TRUTH, over, limit=limit), Truth(True), False
            return
        length = seconds(self.rest)
        count = self._times()
        if self._unplaced and self._moment is None and (stays or length or count):
            return
        if stays and length is not None:
            if not over:
                return  # below a limit for two hours says nothing of the rest of the time
        elif stays:
            told = Truth(not self._negated)
            yield self._as(Kind.STAYED, Wants.TRUTH, not over, limit=limit), told, False
            return
        if length is not None:
            value = Quantity((Decimal(f"{length[0]:.10g}"),), "s")
            yield self._as(Kind.TIME_BEYOND, Wants.DURATION, over, limit=limit), value, self._about(length[1])
        elif count is not None:
            yield self._as(Kind.EXCURSIONS, Wants.COUNT, over, limit=limit), Quantity((count,)), False
        elif self._moment is not None:
            yield from self._passed(over, limit)
        else:
            yield self._as(Kind.WENT_BEYOND, Wants.TRUTH, over, limit=limit), Truth(True), False

    @property
    def _is_never(self) -> bool:
        """Whether "never" is said and nothing else of staying: "never went over" and not "never stayed below"."""
        match = found(self.clause, "words", "stay")
        verbs = re.findall(r"\b(?:stay|stayed|remain|remained|keep|kept|hold|held)\b", self.rest, re.I)
        return match is not None and not verbs

    def _passed(self, over: bool, limit: Quantity | None) -> Iterator[Claimed]:
        """A limit with a time of day: when it was passed, or that it was beyond it then."""
        assert self._moment is not None
        if found(self.rest, "words", "back"):
            yield self._as(Kind.BACK, Wants.MOMENT, over, limit=limit), self._clock(), self._about(self._moment.start)
        elif found(self.rest, "words", "went"):
            kind = Kind.LAST_BEYOND if found(self.rest, "words", "final") else Kind.FIRST_BEYOND
            yield self._as(kind, Wants.MOMENT, over, limit=limit), self._clock(), self._about(self._moment.start)
        else:
            yield self._as(Kind.WAS_BEYOND, Wants.TRUTH, over, limit=limit, at=self._moment), Truth(True), False

    def _extreme(self) -> tuple[Kind, re.Match[str]] | None:
        """The computation whose value it tells, and the words that say so."""
        rest = without_places(self.rest)
        for kind in (Kind.SPREAD, Kind.MEAN, Kind.MINIMUM, Kind.MAXIMUM, Kind.FIRST, Kind.LAST):
            if match := found(rest, "told", kind.value):
                return kind, match
        if (extent := told_extent(rest)) is not None:
            return Kind.MAXIMUM if extent[0] else Kind.MINIMUM, extent[1]
        return None

    def _of_extreme(self, kind: Kind, match: re.Match[str], numbers: list[Quantity]) -> Iterator[Claimed]:
        """The value of a computation, and when it was."""
        quantities = [(n.end, plain(n.value)) for n in self.numbers if isinstance(n.value, Quantity)]
        behind = [value for end, value in quantities if end > match.end() and value in numbers]
        chosen = behind[0] if behind else numbers[0] if numbers else None
        at = self._moment
        moved = _MOVED.search(match[0]) is not None and kind in (Kind.MAXIMUM, Kind.MINIMUM)
        if self._negated or (self._unplaced and (moved or kind not in (Kind.MAXIMUM, Kind.MINIMUM))):
            return
        if at is not None and moved:
            if isinstance(chosen, Quantity):
                yield self._as(Kind.AT, Wants.VALUE, at=at), chosen, False
            return
        if isinstance(chosen, Quantity) and found(match[0], "words", "steady"):
            chosen = replace(chosen, approximate=True)
        if isinstance(chosen, Quantity):
            yield self._as(kind, Wants.VALUE), chosen, False
        elif _REACHED.match(match[0]) and not found(self.rest[match.end() :], "told", kind.value):
            return  # she reached the office at nine
        if at is not None and kind in (Kind.MAXIMUM, Kind.MINIMUM):
            yield self._as(kind, Wants.MOMENT), self._clock(), self._about(at.start)

    def _plain(self, numbers: list[Quantity]) -> Iterator[Claimed]:
        """A value at a moment: "at 10:05 it was 96.9"."""
        moments = self._moments
        if self._negated or (len(moments) != len(numbers) and 1 not in (len(moments), len(numbers))):
            return
        for moment, number in zip(moments, numbers, strict=False):  # "89 at two and 88 at four"
            yield self._as(Kind.AT, Wants.VALUE, at=moment), number, False

    def _trend(self) -> bool | None:
        rising, falling = (found(self.rest, "told", word) for word in ("rising", "falling"))
        return None if bool(rising) == bool(falling) else rising is not None

    def _times(self) -> Decimal | None:
        """How often, where it is told: "three times", "twice"."""
        for count, words in vocabulary().measuring["counts"].items():
            if re.search(rf"\b(?:{'|'.join(words)})\b", self.rest, re.I):
                return Decimal(count)
        match = re.search(r"\b(\d+|[a-z]+(?:[ -][a-z]+)?)\s+times\b", self.rest, re.I)
        readings = () if match is None or match[1].isdigit() else spoken_numbers(match[1].split()[-1])
        return Decimal(match[1]) if match and match[1].isdigit() else readings[0] if readings else None

    def _clock(self) -> Clock:
        assert self._moment is not None
        assert self._moment.first is not None
        return Clock(self._moment.first.minutes or ())

    def _about(self, at: int) -> bool:
        """Whether what stands at a character is said to be approximate."""
        beside = self.clause[max(0, at - 20) : at + 14]
        return found(beside, "words", "about") is not None


# Where a value with a time of day is the one of that time: "it climbed to 95 at two", but not "the top came at two"
_REACHED = re.compile(r"(?:reached|hit|got to|up to|down to|\w+ (?:up |down )?to)$", re.I)
_COMPARED = re.compile(r"\bas\s+\w+\s+as\b", re.I)
_MOVED = re.compile(r"\b(?:to|at|as \w+ as)$", re.I)


def tellings(text: str, rules: Collection[int] = ()) -> Iterator[Telling]:
    """The clauses of a text that can tell something: no questions, nothing of what should be.

    Args:
        text: the remark.
        rules: where the numbers of the text start that say how much something may be.
    """
    for sentence in _SENTENCE.finditer(text):
        if sentence[0].rstrip().endswith("?"):
            continue
        earlier = False
        for start, end in _clauses(sentence[0]):
            earlier = (earlier or _is_earlier(sentence[0][start:end])) and not _is_now(sentence[0][start:end])
            if earlier:
                continue
            clause = sentence[0][start:end].rstrip(" .;!,")
            telling = _telling(clause, sentence.start() + start, rules)
            later = found(sentence[0][max(0, start - 12) : start], "words", "anaphora") if start else None
            if _is_fact(telling) and (not later or telling.whens):
                yield telling


def _is_earlier(clause: str) -> bool:
    """Whether a clause places its sentence in a time before the readings: "the day before, the top was 80"."""
    other = vocabulary().telling["words"]
    recent, past = (pattern(other[name]) for name in ("recent", "past"))
    return recent.search(clause) is not None or past.match(clause.lstrip()) is not None


def _is_now(clause: str) -> bool:
    """Whether a clause says that it is about now, and not about what was before."""
    return pattern(vocabulary().telling["words"]["now"]).search(clause) is not None


def _is_fact(telling: Telling) -> bool:
    """Whether a clause says what was: no rule, no condition, no plan, and at a time that it tells itself."""
    other = vocabulary().telling["words"]
    order = found(telling.clause.strip(), "words", "order")
    if (
        (order and order.start() == 0)
        or found(_ALLOWED.sub("", telling.clause), "words", "norm")
        or (found(telling.rest, "words", "anaphora") and not telling.whens)
    ):
        return False
    return not any(pattern(other[name]).search(telling.rest) for name in _NO_FACTS)


# "It stayed in the allowed range" is a fact
_ALLOWED = re.compile(
    r"\b(?:allowed|permitted|admissible|rated)\s+(?=(?:[a-z]+\s+)?(?:range|band|limits?|maximum|minimum|value|level|temperature|pressure)\b)",
    re.I,
)


def _clauses(sentence: str) -> Iterator[tuple[int, int]]:
    """The clauses of a sentence; one that only says when, or a lone number, belongs to the next or the last."""
    cuts = [0, *(at for match in _CLAUSE.finditer(sentence) for at in (match.start(), match.end())), len(sentence)]
    pieces = list(zip(cuts[::2], cuts[1::2], strict=True))
    start: int | None = None
    for place, (a, b) in enumerate(pieces):
        start = a if start is None else start
        after = sentence[slice(*pieces[place + 1])] if place + 1 < len(pieces) else ""
        if place + 1 < len(pieces) and (_is_beside(sentence[start:b], leads=True) or _is_beside(after, leads=False)):
            continue
        yield start, b
        start = None


def _is_beside(piece: str, *, leads: bool) -> bool:
    """Whether a piece of a sentence says no more than when or how much; one that leads may say what happened then."""
    rest = masked(piece, whens(piece))
    for number in () if leads else numbers_in(rest):
        rest = rest[: number.start] + " " * (number.end - number.start) + rest[number.end :]
    words = [word for word in re.findall(r"[^\W\d_]+", rest.lower()) if word not in vocabulary().words["stop"]]
    if _tells(rest):
        return False
    if not leads and found(piece, "words", "never"):
        return False  # "and not 4 bar"
    numbered = any(True for _ in numbers_in(masked(piece, whens(piece))))
    return len(words) <= 1 or (leads and not numbered and bool(whens(piece)))


def _tells(rest: str) -> bool:
    names = ("minimum", "maximum", "mean", "rising", "falling")
    return any(found(rest, "told", name) for name in names) or direction(rest) is not None


def _telling(clause: str, start: int, rules: Collection[int]) -> Telling:
    named = whens(clause)
    rest = masked(clause, named)
    if not any(True for _ in numbers_in(rest)) and any(when.bare for when in named) and not _tells(rest):
        named = [when for when in named if not when.bare]  # "it ran at twenty": the only number is the value
        rest = masked(clause, named)
    numbers = tuple(number for number in numbers_in(rest) if not _counts(clause, number))
    own = frozenset(at - start for at in rules)
    return Telling(clause, start, start + len(clause), tuple(named), rest, numbers, own)


def _counts(clause: str, number: Candidate) -> bool:
    """Whether a number counts the things that are named behind it: "3 filters"."""
    following = re.match(r"\s+([^\W\d_]+)", clause[number.end :])
    plain = isinstance(number.value, Quantity) and number.value.unit is None
    return plain and following is not None and following[1].lower() not in vocabulary().measuring["words"]["behind"]


def _fits(value: Quantity, column: Column) -> bool:
    """Whether a number can be one of a column, by its unit."""
    return value.unit is None or (comparable(value.unit, column.unit) and converted(value, column) is not None)
