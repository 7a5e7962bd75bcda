"""The head and foot of a receipt: who sold, when, under which number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.attributes import labelled, phrase
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Day, Name, Nothing
from edge_assistant.reasoning.written.rows import Row
from edge_assistant.reasoning.written.typed import clocks, dates, typed

_HEAD_ROWS = 8  # in which the seller's name stands
_SURE = 0.9  # confidence of reading below which the first line may be a scribble
_LIKELY, _GUESSED = 0.9, 0.7  # that a line is the seller's name: it says that it is a company; it stands first


def head_claims(page: Sequence[Row], body: int, signal: str, told: frozenset[str]) -> Iterator[Claim]:
    """Seller, date, time and number of a receipt, as far as labelled fields do not tell them.

    Args:
        page: all rows.
        body: index of the first row of articles or amounts.
        signal: id of the signal.
        told: attributes that fields tell.
    """
    if "seller" not in told:
        yield from _seller(page[: min(body, _HEAD_ROWS)], signal)
    if "date" not in told:
        yield from _date(page, signal)
    if "time" not in told:
        yield from _time(page, signal)
    if "receipt number" not in told:
        yield from _number(page, signal)


def _seller(head: Sequence[Row], signal: str) -> Iterator[Claim]:
    """The first line that may be a name, before others one that says it is a company's."""
    offered: list[Row] = []
    for row in head:
        if row.field or dates(row.text):
            if offered:
                break
            continue
        if _may_be_seller(row):
            offered.append(row)
    sure = [row for row in offered if row.confidence >= _SURE] or offered
    companies = [row for row in sure if vocabulary().written["company"] & set(_words(row.text))]
    chosen = next(iter(companies or sure), None)
    if chosen is not None:
        text = chosen.text.strip(" -*.")
        value = _company(text)
        confidence = _LIKELY if companies or chosen is offered[0] else _GUESSED
        yield Claim(signal, value, text, (chosen.id,), confidence, attribute="seller")


def _company(text: str) -> Name:
    """A company's name as people say it: without its legal form, and what stands in brackets.

    >>> _company("MR. D.I.Y. (M) SDN BHD")
    Name(words=('d', 'i', 'y'))
    """
    words = re.findall(r"[^\W_]+", re.sub(r"\([^)]*\)", " ", text.lower()))
    return Name(tuple(word for word in words if word not in vocabulary().written["legal"]) or tuple(words))


def _may_be_seller(row: Row) -> bool:
    """Whether a line is no title, address, registration or number."""
    words = _words(row.text)
    letters = sum(c.isalpha() for c in row.text)
    if letters < 3 or letters < 0.5 * len(row.text.replace(" ", "")):
        return False
    title = " ".join(words)
    if title in vocabulary().written["not_seller"] or re.match(r"\W*(?:\(|\d)", row.text):
        return False
    company = vocabulary().written["company"] & set(words)
    return bool(company) or (not (vocabulary().written["address"] & set(words)) and not re.search(r"\d{4,}", row.text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:/[^\W\d_]+)?", text.lower())


def _date(page: Sequence[Row], signal: str) -> Iterator[Claim]:
    """The day that stands with a time of day, else the first; days of other things have their names beside them."""
    offered = [(row, day) for row in page if not _other_time(row) for day in _first("date", row)]
    timed = [(row, day) for row, day in offered if any(_first("clock", row))]
    for row, day in (timed or offered)[:1]:
        confidence = row.confidence if len({d.value for _, d in offered}) == 1 or timed else _GUESSED
        yield Claim(signal, day.value, day.text, (row.id,), confidence, attribute="date")


def _time(page: Sequence[Row], signal: str) -> Iterator[Claim]:
    """The time of day beside the day, else the only one."""
    offered = [(row, clock) for row in page if not _other_time(row) for clock in _first("clock", row)]
    dated = [(row, clock) for row, clock in offered if any(_first("date", row))]
    chosen = dated[:1] or (offered if len({clock.value for _, clock in offered}) == 1 else [])[:1]
    for row, clock in chosen:
        yield Claim(signal, clock.value, clock.text, (row.id,), row.confidence, attribute="time")


def _first(kind: str, row: Row) -> list[Candidate]:
    found = [day for day in dates(row.text) if _is_whole(day)] if kind == "date" else clocks(row.text)
    return found[:1] if kind == "date" or len(found) == 1 else []


def _is_whole(day: Candidate) -> bool:
    """Whether a day has its year; a house number such as 3/2 has none."""
    return isinstance(day.value, Day) and day.value.readings[0][0] is not None


def _other_time(row: Row) -> bool:
    """Whether a row's day or time is that of something else: opening hours, returns, an expiry."""
    words = set(phrase(row.text))
    other = {m.attribute.name for m in labelled(row.text)} & {"expiry date", "birth date", "manufacture date"}
    return bool(words & vocabulary().written["not_when"]) or bool(other) or len(clocks(row.text)) > 1


def _number(page: Sequence[Row], signal: str) -> Iterator[Claim]:
    """A field that is called nothing but "No", or a line `Invoice CS-20243`."""
    attribute = vocabulary().attributes["receipt_number"]
    for row in page:
        if row.field and row.cells[0].lower().strip(" .:") in vocabulary().written["number_labels"]:
            for found in typed(attribute, row.cells[1])[:1]:
                base = Claim(signal, Nothing(), row.text, (row.id,), row.confidence, attribute=attribute.name)
                yield replace(base, value=found.value, text=found.text)
                return
