"""The history: conversations with their signals and turns in one SQLite file, written turn by turn.

A turn is on the disk once `add_turn` returns, sealed with the key of its conversation. Whoever writes to a conversation
holds it by a lock that the system takes away when the process ends: so a conversation that nobody closed and nobody
holds is one whose app was killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core import limits
from edge_assistant.core.answer import Answer
from edge_assistant.core.errors import KeyGone, KeyLost, StorageFull, UsageError
from edge_assistant.core.signals import Signal
from edge_assistant.history import rows
from edge_assistant.history.cells import SealedCells, seal_all
from edge_assistant.history.conversations import Saved, SavedSignal, SavedState, SavedTurn, Summary, Unsent
from edge_assistant.storage.atomic import storing
from edge_assistant.storage.database import Database
from edge_assistant.storage.schema import DatabaseSchema
from edge_assistant.vault.master import KeyLocation
from edge_assistant.vault.vault import Vault
from edge_assistant_models import paths

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["History", "Saved", "SavedSignal", "SavedState", "SavedTurn", "Summary", "Unsent"]

FILE = "history.db"
_GATE_WAIT_S = 60.0  # for a program that forgets
MAX_KEPT = limits.KEPT_BYTES.value
# What was said or seen stands in BLOB columns, each sealed with the key of its conversation; ids, times and numbers
# stand in the clear. There is no index over what is sealed.
_OF = "conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE"
_FORMER = (
    "CREATE TABLE conversations (id TEXT PRIMARY KEY, began TEXT NOT NULL, touched TEXT NOT NULL,"
    " closed INTEGER NOT NULL DEFAULT 0, title BLOB NOT NULL) WITHOUT ROWID",
    f"CREATE TABLE turns ({_OF}, number INTEGER NOT NULL, asked TEXT NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (conversation, number))",
    f"CREATE TABLE words ({_OF}, number INTEGER NOT NULL, text BLOB NOT NULL,"
    " PRIMARY KEY (conversation, number)) WITHOUT ROWID",
    f"CREATE TABLE signals ({_OF}, id TEXT NOT NULL, place INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0,"
    " removed INTEGER NOT NULL DEFAULT 0, name BLOB NOT NULL, body BLOB NOT NULL, data BLOB,"
    " PRIMARY KEY (conversation, id))",
)
_UNSENT = f"CREATE TABLE unsent ({_OF}, body BLOB NOT NULL, PRIMARY KEY (conversation)) WITHOUT ROWID"
LAYOUT = DatabaseSchema(
    "the history",
    application=0x45644173,  # "EdAs"
    schema=3,
    tables=(*_FORMER, _UNSENT),
    set_aside=True,
    former={1: _FORMER, 2: _FORMER},  # of 1, nothing was sealed
)
_ID = re.compile("[0-9a-f]{16}")


class History:
    """Conversations, for whichever thread.

    Every method may raise StorageFull, also for a foreign file, and KeyLost if the encryption key is
    unavailable.

    Attributes:
        vault: has the keys.
    """

    def __init__(self, file: Path | None = None, vault: Vault | None = None) -> None:
        """Name the file; it is opened with the first call.

        Args:
            file: the database; by default the user's, in the data directory.
            vault: has the keys; by default the user's.
        """
        self.vault = vault or Vault()
        file = file or paths.data_dir() / "history" / FILE
        self._database = Database(file, LAYOUT, {1: self._seal, 2: _add_unsent})
        self._held: dict[str, BaseFileLock] = {}
        self._gate: BaseFileLock | None = None  # whoever begins to hold a conversation goes through it
        self._locks = self._database.file.parent / "open"
        self._lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """Where the file lies, and what was set aside of it."""
        return self._database.file.parent

    @property
    def place(self) -> KeyLocation:
        """Where the key is that what is kept is sealed with."""
        return self.vault.place

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
        if kept is not None and len(kept) > MAX_KEPT:
            what = f"{signal.id} is too large for the history"
            raise StorageFull(what, "save it as a file and attach that")
        with self._writing(conversation) as cells:
            self._database.write(lambda connection: rows.add_signal(connection, conversation, cells, signal, kept))

    def remove_signal(self, conversation: str, signal: str) -> None:
        """Forget a signal; one that an answer rests on stays for the evidence of that answer, marked as removed."""
        with self._writing(conversation):
            self._database.write(lambda connection: rows.remove_signal(connection, conversation, signal))

    def add_turn(self, conversation: str, answer: Answer) -> None:
        """Keep a question with its answer; the first one names the conversation."""
        with self._writing(conversation) as cells:
            self._database.write(lambda connection: rows.add_turn(connection, conversation, cells, answer))

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title.

        Raises:
            UsageError: there is none of this id, another app has it open, or the title is empty.
            KeyGone: its key was destroyed.
        """
        if not title.strip():
            raise UsageError("a conversation needs a name", "type one")
        self._database.read(lambda connection: rows.require(connection, conversation))
        cells = SealedCells(conversation, self.vault.existing(conversation))
        held = self.holds(conversation)
        with self._writing(conversation, sealing=False):
            try:
                self._database.write(lambda connection: rows.rename(connection, conversation, cells, title))
            finally:
                if not held:
                    self._release(conversation)

    def keep_unsent(self, conversation: str, unsent: Unsent) -> None:
        """Keep what was typed and not answered, in place of what was kept of it before."""
        with self._writing(conversation) as cells:
            self._database.write(lambda connection: rows.keep_unsent(connection, conversation, cells, unsent))

    def conversations(self, search: str = "", *, readable: bool = True) -> list[Summary]:
        """The conversations, the last one first; with `search`, those in which each of its words stands.

        Args:
            search: words, whatever their case.
            readable: False leaves the keys alone, so that it can be told how many there are where they are lost.
        """
        keys = self.vault.every if readable else dict
        return self._database.read(lambda connection: rows.listed(connection, keys, search))

    def open(self, conversation: str) -> Saved:
        """A conversation with all that it holds.

        Raises:
            UsageError: there is none of this id.
            KeyGone: its key was destroyed.
        """
        self._database.read(lambda connection: rows.require(connection, conversation))
        cells = SealedCells(conversation, self.vault.existing(conversation))
        return self._database.read(lambda connection: rows.whole(connection, conversation, cells))

    def unfinished(self) -> Saved | None:
        """The last conversation that nobody closed and no running app holds; from now on this one holds it."""
        for id in self._unclosed():
            if id not in self._held and self.hold(id):
                with contextlib.ExitStack() as unless:
                    unless.callback(self._release, id)
                    with contextlib.suppress(UsageError, KeyGone):  # closed or forgotten just now, or only the key is
                        if id in self._unclosed():
                            saved = self.open(id)
                            unless.pop_all()
                            return saved
        return None

    def close(self, conversation: str) -> None:
        """End a conversation: it is not offered as unfinished; one in which nothing was asked is not kept."""

        def cells() -> SealedCells:
            try:
                return SealedCells(conversation, self.vault.existing(conversation))
            except (KeyGone, KeyLost):
                return SealedCells(conversation, None)

        with self._writing(conversation, sealing=False):
            kept = self._database.write(lambda connection: rows.close(connection, conversation, cells))
        if not kept:
            self.vault.destroy([conversation])
        self._release(conversation, gone=not kept)
        self._database.shrink()

    def ids(self, before: datetime | None = None) -> list[str]:
        """The conversations, the last one first; with `before`, those that nothing was added to since."""
        limit = before.astimezone(UTC) if before else None
        return self._database.read(lambda connection: rows.ids(connection, before=limit))

    def erase(self, conversations: Iterable[str]) -> None:
        """Destroy the keys of conversations, then delete what they sealed; that is for `governance.erasure` to call.

        Each is held by this app, or no app knows of it.
        """
        gone = list(conversations)
        self.vault.destroy(gone)
        self._database.write(lambda connection: rows.delete(connection, gone))
        for id in gone:
            if (self._locks / f"{id}.lock").exists() and self.hold(id):
                self._release(id, gone=True)
        self._database.shrink()

    def hold(self, conversation: str) -> bool:
        """Whether this history holds a conversation, so that no other app offers, changes or deletes it.

        Raises:
            UsageError: it is no id.
        """
        from filelock import FileLock, Timeout

        if not _ID.fullmatch(conversation):
            raise rows.no_such()
        with self._lock:
            if conversation in self._held:
                return True
            with self.standing(), storing(LAYOUT.what):
                lock = FileLock(self._locks / f"{conversation}.lock", timeout=0, thread_local=False)
                try:
                    lock.acquire()
                except Timeout:
                    return False
            self._held[conversation] = lock
        return True

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Let no app hold a further conversation meanwhile, so that what is seen to be held by nobody stays so.

        Raises:
            StorageFull: another program does the same, for long.
        """
        from filelock import FileLock, Timeout

        with self._lock, contextlib.ExitStack() as stack:
            with storing(LAYOUT.what):
                self._database.make_folder()
                self._locks.mkdir(exist_ok=True, mode=0o700)
                self._gate = self._gate or FileLock(
                    self._locks.with_suffix(".lock"), timeout=_GATE_WAIT_S, thread_local=False
                )
                try:
                    stack.enter_context(self._gate)
                except Timeout:
                    raise StorageFull("another program is forgetting", "wait for it, then do this again") from None
            yield

    def holds(self, conversation: str) -> bool:
        """Whether this history holds a conversation already."""
        return conversation in self._held

    def open_elsewhere(self) -> list[str]:
        """The conversations that another app has open, by the locks alone: whatever state the file is in."""
        there = [lock.stem for lock in self._locks.glob("*.lock") if _ID.fullmatch(lock.stem)]
        mine = set(self._held)
        if there and not os.access(self._locks, os.W_OK):
            return [id for id in there if id not in mine and _is_locked(self._locks / f"{id}.lock")]
        elsewhere = [id for id in there if not self.hold(id)]
        self.let_go(set(there) - mine)
        return elsewhere

    def sweep(self) -> None:
        """Remove the locks of conversations that are not there, as a process that was killed leaves them."""
        there = set(self.ids())
        for lock in self._locks.glob("*.lock"):
            id = lock.stem
            if id not in there and id not in self._held and _ID.fullmatch(id) and self.hold(id):
                self._release(id, gone=True)

    def let_go(self, conversations: Iterable[str]) -> None:
        """Hold conversations no longer that were held for a moment only."""
        for id in conversations:
            self._release(id)

    def set_aside(self) -> list[Path]:
        """The damaged files that were set aside."""
        file = self._database.file
        return sorted(file.parent.glob(f"{file.stem}-damaged-*"))

    def quit(self) -> None:
        """Let go of everything, as the end of the process does: what was not closed will be offered."""
        for id in list(self._held):
            self._held.pop(id).release()
        self._database.close()
        self.vault.close()

    def _seal(self, connection: sqlite3.Connection) -> None:
        _add_unsent(connection)
        seal_all(connection, self.vault.key)

    def _unclosed(self) -> list[str]:
        return self._database.read(lambda connection: rows.ids(connection, unclosed=True))

    @contextlib.contextmanager
    def _writing(self, conversation: str, *, sealing: bool = True) -> Iterator[SealedCells]:
        """Hold a conversation, and have its key; raises UsageError if another app has it open."""
        if not self.hold(conversation):
            raise UsageError("this conversation is open in another app", "end that one, or begin a new conversation")
        yield SealedCells(conversation, self.vault.key(conversation) if sealing else None)

    def _release(self, conversation: str, *, gone: bool = False) -> None:
        """Let go of a conversation; the file of its lock goes with the conversation only, as others may look at it."""
        with self._lock:
            lock = self._held.pop(conversation, None)
            if lock is not None:
                if gone:
                    with contextlib.suppress(OSError):
                        Path(lock.lock_file).unlink(missing_ok=True)
                lock.release()


def _is_locked(file: Path) -> bool:
    """Whether a process has this lock, where nothing may be written, so that nobody can try to take it."""
    import fcntl

    with storing(LAYOUT.what), file.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)  # gone with the stream
        except BlockingIOError:
            return True
    return False


def _add_unsent(connection: sqlite3.Connection) -> None:
    """Add the table that schema 3 brought."""
    connection.execute(_UNSENT)
