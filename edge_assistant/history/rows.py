"""What is done with the rows of the history, each within a transaction of the store's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Signal
from edge_assistant.history.cells import SealedCells
from edge_assistant.history.conversations import (
    Saved,
    SavedTurn,
    Summary,
    Unsent,
    now,
    packed,
    signal_back,
    signal_record,
    unpacked,
)
from edge_assistant.vault.vault import Key

UNTITLED = "(no question yet)"
UNREADABLE = "(not readable)"
KEYLESS = "(its key is gone)"
COMPARED = "(the signals compared)"
_TITLE = 80  # characters of the first question that name a conversation
_OURS = f"typeof(id) = 'text' AND id GLOB '{'[0-9a-f]' * 16}'"  # what an id of ours is like
_NO_TITLE = b""  # stands unsealed until something was asked


def touch(connection: sqlite3.Connection, conversation: str) -> None:
    """Make sure that a conversation is there and not closed."""
    at = now().isoformat()
    connection.execute(
        "INSERT INTO conversations (id, began, touched, title) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET touched = excluded.touched, closed = 0",
        [conversation, at, at, _NO_TITLE],
    )


def add_signal(
    connection: sqlite3.Connection, conversation: str, cells: SealedCells, signal: Signal, data: bytes | None
) -> None:
    """Keep a signal, or what it is now."""
    touch(connection, conversation)
    kept = {"name": folded(signal.name), "body": packed(signal_record(signal)), "data": data}
    sealed = [
        None if value is None else cells.seal(value, "signals", signal.id, column) for column, value in kept.items()
    ]
    connection.execute(
        "INSERT INTO signals (conversation, id, place, name, body, data)"
        " VALUES (?1, ?2, (SELECT coalesce(max(place), 0) + 1 FROM signals WHERE conversation = ?1), ?3, ?4, ?5)"
        " ON CONFLICT (conversation, id) DO UPDATE SET"
        " name = excluded.name, body = excluded.body, data = excluded.data, removed = 0",
        [conversation, signal.id, *sealed],
    )


def remove_signal(connection: sqlite3.Connection, conversation: str, signal: str) -> None:
    """Mark a signal as removed; its bytes go where no answer rests on them, its place stays for when it comes back."""
    touch(connection, conversation)
    connection.execute(
        "UPDATE signals SET removed = 1, data = iif(used, data, NULL) WHERE conversation = ? AND id = ?",
        [conversation, signal],
    )


def add_turn(connection: sqlite3.Connection, conversation: str, cells: SealedCells, answer: Answer) -> None:
    """Keep a turn; the first question names the conversation."""
    touch(connection, conversation)
    title = answer.question.strip() or COMPARED
    number = _scalar(connection, "SELECT coalesce(max(number), 0) + 1 FROM turns WHERE conversation = ?", conversation)
    rename(connection, conversation, cells, title, unnamed=True)
    body = cells.seal(packed(answer.to_json()), "turns", number, "body")
    connection.execute("INSERT INTO turns VALUES (?, ?, ?, ?)", [conversation, number, now().isoformat(), body])
    said = cells.seal(folded(f"{answer.question}\n{answer.text}"), "words", number, "text")
    connection.execute("INSERT OR REPLACE INTO words VALUES (?, ?, ?)", [conversation, number, said])
    connection.executemany(
        "UPDATE signals SET used = 1 WHERE conversation = ? AND id = ?",
        [(conversation, signal.id) for signal in answer.signals],
    )


def rename(
    connection: sqlite3.Connection, conversation: str, cells: SealedCells, title: str, *, unnamed: bool = False
) -> None:
    """Give a conversation another title, or one if it is unnamed; that adds nothing to it, so its time stays."""
    sealed = cells.seal(packed(_short(title)), "conversations", conversation, "title")
    connection.execute(
        "UPDATE conversations SET title = ? WHERE id = ? AND (title = ? OR ?)",
        [sealed, conversation, _NO_TITLE, not unnamed],
    )


def keep_unsent(connection: sqlite3.Connection, conversation: str, cells: SealedCells, unsent: Unsent) -> None:
    """Keep what was typed and not answered."""
    touch(connection, conversation)
    body = cells.seal(packed(asdict(unsent)), "unsent", conversation, "body")
    connection.execute("INSERT OR REPLACE INTO unsent VALUES (?, ?)", [conversation, body])


def _unsent(connection: sqlite3.Connection, conversation: str, cells: SealedCells) -> Unsent:
    """What was kept; nothing where that cannot be read."""
    row = connection.execute("SELECT body FROM unsent WHERE conversation = ?", [conversation]).fetchone()
    found = unpacked(cells.open(row[0], "unsent", conversation, "body")) if row else None
    return Unsent(found["draft"], tuple(found["inputs"]), tuple(found["waiting"])) if found else Unsent()


def listed(connection: sqlite3.Connection, keys: Callable[[], Mapping[str, Key]], search: str) -> list[Summary]:
    """The conversations, the last one first; with `search`, those in which each of its words stands."""
    rows = connection.execute(
        "SELECT id, title, began, touched, (SELECT count(*) FROM words WHERE conversation = id) FROM conversations"  # noqa: S608
        f" WHERE {_OURS} ORDER BY touched DESC"
    ).fetchall()
    have = keys() if rows else {}
    cells = {id: SealedCells(id, have.get(id)) for id, *_ in rows}
    found = [
        Summary(id, _title(title, cells[id]), _time(began), _time(touched), turns)
        for id, title, began, touched, turns in rows
    ]
    wanted = [folded(word) for word in search.split()]
    if not wanted:
        return found
    left = {summary.id: _left(wanted, folded(summary.title)) for summary in found}
    having = _having(connection, cells, left)
    return [summary for summary in found if summary.id in having]


def _having(
    connection: sqlite3.Connection, cells: Mapping[str, SealedCells], missing: dict[str, list[bytes]]
) -> set[str]:
    """The conversations in whose questions, answers and names of signals each of the missing words stands."""
    rows = connection.execute(
        "SELECT conversation, 'words', number, 'text', text FROM words"
        " UNION ALL SELECT conversation, 'signals', id, 'name', name FROM signals WHERE used OR NOT removed"
    )
    for id, table, row, column, sealed in rows:
        if missing[id]:
            missing[id] = _left(missing[id], cells[id].open(sealed, table, row, column) or b"")
    return {id for id, left in missing.items() if not left}


def whole(connection: sqlite3.Connection, conversation: str, cells: SealedCells) -> Saved:
    """A conversation with all that it holds; it is there."""
    title, began = connection.execute("SELECT title, began FROM conversations WHERE id = ?", [conversation]).fetchone()
    signals = connection.execute(
        "SELECT id, body, data, removed FROM signals WHERE conversation = ? AND (used OR NOT removed) ORDER BY place",
        [conversation],
    )
    turns = connection.execute(
        "SELECT number, asked, body FROM turns WHERE conversation = ? ORDER BY number", [conversation]
    )
    records = [
        (id, unpacked(cells.open(body, "signals", id, "body")), cells.open(data, "signals", id, "data"), bool(removed))
        for id, body, data, removed in signals
    ]
    answers = [(asked, unpacked(cells.open(body, "turns", number, "body"))) for number, asked, body in turns]
    return Saved(
        conversation,
        _title(title, cells),
        _time(began),
        tuple(signal_back(id, found, data, removed=removed) for id, found, data, removed in records if found),
        tuple(SavedTurn(_time(asked), found) for asked, found in answers if found),
        [found for _, found, *_ in (*records, *answers)].count(None),
        _unsent(connection, conversation, cells),
    )


def require(connection: sqlite3.Connection, conversation: str) -> None:
    """Refuse an id that no conversation has.

    Raises:
        UsageError: as it says.
    """
    if connection.execute("SELECT 1 FROM conversations WHERE id = ?", [conversation]).fetchone() is None:
        raise no_such()


def no_such() -> UsageError:
    """What is said of an id that no conversation has."""
    return UsageError("there is no such conversation", "look at the list of conversations")


def close(connection: sqlite3.Connection, conversation: str, cells: Callable[[], SealedCells]) -> bool:
    """End a conversation, and say whether it is kept: one in which nothing was asked is not.

    Args:
        connection: within a transaction.
        conversation: its id.
        cells: gives what opens and seals its cells; asked only where there are questions without an answer.
    """
    connection.execute("UPDATE conversations SET closed = 1 WHERE id = ?", [conversation])
    connection.execute("DELETE FROM signals WHERE conversation = ? AND removed AND NOT used", [conversation])
    answered = bool(_scalar(connection, "SELECT count(*) FROM words WHERE conversation = ?", conversation))
    kept = answered or _asked_in_vain(connection, conversation, cells)
    if not kept:
        delete(connection, [conversation])
    return kept


def _asked_in_vain(connection: sqlite3.Connection, conversation: str, cells: Callable[[], SealedCells]) -> bool:
    """Whether something was sent that got no answer; the first of it names the conversation."""
    if not _scalar(connection, "SELECT count(*) FROM unsent WHERE conversation = ?", conversation):
        return False
    opened = cells()
    unsent = _unsent(connection, conversation, opened)
    asked = (*unsent.waiting, *unsent.inputs)
    if asked:
        rename(connection, conversation, opened, asked[0], unnamed=True)
    return bool(asked)


def ids(connection: sqlite3.Connection, *, unclosed: bool = False, before: datetime | None = None) -> list[str]:
    """The conversations, the last one first: all, those that nobody closed, or those untouched since a time."""
    rows = connection.execute(
        f"SELECT id FROM conversations WHERE NOT (closed AND ?) AND touched < ? AND {_OURS} ORDER BY touched DESC",  # noqa: S608
        [unclosed, before.isoformat() if before else "9999"],
    )
    return [id for (id,) in rows]


def delete(connection: sqlite3.Connection, conversations: Sequence[str]) -> None:
    """Delete conversations with all that they hold, and rows of no conversation of ours, which somebody put there."""
    connection.executemany("DELETE FROM conversations WHERE id = ?", [(id,) for id in conversations])
    connection.execute(f"DELETE FROM conversations WHERE NOT ({_OURS})")  # noqa: S608 - our own words
    for table in ("turns", "words", "signals", "unsent"):
        connection.execute(f"DELETE FROM {table} WHERE conversation NOT IN (SELECT id FROM conversations)")  # noqa: S608


def _left(words: list[bytes], text: bytes) -> list[bytes]:
    """The words that do not stand in a text."""
    return [word for word in words if word not in text]


def _short(text: str) -> str:
    """A text as a title."""
    return " ".join(text.split())[:_TITLE]


def folded(text: str) -> bytes:
    """A text as it is searched: letters without their case."""
    return text.casefold().encode("utf-8", "surrogatepass")


def _time(text: str) -> datetime:
    """A time; that of the epoch where somebody wrote something else."""
    epoch = datetime.fromtimestamp(0, UTC)
    try:
        return max(epoch, datetime.fromisoformat(text).astimezone(UTC))
    except (TypeError, ValueError, OverflowError):
        return epoch


def _title(sealed: bytes, cells: SealedCells) -> str:
    if sealed == _NO_TITLE:
        return UNTITLED
    if not cells.readable:
        return KEYLESS
    return str(unpacked(cells.open(sealed, "conversations", cells.conversation, "title")) or UNREADABLE)


def _scalar(connection: sqlite3.Connection, query: str, conversation: str) -> int:
    return int(connection.execute(query, [conversation]).fetchone()[0])
