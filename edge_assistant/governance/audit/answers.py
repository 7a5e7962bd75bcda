"""Whether an answer that somebody holds is one that was given."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.governance.audit.auditor import answer_digest
from edge_assistant.governance.audit.rows import Row
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.vault.vault import Key


def given(trail: Trail, answer: Mapping[str, Any]) -> Row | None:
    """The row of an answer, the last one where it was given several times; None where it is in no row.

    Args:
        trail: to look into; of a conversation that was forgotten nothing can be told.
        answer: the object that `ask --json` printed.

    Raises:
        InputCorrupt: it is no such object.
    """
    keys = trail.vault.every()

    def found(connection: sqlite3.Connection) -> Row | None:
        rows = connection.execute("SELECT * FROM rows WHERE kind = 'answer' ORDER BY number DESC")
        return next((row for row in (Row(*columns) for columns in rows) if _is(row, keys, answer)), None)

    return trail.read(found)


def _is(row: Row, keys: Mapping[str, Key], answer: Mapping[str, Any]) -> bool:
    if row.conversation not in keys:
        return False
    try:
        digest = answer_digest(answer, keys[row.conversation])
    except (KeyError, TypeError, ValueError):
        raise InputCorrupt(
            "this is not an answer of 'edge-assistant ask --json'", "give the object it printed"
        ) from None
    return bool(json.loads(row.body).get("digest") == digest)
