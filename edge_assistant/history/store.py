"""The history: conversations with their signals and turns in one SQLite file, written turn by turn.

A turn is on the disk once `add_turn` returns. Whoever writes to a conversation holds it by a lock that the system takes
away when the process ends: so a conversation that nobody closed and nobody holds is one whose app was killed.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.answer import Answer
from edge_assistant.database import Database, Layout, storing
from edge_assistant.errors import UsageError
from edge_assistant.history.saved import (
    Saved,
    SavedSignal,
    State,
    Summary,
    Turn,
    now,
    packed,
    signal_back,
    signal_record,
    unpacked,
)
from edge_assistant.signals import Signal
from edge_assistant_models import paths

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["History", "Saved", "SavedSignal", "State", "Summary", "Turn"]

FILE = "history.db"
# What was said or seen stands in BLOB columns of rows that name their conversation, and there is no index over it: so
# each conversation can be sealed with a key of its own, and nothing of it is left once its rows are deleted.
_OF = "conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE"
LAYOUT = Layout(
    "the history",
    application=0x45644173,  # "EdAs"
    schema=1,
    tables=(
        "CREATE TABLE conversations (id TEXT PRIMARY KEY, began TEXT NOT NULL, touched TEXT NOT NULL,"
        " closed INTEGER NOT NULL DEFAULT 0, title BLOB NOT NULL) WITHOUT ROWID",
        f"CREATE TABLE turns ({_OF}, number INTEGER NOT NULL, asked TEXT NOT NULL, body BLOB NOT NULL,"
        " PRIMARY KEY (conversation, number))",
        f"CREATE TABLE words ({_OF}, number INTEGER NOT NULL, text BLOB NOT NULL,"
        " PRIMARY KEY (conversation, number)) WITHOUT ROWID",
        f"CREATE TABLE signals ({_OF}, id TEXT NOT NULL, place INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0,"
        " removed INTEGER NOT NULL DEFAULT 0, name BLOB NOT NULL, body BLOB NOT NULL, data BLOB,"
        " PRIMARY KEY (conversation, id))",
    ),
    set_aside=True,
)
UNTITLED = "(no question yet)"
UNREADABLE = "(not readable)"
COMPARED = "(the signals compared)"
_TITLE = 80  # characters of the first question that name a conversation
_ID = re.compile("[0-9a-f]{16}")


class History:
    """Conversations, for whichever thread; every method may raise StorageFull, and UsageError for a foreign file."""

    def __init__(self, file: Path | None = None) -> None:
        """Name the file; it is opened with the first call.

        Args:
            file: the database; by default the user's, in the data directory.
        """
        self._database = Database(file or paths.data_dir() / "history" / FILE, LAYOUT)
        self._held: dict[str, BaseFileLock] = {}
        self._locks = self._database.file.parent / "open"
        self._lock = threading.RLock()

    @property
    def note(self) -> str:
        """What a person should be told, such as that a damaged file was set aside; empty for nothing."""
        return self._database.note

    def begin(self) -> str:
        """The id of a new conversation, which is kept from its first signal or turn on."""
        return secrets.token_hex(8)

    def add_signal(self, conversation: str, signal: Signal, data: bytes | None = None) -> None:
        """Keep a signal, or what it is now where its id is known: a file by path and sum, another by its bytes."""
        kept = (signal.data if data is None else data) if signal.path is None else None
        with self._writing(conversation):
            self._database.write(lambda connection: _add_signal(connection, conversation, signal, kept))

    def remove_signal(self, conversation: str, signal: str) -> None:
        """Forget a signal; one that an answer rests on stays for the evidence of that answer, marked as removed."""
        with self._writing(conversation):
            self._database.write(lambda connection: _remove_signal(connection, conversation, signal))

    def add_turn(self, conversation: str, answer: Answer) -> None:
        """Keep a question with its answer; the first one names the conversation."""
        with self._writing(conversation):
            self._database.write(lambda connection: _add_turn(connection, conversation, answer))

    def conversations(self, search: str = "") -> list[Summary]:
        """The conversations, the last one first; with `search`, those in which each of its words stands."""
        return self._database.read(lambda connection: _list(connection, search))

    def open(self, conversation: str) -> Saved:
        """A conversation with all that it holds.

        Raises:
            UsageError: there is none of this id.
        """
        return self._database.read(lambda connection: _open(connection, conversation))

    def unfinished(self) -> Saved | None:
        """The last conversation that nobody closed and no running app holds; from now on this one holds it."""
        for id in self._database.read(_unclosed):
            if id not in self._held and self._hold(id):
                with contextlib.suppress(UsageError):  # another app may have closed and deleted it just now
                    if id in self._database.read(_unclosed):
                        return self.open(id)
                self._release(id)
        return None

    def close(self, conversation: str) -> None:
        """End a conversation: it is not offered as unfinished; one in which nothing was asked is not kept."""
        with self._writing(conversation):
            kept = self._database.write(lambda connection: _close(connection, conversation))
        self._release(conversation, gone=not kept)
        self._database.shrink()

    def delete(self, conversation: str) -> None:
        """Delete a conversation with its signals and turns.

        Raises:
            UsageError: another app has it open.
        """
        with self._writing(conversation):
            self._database.write(lambda connection: _delete(connection, [conversation]))
        self._release(conversation, gone=True)
        self._database.shrink()

    def prune(self, before: datetime) -> int:
        """Delete the conversations that nothing was added to since a time and no app holds; returns their number."""
        old = self._database.read(lambda connection: _untouched(connection, before.astimezone(UTC)))
        mine = [id for id in old if self._held.get(id) is None and self._hold(id)]
        self._database.write(lambda connection: _delete(connection, mine))
        for id in mine:
            self._release(id, gone=True)
        self._database.shrink()
        return len(mine)

    def quit(self) -> None:
        """Let go of everything, as the end of the process does: what was not closed will be offered."""
        for id in list(self._held):
            self._held.pop(id).release()
        self._database.close()

    @contextlib.contextmanager
    def _writing(self, conversation: str) -> Iterator[None]:
        """Hold a conversation, so that no other app offers or deletes it.

        Raises:
            UsageError: another app has it open.
        """
        if not self._hold(conversation):
            raise UsageError("this conversation is open in another app", "end that one, or begin a new conversation")
        yield

    def _hold(self, conversation: str) -> bool:
        """Whether this history holds a conversation, after it has tried to."""
        from filelock import FileLock, Timeout

        if not _ID.fullmatch(conversation):
            raise UsageError("there is no such conversation", "look at the list of conversations")
        with self._lock:
            if conversation in self._held:
                return True
            with storing(LAYOUT.what):
                self._database.make_folder()
                self._locks.mkdir(exist_ok=True, mode=0o700)
                lock = FileLock(self._locks / f"{conversation}.lock", timeout=0, thread_local=False)
                try:
                    lock.acquire()
                except Timeout:
                    return False
            self._held[conversation] = lock
        return True

    def _release(self, conversation: str, *, gone: bool = False) -> None:
        """Let go of a conversation; the file of its lock goes with the conversation only, as others may look at it."""
        with self._lock:
            lock = self._held.pop(conversation, None)
            if lock is not None:
                if gone:
                    with contextlib.suppress(OSError):
                        Path(lock.lock_file).unlink(missing_ok=True)
                lock.release()


def _touch(connection: sqlite3.Connection, conversation: str) -> None:
    """Make sure that a conversation is there and not closed."""
    at = now().isoformat()
    connection.execute(
        "INSERT INTO conversations (id, began, touched, title) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET touched = excluded.touched, closed = 0",
        [conversation, at, at, b""],
    )


def _add_signal(connection: sqlite3.Connection, conversation: str, signal: Signal, data: bytes | None) -> None:
    _touch(connection, conversation)
    connection.execute(
        "INSERT INTO signals (conversation, id, place, name, body, data)"
        " VALUES (?1, ?2, (SELECT coalesce(max(place), 0) + 1 FROM signals WHERE conversation = ?1), ?3, ?4, ?5)"
        " ON CONFLICT (conversation, id) DO UPDATE SET"
        " name = excluded.name, body = excluded.body, data = excluded.data, removed = 0",
        [conversation, signal.id, _folded(signal.name), packed(signal_record(signal)), data],
    )


def _remove_signal(connection: sqlite3.Connection, conversation: str, signal: str) -> None:
    """Mark a signal as removed; its bytes go where no answer rests on them, its place stays for when it comes back."""
    _touch(connection, conversation)
    connection.execute(
        "UPDATE signals SET removed = 1, data = iif(used, data, NULL) WHERE conversation = ? AND id = ?",
        [conversation, signal],
    )


def _add_turn(connection: sqlite3.Connection, conversation: str, answer: Answer) -> None:
    _touch(connection, conversation)
    title = " ".join(answer.question.split())[:_TITLE] or COMPARED
    number = _scalar(connection, "SELECT count(*) FROM turns WHERE conversation = ?", conversation) + 1
    connection.execute(
        "UPDATE conversations SET title = ? WHERE id = ? AND title = ?", [packed(title), conversation, b""]
    )
    connection.execute(
        "INSERT INTO turns VALUES (?, ?, ?, ?)", [conversation, number, now().isoformat(), packed(answer.to_json())]
    )
    said = _folded(f"{answer.question}\n{answer.text}")
    connection.execute("INSERT INTO words VALUES (?, ?, ?)", [conversation, number, said])
    connection.executemany(
        "UPDATE signals SET used = 1 WHERE conversation = ? AND id = ?",
        [(conversation, signal.id) for signal in answer.signals],
    )


def _list(connection: sqlite3.Connection, search: str) -> list[Summary]:
    rows = connection.execute(
        "SELECT id, title, began, (SELECT count(*) FROM words WHERE conversation = id) FROM conversations"
        " ORDER BY touched DESC"
    )
    found = [Summary(id, _title(title), datetime.fromisoformat(began), turns) for id, title, began, turns in rows]
    wanted = [_folded(word) for word in search.split()]
    if not wanted:
        return found
    having = _having(connection, wanted)
    return [summary for summary in found if summary.id in having]


def _having(connection: sqlite3.Connection, wanted: list[bytes]) -> set[str]:
    """The conversations in whose questions, answers and names of signals each of the words stands."""
    missing: dict[str, list[bytes]] = {}
    rows = connection.execute(
        "SELECT conversation, text FROM words"
        " UNION ALL SELECT conversation, name FROM signals WHERE used OR NOT removed"
    )
    for id, text in rows:
        left = missing.setdefault(id, wanted)
        if left:
            missing[id] = [word for word in left if word not in text]
    return {id for id, left in missing.items() if not left}


def _open(connection: sqlite3.Connection, conversation: str) -> Saved:
    row = connection.execute("SELECT title, began FROM conversations WHERE id = ?", [conversation]).fetchone()
    if row is None:
        raise UsageError("there is no such conversation", "look at the list of conversations")
    signals = connection.execute(
        "SELECT id, body, data, removed FROM signals WHERE conversation = ? AND (used OR NOT removed) ORDER BY place",
        [conversation],
    )
    turns = connection.execute("SELECT asked, body FROM turns WHERE conversation = ? ORDER BY number", [conversation])
    records = [(id, unpacked(body), data, removed) for id, body, data, removed in signals]
    answers = [(asked, unpacked(body)) for asked, body in turns]
    return Saved(
        conversation,
        _title(row[0]),
        datetime.fromisoformat(row[1]),
        tuple(signal_back(id, found, data, removed=bool(removed)) for id, found, data, removed in records if found),
        tuple(Turn(datetime.fromisoformat(asked), found) for asked, found in answers if found),
        [found for _, found, *_ in (*records, *answers)].count(None),
    )


def _close(connection: sqlite3.Connection, conversation: str) -> bool:
    """End a conversation, and say whether it is kept: one in which nothing was asked is not."""
    connection.execute("UPDATE conversations SET closed = 1 WHERE id = ?", [conversation])
    connection.execute("DELETE FROM signals WHERE conversation = ? AND removed AND NOT used", [conversation])
    asked = bool(_scalar(connection, "SELECT count(*) FROM words WHERE conversation = ?", conversation))
    if not asked:
        _delete(connection, [conversation])
    return asked


def _unclosed(connection: sqlite3.Connection) -> list[str]:
    return [id for (id,) in connection.execute("SELECT id FROM conversations WHERE NOT closed ORDER BY touched DESC")]


def _untouched(connection: sqlite3.Connection, before: datetime) -> list[str]:
    rows = connection.execute("SELECT id FROM conversations WHERE touched < ?", [before.isoformat()])
    return [id for (id,) in rows]


def _delete(connection: sqlite3.Connection, conversations: Sequence[str]) -> None:
    connection.executemany("DELETE FROM conversations WHERE id = ?", [(id,) for id in conversations])


def _folded(text: str) -> bytes:
    """A text as it is searched: letters without their case."""
    return text.casefold().encode("utf-8", "surrogatepass")


def _title(data: bytes) -> str:
    return str(unpacked(data) or UNREADABLE) if data else UNTITLED


def _scalar(connection: sqlite3.Connection, query: str, conversation: str) -> int:
    return int(connection.execute(query, [conversation]).fetchone()[0])
