"""Keys of conversations: made once, kept wrapped, destroyed for good."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event

import pytest
from helpers import killed, smalldisk
from helpers.commands import at_once, unprivileged
from helpers.conversations import answer
from helpers.keys import Ring
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import KeyGone, KeyLost, StorageFull
from edge_assistant.governance import erasure, intents
from edge_assistant.governance.audit.trail import RESERVE, Trail
from edge_assistant.history.store import History
from edge_assistant.vault import master
from edge_assistant.vault.master import FILE, KeyLocation
from edge_assistant.vault.vault import FILE as KEYS
from edge_assistant.vault.vault import Key, Vault

ID = "00112233aabbccdd"


def test_what_is_sealed_is_opened_by_another_process_with_the_same_folder(tmp_path: Path) -> None:
    sealed = Vault(tmp_path).key(ID).seal(b"penicillin", "turn 1")
    assert Vault(tmp_path).existing(ID).open(sealed, "turn 1") == b"penicillin"
    assert Vault(tmp_path).existing(ID).open(sealed, "turn 2") is None, "it was put in another place"
    assert b"penicillin" not in sealed


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(data: bytes, place: int, change: int) -> None:
    key = Key(bytes(64))
    sealed = bytearray(key.seal(data, "it"))
    sealed[place % len(sealed)] ^= change
    assert key.open(bytes(sealed), "it") is None


def test_many_threads_share_one(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: vault.key(f"{n % 5:016x}").digest(b"x"), range(200)))
    assert found == [Vault(tmp_path).existing(f"{n % 5:016x}").digest(b"x") for n in range(200)]
    assert vault.ids(datetime.now(UTC) - timedelta(hours=1)) == []
    assert vault.ids(datetime.now(UTC) + timedelta(hours=1)) == vault.ids() == [f"{n:016x}" for n in range(5)]


def test_without_a_keyring_the_master_key_is_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys")
    assert vault.place is KeyLocation.FILE
    assert stat.S_IMODE((tmp_path / "keys" / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    (tmp_path / "keys" / FILE).chmod(0o644)  # it is shut again
    Vault(tmp_path / "keys").key(ID)
    assert stat.S_IMODE((tmp_path / "keys" / FILE).stat().st_mode) == 0o600


def test_a_key_that_systemd_gives_is_taken_and_is_not_ours_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, folder = tmp_path / "credentials", tmp_path / "keys"
    given.mkdir()
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    made = master.master(folder, make=True)
    assert made.place is KeyLocation.FILE, "systemd gave other credentials"
    (given / master.CREDENTIAL).write_bytes(b"k" * master.BYTES)
    found = master.master(folder, make=False)
    assert (found.key, found.place, master.place(folder)) == (b"k" * 32, KeyLocation.CREDENTIAL, KeyLocation.CREDENTIAL)
    assert Vault(folder).ready
    master.remove(folder)
    assert (given / master.CREDENTIAL).read_bytes() == found.key
    assert not (folder / FILE).exists()
    (given / master.CREDENTIAL).write_bytes(b"short")
    with pytest.raises(KeyLost, match="master holds no key"):
        master.master(folder, make=True)


def test_a_master_key_that_is_gone_or_another_is_not_made_anew(tmp_path: Path) -> None:
    key = Vault(tmp_path).key(ID)
    kept = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).unlink()
    with pytest.raises(KeyLost, match="is gone"):
        Vault(tmp_path).key(ID)
    assert not (tmp_path / FILE).exists()
    for content, said in ((b"", "holds no key"), (bytes(33), "holds no key"), (bytes(32), "not the one")):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(KeyLost, match=said):
            Vault(tmp_path).key(ID)
    (tmp_path / FILE).write_bytes(kept)
    assert Vault(tmp_path).key(ID).digest(b"x") == key.digest(b"x")


def test_a_key_that_was_forgotten_by_another_process_is_not_used_further(tmp_path: Path) -> None:
    mine, theirs = Vault(tmp_path), Vault(tmp_path)
    before = mine.key(ID)
    sealed = before.seal(b"penicillin", "turn 1")
    theirs.destroy([ID])
    assert mine.every() == {}
    for reader in (mine, theirs, Vault(tmp_path)):
        with pytest.raises(KeyGone):
            reader.existing(ID)
    assert mine.key(ID).open(sealed, "turn 1") is None
    assert theirs.existing(ID).digest(b"x") == mine.key(ID).digest(b"x") != before.digest(b"x")


def test_a_key_that_is_damaged_or_of_another_place_is_said_and_the_others_are_given(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.key(ID)
    vault.key(ID[::-1])
    vault.close()
    with closing(sqlite3.connect(tmp_path / KEYS, isolation_level=None)) as connection:
        connection.execute("UPDATE keys SET wrapped = zeroblob(92) WHERE id = ?", [ID])
    assert list(vault.every()) == [ID[::-1]]
    with pytest.raises(KeyLost, match="damaged"):
        vault.existing(ID)
    vault.close()
    with closing(sqlite3.connect(tmp_path / KEYS, isolation_level=None)) as connection:  # of another's place
        connection.execute(
            "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE id = ?) WHERE id = ?", [ID[::-1], ID]
        )
    assert list(vault.every()) == [ID[::-1]]


def test_nothing_of_a_destroyed_key_is_left_in_any_file(tmp_path: Path) -> None:
    """Rows come and go in the tree of SQLite's pages; none leaves a copy behind."""
    vault, random = Vault(tmp_path), Random(8)
    for _ in range(12):
        for _ in range(random.randrange(1, 20)):
            vault.key(secrets.token_hex(8))
        wrapped = dict(vault._database.read(lambda c: c.execute("SELECT id, wrapped FROM keys").fetchall()))
        gone = random.sample(sorted(wrapped), random.randrange(len(wrapped)))
        vault.destroy(gone)
        raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert [id for id in gone if any(wrapped[id][at : at + 16] in raw for at in (0, 30, 70))] == []
        assert all(wrapped[id] in raw for id in wrapped.keys() - set(gone))


