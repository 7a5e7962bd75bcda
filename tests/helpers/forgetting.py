"""A home with things to forget, and what has to be true once they are."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import planted

from edge_assistant.core.errors import KeyGone, UsageError
from edge_assistant.governance import erasure, intents
from edge_assistant.governance.audit.rows import AuditRow
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.governance.audit.verify import verify, whole
from edge_assistant.history.store import History
from edge_assistant.vault import caches
from edge_assistant.vault.caches import SealedCache
from edge_assistant.vault.vault import Vault

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def question() -> str:
    """The key of a question of the command line, with a row in the audit trail."""
    vault, id = Vault(), secrets.token_hex(8)
    trail = Trail(vault=vault)
    trail.append("question", {"digest": vault.key(id).digest(planted.QUESTION.encode())}, id)
    trail.close()
    vault.close()
    return id


def cached() -> None:
    """What was perceived and what a model read, as caches keep it; of each cache the keys tell words, too."""
    vault = Vault()
    assert vault.place  # no cache makes a master key
    for name in ("evidence", "language"):
        cache = SealedCache(name, 1 << 20, vault)
        for word in planted.WORDS:
            cache.put(f"{name} of {word}", f"{word} ".encode() * 50)
            assert cache.get(f"{name} of {word}")
    vault.close()


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


def audited() -> list[AuditRow]:
    """The rows of the audit trail, which is whole."""
    trail = Trail()
    rows = trail.read(lambda connection: list(whole(connection, trail)))
    assert verify(trail).finding is None
    trail.close()
    return rows


def nowhere(home: Path, keys: dict[str, bytes], gone: list[str]) -> None:
    """Neither a planted word nor a key of what was forgotten is in any file."""
    assert planted.found([home]) == []
    raw = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert [id for id in gone if any(keys[id][at : at + 16] in raw for at in (0, 40, 76))] == []
    assert not (home / "keys" / intents.FILE).exists()
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
    "conversation": lambda history, gone: erasure.forget(history, gone),
    "before": lambda history, gone: erasure.forget_before(history, datetime.now(UTC) - timedelta(days=1)),
    "expired": lambda history, gone: erasure.expire(30, history),
    "all": lambda history, gone: erasure.forget_all(history),
}


_KEPT: list[list[str]] = []  # ids of the conversations and questions of the home that was filled first


def _filled(folder: Path) -> list[list[str]]:
    """Fill a home, or copy the one that was filled first."""
    first = folder.parents[1] / "filled home"
    if first.exists():
        shutil.copytree(first, folder, dirs_exist_ok=True)
        return _KEPT
    history = History()
    ids = [planted.plant(history) for _ in range(3)]
    history.quit()
    questions = [question(), question()]
    cached()
    aged(folder, *ids[:2], questions[0])
    (folder / "history" / "history-damaged-20200101T000000.db").write_bytes(b"SQLite, sealed")
    os.utime(folder / "history" / "history-damaged-20200101T000000.db", (0, 0))
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state" / "edge-assistant.log").write_text("a fault\n")
    _KEPT[:] = ids, questions
    shutil.copytree(folder, first, ignore=lambda at, names: [name for name in names if Path(at, name).is_symlink()])
    return _KEPT


class Home:
    """A home with two conversations that are old, one that is not, two questions of the command line, and caches."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        ids, questions = _filled(folder)
        self.gone = {"conversation": ids[:1], "all": [*ids, *questions]}.get(kind, [*ids[:2], questions[0]])
        self.stays = [id for id in ids if id not in self.gone]
        self.keys = wrapped(folder)
        self.caches = [id for id in self.keys if id.startswith("cache:")]
        assert self.caches
        self.work = KINDS[kind]
        self.files = kind == "conversation"
        self.logs = kind != "all"

    def forget(self) -> None:
        history = History()
        self.work(history, self.gone)
        history.quit()

    def complete(self) -> None:
        erasure.complete()

    def check(self) -> None:
        """What is true once it is forgotten."""
        nowhere(self.folder, self.keys, [*self.gone, *self.caches])
        assert caches.kept_bytes() == 0
        history = History()
        assert {summary.id for summary in history.conversations(planted.ANSWER)} == set(self.stays)
        history.quit()
        assert bool(list((self.folder / "history").glob("*damaged*"))) == self.files
        assert (self.folder / "state" / "edge-assistant.log").exists() == self.logs
        rows = [json.loads(row.body) for row in audited() if row.kind == "forgot"]
        assert rows
        assert all(set(row["conversations"]) == set(self.gone) for row in rows)
