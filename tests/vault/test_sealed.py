"""Caches between processes: sealed, bounded, forgotten with their key, and never the cause of a fault."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import killed
import pytest
import smalldisk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_command import unprivileged
from rings import Ring

from edge_assistant import atomic
from edge_assistant.errors import KeyGone, StorageFull
from edge_assistant.vault import master, sealed
from edge_assistant.vault.sealed import SealedCache
from edge_assistant.vault.vault import Vault

SECRET = b"penicillin since 2019, Mrs Quorlindavey"
BESIDE = 28  # bytes of a file beside what is sealed: nonce and tag
ID = "00112233aabbccdd"


@pytest.fixture
def vault(home: Path) -> Vault:
    """The user's, whose master key is made."""
    vault = Vault()
    vault.key(ID)
    return vault


def cache(vault: Vault, most: int = 1 << 20, name: str = "evidence") -> SealedCache:
    return SealedCache(name, most, vault)


def files(name: str = "evidence") -> list[Path]:
    return sorted((sealed.sealed_dir() / name).iterdir())


def test_what_is_put_is_got_by_the_next_process(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)

    assert cache(Vault()).get("a form") == SECRET
    assert cache(Vault()).get("another") is None
    cache(vault).put("a form", b"anew")
    assert cache(Vault()).get("a form") == b"anew"
    assert len(files()) == 1


def test_files_tell_nothing_and_are_their_owners_alone(vault: Vault) -> None:
    cache(vault).put("Quorlindavey", SECRET)
    (file,) = files()

    assert SECRET not in file.read_bytes()
    assert file.name != sealed.Key(bytes(64)).digest(b"Quorlindavey")
    assert len(file.read_bytes()) == len(SECRET) + BESIDE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (file.parent, file.parent.parent)] == [0o700, 0o700]


@given(key=st.text(max_size=30), data=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_key_and_any_bytes(vault: Vault, key: str, data: bytes) -> None:
    kept = cache(vault)
    kept.put(key, data)

    assert kept.get(key) == data


def test_a_key_that_is_no_unicode(vault: Vault) -> None:
    cache(vault).put("\udcff.png", SECRET)

    assert cache(vault).get("\udcff.png") == SECRET


def test_a_folder_that_others_may_look_into_is_shut(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)
    files()[0].parent.chmod(0o755)
    cache(vault).get("a form")

    assert stat.S_IMODE(files()[0].parent.stat().st_mode) == 0o700


def test_the_key_of_a_cache_is_no_conversation(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)

    assert vault.ids() == list(vault.every()) == [ID]
    assert vault.caches() == ["cache:evidence"]


# bounds


def used(file: Path, seconds_ago: float) -> None:
    at = time.time() - seconds_ago
    os.utime(file, (at, at))


def test_what_was_used_least_is_dropped(vault: Vault) -> None:
    kept = cache(vault, 3 * (1_000 + BESIDE) + 200)
    for key in "abc":
        kept.put(key, bytes(1_000))
        for file in files():
            used(file, time.time() - file.stat().st_mtime + 100)
    kept.get("a")
    kept.put("d", bytes(1_000))

    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3_000)), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_no_more_is_kept_than_may_be(vault: Vault, puts: list[tuple[int, int]]) -> None:
    kept = cache(vault, 5_000)
    for key, size in puts:
        kept.put(str(key), bytes(size))
        assert kept.get(str(key)) == bytes(size)
        assert sum(file.stat().st_size for file in files()) <= 5_000
        assert sealed.kept_bytes() == sum(file.stat().st_size for file in files())


def test_what_alone_is_too_large_is_not_kept_and_drops_nothing(vault: Vault) -> None:
    kept = cache(vault, 5_000)
    kept.put("small", SECRET)
    kept.put("large", bytes(5_000))

    assert kept.get("large") is None
    assert kept.get("small") == SECRET


def test_no_more_files_are_kept_than_may_be(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "MOST_FILES", 3)
    for number in range(6):
        cache(vault).put(str(number), SECRET)

    assert len(files()) == 3


# what does not belong there


