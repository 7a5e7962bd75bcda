"""Caches where the key, the disk or another process is not as it should be: nothing is kept then, and nothing fails."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import killed, smalldisk
from helpers.commands import unprivileged
from helpers.keys import ID, SECRET, Ring, cache, files, used

from edge_assistant.core.errors import StorageReadOnly
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


def test_without_a_master_key_none_is_made(home: Path) -> None:
    SealedCache("evidence", 1 << 20).put("a form", SECRET)
    assert SealedCache("evidence", 1 << 20).get("a form") is None
    assert not (home / "keys").exists()


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


def test_a_folder_that_cannot_be_made_or_written(vault: Vault, home: Path) -> None:
    (home / "cache" / "sealed").write_text("a file where the folder should be")
    kept = cache(vault)
    kept.put("a form", SECRET)
    assert kept.get("a form") is None
    sealed.forget_all(vault)


def test_what_may_not_be_removed_is_said_when_it_is_forgotten(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)
    folder = files()[0].parent
    script = (
        "import os; from pathlib import Path; from edge_assistant.vault import sealed\n"
        "from edge_assistant.vault.vault import Vault; sealed._ours = lambda folder: True\n"
        "try: sealed.forget_all(Vault())\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    folder.chmod(0o500)
    command = [*unprivileged(), sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    folder.chmod(0o700)
    assert done.stdout.startswith(f"{StorageReadOnly.__name__} the evidence cache cannot be written")
    assert vault.caches() == []  # the key went first
    sealed.forget_all(vault)
    assert files() == []


# crashes and company


@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
def test_killed_while_it_is_put(vault: Vault, nameless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not nameless:
        monkeypatch.setattr(atomic, "_DESCRIPTORS", tmp_path / "not there")
    vault.close()

    def put() -> None:
        cache(Vault()).put("a form", SECRET)

    total = killed.lines(put)
    for line in range(1, total, 23):
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


def test_a_file_that_another_process_is_writing_is_left_alone(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)
    (theirs := files()[0].parent / f"{atomic.PREFIX}1").write_bytes(b"half")
    cache(vault).put("a note", SECRET)
    assert theirs.exists()
    sealed.forget_all(vault)
    assert not theirs.exists()


_COMPANY = """
import sys
from edge_assistant.vault.sealed import SealedCache
from edge_assistant.vault.vault import Vault

kept = SealedCache("evidence", 20_000, Vault())
sys.stdin.read()
wrong = 0
for number in range(300):
    key = str((number * int(sys.argv[1])) % 17)
    found = kept.get(key)
    wrong += found is not None and found != key.encode() * 900
    kept.put(key, key.encode() * 900)
    if number % 97 == 96:
        kept.forget()
print(wrong)
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


def test_threads_share_one(vault: Vault) -> None:
    from concurrent.futures import ThreadPoolExecutor

    kept = cache(vault, 20_000)

    def one(number: int) -> bool:
        key = str(number % 13)
        kept.put(key, key.encode() * 700)
        return kept.get(key) in (None, key.encode() * 700)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(one, range(200)))
