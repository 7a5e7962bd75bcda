"""Forgetting beside other apps, by itself, and where keys or files are lost, damaged, planted or cannot be written."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers import planted, smalldisk, unsealed
from helpers.conversations import answer
from helpers.forgetting import LONG_AGO, Home, aged, audited, cached, question, wrapped

from edge_assistant.cli.main import main
from edge_assistant.core.errors import KeyLost, StorageFull, UsageError
from edge_assistant.governance import erasure, intents
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.audit.verify import Damage, verify
from edge_assistant.history.store import History
from edge_assistant.resident import server
from edge_assistant.vault import caches
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import Vault

pytestmark = pytest.mark.usefixtures("temporary")


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    history = History()
    yield history
    history.quit()


# other apps


def test_what_another_app_has_open_is_refused_and_nothing_goes(home: Path, history: History) -> None:
    gone, busy = planted.plant(history), history.begin()
    history.add_turn(busy, answer())
    other = History()
    for call in (lambda: erasure.forget(other, [gone, busy]), lambda: erasure.forget_all(other)):
        with pytest.raises(UsageError, match=rf"a conversation is open in another app \({busy}\) - end that app"):
            call()
    assert len(other.conversations()) == 2
    assert not erasure.pending()
    begun = history.begin()  # of which nothing is kept yet: it is no question of the command line
    history.vault.key(begun)
    history.hold(begun)
    aged(home, gone, busy, begun)
    assert sorted(erasure.kept(other).busy) == sorted([busy, begun])
    assert erasure.kept(other).questions == erasure.kept(history).questions == []
    (home / "keys" / intents.FILE).write_text("{}")  # an intent that is none of ours is removed
    erasure.complete()
    assert not erasure.pending()
    assert erasure.forget_before(other, datetime.now(UTC)) == [gone]
    assert [summary.id for summary in other.conversations()] == [busy]
    aged(home, busy)
    assert erasure.expire(30, history) == 0, "an app keeps what it has open"
    history.add_turn(busy, answer("still there"))
    history.close(busy)
    history.close(begun)
    (home / "history" / "open" / f"{'a' * 16}.lock").touch()  # of a process that was killed
    assert erasure.forget_all(other) == [busy]
    assert list((home / "history" / "open").iterdir()) == []
    other.quit()


def test_what_begins_while_all_is_forgotten_is_not_taken_away(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is there already, for the audit trail; the app holds the conversation right after it was looked."""
    planted.plant(history)
    app, looked = History(), history.open_elsewhere
    id = app.begin()
    app.vault.key(id)
    begins = threading.Thread(target=lambda: app.add_turn(id, answer()))

    def beginning() -> list[str]:
        found = looked()
        begins.start()
        begins.join(0.5)  # as long as it may take where nothing stops it
        return found

    monkeypatch.setattr(history, "open_elsewhere", beginning)
    erasure.forget_all(history)
    begins.join(60)
    saved = app.open(id)
    assert (len(saved.turns), saved.lost) == (1, 0)
    app.quit()