@pytest.mark.parametrize("place", [0, 11, 12, 30, -17, -16, -1])
def test_a_damaged_file_is_removed_and_made_anew(vault: Vault, place: int) -> None:
    kept = cache(vault)
    kept.put("a form", SECRET)
    (file,) = files()
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)

    assert kept.get("a form") is None
    assert files() == []
    kept.put("a form", SECRET)
    assert kept.get("a form") == SECRET


@pytest.mark.parametrize("length", [0, 1, 12, 27, 28, 40])
def test_a_file_that_breaks_off(vault: Vault, length: int) -> None:
    cache(vault).put("a form", SECRET)
    os.truncate(files()[0], length)

    assert cache(vault).get("a form") is None
    assert files() == []


def test_a_file_in_the_place_of_another_is_none(vault: Vault) -> None:
    kept = cache(vault)
    kept.put("a form", SECRET)
    (form,) = files()
    kept.put("a note", b"none")
    (note,) = set(files()) - {form}
    note.write_bytes(form.read_bytes())

    assert kept.get("a note") is None
    assert kept.get("a form") == SECRET


def test_a_file_of_another_cache_is_none(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)
    other = cache(vault, name="language")
    other.put("a form", b"its own")
    (theirs,) = files("language")
    theirs.write_bytes(files()[0].read_bytes())

    assert other.get("a form") is None


def test_a_link_is_not_followed(vault: Vault, tmp_path: Path) -> None:
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
    file.symlink_to(tmp_path / "theirs")
    sealed.forget_all(vault)
    assert (tmp_path / "theirs").read_bytes() == before
    assert files() == []


def test_a_folder_that_is_a_link_is_not_used(vault: Vault, tmp_path: Path) -> None:
    sealed.sealed_dir().mkdir(parents=True)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / ("0" * 64)).write_bytes(b"not ours")
    (sealed.sealed_dir() / "evidence").symlink_to(tmp_path / "theirs")
    kept = cache(vault)
    kept.put("a form", SECRET)

    assert kept.get("a form") is None
    kept.forget()
    sealed.forget_all(vault)
    assert [file.name for file in (tmp_path / "theirs").iterdir()] == ["0" * 64]


def test_a_pipe_is_not_waited_for(vault: Vault) -> None:
    kept = cache(vault)
    kept.put("a form", SECRET)
    (file,) = files()
    file.unlink()
    os.mkfifo(file)

    assert kept.get("a form") is None


def test_what_is_not_of_a_cache_is_left_alone(vault: Vault) -> None:
    cache(vault).put("a form", SECRET)
    (theirs := files()[0].parent / "notes.txt").write_text("mine")
    (files()[0].parent / ("1" * 64)).mkdir()
    cache(vault, 100).put("a note", SECRET)
    sealed.forget_all(vault)

    assert theirs.read_text() == "mine"


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
    assert theirs.get("a form") == SECRET
    sealed.forget_all(Vault())

    assert vault.caches() == []
    assert vault.ids() == [ID]
    assert sealed.kept_bytes() == 0
    assert theirs.get("a form") is None
    theirs.put("a form", b"anew")
    assert cache(vault).get("a form") == b"anew"


def test_forgetting_where_there_is_nothing(home: Path) -> None:
    sealed.forget_all(Vault())
    SealedCache("evidence", 100).forget()

    assert sealed.kept_bytes() == 0


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


def test_a_disk_that_is_full_keeps_nothing_and_is_said_once(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sealed, "ROOM", 0)
    with smalldisk.mounted(tmp_path / "disk") as disk, caplog.at_level(logging.WARNING):
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


def test_a_disk_is_not_filled_to_the_brim(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with smalldisk.mounted(tmp_path / "disk") as disk:
        SealedCache("evidence", 8 << 20, vault, disk / "evidence").put("a form", SECRET)
        assert list((disk / "evidence").iterdir()) == []
    assert "less than 256 MiB would stay free" in caplog.text


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

    assert done.stdout.startswith(f"{StorageFull.__name__} what is kept to be quicker the next time cannot be written")
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
    for line in range(1, total, 7):
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
