"""A SQLite file of ours: opened once it is needed, its failures turned into ours, what is deleted overwritten.

Within each transaction the file's schema is compared with ours. A trigger, a view, a table, an index or a column that
somebody else put there could keep what is deleted, or change what is written: such a file counts as damaged.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from edge_assistant.core.errors import StorageDamaged, StorageFull, StorageReadOnly
from edge_assistant.storage import sqlite
from edge_assistant.storage.atomic import WRITABLE, shred, storing
from edge_assistant.storage.schema import DatabaseSchema, ForeignSchema, foreign, require_ours
from edge_assistant.storage.sqlite import Upgrade

_LOCK_WAIT_S = 10.0  # for another app that opens or sets aside
_ROOM = 1 << 18  # bytes that must be free for SQLite's log and shared memory
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_TOOBIG}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_READING = "BEGIN"
_TRIES = 3  # of reading where nothing may be written, while another program writes

T = TypeVar("T")


class Database:
    """One connection, for whichever thread; what is run on it is one transaction.

    Where its folder may not be written, as on a read-only file system, it can still be read; a file that is not there
    holds nothing then.

    Attributes:
        file: where it lies.
        note: what a person should be told, such as that a damaged file was set aside; empty for nothing.
    """

    def __init__(self, file: Path, layout: DatabaseSchema, upgrades: Mapping[int, Upgrade] | None = None) -> None:
        """Name the file; it is made where it is missing.

        Args:
            file: where it lies.
            layout: what it holds.
            upgrades: by an older schema, what brings its tables to this one; whatever they held is overwritten then.
        """
        self.file = file
        self._layout = layout
        self._upgrades = upgrades or {}
        self.note = ""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # device and inode of the file that the connection has

    def read(self, work: Callable[[sqlite3.Connection], T], *, any_schema: bool = False) -> T:
        """Look something up, all of one moment.

        Args:
            work: what looks it up.
            any_schema: also where the file holds what is not ours, of which reading runs nothing.

        Raises:
            StorageFull: the file cannot be opened, or is of another version or program.
        """
        return self._run(work, _READING, any_schema=any_schema)

    def foreign(self, connection: sqlite3.Connection) -> list[str]:
        """The objects that the file holds besides ours and those of ours that it lacks, such as "trigger t"."""
        return foreign(connection, self._layout)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Change something, all of it or nothing; it is on the disk when this returns.

        Raises:
            StorageFull: the disk is full, or the file cannot be written, or is of another version or program.
        """
        return self._run(work, "BEGIN IMMEDIATE")

    def shrink(self) -> bool:
        """Give the room of what was deleted back, in the log of writes too; False where another program reads."""
        with self._lock:
            if self._connection is None:
                return True
            try:
                self._connection.execute("PRAGMA incremental_vacuum").fetchall()
                if self._connection.execute("PRAGMA freelist_count").fetchone() != (0,):
                    # Somebody switched incremental vacuum off: deleted rows of theirs may lie in free pages
                    self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                    self._connection.execute("VACUUM")
                (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error:
                return False
            return not busy

    @property
    def damaged(self) -> bool:
        """Whether there is a file that cannot be read as a whole, or that has a foreign schema."""
        how = sqlite.WRITING if self._writable else sqlite.reading(self.file)
        return self.file.exists() and not sqlite.sound(self.file, self._layout, how)

    def remove(self) -> None:
        """Overwrite and delete the file, whatever it is.

        Raises:
            StorageFull: it cannot be deleted.
        """
        with self._lock, storing(self._layout.what), self._alone():
            self.close()
            for end in sqlite.ENDS:
                shred(self.file.with_name(self.file.name + end))

    def _run(self, work: Callable[[sqlite3.Connection], T], begin: str, *, any_schema: bool = False) -> T:
        with self._lock:
            try:
                return self._transaction(work, begin, any_schema=any_schema)
            except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
                raise  # a fault of ours
            except sqlite3.Error as error:
                if _code(error) not in _DAMAGED or not self._layout.set_aside or not self._writable:
                    raise self._as_ours(error) from None
                self.close()
            try:
                self._set_aside()
                return self._transaction(work, begin)
            except sqlite3.Error as error:
                raise self._as_ours(error) from None

    def make_folder(self) -> None:
        """Make the folder that it lies in, which nobody else may look into.

        Raises:
            OSError: it cannot be made.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def close(self) -> None:
        """Let go of the file; the next work opens it again."""
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._ending()
                self._connection = None

    def _transaction(self, work: Callable[[sqlite3.Connection], T], begin: str, *, any_schema: bool = False) -> T:
        if begin == _READING and not self._writable:
            return self._looked_up(work, any_schema=any_schema)
        if self._connection is not None and self._identity() != self._opened:
            self.close()  # another file lies there now: rows written to the former one would be lost
        if self._connection is None:
            self._connection = self._open()
            self._opened = self._identity()
            self._ending = weakref.finalize(self, self._connection.close)
        return self._done(self._connection, work, begin, any_schema=any_schema)

    def _done(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], begin: str, *, any_schema: bool
    ) -> T:
        connection.execute(begin)
        try:
            if not any_schema:
                require_ours(connection, self._layout)
            done = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return done

    @property
    def _writable(self) -> bool:
        """Whether SQLite can make its files beside this one, or its folder can be made."""
        there = [path for path in (self.file, *self.file.parents) if os.path.exists(path)]  # noqa: PTH110 - never raises
        return all(os.access(path, os.W_OK) for path in there[: 1 + (there[0] == self.file)])

    def _looked_up(self, work: Callable[[sqlite3.Connection], T], *, any_schema: bool) -> T:
        """What `work` finds where nothing may be written, so that this process can lock nothing.

        Another one may write all the same, as where this one has the folder by a read-only mount: then SQLite's log and
        shared memory lie there, by which it reads. Without them the file is whole and is read as it is; that nobody has
        begun to write meanwhile is looked at when that is done.

        Raises:
            StorageFull: the file is not whole without a log that cannot be used here, or is of another version.
        """
        self.close()
        for _ in range(_TRIES):
            before = sqlite.written(self.file)
            try:
                with contextlib.closing(sqlite.as_read(self.file, self._layout)) as connection:
                    done = self._done(connection, work, _READING, any_schema=any_schema)
            except sqlite3.DatabaseError:
                if sqlite.written(self.file) == before:
                    raise
            else:
                if before is None or sqlite.written(self.file) == before:
                    return done
        raise self._held()

    def _identity(self) -> tuple[int, int] | None:
        """Which file lies at the path; None for none."""
        try:
            facts = self.file.lstat()
        except OSError:
            return None
        return facts.st_dev, facts.st_ino

    def _open(self) -> sqlite3.Connection:
        """Open the file, which is made where there is none; only then other programs have to wait.

        Raises:
            StorageFull: one of its files is a link or a pipe.
        """
        with storing(self._layout.what):
            sqlite.require_files(self.file, self._layout.what)
            return sqlite.as_it_is(self.file, self._layout) or self._made()

    def _made(self) -> sqlite3.Connection:
        with self._alone():
            # One that is there is touched by SQLite alone: to close any descriptor of a file takes away the locks that
            # this process's other connections have on it (fcntl(2)), and what they write then may be lost.
            if not self.file.exists():
                os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
            return sqlite.connected(self.file, self._layout, self._upgrades)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other apps from opening the file or setting it aside."""
        from filelock import FileLock, Timeout

        self.make_folder()
        try:
            with FileLock(self.file.with_suffix(".lock"), timeout=_LOCK_WAIT_S):
                yield
        except Timeout:
            raise self._held() from None

    def _set_aside(self) -> None:
        """Move a damaged file out of the way, unless another app has just done it."""
        with storing(self._layout.what), self._alone():
            if not self.file.exists() or sqlite.sound(self.file, self._layout):
                return
            kept = self.file.with_name(
                f"{self.file.stem}-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{self.file.suffix}"
            )
            for end in sqlite.ENDS:
                with contextlib.suppress(FileNotFoundError):
                    self.file.with_name(self.file.name + end).rename(kept.with_name(kept.name + end))
        self.note = f"{self._layout.what} was damaged; it is set aside as {kept.name}, and a new one is begun"

    def _held(self) -> StorageFull:
        return StorageFull(f"another program uses {self._layout.what}", "end it, or wait for it")

    def _as_ours(self, error: sqlite3.Error) -> StorageFull:
        """The failure told to a person; without room for its shared memory SQLite speaks of an I/O error."""
        what = self._layout.what
        if isinstance(error, ForeignSchema):
            return StorageDamaged(f"{what} was changed from outside ({self.file.name}: {error})", self._layout.hint)
        if _code(error) in _BUSY:
            return self._held()
        if _code(error) in _DAMAGED:
            return StorageDamaged(f"{what} is damaged ({self.file.name})", self._layout.hint)
        full = _code(error) in _FULL
        if not full:
            with contextlib.suppress(OSError):
                full = shutil.disk_usage(self.file.parent).free < _ROOM
        if full:
            return StorageFull(f"{what} cannot be written: the disk is full", "free some space, then ask again")
        if _code(error) in _REFUSED:
            return StorageReadOnly(f"{what} cannot be written ({error})", WRITABLE)
        return StorageFull(f"{what} cannot be written ({error})", "check the disk and its permissions")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
