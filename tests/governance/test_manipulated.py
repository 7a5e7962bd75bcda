"""Files of ours that somebody manipulated: no command ends in a fault, and none says what is not so."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers.forgetting import Home

from edge_assistant.cli.main import main
from edge_assistant.governance import erasure, intents
from edge_assistant.governance.audit.trail import Trail

pytestmark = pytest.mark.usefixtures("temporary")
AUDIT, KEYS, HISTORY = "audit/audit.db", "keys/keys.db", "history/history.db"
SWAPPED = (
    "UPDATE sqlite_master SET rootpage = (SELECT sum(rootpage) FROM sqlite_master WHERE name IN ({0})) - rootpage"
    " WHERE name IN ({0})"
)
PLANTED = "INSERT INTO conversations VALUES ({}, '2020', '2020', 0, x'')"
Manipulation = Callable[[Path], object]


def sql(file: str, *statements: str) -> Manipulation:
    def change(home: Path) -> None:
        with closing(sqlite3.connect(home / file, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def writable(file: str, statement: str) -> Manipulation:
    return sql(file, "PRAGMA writable_schema = ON", statement)


def intent(**found: object) -> Manipulation:
    return lambda home: (home / "keys" / intents.FILE).write_text(json.dumps({"why": "asked", "all": False, **found}))


def replaced(file: str, by: Callable[[Path], object]) -> Manipulation:
    def change(home: Path) -> None:
        (home / file).unlink(missing_ok=True)
        by(home / file)

    return change


OF_TRAIL: dict[str, Manipulation] = {
    "the roots of two tables swapped": writable(AUDIT, SWAPPED.format("'rows', 'head'")),
    "a table twice": writable(AUDIT, "INSERT INTO sqlite_master SELECT * FROM sqlite_master WHERE name = 'head'"),
    "two ends": sql(AUDIT, "INSERT INTO head VALUES (1, 'x', 'y', 'z')"),
    "an end that names another key": sql(AUDIT, "UPDATE head SET public = 'x'"),
    "a negative number": sql(
        AUDIT, "INSERT INTO rows SELECT -5, time, conversation, kind, body, previous, mac FROM rows WHERE number = 2"
    ),
    "a text that is none": sql(AUDIT, "UPDATE rows SET conversation = CAST(x'ff' AS TEXT) WHERE number = 2"),
    "an end that is no text": sql(AUDIT, "UPDATE head SET mac = CAST(x'ff' AS TEXT)"),
    "another program": sql(AUDIT, "PRAGMA application_id = 7"),
    "another version": sql(AUDIT, "PRAGMA user_version = 9"),
    "no stamps": sql(AUDIT, "PRAGMA application_id = 0", "PRAGMA user_version = 0"),
    "a pipe": replaced(AUDIT, os.mkfifo),
    "a folder": replaced(AUDIT, Path.mkdir),
    "nothing": replaced(AUDIT, Path.touch),
}
OTHERS: dict[str, Manipulation] = {
    "a trail that has to be brought up": sql(AUDIT, "PRAGMA user_version = -1"),
    "keys that have to be brought up": sql(KEYS, "PRAGMA user_version = -1"),
    "no proof of the master key": sql(KEYS, "DELETE FROM master"),
    "an id of a key that is no text": sql(KEYS, "INSERT INTO keys VALUES (CAST(x'ff' AS TEXT), '2020', x'')"),
    "an id of a key that is a BLOB": sql(KEYS, "INSERT INTO keys VALUES (x'ff', '2020', x'')"),
    "a history of version 1": sql(HISTORY, "PRAGMA user_version = 1"),
    "roots of the history swapped": writable(HISTORY, SWAPPED.format("'turns', 'words'")),
    "a conversation that is none": sql(HISTORY, PLANTED.format("'x'")),
    "a conversation that is a BLOB": sql(HISTORY, PLANTED.format("x'00'")),
    "a conversation that is no text": sql(HISTORY, PLANTED.format("CAST(x'ff' AS TEXT)")),
    "columns of other types": sql(HISTORY, "UPDATE conversations SET touched = 7, closed = 'x', title = 7"),
    "ids that are none": intent(ids=[{}], files=None),
    "files that are none": intent(ids=[], files=[7]),
    "the witness to be forgotten": intent(ids=["audit:end"], files=[]),
    "no object": replaced(f"keys/{intents.FILE}", lambda file: file.write_text("[" * 100_000)),
    "garbage as the log of writes": replaced(f"{AUDIT}-wal", lambda file: file.write_bytes(b"x" * 5_000)),
    "garbage as shared memory": replaced(f"{KEYS}-shm", lambda file: file.write_bytes(b"x" * 32_768)),
    "a pipe as a lock": replaced("keys/keys.lock", os.mkfifo),
}


@pytest.fixture
def made(home: Path) -> Home:
    """A home with things to forget, and a trail with checkpoints."""
    made = Home(home, "all")
    trail = Trail()
    trail.checkpoint()
    trail.append("said", {})
    trail.checkpoint()
    trail.close()
    trail.vault.close()
    return made


@pytest.mark.parametrize("what", OF_TRAIL)
def test_a_manipulated_trail_is_damaged_and_only_a_new_one_takes_rows(made: Home, home: Path, what: str) -> None:
    OF_TRAIL[what](home)
    assert main(["audit", "verify"]) == 1
    if what not in {"a negative number", "a text that is none"}:  # these leave the end as it was
        assert main(["audit", "checkpoint"]) == 6
        assert main(["forget", "--all", "--yes"]) == 6  # all is gone, and cannot be recorded yet
        assert main(["audit", "begin"]) == 0
        assert main(["audit", "verify"]) == 0
    assert main(["forget", "--all", "--yes"]) == 0
    assert not erasure.pending()


@pytest.mark.parametrize("what", OTHERS)
def test_other_manipulations_are_no_fault_and_all_can_be_forgotten(made: Home, home: Path, what: str) -> None:
    OTHERS[what](home)
    assert main(["audit", "verify"]) == 0
    assert main(["forget", "--list"]) == 0
    assert main(["forget", "--before", "2021-01-01", "--yes"]) == 0
    assert main(["forget", "--all", "--yes"]) == 0
    assert main(["audit", "verify"]) == 0
    for key in made.keys.values():
        assert not any(key[12:40] in file.read_bytes() for file in home.rglob("*") if file.is_file())
    with closing(sqlite3.connect(home / HISTORY)) as connection:
        assert connection.execute("SELECT count(*) FROM conversations").fetchone() == (0,)
