"""Caches between processes: sealed, bounded, forgotten with their key, and never the cause of a fault."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import killed, smalldisk
from helpers.commands import at_once, unprivileged
from helpers.keys import ID, SECRET, Ring, cache, files, used
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant.core.errors import KeyGone
from edge_assistant.storage import atomic
from edge_assistant.vault import caches, master
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import FILE, Vault

BESIDE = 28  # bytes of a file beside what is sealed: nonce and tag


def test_what_is_put_is_got_by_the_next_process_and_its_file_tells_nothing(vault: Vault) -> None:
    cache(vault).put("Quorlindavey", b"before")
    cache(vault).put("Quorlindavey", SECRET)
    assert cache(Vault()).get("Quorlindavey") == SECRET
    assert cache(Vault()).get("another") is None
    (file,) = files()
    assert SECRET not in file.read_bytes()
    assert file.name != caches.Key(bytes(64)).digest(b"Quorlindavey")
    assert len(file.read_bytes()) == len(SECRET) + BESIDE
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, *file.parents[:2])] == [0o600, 0o700, 0o700]
    file.parent.chmod(0o755)  # it is shut again
    cache(vault).get("a form")
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert vault.ids() == list(vault.every()) == [ID], "the key of a cache is no conversation"
    assert vault.caches() == ["cache:evidence"]


def test_a_key_alone_is_a_cache_too_and_lacks_what_is_not_put(vault: Vault) -> None:
    """Under it could still be kept what was made before it is forgotten."""
    kept = cache(vault)
    assert not caches.any_kept(vault)
    assert not kept.lacks("a form"), "nothing can be kept without a key"
    kept.mark()
    assert kept.lacks("a form")
    assert (caches.kept_bytes(), caches.any_kept(vault)) == (0, True)
    kept.put("a form", SECRET)
    assert not kept.lacks("a form")
    caches.forget_all(vault)
    assert not caches.any_kept(vault)


@given(key=st.text(max_size=30) | st.just("\udcff.png"), data=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_key_and_any_bytes(vault: Vault, key: str, data: bytes) -> None:
    kept = cache(vault)
    kept.put(key, data)
    assert kept.get(key) == data


# bounds


def test_what_was_used_least_is_dropped(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = cache(vault, 3 * (1_000 + BESIDE) + 200)
    for key in "abc":
        kept.put(key, bytes(1_000))
        for file in files():
            used(file, time.time() - file.stat().st_mtime + 100)
    kept.get("a")
    kept.put("d", bytes(1_000))
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]
    monkeypatch.setattr(caches, "MOST_FILES", 2)
    kept.put("e", b"")
    assert len(files()) == 2


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3_000)), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_no_more_is_kept_than_may_be(vault: Vault, puts: list[tuple[int, int]]) -> None:
    kept = cache(vault, 5_000)
    for key, size in puts:
        kept.put(str(key), bytes(size))
        kept.put("large", bytes(5_000))  # alone it is too large, and drops nothing
        assert kept.get("large") is None
        assert kept.get(str(key)) == bytes(size)
        assert sum(file.stat().st_size for file in files()) <= 5_000
        assert caches.kept_bytes() == sum(file.stat().st_size for file in files())


# what does not belong there


def test_a_file_that_is_damaged_or_breaks_off_is_removed_and_made_anew(vault: Vault) -> None:
    kept = cache(vault)
    kept.put("a form", SECRET)
    (file,) = files()
    whole = file.read_bytes()
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (0, 11, 12, 30, len(whole) - 17)]
    for data in (*flipped, whole[:-1] + bytes([whole[-1] ^ 1]), *(whole[:length] for length in (0, 1, 12, 27, 28, 40))):
        file.write_bytes(data)
        assert kept.get("a form") is None
        assert files() == []
        kept.put("a form", SECRET)
        assert kept.get("a form") == SECRET


def test_a_file_in_the_place_of_another_is_none(vault: Vault) -> None:
    kept, other = cache(vault), cache(vault, name="language")
    kept.put("a form", SECRET)
    (form,) = files()
    kept.put("a note", b"none")
    other.put("a form", b"its own")
    for theirs in (*set(files()) - {form}, *files("language")):
        theirs.write_bytes(form.read_bytes())
    assert kept.get("a note") is other.get("a form") is None
    assert kept.get("a form") == SECRET


def test_a_link_is_not_followed_and_a_pipe_not_waited_for(vault: Vault, tmp_path: Path) -> None:
    kept = cache(vault)
    kept.put("a form", SECRET)
    (file,) = files()
    (tmp_path / "theirs").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(tmp_path / "theirs")
    before = (tmp_path / "theirs").read_bytes()
    assert kept.get("a form") is None
    kept.put("a form", b"anew")
    assert kept.get("a form") == b"anew"
    assert not file.is_symlink()
    assert (tmp_path / "theirs").read_bytes() == before
    file.unlink()
    os.mkfifo(file)
    assert kept.get("a form") is None
    file.unlink(missing_ok=True)
    file.symlink_to(tmp_path / "theirs")
    caches.forget_all(vault)
    assert (tmp_path / "theirs").read_bytes() == before
    assert files() == []


def test_what_is_not_of_a_cache_is_left_alone(vault: Vault, tmp_path: Path) -> None:
    cache(vault).put("a form", SECRET)
    (theirs := files()[0].parent / "notes.txt").write_text("mine")
    (files()[0].parent / ("1" * 64)).mkdir()
    cache(vault, 100).put("a note", SECRET)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / ("0" * 64)).write_bytes(b"not ours")
    (caches.sealed_dir() / "linked").symlink_to(tmp_path / "theirs")
    kept = cache(vault, name="linked")
    kept.put("a form", SECRET)
    assert kept.get("a form") is None
    kept.forget()
    caches.forget_all(vault)
    assert theirs.read_text() == "mine"
    assert [file.name for file in (tmp_path / "theirs").iterdir()] == ["0" * 64]


# forgetting


def test_what_is_forgotten_is_noise_even_in_copies(vault: Vault) -> None:
    kept = cache(vault)
    kept.put("a form", SECRET)
    (file,) = files()
    copy = file.read_bytes()
    kept.forget()
    assert files() == []
    assert kept.get("a form") is cache(Vault()).get("a form") is None
    with pytest.raises(KeyGone):
        vault.existing("cache:evidence")
    file.write_bytes(copy)
    assert kept.get("a form") is None
    kept.put("another", b"anew")
    assert not file.exists()  # what a former key sealed takes no room
    file.write_bytes(copy)
    assert kept.get("a form") is None
    assert kept.get("another") == b"anew"


def test_all_caches_are_forgotten_whatever_they_are_called(vault: Vault) -> None:
    for name in ("evidence", "language", "of-tomorrow"):
        cache(vault, name=name).put("a form", SECRET)
    theirs = cache(Vault())
    since = theirs.mark()
    assert since == cache(vault).mark() != cache(vault, name="language").mark()
    assert theirs.get("a form") == SECRET
    caches.forget_all(Vault())
    assert vault.caches() == []
    assert vault.ids() == [ID]
    assert caches.kept_bytes() == 0
    assert theirs.get("a form") is None
    theirs.put("a form", SECRET, since)
    assert files() == [], "what was made before is not kept past it"
    theirs.put("a form", b"anew")
    assert cache(vault).get("a form") == b"anew"


def test_a_key_of_time_to_come_is_old(vault: Vault) -> None:
    """The clock was ahead when it was made: what it seals must not outlive what may be kept by as much."""
    day = timedelta(days=1)
    for name, made in (("evidence", timedelta()), ("language", 400 * day), ("older", -2 * day)):
        cache(vault, name=name).mark()
        at = (datetime.now(UTC) + made).isoformat()
        with closing(sqlite3.connect(vault.folder / FILE, isolation_level=None)) as connection:
            connection.execute("UPDATE keys SET made = ? WHERE id = ?", (at, f"cache:{name}"))
    assert set(vault.caches()) == {"cache:evidence", "cache:language", "cache:older"}
    assert set(vault.caches(datetime.now(UTC) - day)) == {"cache:language", "cache:older"}


# the key is not to be had


def test_a_lost_key_is_no_fault_and_is_said_once(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    cache(vault).put("a form", SECRET)
    (vault.folder / master.FILE).write_bytes(bytes(32))
    kept = cache(Vault())
    with caplog.at_level(logging.WARNING):
        assert kept.get("a form") is None
        kept.put("a form", SECRET)
    (record,) = caplog.records
    assert record.getMessage().startswith("the cache evidence keeps nothing: the master key is not the one")
    assert len(files()) == 1  # it may come back


def test_without_a_master_key_or_a_folder_nothing_is_kept(home: Path) -> None:
    SealedCache("evidence", 1 << 20).put("a form", SECRET)
    assert SealedCache("evidence", 1 << 20).get("a form") is None
    assert not (home / "keys").exists()
    vault = Vault()
    vault.key(ID)
    (home / "cache" / "sealed").write_text("a file where the folder should be")
    cache(vault).put("a form", SECRET)
    assert cache(vault).get("a form") is None
    caches.forget_all(vault)


def test_a_keyring_is_asked_by_nobody_but_who_opens_the_vault(vault: Vault, ring: Ring, tmp_path: Path) -> None:
    """It may be locked, and then a person is asked for a password, and waited for."""
    opened = Vault(tmp_path)
    opened.key(ID)
    SealedCache("evidence", 1 << 20, opened).put("a form", SECRET)
    assert SealedCache("evidence", 1 << 20, opened).get("a form") == SECRET
    asked: list[str] = []
    ring.fails = lambda: asked.append("asked")
    shut = SealedCache("evidence", 1 << 20, Vault(tmp_path))
    shut.put("a form", b"anew")
    assert shut.get("a form") is None
    assert asked == []


# the disk


def test_a_disk_that_is_full_or_nearly_so_keeps_nothing_and_is_said_once(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with smalldisk.mounted(tmp_path / "disk") as disk, caplog.at_level(logging.WARNING):
        SealedCache("evidence", 8 << 20, vault, disk / "evidence").put("a form", SECRET)
        assert list((disk / "evidence").iterdir()) == []
        assert "less than 256 MiB would stay free" in caplog.text
        caplog.clear()
        monkeypatch.setattr(caches, "ROOM", 0)
        kept = SealedCache("evidence", 8 << 20, vault, disk / "evidence")
        kept.put("a form", SECRET)
        monkeypatch.setattr(caches.shutil, "disk_usage", lambda folder: type("", (), {"free": 1 << 40}))
        kept.put("a film", bytes(2 << 20))
        kept.put("a film", bytes(2 << 20))
        assert kept.get("a form") == SECRET
        assert kept.get("a film") is None
        assert len(list((disk / "evidence").iterdir())) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "the cache evidence keeps nothing: No space left on device"
    ]


def test_what_may_not_be_removed_is_said_when_it_is_forgotten(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)
    folder = files()[0].parent
    script = (
        "from edge_assistant.vault import caches; from edge_assistant.vault.vault import Vault\n"
        "caches._ours = lambda folder: True\n"  # else it would be opened again
        "try: caches.forget_all(Vault())\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    folder.chmod(0o500)
    command = [*unprivileged(), sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    folder.chmod(0o700)
    assert done.stdout.startswith("StorageReadOnly the evidence cache cannot be written")
    assert vault.caches() == []  # the key went first
    caches.forget_all(vault)
    assert files() == []


# crashes and company


@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
def test_killed_while_it_is_put(vault: Vault, nameless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not nameless:
        monkeypatch.setattr(atomic, "_DESCRIPTORS", tmp_path / "not there")
    cache(vault).put("a note", SECRET)
    (theirs := files()[0].parent / f"{atomic.PREFIX}1").write_bytes(b"half")
    cache(vault).put("a form", SECRET)
    assert theirs.exists(), "another process may be writing it"
    caches.forget_all(vault)
    assert not theirs.exists()
    vault.close()

    def put() -> None:
        cache(Vault()).put("a form", SECRET)

    total = killed.lines(put)
    for line in range(1, total, 61):
        assert killed.at_line(put, line)
        assert cache(Vault()).get("a form") in (None, SECRET)
        left = [file for file in files() if file.name.startswith(atomic.PREFIX)] if total else []
        assert len(left) <= (0 if nameless else 1)
        for file in left:
            used(file, 100)
        put()
        assert cache(Vault()).get("a form") == SECRET
        assert len(files()) == 1
        caches.forget_all(Vault())


# Threads share one cache, beside other processes.
_COMPANY = """
import sys
from concurrent.futures import ThreadPoolExecutor
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import Vault

kept = SealedCache("evidence", 20_000, Vault())
print("ready", flush=True)
sys.stdin.read()
def one(number):
    key = str((number * int(sys.argv[1])) % 17)
    found = kept.get(key)
    kept.put(key, key.encode() * 900)
    if number % 97 == 96:
        kept.forget()
    return found is not None and found != key.encode() * 900
with ThreadPoolExecutor(2) as pool:
    print(sum(pool.map(one, range(150))))
"""


def test_several_processes_at_once(vault: Vault) -> None:
    told = at_once([sys.executable, "-c", _COMPANY, step] for step in "357")
    assert told == ["0\n"] * 3
    cache(vault, 20_000).put("the last", SECRET)
    assert caches.kept_bytes() <= 20_000
    assert {file.name[:1] for file in files()}.isdisjoint({"."})
