"""A SQLite file of ours: opened once it is needed, its failures turned into ours, what is deleted overwritten.

Within each transaction the file's schema is compared with ours. A trigger, a view, a table, an index or a column that
somebody else put there could keep what is deleted, or change what is written: such a file counts as damaged.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge_assistant.atomic import shred, storing
from edge_assistant.errors import StorageForeign, StorageFull
from edge_assistant.schema import ForeignSchema, Layout, foreign, require_ours

_WAIT_S = 5.0  # for another app that writes; a turn is written within milliseconds
_LOCK_WAIT_S = 10.0  # for another app that opens or sets aside
_ROOM = 1 << 18  # bytes that must be free for SQLite's log and shared memory
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_TOOBIG}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_TEXT = partial(str, encoding="utf-8", errors="replace")  # what somebody wrote that is no text stops nobody
_ENDS = ("-wal", "-shm", "-journal", "")  # of the names of SQLite's files

T = TypeVar("T")
Upgrade = Callable[[sqlite3.Connection], None]


class Database:
    """One connection, for whichever thread; what is run on it is one transaction.

    Attributes:
        file: where it lies.
        note: what a person should be told, such as that a damaged file was set aside; empty for nothing.
    """

    def __init__(self, file: Path, layout: Layout, upgrades: Mapping[int, Upgrade] | None = None) -> None:
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

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look something up, all of one moment.

        Raises:
            StorageFull: the file cannot be opened, or is of another version or program.
        """
        return self._run(work, "BEGIN")

    def examine(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, whatever the schema: to tell what was done to a file. Nothing that it holds is run by reading.

        Raises:
            StorageFull: the file cannot be opened, or is of another version or program.
        """
        return self._run(work, "BEGIN", any_schema=True)

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
        return self.file.exists() and not _sound(self.file, self._layout)

    def remove(self) -> None:
        """Overwrite and delete the file, whatever it is.

        Raises:
            StorageFull: it cannot be deleted.
        """
        with self._lock, storing(self._layout.what), self._alone():
            self.close()
            for end in _ENDS:
                shred(self.file.with_name(self.file.name + end))

    def _run(self, work: Callable[[sqlite3.Connection], T], begin: str, *, any_schema: bool = False) -> T:
        with self._lock:
            try:
                return self._transaction(work, begin, any_schema=any_schema)
            except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
                raise  # a fault of ours
            except sqlite3.Error as error:
                if _code(error) not in _DAMAGED or not self._layout.set_aside:
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
        if self._connection is not None and self._identity() != self._opened:
            self.close()  # another file lies there now: rows written to the former one would be lost
        if self._connection is None:
            self._connection = self._open()
            self._opened = self._identity()
            self._ending = weakref.finalize(self, self._connection.close)
        connection = self._connection
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
            for end in _ENDS:
                _require_file(self.file.with_name(self.file.name + end), self._layout.what)
            return _as_it_is(self.file, self._layout) or self._made()

    def _made(self) -> sqlite3.Connection:
        with self._alone():
            # One that is there is touched by SQLite alone: to close any descriptor of a file takes away the locks that
            # this process's other connections have on it (fcntl(2)), and what they write then may be lost.
            if not self.file.exists():
                os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
            return _connected(self.file, self._layout, self._upgrades)

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
            if not self.file.exists() or _sound(self.file, self._layout):
                return
            kept = self.file.with_name(
                f"{self.file.stem}-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{self.file.suffix}"
            )
            for end in _ENDS:
                with contextlib.suppress(FileNotFoundError):
                    self.file.with_name(self.file.name + end).rename(kept.with_name(kept.name + end))
        self.note = f"{self._layout.what} was damaged; it is set aside as {kept.name}, and a new one is begun"

    def _held(self) -> StorageFull:
        return StorageFull(f"another program holds {self._layout.what}", "end it, or wait for it")

    def _as_ours(self, error: sqlite3.Error) -> StorageFull:
        """The failure told to a person; without room for its shared memory SQLite speaks of an I/O error."""
        what = self._layout.what
        if isinstance(error, ForeignSchema):
            return StorageFull(f"{what} was changed from outside ({self.file.name}: {error})", self._layout.hint)
        if _code(error) in _BUSY:
            return self._held()
        if _code(error) in _DAMAGED:
            return StorageFull(f"{what} is damaged ({self.file.name})", self._layout.hint)
        full = _code(error) in _FULL
        if not full:
            with contextlib.suppress(OSError):
                full = shutil.disk_usage(self.file.parent).free < _ROOM
        if full:
            return StorageFull(f"{what} cannot be written: the disk is full", "free some space, then ask again")
        return StorageFull(f"{what} cannot be written ({error})", "check the disk and its permissions")


@contextlib.contextmanager
def _connecting(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection with its settings to a file that is there; closed where something goes wrong meanwhile."""
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=rw", timeout=_WAIT_S, isolation_level=None, check_same_thread=False, uri=True
    )
    try:
        connection.text_factory = _TEXT
        connection.execute("PRAGMA synchronous = FULL")  # what was kept is kept when the power fails, too
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        connection.execute("PRAGMA foreign_keys = ON")
        # https://sqlite.org/security.html, "Untrusted SQLite Database Files"
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        if sys.version_info >= (3, 12):
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        yield connection
    except BaseException:
        connection.close()
        raise


