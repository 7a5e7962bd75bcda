"""Pages of details that were read, and the claims that are made of them."""

from __future__ import annotations

from decimal import Decimal

from fakes import signal
from written_pages import numbered

from edge_assistant.evidence import Detail, Field, Line, TickBox
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Quantity, Value
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind


def read(*details: Detail | tuple[str, Detail]) -> list[Claim]:
    """The claims of a page of these details; one that is in a table comes with the words of its evidence."""
    written = [detail if isinstance(detail, tuple) else (text_of(detail), detail) for detail in details]
    return written_claims(Source(signal(Kind.IMAGE), numbered(written)))


def text_of(detail: Detail) -> str:
    """A detail as its evidence words it."""
    match detail:
        case Field(label=label, value=value):
            return f"{label}: {value or '(left blank)'}"
        case Line(cells=cells):
            return " ".join(cells)
        case TickBox(label=label, ticked=ticked):
            return f"{label} ({'ticked' if ticked else 'not ticked'})"
        case _:
            return str(detail)


def told(found: list[Claim]) -> list[tuple[str | None, str | None, str]]:
    """Of each claim: what it tells, of whom, and as it is written."""
    return [(claim.attribute, claim.subject, claim.text) for claim in found]


def value(found: list[Claim], attribute: str) -> Value:
    """The value of the only claim of this attribute."""
    (claim,) = [claim for claim in found if claim.attribute == attribute]
    return claim.value


def of(*numbers: str, unit: str | None = None) -> Quantity:
    """A quantity as one number or as several that it may be."""
    return Quantity(tuple(map(Decimal, numbers)), unit)


def between(least: str, most: str, unit: str) -> Quantity:
    """A quantity that is a range."""
    low, high = Decimal(least), Decimal(most)
    return Quantity((low, high), unit, least=low, most=high)
