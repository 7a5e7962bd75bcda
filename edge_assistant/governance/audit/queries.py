"""Rows of the audit trail that somebody looks for: by time and kind, or that of an answer which somebody holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.governance.audit.auditor import answer_digest
from edge_assistant.governance.audit.rows import AuditRow
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.vault.vault import Key


@dataclass(frozen=True, slots=True)
class RowFilter:
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


def rows(trail: Trail, wanted: RowFilter) -> list[AuditRow]:
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

    def found(connection: sqlite3.Connection) -> list[AuditRow]:
        return [AuditRow(*columns) for columns in connection.execute(query, values)]

    return trail.read(found)[::-1]


def given(trail: Trail, answer: Mapping[str, Any]) -> AuditRow | None:
    """The row of an answer, the last one where it was given several times; None where it is in no row.

    Args:
        trail: to look into; of a conversation that was forgotten nothing can be told.
        answer: the object that `ask --json` printed.

    Raises:
        InputCorrupt: it is no such object.
    """
    keys = trail.vault.every()

    def found(connection: sqlite3.Connection) -> AuditRow | None:
        rows = connection.execute("SELECT * FROM rows WHERE kind = 'answer' ORDER BY number DESC")
        return next((row for row in (AuditRow(*columns) for columns in rows) if _is(row, keys, answer)), None)

    return trail.read(found)


def _is(row: AuditRow, keys: Mapping[str, Key], answer: Mapping[str, Any]) -> bool:
    if row.conversation not in keys:
        return False
    try:
        digest = answer_digest(answer, keys[row.conversation])
    except (KeyError, TypeError, ValueError):
        raise InputCorrupt(
            "this is not an answer of 'edge-assistant ask --json'", "give the object it printed"
        ) from None
    return bool(json.loads(row.body).get("digest") == digest)