def _stamps(connection: sqlite3.Connection) -> tuple[int, int]:
    """The application and the schema that a file says it is of."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return application, schema


def _as_it_is(file: Path, layout: Layout) -> sqlite3.Connection | None:
    """A connection where the file is there and of this layout."""
    with contextlib.suppress(sqlite3.OperationalError), _connecting(file) as connection:
        if _stamps(connection) == (layout.application, layout.schema):
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                # Somebody left WAL mode: a journal would keep what is deleted, in the clear of its pages
                connection.execute("PRAGMA journal_mode = WAL")
            return connection
        connection.close()
    return None  # what is wrong is told by who tries to make it


def _connected(file: Path, layout: Layout, upgrades: Mapping[int, Upgrade]) -> sqlite3.Connection:
    """A connection to a file that has our tables by then.

    Raises:
        StorageForeign: it is of another version or program.
    """
    with _connecting(file) as connection:
        application, schema = _stamps(connection)
        if (application, schema) == (0, 0) and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            _create(connection, layout)
        elif application != layout.application:
            raise StorageForeign(
                f"{file.name} is not {layout.what} of Edge Assistant", "move it away from the data directory"
            )
        elif schema in upgrades or schema == -layout.schema:
            require_ours(connection, layout)
            _upgrade(connection, layout, upgrades.get(schema))
        elif schema != layout.schema:
            what = f"{file.name} has version {schema} of {layout.what}, and this program knows version {layout.schema}"
            raise StorageForeign(what, "use the program that wrote it, or move the file away")
        return connection


def _upgrade(connection: sqlite3.Connection, layout: Layout, upgrade: Upgrade | None) -> None:
    """Bring the tables to this layout, all or nothing, then overwrite what they held before.

    Between the two the file has the schema's number with a minus: whoever opens it next overwrites. A program
    that has the file open, an older one of ours maybe, keeps it from leaving SQLite's WAL mode, and so from all this.
    """
    connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    if upgrade is not None:
        connection.execute("BEGIN EXCLUSIVE")
        upgrade(connection)
        connection.execute(f"PRAGMA user_version = {-layout.schema}")
        connection.execute("COMMIT")
    connection.execute("VACUUM")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA user_version = {layout.schema}")


def _create(connection: sqlite3.Connection, layout: Layout) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for table in layout.tables:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {layout.application}")
    connection.execute(f"PRAGMA user_version = {layout.schema}")
    connection.execute("COMMIT")


def _require_file(path: Path, what: str) -> None:
    """Refuse what is no file of its own: SQLite follows a link, so forgetting would leave what it leads to.

    Raises:
        StorageFull: as it says.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise StorageFull(f"{what} cannot be used: {path.name} is a link or no file", "put the file itself there")


def _sound(file: Path, layout: Layout) -> bool:
    """Whether all of a file can be read, and its schema is ours."""
    try:
        with _connecting(file) as connection, contextlib.closing(connection):
            found: str = connection.execute("PRAGMA quick_check").fetchone()[0]
            application, schema = _stamps(connection)
            ours = application == layout.application and abs(schema) in {layout.schema, *layout.former}
            return found == "ok" and not (ours and foreign(connection, layout))
    except sqlite3.DatabaseError:
        return False


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
