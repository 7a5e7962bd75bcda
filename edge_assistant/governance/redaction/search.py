"""The search for values: by one rule after another, each looking at a bounded number of values for each word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.rules import Rule
from edge_assistant.governance.redaction.views import BARRIER, TextView

Passes = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class PiiSpan:
    """A value in a text.

    Attributes:
        rank: of what found it; where two overlap, the lower one says of what kind the value is.
        kind: of what kind.
        value: as the rule saw it.
        start: first character in the text.
        end: the character after the last one.
    """

    rank: int
    kind: PiiKind
    value: str
    start: int
    end: int


def search(rule: Rule, rank: int, view: TextView, text: str, passes: Passes) -> Iterator[PiiSpan]:
    """What a rule finds.

    Where a value does not pass, what it is without its last groups may; else the search goes on at its second group.

    Args:
        rule: its pattern, and what is the value in it.
        rank: of the rule.
        view: the text as the rule looks at it.
        text: the same as it is.
        passes: whether a value, as the view and as the text have it, is one.
    """
    place = 0
    while (match := rule.pattern.search(view.data, place)) is not None:
        start, end = match.span(rule.group)
        # the label of the next value may stand in this one
        place = max(start if rule.group else _next(view.data, start, end), match.start() + 1)
        if rule.unless is not None and rule.unless.search(view.data, match.start(), end) is not None:
            continue
        for last in _ends(view.data, start, end) if rule.shrinks else (end,):
            value, first, behind = view.data[start:last].decode(), view.starts[start], view.ends[last - 1]
            whole = _is_whole(view.data, start, last, labelled=rule.group > 0)
            if whole and passes(value, text[first:behind]):
                yield PiiSpan(rank, rule.kind, value, first, behind)
                place = max(last, place)
                break


def apart(spans: Iterable[PiiSpan]) -> Iterator[PiiSpan]:
    """What overlaps becomes one, of the kind that the lowest rank says."""
    ordered = sorted(spans, key=lambda span: (span.start, span.rank))
    if not ordered:
        return
    whole = ordered[0]
    for span in ordered[1:]:
        if span.start >= whole.end:
            yield whole
            whole = span
            continue
        best = min(whole, span, key=lambda one: one.rank)
        whole = PiiSpan(best.rank, best.kind, best.value, whole.start, max(whole.end, span.end))
    yield whole


def _ends(data: bytes, start: int, end: int) -> Iterator[int]:
    """The end of a value, then those of what is left of it without its last group, without the one before, ..."""
    yield end
    for place in range(end - 1, start, -1):
        if not _is_word(data[place]) and _is_word(data[place - 1]):
            yield place


def _next(data: bytes, start: int, end: int) -> int:
    """Where the second group of a value begins."""
    return next((place for place in range(start + 1, end) if not _is_word(data[place])), end)


def _is_whole(data: bytes, start: int, end: int, *, labelled: bool) -> bool:
    """Whether a value is no part of a longer word; nor, where nothing says what it is, of a number with a point."""
    before, behind = data[max(0, start - 2) : start], data[end : end + 2]
    if before and _is_word(before[-1]) and _is_word(data[start]):
        return False
    if behind and _is_word(behind[0]) and _is_word(data[end - 1]):
        return False
    return labelled or not (
        (before[1:] == b"." and _is_digit(before[0]) and _is_digit(data[start]))
        or (behind[:1] == b"." and _is_digit(data[end - 1]) and behind[1:].isdigit())
    )


def _is_word(byte: int) -> bool:
    """Letters, digits and the low line, as a pattern's word boundary has it."""
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95


def _is_digit(byte: int) -> bool:
    """A digit, or a value that was one until it was redacted."""
    return 48 <= byte <= 57 or byte == BARRIER[0]