def test_one_that_forgets_waits_for_another(home: Path, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    id = planted.plant(history)
    monkeypatch.setattr(erasure, "_LOCK_WAIT_S", 0.1)
    with erasure._alone(), pytest.raises(StorageFull, match="another program is forgetting"):
        erasure.forget(history, [id])
    erasure.forget(history, [id])


# by itself


def test_questions_of_the_command_line_expire(home: Path) -> None:
    old, new = question(), question()
    aged(home, old)
    assert erasure.expire(30) == 1
    assert Vault().ids() == [new]
    (row,) = [row for row in audited() if row.kind == "forgot"]
    assert json.loads(row.body) == {"why": "expired", "all": False, "conversations": [old], "files": 0, "caches": True}
    assert row.conversation == old


@pytest.mark.parametrize("old", [True, False])
def test_caches_expire_with_what_may_be_in_them(home: Path, old: bool) -> None:
    asked = question()
    cached()
    aged(home, *(Vault().caches() if old else []))
    assert erasure.expire(30) == 0
    assert Vault().caches() == ([] if old else ["cache:evidence", "cache:language"])
    assert (caches.kept_bytes() == 0) == old
    assert Vault().ids() == [asked]
    assert len([row for row in audited() if row.kind == "forgot"]) == old


@pytest.mark.parametrize("how", ["caches", "before"])
def test_a_key_goes_under_which_nothing_is_kept_yet(home: Path, how: str) -> None:
    question()
    erasure.forget_caches()  # there is none
    cache = SealedCache("language", 1 << 20, Vault())
    since = cache.mark()
    if how == "caches":
        erasure.forget_caches()
    else:
        history = History()
        assert erasure.forget_before(history, LONG_AGO) == []
        history.quit()
    cache.put("what was read before", b"it", since)
    assert caches.kept_bytes() == 0


def test_a_command_looks_once_an_hour(home: Path) -> None:
    assert erasure.expire_when_due(30) == 0
    assert not (home / "keys").exists()  # where nothing was ever sealed, nothing is made
    aged(home, question())
    assert erasure.expire_when_due(None) == 0
    assert erasure.expire_when_due(30) == 1
    aged(home, question())
    assert erasure.expire_when_due(30) == 0
    before = time.time() - erasure.EVERY_S - 1
    os.utime(home / "keys" / erasure.EXPIRED, (before, before))
    assert erasure.expire_when_due(30) == 1


# what is lost or damaged


def test_all_goes_where_the_master_key_is_lost_and_a_new_trail_says_so(home: Path) -> None:
    trail = Trail()
    trail.append("said", {})
    trail.close()
    history = History()
    planted.plant(history)
    history.quit()
    cached()
    (home / "run").mkdir()
    (home / "run").chmod(0o777)  # as out of a backup: no resident of ours can run there
    (home / "keys" / FILE).unlink()
    history = History()
    with pytest.raises(KeyLost):
        history.conversations()
    assert [summary.title for summary in erasure.kept(history).conversations] == ["(its key is gone)"]
    assert len(erasure.forget_all(history)) == 1
    assert history.conversations() == []
    history.quit()
    assert (caches.kept_bytes(), Vault().caches(), erasure.pending()) == (0, [], False)
    assert [row.kind for row in audited()] == ["forgot"]
    assert len(list((home / "audit").glob("audit-until-*.db"))) == 1


@pytest.mark.parametrize(
    ("file", "content"),
    [("keys/keys.db", b"This is a letter. " * 900), ("history/history.db", f"{planted.QUESTION} ".encode() * 900)],
)
def test_all_goes_where_a_file_is_damaged(home: Path, file: str, content: bytes) -> None:
    history = History()
    planted.plant(history)
    history.quit()
    (home / file).write_bytes(content)
    history = History()
    if file == "keys/keys.db":
        with pytest.raises(StorageFull, match="the file of keys is damaged"):
            history.conversations()
    erasure.forget_all(history)
    assert history.conversations() == history.vault.ids() == []
    history.quit()
    assert planted.found([home]) == []
    assert list((home / "history").glob("*damaged*")) == []


@pytest.mark.parametrize("lost", [False, True])
def test_all_goes_of_a_history_that_was_never_sealed(home: Path, lost: bool) -> None:
    vault = Vault()
    vault.key("f" * 16)
    vault.close()
    if lost:
        (home / "keys" / FILE).unlink()
    unsealed.write(home / "history" / "history.db", {"0" * 16: (planted.signals(), [planted.planted_answer()])}).close()
    assert planted.found([home])
    history = History()
    erasure.forget_all(history)
    history.quit()
    assert planted.found([home]) == []


def test_where_a_resident_cannot_be_reached_its_memory_alone_is_left_to_go(home: Path, history: History) -> None:
    gone = question()
    held = server.opened()  # one that runs, and
    (home / "run").chmod(0o755)  # nobody speaks with
    with pytest.raises(StorageFull, match="the resident still holds questions"):
        erasure.forget(history, [gone])
    cached()
    kept, later = caches.kept_bytes(), question()
    with pytest.raises(StorageFull, match="the resident still holds questions"):
        erasure.complete(history)
    assert caches.kept_bytes() == kept  # what was made since is none of what was to be forgotten
    with pytest.raises(StorageFull):
        erasure.forget(history, [later])  # and what is to be forgotten by now goes all the same
    assert caches.kept_bytes() == 0
    held.close()
    erasure.complete(history)
    assert not erasure.pending()
    assert [row.conversation for row in audited() if row.kind == "forgot"] == [gone, later]


def test_a_trail_that_cannot_be_written_is_said_and_written_later(home: Path, history: History) -> None:
    id = planted.plant(history)
    question()
    audit = home / "audit"
    audit.rename(home / "elsewhere")
    audit.write_text("a file where the folder should be")
    with pytest.raises(StorageFull):
        erasure.forget(history, [id])
    assert history.conversations() == []
    assert erasure.pending()
    audit.unlink()
    (home / "elsewhere").rename(audit)
    erasure.complete()
    assert [row.kind for row in audited()] == ["question", "forgot"]


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with smalldisk.mounted(tmp_path / "disk") as disk:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(disk))
        history = History()
        id = planted.plant(history)
        filler = smalldisk.fill(disk)
        with pytest.raises(StorageFull):
            erasure.forget(history, [id])
        filler.unlink()
        erasure.complete(history)
        if history.conversations():  # there was not even room to write down the list of an erasure
            erasure.forget(history, [id])
        assert history.vault.ids() == []
        history.quit()
        assert planted.found([disk]) == []


