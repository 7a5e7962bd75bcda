"""A SQLite file of ours that several parts of one process have open, beside other processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.smalldisk import seen_read_only

from edge_assistant.core.errors import StorageFull
from edge_assistant.governance.audit import trail
from edge_assistant.history import store
from edge_assistant.storage import sqlite
from edge_assistant.storage.database import Database
from edge_assistant.storage.schema import DatabaseSchema
from edge_assistant.vault import vault

PLACES = os.pathsep.join(map(str, Path(__file__).parents[:2]))  # of this file and of what it imports
LAYOUT = DatabaseSchema("numbers", application=1, schema=1, tables=("CREATE TABLE numbers (number INTEGER)",))
# Another process, which is the last one to close the file where nobody else has a lock on it: SQLite's log goes then.
COMES_AND_GOES = """
import sys
from pathlib import Path
from test_database import LAYOUT, add, all_of
from edge_assistant.storage.database import Database
other = Database(Path(sys.argv[1]), LAYOUT)
add(other, int(sys.argv[2]))
print(*all_of(other))
other.close()
"""


def add(numbers: Database, number: int) -> None:
    numbers.write(lambda connection: connection.execute("INSERT INTO numbers VALUES (?)", [number]))


def all_of(numbers: Database) -> list[int]:
    return numbers.read(lambda c: [number for (number,) in c.execute("SELECT number FROM numbers ORDER BY number")])


def came(file: Path, number: int) -> str:
    """What a process reads that adds a number and ends."""
    environment = {**os.environ, "PYTHONPATH": PLACES}
    command = [sys.executable, "-c", COMES_AND_GOES, str(file), str(number)]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_who_opens_it_once_more_takes_no_lock_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "numbers.db"
    first, second = Database(file, LAYOUT), Database(file, LAYOUT)
    add(first, 1)
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "as_it_is", lambda *given: None)  # as where SQLite could not open it for a moment
        assert all_of(second) == [1]
    came(file, 2)
    add(first, 3)
    assert came(file, 4) == "1 2 3 4\n"
    first.close()
    second.close()


def test_where_nothing_may_be_written_it_is_read_with_and_without_a_log(tmp_path: Path) -> None:
    file = tmp_path / "home" / "numbers.db"
    numbers = Database(file, LAYOUT)
    add(numbers, 1)
    with seen_read_only(file.parent, tmp_path / "view") as view:
        seen = Database(view / file.name, LAYOUT)
        assert all_of(seen) == [1]  # by the log of who has it open elsewhere
        add(numbers, 2)
        assert all_of(seen) == [1, 2]
        numbers.close()
        assert [path.name for path in view.iterdir() if path.suffix != ".lock"] == [file.name]
        assert all_of(seen) == [1, 2]
        came(file, 3)
        assert all_of(seen) == [1, 2, 3]
        assert all_of(Database(view / "others.db", LAYOUT)) == []
        with pytest.raises(StorageFull, match="numbers cannot be written") as refused:
            add(seen, 4)
        assert refused.value.hint.startswith("make the data directory writable")


def test_what_a_killed_process_left_in_the_log_is_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    file = tmp_path / "home" / "numbers.db"
    script = COMES_AND_GOES.replace("other.close()", "os.kill(os.getpid(), 9)").replace("import sys", "import os, sys")
    command = [sys.executable, "-c", script, str(file), "7"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": PLACES}, check=False)
    assert (tmp_path / "home" / "numbers.db-wal").stat().st_size
    with seen_read_only(file.parent, tmp_path / "view") as view:
        assert all_of(Database(view / file.name, LAYOUT)) == [7]
        (tmp_path / "home" / "numbers.db-shm").unlink()  # as in a copy of a home
        with pytest.raises(StorageFull):
            all_of(Database(view / file.name, LAYOUT))


def test_who_reads_where_nothing_may_be_written_notices_who_writes_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "home" / "numbers.db"
    came(file, 1)
    coming = [2, 3]

    def meanwhile(connection: sqlite3.Connection) -> int:
        (found,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
        for number in coming[:1]:
            came(file, coming.pop(0))
            assert number
        return int(found)

    with seen_read_only(file.parent, tmp_path / "view") as view:
        assert Database(view / file.name, LAYOUT).read(meanwhile) == 3
        coming = [4, 5, 6]
        with pytest.raises(StorageFull, match="another program uses numbers"):
            Database(view / file.name, LAYOUT).read(meanwhile)


def test_a_damaged_or_older_file_is_said_where_nothing_may_be_written(tmp_path: Path) -> None:
    came(tmp_path / "home" / "numbers.db", 1)
    (tmp_path / "home" / "damaged.db").write_bytes(b"no database" * 1000)
    with seen_read_only(tmp_path / "home", tmp_path / "view") as view:
        later = replace(LAYOUT, schema=2)
        with pytest.raises(StorageFull, match=r"numbers\.db is not numbers of this version"):
            all_of(Database(view / "numbers.db", later))
        with pytest.raises(StorageFull, match="numbers is damaged"):
            all_of(Database(view / "damaged.db", replace(LAYOUT, set_aside=True)))
        assert Database(view / "damaged.db", LAYOUT).damaged
        assert not Database(view / "numbers.db", LAYOUT).damaged


FOREIGN = {
    "a trigger": ["CREATE TRIGGER t AFTER INSERT ON numbers BEGIN DELETE FROM numbers; END"],
    "a view": ["CREATE VIEW v AS SELECT * FROM numbers"],
    "a table": ["CREATE TABLE t (x)"],
    "an index on an expression": ["CREATE INDEX i ON numbers (abs(number))"],
    "statistics": ["ANALYZE"],
    "a generated column": ["ALTER TABLE numbers ADD COLUMN more AS (number * 2)"],
    "a renamed table": ["ALTER TABLE numbers RENAME TO others"],
    "a table renamed there and back": ["ALTER TABLE numbers RENAME TO others", "ALTER TABLE others RENAME TO numbers"],
    "a view in the table's place": ["ALTER TABLE numbers RENAME TO o", "CREATE VIEW numbers AS SELECT * FROM o"],
    "a table that is gone": ["DROP TABLE numbers"],
    "a check": ["DROP TABLE numbers", "CREATE TABLE numbers (number INTEGER CHECK (number < 2))"],
    "a trigger without its cookie": [
        "CREATE TRIGGER t AFTER INSERT ON numbers BEGIN DELETE FROM numbers; END",
        "PRAGMA schema_version = 1",
    ],
}


def changed(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(("what", "kept_open"), [(what, number % 2 == 0) for number, what in enumerate(FOREIGN)])
def test_a_foreign_schema_is_refused_and_left_or_set_aside_as_it_is(tmp_path: Path, what: str, kept_open: bool) -> None:
    numbers = Database(tmp_path / "numbers.db", LAYOUT)
    add(numbers, 1)
    if not kept_open:
        numbers.close()
    changed(numbers.file, *FOREIGN[what])
    with closing(sqlite3.connect(numbers.file)) as connection:
        before = list(connection.iterdump())
    for work in (lambda: add(numbers, 2), lambda: all_of(numbers)):
        with pytest.raises(StorageFull, match=r"^numbers was changed from outside \(numbers.db: "):
            work()
    assert numbers.damaged
    numbers.close()
    with closing(sqlite3.connect(numbers.file)) as connection:
        assert list(connection.iterdump()) == before
    aside = Database(numbers.file, replace(LAYOUT, set_aside=True))
    assert all_of(aside) == []
    (file,) = tmp_path.glob("numbers-damaged-*.db")
    assert file.name in aside.note
    aside.close()


def test_nothing_is_upgraded_with_a_foreign_schema(tmp_path: Path) -> None:
    old = Database(tmp_path / "numbers.db", LAYOUT)
    add(old, 1)
    old.close()
    changed(old.file, *FOREIGN["a trigger"])
    ran: list[object] = []
    new = Database(old.file, replace(LAYOUT, schema=2), {1: ran.append})
    with pytest.raises(StorageFull, match="changed from outside"):
        all_of(new)
    assert ran == []


def test_wal_mode_and_incremental_vacuum_come_back(tmp_path: Path) -> None:
    numbers = Database(tmp_path / "numbers.db", LAYOUT)
    add(numbers, 1)
    numbers.close()
    changed(numbers.file, "PRAGMA journal_mode = DELETE", "PRAGMA auto_vacuum = NONE", "VACUUM")
    changed(
        numbers.file,
        "PRAGMA secure_delete = OFF",
        "CREATE TABLE z (x)",
        "INSERT INTO z VALUES (replace(hex(zeroblob(9000)), '00', 'a word'))",
        "DROP TABLE z",
    )
    assert b"a worda word" in numbers.file.read_bytes()
    add(numbers, 2)
    with closing(sqlite3.connect(numbers.file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert numbers.shrink()
    assert b"a worda word" not in numbers.file.read_bytes()
    assert all_of(numbers) == [1, 2]
    numbers.close()


def test_a_file_put_in_the_place_of_an_open_one_is_what_is_written_to(tmp_path: Path) -> None:
    numbers, other = Database(tmp_path / "numbers.db", LAYOUT), Database(tmp_path / "other.db", LAYOUT)
    add(numbers, 1)
    add(other, 7)
    other.close()
    other.file.rename(numbers.file)
    for end in ("-wal", "-shm"):
        numbers.file.with_name(numbers.file.name + end).unlink()
    add(numbers, 8)
    numbers.close()
    assert all_of(Database(numbers.file, LAYOUT)) == [7, 8]


# What files have that earlier versions made: another text of a statement, even another space, would refuse them.
MADE = {
    "the file of keys": (
        "CREATE TABLE keys (id TEXT PRIMARY KEY, made TEXT NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE master (proof BLOB NOT NULL)",
    ),
    "the audit trail": (
        "CREATE TABLE head (count INTEGER NOT NULL, mac TEXT NOT NULL, seal TEXT NOT NULL, public TEXT NOT NULL)",
        "CREATE TABLE rows (number INTEGER PRIMARY KEY, time TEXT NOT NULL, conversation TEXT NOT NULL, "
        "kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, mac TEXT NOT NULL)",
    ),
    "the history": (
        "CREATE TABLE conversations (id TEXT PRIMARY KEY, began TEXT NOT NULL, touched TEXT NOT NULL, "
        "closed INTEGER NOT NULL DEFAULT 0, title BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE signals (conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, "
        "id TEXT NOT NULL, place INTEGER NOT NULL, "
        "used INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0, "
        "name BLOB NOT NULL, body BLOB NOT NULL, data BLOB, PRIMARY KEY (conversation, id))",
        "CREATE TABLE turns (conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, "
        "number INTEGER NOT NULL, asked TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (conversation, number))",
        "CREATE TABLE words (conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, "
        "number INTEGER NOT NULL, text BLOB NOT NULL, PRIMARY KEY (conversation, number)) WITHOUT ROWID",
        "CREATE TABLE unsent (conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, "
        "body BLOB NOT NULL, PRIMARY KEY (conversation)) WITHOUT ROWID",
    ),
}


@pytest.mark.parametrize("layout", [vault.LAYOUT, trail.LAYOUT, store.LAYOUT], ids=lambda layout: layout.what)
def test_a_file_of_an_earlier_version_is_taken(tmp_path: Path, layout: DatabaseSchema) -> None:
    file = tmp_path / "earlier.db"
    stamps = (f"PRAGMA application_id = {layout.application}", f"PRAGMA user_version = {layout.schema}")
    changed(file, "PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL", *MADE[layout.what], *stamps)
    earlier = Database(file, replace(layout, set_aside=False))
    assert earlier.write(lambda c: c.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()) == (
        len(MADE[layout.what]),
    )
    earlier.close()
