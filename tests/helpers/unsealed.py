"""A history as version 0.1.0 wrote it: schema 1, the same tables, nothing sealed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_assistant.core.answer import Answer
from edge_assistant.core.signals import Signal
from edge_assistant.history import rows
from edge_assistant.history.conversations import now, packed, signal_record
from edge_assistant.history.store import LAYOUT
from edge_assistant.storage.database import Database


def write(file: Path, conversations: dict[str, tuple[Sequence[Signal], Sequence[Answer]]]) -> Database:
    """Conversations by id; the file stays open, as an app that runs has it."""
    database = Database(file, replace(LAYOUT, schema=1, tables=LAYOUT.former[1]))

    def filled(connection: sqlite3.Connection) -> None:
        for id, (signals, answers) in conversations.items():
            title = packed(answers[0].question) if answers else b""
            at = now().isoformat()
            connection.execute("INSERT INTO conversations VALUES (?, ?, ?, 0, ?)", [id, at, at, title])
            for place, signal in enumerate(signals, 1):
                name, body = rows.folded(signal.name), packed(signal_record(signal))
                connection.execute(
                    "INSERT INTO signals VALUES (?, ?, ?, 1, 0, ?, ?, ?)",
                    [id, signal.id, place, name, body, signal.data],
                )
            for number, answer in enumerate(answers, 1):
                connection.execute("INSERT INTO turns VALUES (?, ?, ?, ?)", [id, number, at, packed(answer.to_json())])
                said = rows.folded(f"{answer.question}\n{answer.text}")
                connection.execute("INSERT INTO words VALUES (?, ?, ?)", [id, number, said])

    database.write(filled)
    return database
