"""The occasion that a note is about, told by the way: the day that it was, who was there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.clauses import listed
from edge_assistant.reasoning.told.sayings import Found, Saying, is_timed, overlaps
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.values import Name

DATE, TIME, GUEST = "date", "time", "guest"
_NAME = re.compile(r"(?P<name>[A-Z][^\W\d_]+(?:[ '-][A-Z][^\W\d_]+){0,3})")
_NAMED = re.compile(rf"[\s,]*{_NAME.pattern}")
_PLACE = re.compile(rf"\b(?:in|at|near|from|to)\s+{_NAME.pattern}")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_GAP = 12  # characters between a name and the words that tell of a guest


def occasions(saying: Saying) -> Iterator[Found]:
    """The day and time of what a note is about, and who was met or came along."""
    yield from _bare(saying)
    yield from _guests(saying)


def _bare(saying: Saying) -> Iterator[Found]:
    """A day or time in a clause whose other words only say that it was so: "that was on 24 March"."""
    days, times = list(find(DATE, saying.text)), [c for c in find("clock", saying.text) if is_timed(c)]
    times = [c for c in times if not overlaps(c.start, c.end, [(d.start, d.end) for d in days])]
    values = [*((DATE, value) for value in days), *((TIME, value) for value in times)]
    if not values or len(days) > 1 or len(times) > 1 or not _is_bare(saying.text, [value for _, value in values]):
        return
    for attribute, value in values:
        span = (value.start, value.end)
        if saying.subject(value.start) is None:
            yield Found(attribute, value.value, *span, span)


def _is_bare(text: str, values: list[Candidate]) -> bool:
    """Whether nothing but small words, and words for being there or taking a picture, stands beside the values."""
    rest = "".join(" " if any(v.start <= i < v.end for v in values) else c for i, c in enumerate(text))
    rest = listed("occasion").sub(" ", _PLACE.sub(" ", rest))
    return all(word.lower() in vocabulary().words["stop"] for word in _WORD.findall(rest))


def _guests(saying: Saying) -> Iterator[Found]:
    """A name behind "I met", or before "came along"."""
    for match in listed("meeting").finditer(saying.text):
        if name := _NAMED.match(saying.text, match.end()):
            yield _guest(saying, name, match.span())
    for match in listed("joining").finditer(saying.text):
        names = [name for name in _NAME.finditer(saying.text, 0, match.start()) if match.start() - name.end() <= _GAP]
        if names:
            yield _guest(saying, names[-1], match.span())


def _guest(saying: Saying, name: re.Match[str], mention: tuple[int, int]) -> Found:
    value = Name(tuple(name["name"].lower().split()))
    return Found(GUEST, value, name.start("name"), name.end("name"), mention, None, saying.when(GUEST))
