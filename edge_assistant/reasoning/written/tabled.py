"""Tables on a page: the first cell of a row says of what, the header of each other cell says which attribute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.attributes import labelled
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.intakes import INTAKE
from edge_assistant.reasoning.values.values import Items, Nothing
from edge_assistant.reasoning.written.medicines import drug_of
from edge_assistant.reasoning.written.rows import Row
from edge_assistant.reasoning.written.typed import is_nothing, plain_words, typed

_MAX_TABLE_ROWS = 200
_WHEN = frozenset(["when", "time", "time of day", "taken"])  # headers that among medicines say when one is taken


def table_claims(page: Sequence[Row], signal: str) -> list[Claim]:
    """The claims of the rows that lie in a table."""
    tabled = [row for row in page if not row.field and len(row.cells) > 1 and row.columns[0] is not None]
    return [claim for row in tabled[:_MAX_TABLE_ROWS] for claim in _row(row, signal)]


def _row(row: Row, signal: str) -> Iterator[Claim]:
    subject, column = row.cells[0], row.columns[0] or ""
    base = Claim(signal, Nothing(), subject, (row.id,), row.confidence)
    of_medicines = any(mention.attribute.name == "medication" for mention in labelled(column))
    if of_medicines:
        subject = drug_of(subject) or subject
        yield replace(base, value=Items((subject.lower(),)), text=subject, attribute="medication")
    for cell, name in zip(row.cells[1:], row.columns[1:], strict=True):
        if name and cell and not is_nothing(cell):
            column = INTAKE if of_medicines and name.lower() in _WHEN else name
            yield from _cell(cell, column, replace(base, subject=subject))


def _cell(cell: str, column: str, base: Claim) -> Iterator[Claim]:
    for attribute in dict.fromkeys(mention.attribute for mention in labelled(column)):
        for found in typed(attribute, cell, column)[:1]:
            yield replace(base, value=found.value, text=found.text, attribute=attribute.name)
            return
    if column.lower().replace(" ", "_") not in vocabulary().attributes:
        yield replace(base, value=plain_words(cell), text=cell, attribute=" ".join(column.lower().split()))
