"""What somebody plants in a database to keep what is forgotten is found before that is forgotten, or goes with it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import planted
from helpers.forgetting import Home, wrapped

from edge_assistant.cli.main import main
from edge_assistant.core.errors import StorageFull
from edge_assistant.governance import forgetting
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.audit.verify import Damage, verify
from edge_assistant.history.store import History
from edge_assistant.vault.vault import Vault

pytestmark = pytest.mark.usefixtures("temporary")
KEEPS_KEYS = (
    "CREATE TABLE z (id, wrapped)",
    "CREATE TRIGGER zz BEFORE DELETE ON keys BEGIN INSERT INTO z VALUES (old.id, old.wrapped); END",
)
KEEPS_TURNS = (
    "CREATE TABLE z (conversation, number, body)",
    "CREATE TRIGGER zz BEFORE DELETE ON turns BEGIN INSERT INTO z VALUES (old.conversation, old.number, old.body); END",
)


def plant(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def in_files(folder: Path, key: bytes) -> bool:
    return any(key[12:40] in file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def made(home: Path) -> Home:
    return Home(home, "conversation")


def test_a_trigger_that_keeps_keys_refuses_to_forget_and_loses_nothing(made: Home, home: Path) -> None:
    plant(home / "keys" / "keys.db", *KEEPS_KEYS)
    history = History()
    with pytest.raises(
        StorageFull, match=r"the file of keys was changed from outside \(keys.db: table z, trigger zz\)"
    ):
        forgetting.forget(history, made.gone)
    history.quit()
    assert wrapped(home) == made.keys
    plant(home / "keys" / "keys.db", "DROP TABLE z", "DROP TRIGGER zz")
    made.complete()
    made.check()


def test_forget_all_takes_what_a_trigger_kept(made: Home, home: Path) -> None:
    plant(home / "keys" / "keys.db", *KEEPS_KEYS, "INSERT INTO z SELECT id, wrapped FROM keys")
    os.link(home / "keys" / "keys.db", home.with_name("another name of the keys"))
    master = home / "keys" / "master.key"
    os.link(master, home.with_name("another name of the master key"))
    key = master.read_bytes()
    assert main(["forget", "--all", "--yes"]) == 0
    assert not any(in_files(home.parent, key) for key in made.keys.values())
    assert not in_files(home.parent, bytes(12) + key)
    vault = Vault()
    assert [id for id in vault.ids() if id in made.keys] == []
    vault.close()


def test_forget_all_takes_over_what_planted_keys_stopped(made: Home, home: Path) -> None:
    plant(home / "keys" / "keys.db", *KEEPS_KEYS)
    assert main(["forget", "--before", "2021-01-01", "--yes"]) == 6
    assert main(["forget", "--all", "--yes"]) == 0
    assert not forgetting.pending()
    assert not any(in_files(home, key) for key in made.keys.values())
    assert main(["audit", "verify"]) == 0


def test_a_trigger_in_the_history_goes_aside_with_it_and_what_it_keeps_is_noise(made: Home, home: Path) -> None:
    plant(home / "history" / "history.db", *KEEPS_TURNS)
    assert main(["forget", "--yes", *(part for id in made.gone for part in ("--conversation", id))]) == 0
    assert not any(in_files(home, made.keys[id]) for id in made.gone)
    assert planted.found([home]) == []
    assert len(list((home / "history").glob("history-damaged-*.db"))) == 2  # one was there before
    assert main(["forget", "--all", "--yes"]) == 0
    assert list((home / "history").glob("history-damaged-*.db")) == []


def test_a_trigger_in_the_trail_is_a_finding_and_nothing_is_added(home: Path) -> None:
    trail = Trail()
    trail.append("said", {})
    trail.close()
    plant(home / "audit" / "audit.db", "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END")
    trail = Trail()
    finding = verify(trail).finding
    assert finding is not None
    assert (finding.row, finding.damage) == (2, Damage.PLANTED)
    assert "trigger t" in finding.what
    with pytest.raises(StorageFull, match=r"audit.db: trigger t"):
        trail.append("said", {})
    trail.close()


@pytest.mark.parametrize("file", ["keys.db", "keys.db-wal"])
def test_a_link_in_the_place_of_a_file_is_refused(home: Path, file: str) -> None:
    vault = Vault()
    vault.key("0" * 16)
    vault.close()
    (home / "keys" / file).rename(home / "elsewhere") if file == "keys.db" else (home / "elsewhere").write_bytes(b"")
    (home / "keys" / file).symlink_to(home / "elsewhere")
    with pytest.raises(StorageFull, match=f"{file} is a link or no file"):
        Vault().ids()