@pytest.mark.parametrize("all_", [True, False])
def test_on_a_full_disk_what_goes_anyway_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_: bool
) -> None:
    with smalldisk.mounted(tmp_path / "disk", lazy=True) as disk:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(disk))
        history = History()
        id = planted.plant(history)
        question()
        (disk / "state").mkdir(exist_ok=True)
        smalldisk.fill(disk)
        with contextlib.suppress(StorageFull):  # that it is done may not be recorded, which is said
            erasure.forget_all(history) if all_ else erasure.forget(history, [id])
        assert history.conversations() == []
        assert id not in history.vault.ids()
        history.quit()
        assert planted.found([disk]) == []


def test_a_damaged_trail_stops_nothing_from_being_forgotten(home: Path, history: History) -> None:
    first, second = planted.plant(history), planted.plant(history)
    question()
    with closing(sqlite3.connect(home / "audit" / "audit.db", isolation_level=None)) as connection:
        connection.execute("UPDATE head SET count = 99")
    with pytest.raises(StorageFull, match="is erased, but not recorded: the audit trail was changed from outside"):
        erasure.forget(history, [first])
    later = planted.plant(history)
    with pytest.raises(StorageFull, match="is erased, but not recorded"):
        erasure.forget(history, [second])
    assert [summary.id for summary in history.conversations()] == [later]
    for again in (erasure.complete, erasure.forget_all):
        with pytest.raises(StorageFull, match="is erased, but not recorded"):
            again(history)
    assert history.conversations() == history.vault.ids() == []
    with closing(Trail()) as trail:
        trail.begin()
    erasure.complete(history)
    assert not erasure.pending()
    (row,) = (row for row in audited() if row.kind == "forgot")
    assert {first, second, later} <= set(json.loads(row.body)["conversations"])
    assert planted.found([home]) == []


# what somebody planted to keep what is forgotten


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
        erasure.forget(history, made.gone)
    history.quit()
    assert wrapped(home) == made.keys
    plant(home / "keys" / "keys.db", "DROP TABLE z", "DROP TRIGGER zz")
    made.complete()
    made.check()


def test_forget_all_takes_what_a_trigger_kept(made: Home, home: Path) -> None:
    plant(home / "keys" / "keys.db", *KEEPS_KEYS, "INSERT INTO z SELECT id, wrapped FROM keys")
    names = home.with_name(f"{home.name}-other-names")  # of the same files
    names.mkdir()
    os.link(home / "keys" / "keys.db", names / "keys")
    master = home / "keys" / "master.key"
    os.link(master, names / "master key")
    key = master.read_bytes()
    assert main(["forget", "--all", "--yes"]) == 0
    for folder in (home, names):
        assert not any(in_files(folder, kept) for kept in (*made.keys.values(), bytes(12) + key))
    vault = Vault()
    assert [id for id in vault.ids() if id in made.keys] == []
    vault.close()


def test_forget_all_takes_over_what_planted_keys_stopped(made: Home, home: Path) -> None:
    plant(home / "keys" / "keys.db", *KEEPS_KEYS)
    assert main(["forget", "--before", "2021-01-01", "--yes"]) == 6
    assert main(["forget", "--all", "--yes"]) == 0
    assert not erasure.pending()
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
