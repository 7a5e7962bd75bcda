"""The cells of the history that hold what was said or shown: each sealed with the key of its conversation.

What a cell is sealed about names table, conversation, row and column, so that nothing of a file can be put in another
place of it, or of another file, and be read there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from edge_assistant.vault.vault import Key

CELLS = {
    "conversations": ("id", "id", ("title",)),
    "turns": ("conversation", "number", ("body",)),
    "words": ("conversation", "number", ("text",)),
    "signals": ("conversation", "id", ("name", "body", "data")),
    "unsent": ("conversation", "conversation", ("body",)),
}
"""By table: the column of the conversation, the one that tells its rows apart, and those that are sealed."""


class SealedCells:
    """Seals and opens the cells of one conversation."""

    def __init__(self, conversation: str, key: Key | None) -> None:
        """Take its id and key; None where that is gone."""
        self.readable = key is not None
        self.conversation = conversation
        self._key = key

    def seal(self, data: bytes, table: str, row: int | str, column: str) -> bytes:
        """What is written into a cell; the conversation has a key."""
        assert self._key is not None
        return self._key.seal(data, self._about(table, row, column))

    def open(self, sealed: bytes | None, table: str, row: int | str, column: str) -> bytes | None:
        """What was written; None where there is nothing, or it was not sealed with this key for this place."""
        if sealed is None or self._key is None:
            return None
        return self._key.open(sealed, self._about(table, row, column))

    def _about(self, table: str, row: int | str, column: str) -> str:
        return f"{table}/{self.conversation}/{row}/{column}"


def seal_all(connection: sqlite3.Connection, key: Callable[[str], Key]) -> None:
    """Bring tables of schema 1, where all was in the clear, to schema 2, which has the same tables.

    Args:
        connection: within a transaction.
        key: makes the key of a conversation.
    """
    cells: dict[str, SealedCells] = {}
    for table, (of, row, columns) in CELLS.items():
        for id, at in connection.execute(f"SELECT {of}, {row} FROM {table}").fetchall():  # noqa: S608 - our own names
            if id not in cells:
                cells[id] = SealedCells(id, key(id))
            for column in columns:
                where = f"FROM {table} WHERE {of} = ? AND {row} = ?"
                (plain,) = connection.execute(f"SELECT {column} {where}", [id, at]).fetchone()
                # Else there is no title yet, the bytes are in a file, or it is sealed and only said to be of version 1
                if plain and cells[id].open(plain, table, at, column) is None:
                    sealed = cells[id].seal(plain, table, at, column)
                    update = f"UPDATE {table} SET {column} = ? WHERE {of} = ? AND {row} = ?"  # noqa: S608
                    connection.execute(update, [sealed, id, at])
