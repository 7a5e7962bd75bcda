"""Rows of the audit trail that somebody wants to see."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from edge_assistant.governance.audit.rows import Row
from edge_assistant.governance.audit.trail import Trail


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows; None for all.

    Attributes:
        since: ISO 8601 in UTC, the first time.
        until: the first time that is too late.
        kind: what happened.
        conversation: its id.
        last: at most so many, the last ones.
    """

    since: str | None = None
    until: str | None = None
    kind: str | None = None
    conversation: str | None = None
    last: int | None = None


def rows(trail: Trail, wanted: Wanted) -> list[Row]:
    """The rows that are wanted, in their order."""
    tests = {
        "time >= ?": wanted.since,
        "time < ?": wanted.until,
        "kind = ?": wanted.kind,
        "conversation = ?": wanted.conversation,
    }
    asked = {test: value for test, value in tests.items() if value is not None}
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    query = f"SELECT * FROM rows{where} ORDER BY number DESC LIMIT ?"  # noqa: S608 - of our own words
    values = [*asked.values(), -1 if wanted.last is None else wanted.last]

    def found(connection: sqlite3.Connection) -> list[Row]:
        return [Row(*columns) for columns in connection.execute(query, values)]

    return trail.read(found)[::-1]
