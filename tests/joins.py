"""A page with a table and a note beside it, and what a join finds over both."""

from __future__ import annotations

from dataclasses import replace

from fakes import source

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.join import join
from edge_assistant.reasoning.meant import Meant
from edge_assistant.reasoning.question import Expect, understand
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.candidates import as_words, find
from edge_assistant.reasoning.values.values import Value
from edge_assistant.signals import Kind

PAGE = source(["a table"], Kind.IMAGE)
MEDICINES = {
    "Ramipril": {"dose": "5 mg", "intake time": "morning"},
    "Metformin": {"dose": "850 mg", "intake time": "noon"},
    "Ibuprofen": {"dose": "400 mg", "intake time": "evening"},
}
GOODS = {
    "Tulip bulbs": {"temperature": "8 °C", "shelf": "B23"},
    "Film reels": {"temperature": "2 °C", "shelf": "B9"},
    "Cheese wheels": {"temperature": "12 °C", "shelf": "C4"},
}
ITEMS = {
    "Lentil Salad": {"price": "11.20"},
    "Tomato Soup": {"price": "7.10"},
    "Green Tea": {"price": "3.40"},
    "DoubleChoc Slice": {"price": "4.80"},
}
SUPPLY = {
    "230 V": {"current": "8.6 A", "speed": "2850 rpm"},
    "400 V": {"current": "5.0 A", "speed": "2880 rpm"},
}
TYPES = {"dose": "quantity", "temperature": "quantity", "current": "quantity", "speed": "quantity", "price": "money"}


def told_of(things: dict[str, dict[str, str]]) -> list[Claim]:
    """The claims of a table on a page."""
    return [
        Claim(PAGE.signal.id, value(TYPES.get(attribute), text), text, ("E1",), attribute=attribute, subject=thing)
        for thing, cells in things.items()
        for attribute, text in cells.items()
    ]


def value(kind: str | None, text: str) -> Value:
    """A value of a type, or words."""
    return next(iter(find(Expect(kind), text))).value if kind else as_words(text)


def joined(
    question: str,
    things: dict[str, dict[str, str]],
    note: str,
    more: tuple[Claim, ...] = (),
    meant: Meant | None = None,
) -> list[Claim]:
    """What a page with a table and a note tell together."""
    text = source([note], Kind.TEXT)
    line = replace(text.evidence[0], id="E2")
    text = Source(text.signal, (line,), None)
    claims = {PAGE.signal.id: [*told_of(things), *more], text.signal.id: list(inventory(text))}
    return join(understand(question), [PAGE, text], claims, meant)


def values(question: str, things: dict[str, dict[str, str]], note: str, meant: Meant | None = None) -> list[str]:
    return sorted(claim.text for claim in joined(question, things, note, meant=meant))
