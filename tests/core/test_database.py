"""A SQLite file of ours that several parts of one process have open, beside other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_assistant import database
from edge_assistant.database import Database, Layout

LAYOUT = Layout("numbers", application=1, schema=1, tables=("CREATE TABLE numbers (number INTEGER)",))
# Another process, which is the last one to close the file where nobody else has a lock on it: SQLite's log goes then.
COMES_AND_GOES = """
import sys
from pathlib import Path
from test_database import LAYOUT, add, all_of
from edge_assistant.database import Database
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
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", COMES_AND_GOES, str(file), str(number)]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_who_opens_it_once_more_takes_no_lock_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "numbers.db"
    first, second = Database(file, LAYOUT), Database(file, LAYOUT)
    add(first, 1)
    with monkeypatch.context() as patched:
        patched.setattr(database, "_as_it_is", lambda *given: None)  # as where SQLite could not open it for a moment
        assert all_of(second) == [1]
    came(file, 2)
    add(first, 3)
    assert came(file, 4) == "1 2 3 4\n"
    first.close()
    second.close()
