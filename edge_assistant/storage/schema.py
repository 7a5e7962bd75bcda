"""The schema of a SQLite file of ours, compared with what lies in the file.

A trigger, a view, a table, an index or a column that somebody else put there could keep what is deleted, or change what
is written.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

_NAMED = 3  # foreign objects that an error names
_NAME = 60  # characters of such a name
_OBJECTS = "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master"


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """What a file is.

    Attributes:
        what: what a person calls it, such as "the history".
        application: SQLite's application id, so that a file of another program is known as such.
        schema: version of the tables.
        tables: the statements that make them.
        former: those of earlier versions, by version, where they were others.
        set_aside: whether a damaged file, or one with a foreign schema, may be moved out of the way and a new one
            begun; else it is refused.
        hint: what can be done where it is damaged.
    """

    what: str
    application: int
    schema: int
    tables: tuple[str, ...]
    set_aside: bool = False
    hint: str = "bring it back from a copy, or move it away"
    former: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


class ForeignSchema(sqlite3.DatabaseError):
    """The file holds objects that are not ours, or lacks some of ours; it is dealt with as a damaged one."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@cache
def _objects(tables: tuple[str, ...]) -> Counter[tuple[bytes | None, ...]]:
    """What SQLite lists as the objects of a file that has these tables and nothing else."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for table in tables:
            connection.execute(table)
        return Counter(connection.execute(_OBJECTS))


def foreign(connection: sqlite3.Connection, layout: DatabaseSchema) -> list[str]:
    """The objects in which a file and the layout of its version differ, such as "trigger t"."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    ours, found = _objects(layout.former.get(version, layout.tables)), Counter(connection.execute(_OBJECTS))
    return sorted({_told(kind, name) for kind, name, *_ in (found - ours) + (ours - found)})


def _told(*names: bytes | None) -> str:
    text = " ".join((name or b"")[:_NAME].decode("utf-8", "replace") for name in names)
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def require_ours(connection: sqlite3.Connection, layout: DatabaseSchema) -> None:
    """Refuse a file whose schema is not exactly ours.

    Raises:
        ForeignSchema: as it says, with the first names.
    """
    if found := foreign(connection, layout):
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ForeignSchema(", ".join(found[:_NAMED]) + more)
