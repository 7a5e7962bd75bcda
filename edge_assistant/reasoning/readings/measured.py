"""What a question asks of sensor readings: which computation, over which column, when, and against which limit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge_assistant.reasoning.agreement import agreement_words
from edge_assistant.reasoning.attributes import asked
from edge_assistant.reasoning.readings.comparing import (
    direction,
    is_kept,
    is_sided,
    is_thing,
    limit_of,
    names_a_limit,
    numbers_in,
)
from edge_assistant.reasoning.readings.happenings import Happening, fronted, happening
from edge_assistant.reasoning.readings.moves import asked_extent
from edge_assistant.reasoning.readings.subjects import without_places
from edge_assistant.reasoning.readings.when import Relation, When, is_throughout, masked, whens
from edge_assistant.reasoning.rules.phrasing import found, pattern
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.values import Quantity


class Kind(StrEnum):
    """A computation."""

    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    MEAN = "mean"
    SPREAD = "spread"
    CHANGE = "change"
    TREND = "trend"
    FIRST = "first"
    LAST = "last"
    AT = "at"
    SPAN = "span"
    COUNT = "count"
    FIRST_BEYOND = "first beyond"
    LAST_BEYOND = "last beyond"
    BACK = "back within"
    TIME_BEYOND = "time beyond"
    COUNT_BEYOND = "readings beyond"
    EXCURSIONS = "excursions"
    EXCESS = "excess"
    WENT_BEYOND = "went beyond"
    STAYED = "stayed within"
    WAS_BEYOND = "was beyond"


class Wants(StrEnum):
    """The sort of answer that a question wants."""

    VALUE = "value"
    MOMENT = "moment"
    DAY = "day"
    DURATION = "duration"
    COUNT = "count"
    TRUTH = "truth"


LIMITED = frozenset(
    {
        Kind.FIRST_BEYOND,
        Kind.LAST_BEYOND,
        Kind.BACK,
        Kind.TIME_BEYOND,
        Kind.COUNT_BEYOND,
        Kind.EXCURSIONS,
        Kind.EXCESS,
        Kind.WENT_BEYOND,
        Kind.STAYED,
        Kind.WAS_BEYOND,
    }
)


@dataclass(frozen=True, slots=True)
class Computing:
    """What is to be computed.

    Attributes:
        kind: the computation.
        wants: the sort of answer.
        over: whether a limit is passed upwards or downwards, or a trend asked for upwards; None where it is not told.
        limit: the limit, where the text tells it.
        whens: the periods and moments that are named.
        clause: what happened at the moment that is meant, where only that is told: "when the pump stalled".
        rest: the text without what says when, of the same length; of a question also without what happened then.
    """

    kind: Kind
    wants: Wants
    over: bool | None
    limit: Quantity | None
    whens: tuple[When, ...]
    clause: str | None
    rest: str

    @property
    def needs_limit(self) -> bool:
        """Whether it can only be computed with a limit that the text does not tell."""
        return self.kind in LIMITED and self.limit is None


def statistic(question: str) -> Computing | None:
    """Find out what a question asks of readings; None where it names no computation."""
    text = _EXISTS.sub(r"\1 it ever", _EMBEDDED.sub("", " ".join(question.split())))
    return _computing(fronted(text), compared=False)


# "Can you see when it was?" asks when
_EMBEDDED = re.compile(
    r"^\W*(?:can|could|do|would|will)\s+(?:you|we|i|anyone)\s+(?:please\s+)?"
    r"(?:see|tell|say|know|find\s+out|check|work\s+out|figure\s+out|look\s+up|show)\s+(?:me\s+|us\s+)?(?=when|what|how|which|at\s)",
    re.I,
)
# "Was there a moment when it was too hot?" asks whether it ever was
_EXISTS = re.compile(
    r"\b(is|was|were|are)\s+there\s+(?:ever\s+)?(?:an?|any|some)\s+(?:single\s+)?(?:moment|time|point|reading|hour|minute|day|occasion)s?"
    r"(?:\s+in\s+time)?\s+(?:when|at\s+which|where|that|in\s+which|on\s+which)\b",
    re.I,
)


def compared(question: str) -> Computing | None:
    """What a question asks of readings that asks whether signals agree on it: the value of each, not yes or no.

    >>> compared("Is the log right about the peak pressure?").wants
    <Wants.VALUE: 'value'>
    """
    text = " ".join(question.split())
    for words in (_SOURCES, agreement_words()):
        text = words.sub(lambda match: " " * len(match[0]), text)
    return _computing(text, compared=True)


# The sources that a question compares, which say nothing of what it compares them on
_NAMED = (
    r"(?:(?:the|his|her|their|my)\s+)?(?:readings|logs?|log ?book|recording|note|notes|remarks?|text|sensor data"
    r"|measurements|data|voice note|report)"
)
_SOURCES = re.compile(
    rf"\b(?:between|by|in|according to|with|to|from|of|do|does|is|are)\s+(?:both\s+)?{_NAMED}"
    rf"(?:\s+(?:and|with|or)\s+{_NAMED})?\b",
    re.I,
)


def _computing(text: str, *, compared: bool) -> Computing | None:
    named = whens(text)
    whole = without_places(masked(text, named))
    then = happening(whole)
    wants = wanted(then.head if then else whole)
    if then is not None and wants in (Wants.MOMENT, Wants.DAY) and _kind(then.head, wants, named, None) is None:
        then = None  # "what time was it when the limit was passed?" asks when that was
    rest = then.head if then else whole
    if compared and wants in (Wants.TRUTH, Wants.VALUE):
        wants = Wants.TRUTH if _is_limited(rest, named) else Wants.VALUE
    stays = found(text, "words", "stay") is not None or is_throughout(text)  # "all night" is also a time
    kind = _kind(rest, wants, named, then, compared=compared, stays=stays)
    if kind is None or asks_else(rest, kind):
        return None
    if kind not in (Kind.AT, Kind.WAS_BEYOND) and (then is not None or _is_placed(rest)):
        return None
    over = direction(rest) if is_sided(rest) else None
    ranged = over is None and range_kind(rest) is not None
    if kind in (Kind.TREND, Kind.WENT_BEYOND, Kind.STAYED, Kind.WAS_BEYOND) and (compared or is_closed(rest)):
        wants = Wants.TRUTH
    if ranged and wants is Wants.TRUTH and kind is range_kind(rest):
        over = True
    elif over is not None and kind is Kind.STAYED:
        over = over if negated(rest) else not over  # to stay below is not to be over
    limit = limit_of(rest) if kind in LIMITED else None
    if kind is Kind.TREND and over is None:
        over = _upwards(rest)
    return Computing(kind, wants, over, limit, tuple(named), then.clause if then else None, rest)


def _is_limited(rest: str, named: Sequence[When]) -> bool:
    """Whether a question compares with a limit or asks for a trend, so that yes or no is all that it wants."""
    if direction(rest) is not None:
        return _limited(rest, Wants.TRUTH, named, None) is not None
    return range_kind(rest) is not None or found(rest, "statistics", "trend") is not None


def _kind(
    rest: str,
    wants: Wants,
    named: Sequence[When],
    then: Happening | None,
    *,
    compared: bool = False,
    stays: bool = False,
) -> Kind | None:
    passed = direction(rest) is not None
    if not (passed and is_sided(rest)) and wants is Wants.TRUTH and (ranged := range_kind(rest)) is not None:
        return ranged
    if wants is Wants.TRUTH and stays and not passed and found(rest, "words", "fine") and _is_of_readings(rest):
        return Kind.STAYED
    if wants is Wants.TRUTH and (is_kept(rest) if not passed else found(rest, "words", "enough") is not None):
        return Kind.STAYED
    kind = _limited(rest, wants, named, then, stays=stays) if passed else None
    return kind or _unlimited(rest, wants, named, then, compared=compared)


def range_kind(rest: str) -> Kind | None:
    """Whether a text speaks of staying in a range or leaving it; None for neither."""
    within, outside = (found(rest, "words", word) for word in ("within", "outside"))
    limit = limit_of(rest)
    ranged = limit is not None and limit.least is not None and limit.most is not None
    if (within is None and outside is None) or not (ranged or (limit is None and found(rest, "words", "limit"))):
        return None
    return Kind.STAYED if outside is None else Kind.WENT_BEYOND


def wanted(rest: str) -> Wants:
    """The sort of answer that a question wants by its words."""
    for wants, group in (
        (Wants.DURATION, "duration"),
        (Wants.COUNT, "times"),
        (Wants.COUNT, "readings"),
        (Wants.DAY, "day"),
        (Wants.MOMENT, "moment"),
    ):
        match = found(rest, "asks", group)
        if match and not (group == "moment" and _is_clause_word(rest, match)):
            return wants
    return Wants.TRUTH if is_closed(rest) else _elliptical(rest)


def _elliptical(rest: str) -> Wants:
    """What a question without a question word wants: "First breach of the limit?", "Minutes over 95?"."""
    if asks_value(rest):
        return Wants.VALUE
    if direction(rest) is None:
        return Wants.VALUE if range_kind(rest) is None else Wants.TRUTH
    opening = rest.lstrip(" ,.:;")
    for wants in (Wants.MOMENT, Wants.DURATION, Wants.TRUTH):
        match = found(opening, "openings", wants.value)
        if match is not None and (wants is Wants.TRUTH or match.start() == 0):
            return wants
    sided = limit_of(rest) is not None and found(rest, "words", "over", "under") is not None
    short = names_a_limit(rest) and len(rest.split()) <= _SHORT
    return Wants.TRUTH if sided or short else Wants.VALUE


_SHORT = 4  # words of "Limit exceeded?"


def _is_clause_word(rest: str, match: re.Match[str]) -> bool:
    """Whether "when" only begins a clause: "how hot was it when the pump stalled?"; "agree on when" asks."""
    before = rest[: match.start()].rstrip().lower()
    return (
        bool(before)
        and match[0].lower() == "when"
        and not before.endswith(("on", "about", "of", "is", "and", "regarding", "since", "from", "until", "till", "by"))
        and not _ASKS_WHEN.match(rest, match.end())
    )


_ASKS_WHEN = re.compile(  # "the highest pressure, when?", "the peak, when was that?"
    r"\s+(?:was|is|did|were|does|has|have|had)\b|\W*$", re.I
)


def is_closed(rest: str) -> bool:
    """Whether yes or no answers a question."""
    words = re.findall(r"[\w']+", rest.lower())
    return bool(words) and words[0] in vocabulary().question["auxiliary"]


def _limited(
    rest: str, wants: Wants, named: Sequence[When], then: Happening | None, *, stays: bool = False
) -> Kind | None:
    """A computation that compares with a limit."""
    if not (limit_of(rest) or names_a_limit(rest)):
        return None
    if found(rest, "asks", "excess"):
        return Kind.EXCESS
    if wants is Wants.DURATION:
        return Kind.TIME_BEYOND
    if wants is Wants.COUNT:
        return Kind.COUNT_BEYOND if found(rest, "asks", "readings") else Kind.EXCURSIONS
    if wants in (Wants.MOMENT, Wants.DAY):
        if found(rest, "words", "back"):
            return Kind.BACK
        return Kind.LAST_BEYOND if found(rest, "words", "final") else Kind.FIRST_BEYOND
    if wants is Wants.TRUTH:
        if stays:
            return Kind.STAYED
        if then is not None or any(is_moment(when) for when in named):
            return Kind.WAS_BEYOND
        return Kind.WENT_BEYOND
    return Kind.FIRST_BEYOND if re.search(r"\bfirst\b", rest, re.I) else None


def _is_placed(rest: str) -> bool:
    """Whether a question means a period that readings do not tell: "before the limit was exceeded"."""
    placed = pattern(vocabulary().measuring["words"]["unplaced"]).finditer(rest)
    return any(match[0].lower() not in ("when", "as") and not _ASKED.match(rest, match.end()) for match in placed)


_ASKED = re.compile(r"\s+(?:what|which|when|how)\b", re.I)  # "since when was it too warm?" asks for the time


def asks_else(rest: str, kind: Kind) -> bool:
    """Whether a question that may name a computation asks for something else: a thing, a person, how it should be."""
    return _asks_other(rest) or _asks_which(rest) or _asks_rule(rest, kind)


def _asks_rule(rest: str, kind: Kind) -> bool:
    """Whether a question asks how it should be, and not how it was: "how high may the pressure be?"."""
    return kind not in LIMITED and found(rest, "words", "modal") is not None


def _asks_other(rest: str) -> bool:
    """Whether no computation answers a question; where values peak is asked for the value."""
    other = found(rest, "asks", "other")
    curve = other is not None and re.match(r"\s+(?:did|does|has|have)\b", rest[other.end() :]) is not None
    return other is not None and not (other[0].lower() == "where" and curve and _names_statistic(rest))


def _asks_which(rest: str) -> bool:
    """Whether a thing answers a question: "which pump ran hottest?"."""
    match = re.search(r"\bwhich\s+(?:of\s+the\s+)?([^\W\d_]+)(?:\s+([^\W\d_]+))?", rest, re.I)
    if match is None or not is_thing(match[1]):
        return False
    behind = match[2] or ""  # "which motor temperature", "which tank level"
    return not found(behind, "words", "quantity") and not any(m.attribute.units for m in asked(behind))


def _unlimited(
    rest: str, wants: Wants, named: Sequence[When], then: Happening | None, *, compared: bool
) -> Kind | None:
    """A computation without a limit."""
    at = then is not None or any(is_moment(when) for when in named)
    for kind in (
        Kind.SPAN,
        Kind.SPREAD,
        Kind.CHANGE,
        Kind.TREND,
        Kind.MEAN,
        Kind.LAST,
        Kind.FIRST,
        Kind.MINIMUM,
        Kind.MAXIMUM,
    ):
        if kind is Kind.TREND and (up := asked_extent(rest)) is not None and not _names_statistic(rest):
            return Kind.MAXIMUM if up else Kind.MINIMUM
        match = found(rest, "statistics", kind.value)
        if match and not (kind is Kind.MINIMUM and at and match[0].lower().startswith("how")):
            return kind
    if found(rest, "statistics", "level"):
        return Kind.AT if at else Kind.MAXIMUM
    if found(rest, "asks", "readings") and wants is Wants.COUNT:
        return Kind.COUNT
    if at and wants is Wants.TRUTH and then is None and any(True for _ in numbers_in(rest)):
        return Kind.AT
    return Kind.AT if at and wants is Wants.VALUE else None  # if what is asked for is a column, see `compute`


def _is_of_readings(rest: str) -> bool:
    """Whether a question names something that is measured: "was the temperature fine?", but not "was the delivery?"."""
    return any(mention.attribute.units for mention in asked(rest)) or found(rest, "words", "quantity") is not None


def _names_statistic(rest: str) -> bool:
    """Whether a question names the mean, the lowest or the highest value in a word."""
    return found(rest, "statistics", "mean", "minimum", "maximum") is not None


_ASKS_VALUE = re.compile(r"\W*(?:(?:and|so|then)\s+)?(?:what|which|how|where|give|tell)\b", re.I)


def asks_value(rest: str) -> bool:
    """Whether a question begins as one for a value does."""
    return _ASKS_VALUE.match(rest) is not None


def is_moment(when: When) -> bool:
    """Whether a text names a moment, and no period."""
    pointed = when.first is not None and when.first.minutes is not None and when.relation is Relation.AT
    return pointed or when.relation is Relation.ELAPSED


def negated(rest: str) -> bool:
    """Whether a question or remark says that something did not happen: "never exceeded"."""
    return found(rest, "words", "never") is not None


def _upwards(rest: str) -> bool | None:
    """Whether a trend is asked for upwards or downwards."""
    rising, falling = (found(rest, "told", word) for word in ("rising", "falling"))
    return None if bool(rising) == bool(falling) else rising is not None
