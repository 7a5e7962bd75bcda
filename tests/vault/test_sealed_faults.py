"""Caches where the key, the disk or another process is not as it should be: nothing is kept then, and nothing fails."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import killed, smalldisk
from helpers.keys import ID, SECRET, Ring, cache, files, used

from edge_assistant.storage import atomic
from edge_assistant.vault import master, sealed
from edge_assistant.vault.sealed import SealedCache
from edge_assistant.vault.vault import Vault

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
    sealed.forget_all(vault)


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
        monkeypatch.setattr(sealed, "ROOM", 0)
        kept = SealedCache("evidence", 8 << 20, vault, disk / "evidence")
        kept.put("a form", SECRET)
        monkeypatch.setattr(sealed.shutil, "disk_usage", lambda folder: type("", (), {"free": 1 << 40}))
        kept.put("a film", bytes(2 << 20))
        kept.put("a film", bytes(2 << 20))
        assert kept.get("a form") == SECRET
        assert kept.get("a film") is None
        assert len(list((disk / "evidence").iterdir())) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "the cache evidence keeps nothing: No space left on device"
    ]


# crashes and company


@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
def test_killed_while_it_is_put(vault: Vault, nameless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not nameless:
        monkeypatch.setattr(atomic, "_DESCRIPTORS", tmp_path / "not there")
    cache(vault).put("a note", SECRET)
    (theirs := files()[0].parent / f"{atomic.PREFIX}1").write_bytes(b"half")
    cache(vault).put("a form", SECRET)
    assert theirs.exists(), "another process may be writing it"
    sealed.forget_all(vault)
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
        sealed.forget_all(Vault())


# Threads share one cache, beside other processes.
_COMPANY = """
import sys
from concurrent.futures import ThreadPoolExecutor
from edge_assistant.vault.sealed import SealedCache
from edge_assistant.vault.vault import Vault

kept = SealedCache("evidence", 20_000, Vault())
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
    command = [sys.executable, "-c", _COMPANY]
    started = [
        subprocess.Popen([*command, step], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for step in "357"
    ]
    told = [process.communicate()[0] for process in started]
    assert told == ["0\n"] * 3
    cache(vault, 20_000).put("the last", SECRET)
    assert sealed.kept_bytes() <= 20_000
    assert {file.name[:1] for file in files()}.isdisjoint({"."})
