"""Connections to a SQLite file of ours, with its settings, its tables and what is overwritten where it is upgraded."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from edge_assistant.core.errors import StorageForeign, StorageFull
from edge_assistant.storage.atomic import WRITABLE
from edge_assistant.storage.schema import DatabaseSchema, foreign, require_ours

ENDS = ("-wal", "-shm", "-journal", "")  # of the names of SQLite's files
WRITING = "mode=rw"
_WAIT_S = 5.0  # for another app that writes; a turn is written within milliseconds
_TEXT = partial(str, encoding="utf-8", errors="replace")  # what somebody wrote that is no text stops nobody

Upgrade = Callable[[sqlite3.Connection], None]


@contextlib.contextmanager
def _connecting(file: Path, how: str = WRITING) -> Iterator[sqlite3.Connection]:
    """A connection with its settings to a file that is there; closed where something goes wrong meanwhile."""
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?{how}", timeout=_WAIT_S, isolation_level=None, check_same_thread=False, uri=True
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


def as_it_is(file: Path, layout: DatabaseSchema) -> sqlite3.Connection | None:
    """A connection where the file is there and of this layout."""
    with contextlib.suppress(sqlite3.OperationalError), _connecting(file) as connection:
        if _stamps(connection) == (layout.application, layout.schema):
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                # Somebody left WAL mode: a journal would keep what is deleted, in the clear of its pages
                connection.execute("PRAGMA journal_mode = WAL")
            return connection
        connection.close()
    return None  # what is wrong is told by who tries to make it


def connected(file: Path, layout: DatabaseSchema, upgrades: Mapping[int, Upgrade]) -> sqlite3.Connection:
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


def _upgrade(connection: sqlite3.Connection, layout: DatabaseSchema, upgrade: Upgrade | None) -> None:
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


def _create(connection: sqlite3.Connection, layout: DatabaseSchema) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for table in layout.tables:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {layout.application}")
    connection.execute(f"PRAGMA user_version = {layout.schema}")
    connection.execute("COMMIT")


def as_read(file: Path, layout: DatabaseSchema) -> sqlite3.Connection:
    """A connection that only reads; where there is no file, to one in memory that holds nothing.

    Args:
        file: in a folder that may not be written.
        layout: what it holds.

    Raises:
        StorageFull: it is of another version or program, or one of its files is a link or a pipe.
    """
    require_files(file, layout.what)
    if not file.exists():
        connection = sqlite3.connect(":memory:", isolation_level=None)
        _create(connection, layout)
        return connection
    with _connecting(file, reading(file)) as connection:
        if _stamps(connection) != (layout.application, layout.schema):
            what = f"{file.name} is not {layout.what} of this version, and cannot be brought to it here"
            raise StorageFull(what, WRITABLE)
        return connection


def reading(file: Path) -> str:
    """How SQLite only reads a file: where no log lies beside it without locks, so that nobody may write meanwhile."""
    return "mode=ro" if written(file) is None else "mode=ro&immutable=1"


def written(file: Path) -> tuple[int, ...] | None:
    """What changes when a file is written to; None where SQLite's log lies beside it, which tells that by itself."""
    if any(file.with_name(file.name + end).exists() for end in ("-wal", "-shm")):
        return None
    with contextlib.suppress(FileNotFoundError):
        facts = file.stat()
        return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
    return ()


def require_files(file: Path, what: str) -> None:
    """Refuse a file of which one is a link or none of its own.

    Raises:
        StorageFull: as it says.
    """
    for end in ENDS:
        require_file(file.with_name(file.name + end), what)


def require_file(path: Path, what: str) -> None:
    """Refuse what is no file of its own: a link leads elsewhere, where forgetting leaves what it leads to.

    Raises:
        StorageFull: as it says.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise StorageFull(f"{what} cannot be used: {path.name} is a link or no file", "put the file itself there")


def sound(file: Path, layout: DatabaseSchema, how: str = WRITING) -> bool:
    """Whether all of a file can be read, and its schema is ours."""
    try:
        with _connecting(file, how) as connection, contextlib.closing(connection):
            found: str = connection.execute("PRAGMA quick_check").fetchone()[0]
            application, schema = _stamps(connection)
            ours = application == layout.application and abs(schema) in {layout.schema, *layout.former}
            return found == "ok" and not (ours and foreign(connection, layout))
    except sqlite3.DatabaseError:
        return False
