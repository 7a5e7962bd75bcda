"""The proof of forgetting: after each kind of it, and after a crash at any point, nothing is found in any file."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import killed
import planted
import pytest
import smalldisk
import unsealed
from conversations import answer

from edge_assistant.errors import KeyGone, KeyLost, StorageFull, UsageError
from edge_assistant.governance import forgetting
from edge_assistant.governance.audit.rows import FIRST, Row
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.history.store import History
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import Vault

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def temporary(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files lie in the home, too, and are searched with it."""
    (home / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setenv("SQLITE_TMPDIR", str(home / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(home / "tmp"))


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    history = History()
    yield history
    history.quit()


def question() -> str:
    """The key of a question of the command line, with a row in the audit trail."""
    vault, id = Vault(), secrets.token_hex(8)
    trail = Trail(vault=vault)
    trail.append("question", {"digest": vault.key(id).digest(planted.QUESTION.encode())}, id)
    trail.close()
    vault.close()
    return id


def aged(home: Path, *ids: str) -> None:
    """Let conversations and keys be from long ago."""
    at = LONG_AGO.isoformat()
    for file, update in (
        ("history/history.db", "UPDATE conversations SET touched = ? WHERE id = ?"),
        ("keys/keys.db", "UPDATE keys SET made = ? WHERE id = ?"),
    ):
        if (home / file).exists():
            with closing(sqlite3.connect(home / file, isolation_level=None)) as connection:
                for id in ids:
                    connection.execute(update, [at, id])


def wrapped(home: Path) -> dict[str, bytes]:
    """The keys as they are kept, by id."""
    with closing(sqlite3.connect(home / "keys" / "keys.db")) as connection:
        return dict(connection.execute("SELECT id, wrapped FROM keys").fetchall())


def audited(home: Path) -> list[Row]:
    """The rows of the audit trail, of which each carries the code of the one before."""
    trail = Trail()
    rows = trail.read(lambda c, head: [Row(*row) for row in c.execute("SELECT * FROM rows ORDER BY number")])
    before = FIRST
    for row in rows:
        assert (row.previous, row.mac) == (before, row.code(trail.key))
        before = row.mac
    trail.close()
    return rows


def nowhere(home: Path, keys: dict[str, bytes], gone: list[str]) -> None:
    """Neither a planted word nor a key of what was forgotten is in any file."""
    assert planted.found([home]) == []
    raw = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert [id for id in gone if any(keys[id][at : at + 16] in raw for at in (0, 40, 76))] == []
    assert not (home / "keys" / forgetting.INTENT).exists()
    assert not [lock for lock in (home / "history" / "open").glob("*") if lock.stem in gone]
    history = History()
    for id in gone:
        with pytest.raises(UsageError, match="no such conversation"):
            history.open(id)
        with pytest.raises(KeyGone):
            history.vault.existing(id)
    history.quit()


Kind = Callable[[History, list[str]], object]
KINDS: dict[str, Kind] = {
    "conversation": lambda history, gone: forgetting.forget(history, gone),
    "before": lambda history, gone: forgetting.forget_before(history, datetime.now(UTC) - timedelta(days=1)),
    "expired": lambda history, gone: forgetting.expire(30, history),
    "all": lambda history, gone: forgetting.forget_all(history),
}


class Home:
    """A home with two conversations that are old, one that is not, and two questions of the command line."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        history = History()
        ids = [planted.plant(history) for _ in range(3)]
        history.quit()
        questions = [question(), question()]
        aged(folder, *ids[:2], questions[0])
        (folder / "history" / "history-damaged-20200101T000000.db").write_bytes(b"SQLite, sealed")
        os.utime(folder / "history" / "history-damaged-20200101T000000.db", (0, 0))
        (folder / "state").mkdir(exist_ok=True)
        (folder / "state" / "edge-assistant.log").write_text("a fault\n")
        self.gone = {"conversation": ids[:1], "all": [*ids, *questions]}.get(kind, [*ids[:2], questions[0]])
        self.stays = [id for id in ids if id not in self.gone]
        self.keys = wrapped(folder)
        self.work = KINDS[kind]
        self.files = kind == "conversation"
        self.logs = kind != "all"

    def forget(self) -> None:
        history = History()
        self.work(history, self.gone)
        history.quit()

    def complete(self) -> None:
        forgetting.complete()

    def check(self) -> None:
        """What is true once it is forgotten."""
        nowhere(self.folder, self.keys, self.gone)
        history = History()
        assert {summary.id for summary in history.conversations(planted.ANSWER)} == set(self.stays)
        history.quit()
        assert bool(list((self.folder / "history").glob("*damaged*"))) == self.files
        assert (self.folder / "state" / "edge-assistant.log").exists() == self.logs
        rows = [json.loads(row.body) for row in audited(self.folder) if row.kind == "forgot"]
        assert rows
        assert all(set(row["conversations"]) == set(self.gone) for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_forgotten_is_in_no_file(home: Path, kind: str) -> None:
    made = Home(home, kind)
    assert planted.found([home]) == []  # nor could it be read before
    assert all(key in b"".join(f.read_bytes() for f in (home / "keys").iterdir()) for key in made.keys.values())
    made.forget()
    made.check()
    assert len([row for row in audited(home) if row.kind == "forgot"]) == 1


def every_line(home: Path, kind: str, step: int) -> int:
    """Kill it at every so many lines; the next start completes what was begun. How many times it was killed."""
    made = Home(home, kind)
    whole = home.with_name(f"{home.name}-whole")
    shutil.copytree(home, whole, symlinks=True)
    total = killed.lines(made.forget)
    begun = 0
    for line in range(step, total, step):
        shutil.rmtree(home)
        shutil.copytree(whole, home, symlinks=True)
        assert killed.at_line(made.forget, line)
        assert planted.found([home]) == []
        begun += forgetting.pending()
        made.complete()
        if len(wrapped(home)) == len(made.keys):  # it was killed before it began
            made.forget()
        made.check()
    shutil.rmtree(whole)
    assert begun
    return len(range(step, total, step))


@pytest.mark.parametrize(("kind", "step"), [("conversation", 83), ("before", 149), ("expired", 211), ("all", 113)])
def test_killed_in_the_middle(home: Path, kind: str, step: int) -> None:
    assert every_line(home, kind, step) >= 4


@pytest.mark.bench
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_every_line(home: Path, kind: str) -> None:
    assert every_line(home, kind, 1) > 300


def at_random(home: Path, kind: str, times: int, seed: int) -> int:
    """Kill it at moments by chance; how often it was in the middle."""
    made = Home(home, kind)
    whole = home.with_name(f"{home.name}-whole")
    shutil.copytree(home, whole, symlinks=True)
    begun = time.perf_counter()
    made.forget()
    takes, random, hit = time.perf_counter() - begun, Random(seed), 0
    for _ in range(times):
        shutil.rmtree(home)
        shutil.copytree(whole, home, symlinks=True)
        wait = random.uniform(0, 1.5 * takes)
        killed.at_moment(made.forget, lambda wait=wait: time.sleep(wait))  # type: ignore[misc]
        assert planted.found([home]) == []
        hit += forgetting.pending()
        made.complete()
        if len(wrapped(home)) == len(made.keys):
            made.forget()
        made.check()
    shutil.rmtree(whole)
    return hit


def test_killed_at_moments_by_chance(home: Path) -> None:
    at_random(home, "all", 8, seed=1)


@pytest.mark.bench
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_many_moments_by_chance(home: Path, kind: str) -> None:
    assert at_random(home, kind, 200, seed=2) > 5


def test_killed_while_it_completes(home: Path) -> None:
    """A second crash, in what the next start does."""
    made = Home(home, "all")
    assert killed.at_line(made.forget, killed_after_intent(made))
    whole = home.with_name(f"{home.name}-begun")
    shutil.copytree(home, whole, symlinks=True)
    total = killed.lines(made.complete)
    for line in range(50, total, 151):
        shutil.rmtree(home)
        shutil.copytree(whole, home, symlinks=True)
        assert killed.at_line(made.complete, line)
        made.complete()
        made.check()


def killed_after_intent(made: Home) -> int:
    """A line at which it is written down what is to be forgotten, and nothing is done yet."""
    whole = made.folder.with_name(f"{made.folder.name}-first")
    shutil.copytree(made.folder, whole, symlinks=True)
    low, high = 1, killed.lines(made.forget)
    while low < high:  # the first line at which there is an intent
        middle = (low + high) // 2
        shutil.rmtree(made.folder)
        shutil.copytree(whole, made.folder, symlinks=True)
        killed.at_line(made.forget, middle)
        begun = forgetting.pending() or len(wrapped(made.folder)) < len(made.keys)
        low, high = (low, middle) if begun else (middle + 1, high)
    shutil.rmtree(made.folder)
    shutil.copytree(whole, made.folder, symlinks=True)
    return low


# other apps


def test_what_another_app_has_open_is_refused_and_nothing_goes(home: Path, history: History) -> None:
    gone, busy = planted.plant(history), history.begin()
    history.add_turn(busy, answer())
    other = History()
    for call in (lambda: forgetting.forget(other, [gone, busy]), lambda: forgetting.forget_all(other)):
        with pytest.raises(UsageError, match=rf"a conversation is open in another app \({busy}\) - end that app"):
            call()
    assert len(other.conversations()) == 2
    assert not forgetting.pending()
    aged(home, gone, busy)
    assert forgetting.kept(other).busy == [busy]
    assert forgetting.forget_before(other, datetime.now(UTC)) == [gone]
    assert [summary.id for summary in other.conversations()] == [busy]
    history.add_turn(busy, answer("still there"))
    history.close(busy)
    assert forgetting.forget_all(other) == [busy]
    other.quit()


def test_an_app_expires_what_is_old_and_keeps_what_it_has_open(home: Path, history: History) -> None:
    old, mine = planted.plant(history), history.begin()
    history.add_turn(mine, answer())
    aged(home, old, mine)
    assert forgetting.expire(30, history) == 1
    assert [summary.id for summary in history.conversations()] == [mine]
    assert history.vault.ids() == [mine]


def test_one_that_forgets_waits_for_another(home: Path, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    id = planted.plant(history)
    monkeypatch.setattr(forgetting, "_LOCK_WAIT_S", 0.1)
    with forgetting._alone(), pytest.raises(StorageFull, match="another program is forgetting"):
        forgetting.forget(history, [id])
    forgetting.forget(history, [id])


def test_threads_that_forget_at_once(history: History) -> None:
    ids = [planted.plant(history, 1) for _ in range(8)]
    threads = [threading.Thread(target=forgetting.forget, args=(history, [id])) for id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert history.conversations() == []
    assert history.vault.ids() == []


def test_an_app_that_goes_on_with_what_was_forgotten_begins_anew(history: History) -> None:
    id = planted.plant(history)
    other = History()
    other.open(id)
    forgetting.forget(history, [id])
    other.add_turn(id, answer("What else?"))
    saved = other.open(id)
    assert [turn.answer["question"] for turn in saved.turns] == ["What else?"]
    assert saved.lost == 0
    other.quit()


# by itself


def test_questions_of_the_command_line_expire(home: Path) -> None:
    old, new = question(), question()
    aged(home, old)
    assert forgetting.expire(30) == 1
    assert Vault().ids() == [new]
    (row,) = [row for row in audited(home) if row.kind == "forgot"]
    assert json.loads(row.body) == {"why": "expired", "all": False, "conversations": [old], "files": 0}
    assert row.conversation == old


def test_a_command_looks_once_an_hour(home: Path) -> None:
    assert forgetting.expire_when_due(30) == 0
    assert not (home / "keys").exists()  # where nothing was ever sealed, nothing is made
    aged(home, question())
    assert forgetting.expire_when_due(None) == 0
    assert forgetting.expire_when_due(30) == 1
    aged(home, question())
    assert forgetting.expire_when_due(30) == 0
    before = time.time() - forgetting.EVERY_S - 1
    os.utime(home / "keys" / forgetting.EXPIRED, (before, before))
    assert forgetting.expire_when_due(30) == 1


def test_nothing_is_written_where_nothing_is_too_old(home: Path, history: History) -> None:
    planted.plant(history)
    assert forgetting.expire(1, history) == 0
    assert [row.kind for row in audited(home)] == []


# what is lost or damaged


def test_all_goes_where_the_master_key_is_lost(home: Path) -> None:
    history = History()
    planted.plant(history)
    history.quit()
    (home / "keys" / FILE).unlink()
    history = History()
    with pytest.raises(KeyLost):
        history.conversations()
    assert [summary.title for summary in forgetting.kept(history).conversations] == ["(its key is gone)"]
    assert len(forgetting.forget_all(history)) == 1
    assert history.conversations() == []
    planted.plant(history)
    history.quit()


def test_all_goes_where_the_file_of_keys_is_damaged(home: Path) -> None:
    history = History()
    planted.plant(history)
    history.quit()
    (home / "keys" / "keys.db").write_bytes(b"This is a letter. " * 900)
    history = History()
    with pytest.raises(StorageFull, match="the file of keys is damaged"):
        history.conversations()
    forgetting.forget_all(history)
    assert history.conversations() == []
    assert history.vault.ids() == []
    history.quit()


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
    forgetting.forget_all(history)
    history.quit()
    assert planted.found([home]) == []


def test_all_goes_of_a_history_that_is_damaged(home: Path) -> None:
    history = History()
    planted.plant(history)
    history.quit()
    (home / "history" / "history.db").write_bytes(f"{planted.QUESTION} ".encode() * 900)
    history = History()
    forgetting.forget_all(history)
    history.quit()
    assert planted.found([home]) == []
    assert list((home / "history").glob("*damaged*")) == []


def test_an_intent_that_is_none_of_ours_is_removed(home: Path, history: History) -> None:
    id = planted.plant(history)
    (home / "keys" / forgetting.INTENT).write_text("{}")
    forgetting.complete()
    assert not forgetting.pending()
    assert history.open(id)


def test_a_trail_that_cannot_be_written_is_said_and_written_later(home: Path, history: History) -> None:
    id = planted.plant(history)
    question()
    audit = home / "audit"
    audit.rename(home / "elsewhere")
    audit.write_text("a file where the folder should be")
    with pytest.raises(StorageFull):
        forgetting.forget(history, [id])
    assert history.conversations() == []
    assert forgetting.pending()
    audit.unlink()
    (home / "elsewhere").rename(audit)
    forgetting.complete()
    assert [row.kind for row in audited(home)] == ["question", "forgot"]


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with smalldisk.mounted(tmp_path / "disk") as disk:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(disk))
        history = History()
        id = planted.plant(history)
        filler = smalldisk.fill(disk)
        with pytest.raises(StorageFull):
            forgetting.forget(history, [id])
        filler.unlink()
        forgetting.complete(history)
        if history.conversations():  # there was not even room to write down what is to be forgotten
            forgetting.forget(history, [id])
        assert history.vault.ids() == []
        history.quit()
        assert planted.found([disk]) == []
