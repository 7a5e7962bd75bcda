"""What a text compares readings with: the number or the limit that is named, and the side on which it is passed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from edge_assistant.reasoning.rules.phrasing import found, pattern
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.candidates import Candidate, quantities, singular
from edge_assistant.reasoning.values.values import Quantity

_BEHIND = 60  # characters behind "over" in which its limit stands


def limit_of(rest: str) -> Quantity | None:
    """The number that follows "over" or "under", else the only one."""
    numbers = list(numbers_in(rest))
    word = found(rest, "words", "over", "under", "reach", "sink")
    behind = [n for n in numbers if word and word.end() < n.end and n.start <= word.end() + _BEHIND]
    chosen = behind[0] if behind else numbers[0] if len(numbers) == 1 else None
    return plain(chosen.value) if chosen is not None and isinstance(chosen.value, Quantity) else None


def plain(quantity: Quantity) -> Quantity:
    """A limit without the side that "over" or "at most" gives it; the ends of a range stay."""
    open_range = (quantity.least is None) != (quantity.most is None)
    return replace(quantity, least=None, most=None) if open_range else quantity


def numbers_in(text: str) -> Iterator[Candidate]:
    """The quantities of a text that are no count of times, no length of time, and no number of a thing ("pump 2")."""
    words = vocabulary().measuring["words"]
    for candidate in quantities(text):
        following = re.match(r"\s*([^\W\d_]+)", text[candidate.end :])
        before = re.findall(r"[^\W\d_]+", text[: candidate.start])
        unit = candidate.value.unit if isinstance(candidate.value, Quantity) else None
        if unit in _TIMES:
            continue
        if (
            not unit
            and following
            and following[1].lower() in words["unclock"]
            and following[1].lower() not in _VALUE_WORDS
        ):
            continue
        if not unit and before and is_thing(before[-1]):
            continue
        yield candidate


_TIMES = frozenset({"minute", "hour", "day", "week", "month", "year"})
_VALUE_WORDS = frozenset(
    {
        "degree",
        "degrees",
        "percent",
        "or",
        "of",
        "more",
        "units",
        "passengers",
        "requests",
        "trips",
        "milliseconds",
        "per",
        "point",
    }
)


def is_thing(word: str) -> bool:
    """Whether a word is a thing that is measured: a pump, a room."""
    subjects = vocabulary().measuring["subjects"]
    return singular(word.lower()) in (*subjects["things"], *subjects["anything"])


def direction(rest: str) -> bool | None:
    """Whether a text speaks of what is over a limit (True) or under it (False); None for neither.

    A limit that is violated is an upper one unless the text says otherwise; see `is_sided`.
    """
    over, under = (found(rest, "words", word) for word in ("over", "under"))
    if over is None and under is None:
        reach, sink = (found(rest, "words", word) for word in ("reach", "sink"))
        if (reach or sink) and (limit_of(rest) is not None or (reach and found(rest, "rules", "name"))):
            return sink is None
        return None if violation(rest) is None else found(rest, "rules", "lower") is None
    if over is None or under is None:
        return over is not None
    return over.start() < under.start()


def is_sided(rest: str) -> bool:
    """Whether a text says itself on which side a limit is passed: "exceeded" does, and "violated" does not."""
    told = found(rest, "words", "over", "under") or found(rest, "rules", "lower")
    return told is not None or limit_of(rest) is not None


def violation(rest: str) -> re.Match[str] | None:
    """The words that say of a limit that it was not kept, on whatever side: "an excursion", "the limit was broken"."""
    own = found(rest, "words", "violation")
    if own is not None:
        return own
    broken = found(rest, "words", "violate", "outside")
    limits = pattern(vocabulary().measuring["words"]["limit"]).finditer(rest) if broken else ()
    return next((broken for limit in limits if broken and _is_beside(rest, limit, broken)), None)


def _is_beside(rest: str, limit: re.Match[str], broken: re.Match[str]) -> bool:
    """Whether a limit is what was broken, and no part of the machine: "the limit switch broke"."""
    gap = max(broken.start() - limit.end(), limit.start() - broken.end())
    return gap <= _BESIDE and _PART.match(rest, limit.end()) is None


_BESIDE = 40  # characters between a limit and the word that says that it was not kept
_PART = re.compile(r"\s+(?:switch|lamp|light|bell|sensor|panel|button|display|relay|cable|box|plate)\b", re.I)


def is_kept(rest: str) -> bool:
    """Whether a text speaks of a limit as kept: "was the limit respected?"."""
    return found(rest, "words", "kept") is not None and found(rest, "words", "limit") is not None


def names_a_limit(rest: str) -> bool:
    """Whether a limit is named that something else has to tell; "over" before other words may only be a preposition."""
    word = found(rest, "words", "over", "under", "reach")
    if word is None:
        return violation(rest) is not None
    return names_limit(rest) or word[0].lower() not in ("over", "under", "past") or _ALONE.search(rest) is not None


# "When did it go over?", "how long were we over?": the limit that everybody knows
_ALONE = re.compile(
    r"\b(?:(?:it|that|this)\s+(?:first\s+)?(?:go|goes|went|gone|get|gets|got|rise|rose|climb|climbed)|we|they|long\s+was\s+it)"
    r"\s+(?:first\s+)?(?:over|under|past)"
    r"\s*(?:[?.!,]|$|for\s+(?:the|how|long)|again\b|at\s|in\s+(?:total|all)\b|altogether\b)",
    re.I,
)


def names_limit(rest: str) -> bool:
    """Whether a text says "the limit", or "it" behind "over"."""
    word = found(rest, "words", "over", "under")
    behind = found(rest[word.end() :], "words", "pronoun") if word else None
    return found(rest, "words", "limit") is not None or (behind is not None and behind.start() <= 1)
