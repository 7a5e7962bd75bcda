"""The history in bad moments: killed processes, full disks, damaged files, several apps."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers import smalldisk
from helpers.conversations import answer

from edge_assistant.core.errors import StorageFull
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.history.rows import UNREADABLE
from edge_assistant.history.store import History, Saved, SavedState

WRITES = """
import os, signal, sys
from pathlib import Path
from helpers.conversations import answer
from edge_assistant.history import rows, store
history = store.History(Path(sys.argv[1]))
kept = history.begin()
"""
FOR_EVER = (
    WRITES
    + """
number = 0
while True:
    number += 1
    history.add_turn(kept, answer(str(number), "x" * (number * 97 % 20_000)))
    print(number, flush=True)
"""
)
IN_THE_MIDDLE = (
    WRITES
    + """
history.add_turn(kept, answer("1"))
add = rows.add_turn
def killed(*what):
    add(*what)
    os.kill(os.getpid(), signal.SIGKILL)  # all is written, nothing is committed
rows.add_turn = killed
history.add_turn(kept, answer("2"))
"""
)


def run(script: str, file: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", script, str(file)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def questions(saved: Saved | None) -> list[str]:
    assert saved is not None
    return [turn.answer["question"] for turn in saved.turns]


def offered(file: Path) -> Saved | None:
    """What an app that starts now offers."""
    history = History(file)
    try:
        return history.unfinished()
    finally:
        history.quit()


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.053])
def test_killed_at_any_moment(tmp_path: Path, moment: float) -> None:
    file = tmp_path / "history.db"
    process = run(IN_THE_MIDDLE, file)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert questions(offered(file)) == ["1"]
    file = tmp_path / "another" / "history.db"
    process = run(FOR_EVER, file)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(moment)
    process.kill()
    told = 1 + len(process.stdout.read().split())
    process.wait()
    process.stdout.close()
    found = questions(offered(file))
    assert found == [str(number + 1) for number in range(len(found))]
    assert told <= len(found) <= told + 1  # the one being written may have been committed, and not told yet
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_running_app_keeps_its_conversation(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    process = run(FOR_EVER, file)
    assert process.stdout is not None
    process.stdout.readline()
    assert offered(file) is None
    process.kill()
    process.communicate()
    first, second = History(file), History(file)
    assert [app.unfinished() is None for app in (first, second)] == [False, True]
    first.quit()
    second.quit()


def test_two_apps_that_start_at_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "history.db"
    processes = [run(WRITES + "for i in range(20): history.add_turn(kept, answer(str(i)))", file) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    history = History(file)
    assert [found.turns for found in history.conversations()] == [20, 20, 20]
    history.quit()


# a disk that is full


def test_a_disk_that_is_full_and_has_room_again(tmp_path: Path) -> None:
    with smalldisk.mounted(tmp_path / "disk") as small_disk:
        filler = smalldisk.fill(small_disk)
        history = History(small_disk / "history" / "history.db")
        calls: list[Callable[[], object]] = [lambda: history.add_turn(history.begin(), answer()), history.unfinished]
        for call in calls:
            with pytest.raises(StorageFull, match="the history cannot be written: the disk is full"):
                call()
        filler.unlink()
        kept = history.begin()
        history.add_turn(kept, answer("1"))
        filler = smalldisk.fill(small_disk)
        big = take_bytes(os.urandom(300_000), Kind.IMAGE, 1, origin=Origin.CAMERA, name="snapshot")
        with pytest.raises(StorageFull) as caught:
            history.add_signal(kept, big, big.data)
        assert str(caught.value) == "the history cannot be written: the disk is full - free some space, then ask again"
        assert caught.value.exit_status == 6
        filler.unlink()
        history.add_signal(kept, big, big.data)
        history.add_turn(kept, answer("2"))
        assert history.note == ""
        history.quit()
        saved = offered(small_disk / "history" / "history.db")
        assert questions(saved) == ["1", "2"]
        assert saved is not None
        assert saved.present == (big,)


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """Where nothing may be mounted: the system refuses to let a file grow."""
    history = History(tmp_path / "history.db")
    kept = history.begin()
    history.add_turn(kept, answer("1"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    big = os.urandom(400_000)
    try:
        with pytest.raises(StorageFull, match="the history cannot be written"):
            history.add_signal(kept, take_bytes(big, Kind.IMAGE, 1, origin=Origin.CAMERA, name="snapshot"), big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    history.add_turn(kept, answer("2"))
    assert questions(history.open(kept)) == ["1", "2"]
    history.quit()


# a damaged file


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, str]:
    """A history of 60 turns, closed, in one file."""
    file = tmp_path / "history.db"
    history = History(file)
    id = history.begin()
    for number in range(60):
        history.add_turn(id, answer(str(number), os.urandom(800).hex()))
    history.quit()
    return file, id


def overwritten(file: Path, start: int, data: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(start)
        stream.write(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no database at all": lambda file: file.write_bytes(b"This is a letter, not a database. " * 500),
    "the beginning is overwritten": lambda file: overwritten(file, 0, os.urandom(100)),
    "the list of tables is overwritten": lambda file: overwritten(file, 100, os.urandom(3000)),
    "all but the first page is overwritten": lambda file: overwritten(file, 4096, os.urandom(80_000)),
    "the file is cut": lambda file: os.truncate(file, 5000),
}


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside(kept: tuple[Path, str], damage: str, running: bool) -> None:
    file, _ = kept
    history = History(file)
    if running:
        assert len(history.conversations()) == 1
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    DAMAGES[damage](file)
    damaged = file.read_bytes()
    assert history.conversations() == []
    assert history.unfinished() is None
    history.add_turn(history.begin(), answer("afterwards"))
    assert [found.title for found in history.conversations()] == ["afterwards"]
    (aside,) = file.parent.glob("history-damaged-*.db")
    assert history.note == f"the history was damaged; it is set aside as {aside.name}, and a new one is begun"
    assert aside.read_bytes() == damaged
    assert History(file).note == ""
    history.quit()


def test_a_turn_that_cannot_be_read_leaves_the_others(kept: tuple[Path, str]) -> None:
    file, id = kept
    history = History(file)
    shots = [take_bytes(b"shot%d" % n, Kind.IMAGE, n, origin=Origin.CAMERA, name="snapshot") for n in (1, 2, 3)]
    for shot in shots:
        history.add_signal(id, shot, shot.data)
    history.quit()
    with sqlite3.connect(file) as connection:
        # One byte more, as the one in its place could be this one already
        connection.execute(
            "UPDATE turns SET body = CAST(substr(body, 1, 200) || x'00' || substr(body, 201) AS BLOB) WHERE number = 7"
        )
        connection.execute("UPDATE turns SET body = x'' WHERE number = 9")
        connection.execute("UPDATE signals SET data = x'00' WHERE id = 'image:2'")
        connection.execute("UPDATE signals SET body = x'00' WHERE id = 'image:3'")
        connection.execute("UPDATE conversations SET title = x'00'")
    connection.close()
    saved = offered(file)
    assert questions(saved) == [str(number) for number in range(60) if number not in (6, 8)]
    assert saved is not None
    assert (saved.title, saved.lost) == (UNREADABLE, 3)
    assert [found.state for found in saved.signals] == [SavedState.READY, SavedState.GONE]
    assert saved.present == (shots[0],)


def test_one_that_nobody_has_any_more_is_closed(kept: tuple[Path, str]) -> None:
    history = History(kept[0])
    assert history.conversations()
    ending = history._database._ending
    assert ending.alive
    del history
    gc.collect()
    assert not ending.alive