def test_processes_that_make_the_first_key_at_once_agree(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from edge_assistant.vault.vault import Vault; "
    script += "print('ready', flush=True); sys.stdin.read(); "
    script += f"print(Vault(Path(sys.argv[1])).key({ID!r}).digest(b'x'))"
    told = {*at_once([sys.executable, "-c", script, str(tmp_path / "keys")] for _ in range(3))}
    assert told == {Vault(tmp_path / "keys").existing(ID).digest(b"x") + "\n"}


def made_though_killed(tmp_path: Path, step: int) -> int:
    """Kill the making of the first key at every so many lines; the next one makes or finds one and keeps it."""
    folder = tmp_path / "keys"

    def make() -> None:
        Vault(folder).key(ID)

    total = killed.lines(make)
    for line in range(1, total, step):
        shutil.rmtree(folder)
        assert killed.at_line(make, line)
        digest = Vault(folder).key(ID).digest(b"x")
        assert Vault(folder).existing(ID).digest(b"x") == digest
        assert not list(folder.glob(".edge-assistant-*"))
    return len(range(1, total, step))


def test_killed_while_the_first_key_is_made(tmp_path: Path) -> None:
    assert made_though_killed(tmp_path, 59) > 3


@pytest.mark.bench
def test_killed_at_every_line_while_the_first_key_is_made(tmp_path: Path) -> None:
    assert made_though_killed(tmp_path, 1) > 100


def test_a_folder_that_cannot_be_made_and_a_disk_that_is_full_and_has_room_again(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(StorageFull, match="the file of keys cannot be written"):
        Vault(tmp_path / "keys").key(ID)
    with smalldisk.mounted(tmp_path / "disk") as disk:
        filler = smalldisk.fill(disk)
        vault = Vault(disk / "keys")
        with pytest.raises(StorageFull) as caught:
            vault.key(ID)
        assert caught.value.exit_status == 6
        filler.unlink()
        vault.key(ID)
        smalldisk.fill(disk)
        assert vault.existing(ID)
        vault.close()


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ((0o500, 0o400), "StorageReadOnly 6 the file of keys cannot be written"),
        ((0o700, 0), "KeyLost 6 the encryption key cannot be read (Permission denied) - check the permissions"),
    ],
)
def test_what_may_not_be_read_or_written_is_said(tmp_path: Path, modes: tuple[int, int], said: str) -> None:
    keys = tmp_path / "keys"
    Vault(keys).key(ID)
    keys.chmod(modes[0])
    for file in keys.iterdir() if modes[1] else (keys / FILE,):
        file.chmod(modes[1])
    script = (
        "import sys; from pathlib import Path; from edge_assistant.vault.vault import Vault\n"
        "vault = Vault(Path(sys.argv[1]))\n"
        f"try: vault.existing({ID!r}), vault.key('another')\n"
        "except Exception as error: print(type(error).__name__, error.exit_status, error)"
    )
    command = [*unprivileged(), sys.executable, "-c", script, str(keys)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    keys.chmod(0o700)
    assert done.stdout.startswith(said)


def test_a_reset_begins_anew(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    before = vault.key(ID).digest(b"x")
    (tmp_path / FILE).write_bytes(bytes(32))
    vault.close()
    (tmp_path / KEYS).write_bytes(b"no database" * 1000)
    assert vault.damaged
    vault.reset()
    assert not vault.damaged
    assert vault.ids() == []
    assert vault.key(ID).digest(b"x") != before


# the system's keyring


def refused() -> None:
    raise RuntimeError("locked")


def test_where_a_keyring_works_the_master_key_is_there_and_nowhere_else(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault(tmp_path)
    digest = vault.key(ID).digest(b"x")
    assert vault.place is KeyLocation.KEYRING
    ((_, secret),) = ring.kept.items()
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert bytes.fromhex(secret) not in raw
    assert secret.encode() not in raw
    monkeypatch.setattr(master, "_WAIT_S", 0.2)
    for fails in (refused, lambda: Event().wait(5)):
        ring.fails = fails
        with pytest.raises(KeyLost, match="the system's keyring does not give the encryption key - unlock it, "):
            Vault(tmp_path).key(ID)
    monkeypatch.undo()
    ring.fails = lambda: None
    assert Vault(tmp_path).key(ID).digest(b"x") == digest
    vault.reset()
    assert ring.kept == {}


@pytest.mark.parametrize("how", ["raises", "hangs", "keeps in the clear"])
def test_a_keyring_that_does_not_work_is_done_without(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "keeps in the clear":
        monkeypatch.setattr(Ring, "priority", 0.5)
    else:
        monkeypatch.setattr(master, "_MAKING_WAIT_S", 0.2)
        ring.fails = refused if how == "raises" else lambda: Event().wait(5)
    assert Vault(tmp_path).place is KeyLocation.FILE
    assert ring.kept == {}


def test_what_seals_is_not_loaded_by_commands_that_seal_nothing() -> None:
    heavy = {"cryptography", "keyring", "filelock", "jeepney"}
    script = (
        "import sys, edge_assistant.history.store; from edge_assistant.cli.main import main;"
        f"main(['models', 'list']); print(*sorted({heavy} & set(sys.modules)), 'end')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "end"


def test_a_damaged_master_key_is_overwritten_too(tmp_path: Path) -> None:
    (tmp_path / master.FILE).write_bytes(b"k" * (master.BYTES + 1))
    other = tmp_path / "another name"
    other.hardlink_to(tmp_path / master.FILE)
    master.remove(tmp_path)
    assert not (tmp_path / master.FILE).exists()
    assert set(other.read_bytes()) == {0}


@pytest.mark.parametrize(("size", "left"), [(master.BYTES, None), (200_000, 200_000)], ids=["a key", "another file"])
def test_a_link_in_place_of_the_master_key_destroys_a_key_and_nothing_else(
    tmp_path: Path, size: int, left: int | None
) -> None:
    """Code that may write here alone cannot have a file elsewhere overwritten by whoever forgets."""
    target = tmp_path / "elsewhere"
    target.write_bytes(bytes(size))
    target.chmod(0o644)
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / master.FILE).symlink_to(target)
    with contextlib.suppress(KeyLost):
        master.master(folder, make=False)
    assert target.stat().st_mode & 0o777 == 0o644
    master.remove(folder)
    assert (target.stat().st_size if target.exists() else None) == left
    assert not (folder / master.FILE).is_symlink()


# files that somebody replaced


def changed(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(home: Path) -> None:
    (home / "keys").mkdir(parents=True)
    (home / "audit").mkdir()
    for name in ("master.key", "keyring", intents.FILE):
        os.mkfifo(home / "keys" / name)
    assert erasure.pending()
    with pytest.raises(OSError, match="the list of an erasure"):
        erasure.complete()
    for name in ("master.key", "keyring"):
        with pytest.raises(KeyLost, match="cannot be read"):
            Vault().key(ID)
        (home / "keys" / name).unlink()
    os.mkfifo(home / "audit" / RESERVE)
    trail = Trail()
    assert trail.append("said", {}) == 1
    trail.close()
    trail.vault.close()


@pytest.mark.parametrize("value", ["'text'", "10000000000000", "1.5"])
def test_a_key_of_another_type_is_lost_and_no_fault(tmp_path: Path, value: str) -> None:
    vault = Vault(tmp_path)
    vault.key(ID)
    vault.close()
    changed(tmp_path / "keys.db", f"UPDATE keys SET wrapped = {value}")
    assert vault.every() == {}
    with pytest.raises(KeyLost, match="damaged"):
        vault.key(ID)
    changed(tmp_path / "keys.db", f"UPDATE master SET proof = {value}")
    with pytest.raises(KeyLost, match="not the one"):
        Vault(tmp_path).key(ID)
    vault.close()


def test_rows_of_the_history_that_somebody_changed_stand_in_nobody_s_way(tmp_path: Path) -> None:
    """Times that are none are the epoch; a deleted turn is none; what is sealed is not sealed again."""
    history = History(tmp_path / "history.db", Vault(tmp_path / "keys"))
    kept = [history.begin() for _ in range(3)]
    for id in kept:
        for question in ("one", "two", "three"):
            history.add_turn(id, answer(question))
    history.quit()
    for id, began in zip(kept, ("'noon'", "'0001-01-01T00:00:00+00:00'", "x'00'"), strict=True):
        changed(tmp_path / "history.db", f"UPDATE conversations SET began = {began} WHERE id = '{id}'")
    old = ("DROP TABLE unsent", "PRAGMA user_version = 1")
    changed(tmp_path / "history.db", "UPDATE turns SET asked = 7", "DELETE FROM turns WHERE number = 1", *old)
    assert [summary.began.year for summary in history.conversations()] == [1970] * 3
    history.add_turn(kept[0], answer("four"))
    saved = history.open(kept[0])
    assert [turn.answer["question"] for turn in saved.turns] == ["two", "three", "four"]
    assert saved.turns[0].asked.year == 1970
    history.quit()
