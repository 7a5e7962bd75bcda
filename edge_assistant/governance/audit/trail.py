"""The audit trail: rows in a SQLite file, each with a code over itself and the row before it.

Each row is on the disk when `append` returns. Beside the rows stands how many there are and the code of the last one,
under a code of its own, so that rows which were cut off or added at the end are missed or noticed too. Whoever has an
older copy of the whole file can put that in its place: the checkpoints beside it and a witness among the keys tell, and
where those were set back, too, a checkpoint that is kept elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from edge_assistant.core.errors import KeyLost, StorageDamaged, StorageFull
from edge_assistant.governance.audit import checkpoints
from edge_assistant.governance.audit.checkpoints import GARBLED, PLACE, Signer, TrailCheckpoint, Witness
from edge_assistant.governance.audit.rows import FIRST, AuditRow, Head, canonical, coded
from edge_assistant.storage.atomic import storing
from edge_assistant.storage.database import Database
from edge_assistant.storage.schema import DatabaseSchema
from edge_assistant.storage.sqlite import require_file
from edge_assistant.vault.vault import Vault
from edge_assistant_models import paths

FILE = "audit.db"
CHECKPOINTS = "checkpoints.jsonl"
RESERVE = "reserve"  # a file that is given up where the disk is full, to write down that it was
RESERVE_BYTES = 256 << 10  # SQLite's shared memory of two files, and some pages of their logs
EVERY = 1_000  # rows after which there is a checkpoint, whatever happens
LAYOUT = DatabaseSchema(
    "the audit trail",
    application=0x45644174,  # "EdAt"
    schema=1,
    tables=(
        "CREATE TABLE rows (number INTEGER PRIMARY KEY, time TEXT NOT NULL, conversation TEXT NOT NULL,"
        " kind TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, mac TEXT NOT NULL)",
        "CREATE TABLE head (count INTEGER NOT NULL, mac TEXT NOT NULL, seal TEXT NOT NULL, public TEXT NOT NULL)",
    ),
    hint="see 'edge-assistant audit verify', then restore a copy, or begin a new one: edge-assistant audit begin",
)

_MARKS = "SELECT body FROM rows WHERE kind = 'checkpoint' ORDER BY number"

T = TypeVar("T")
Entry = tuple[str, Mapping[str, Any]]
"""A kind and its facts, of which none may be content: what came in or was said stands as a keyed digest only."""


class Trail:
    """The trail of this machine, for whichever thread and several processes.

    Every method may raise StorageFull, also for a trail that is damaged, and KeyLost.

    Attributes:
        folder: where it lies.
        outside: a file beside it that takes each checkpoint too.
        vault: whose master key its keys come from.
        database: the file with the rows.
        witness: is told with each checkpoint how far the trail has come.
    """

    def __init__(self, folder: Path | None = None, vault: Vault | None = None, outside: Path | None = None) -> None:
        """Name the files; they are opened with the first call.

        Args:
            folder: of the trail; by default `audit` in the data directory.
            vault: whose master key the keys come from.
            outside: takes each checkpoint too; by default `audit/checkpoints.jsonl` in the state directory.
        """
        self.folder = folder or paths.data_dir() / "audit"
        self.outside = outside or paths.state_dir() / "audit" / CHECKPOINTS
        self.vault = vault or Vault()
        self.witness = Witness(self.vault)
        self.database = Database(self.folder / FILE, LAYOUT)
        self._lock = threading.Lock()
        self._keys: tuple[bytes, Signer] | None = None

    @property
    def key(self) -> bytes:
        """The key of the chain, which must not leave the machine."""
        return self._opened()[0]

    @property
    def signer(self) -> Signer:
        """Signs checkpoints and exports."""
        return self._opened()[1]

    def append(self, kind: str, body: Mapping[str, Any], conversation: str = "") -> int:
        """Write a row; it is on the disk when this returns.

        Args:
            kind: what happened, such as `forgot`.
            body: its facts, what JSON can say. Nothing in it may be content: neither what came in nor what was said.
            conversation: its id, or empty.

        Returns:
            The row's number.
        """
        return self.extend([(kind, body)], conversation)

    def extend(self, entries: Sequence[Entry], conversation: str = "", *, checkpoint: bool = False) -> int:
        """Write several rows, all or none, and a checkpoint after them where that is wanted.

        Returns:
            The number of the last row.
        """
        return self._written(entries, conversation, checkpoint)[0]

    def checkpoint(self) -> TrailCheckpoint:
        """Sign how far the trail has come; the checkpoint stands in the trail and in the file beside it, too."""
        made = self._written([], "", True)[1]
        assert made is not None
        return made

    def stopped(self, error: StorageFull, conversation: str = "") -> None:
        """Write that nothing more can be written; there is a reserve for that, which is enough for one time."""
        with contextlib.suppress(OSError, KeyLost):
            (self.folder / RESERVE).unlink()
            keys = self._opened()
            entry = ("stopped", {"code": error.code})
            witness = self.witness.read()
            self.database.write(lambda c: _extended(c, keys, [entry], conversation, False, witness, self.outside))

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look something up, all of one moment."""
        return self.database.read(work)

    def head(self, connection: sqlite3.Connection) -> Head:
        """How far the trail has come."""
        return _head(connection, self._opened())

    def renew(self) -> None:
        """Begin anew where the key that it was begun with is gone for good; the old files are kept beside the new ones.

        Where the trail goes with the key that there is now, nothing happens: one that is damaged is not put away.

        Raises:
            StorageFull: the witness knows rows of this key, so the trail that names another was changed from outside.
        """
        self._opened()  # no key at all, as of a keyring that is locked, is no reason
        try:
            self.read(self.head)
        except KeyLost:
            if (self.witness.read() or Head()).count > 0:
                raise _changed() from None
            self._put_away()

    def begin(self) -> int:
        """Begin anew, whatever state the trail is in; the old files are kept beside the new ones.

        The first row tells how far the old trail had come, so that one that somebody made away with is missed.

        Returns:
            How many rows the old trail had, by its own account or the witness's.
        """
        self._opened()
        heads = [self.witness.read() or Head()]
        with contextlib.suppress(StorageFull, KeyLost):
            heads.append(self.read(self.head))
        former = max(heads, key=lambda head: head.count)
        self._put_away()
        self.append("began", {"rows": max(former.count, 0), "mac": former.mac})
        self.checkpoint()
        return max(former.count, 0)

    def _put_away(self) -> None:
        self.database.close()
        end = f"-until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        with storing(LAYOUT.what):
            for file in (self.folder / FILE, self.folder / f"{FILE}-wal", self.outside):
                with contextlib.suppress(FileNotFoundError):
                    file.rename(file.with_name(file.name.replace(".", f"{end}.", 1)))
            (self.folder / f"{FILE}-shm").unlink(missing_ok=True)
        self.witness.restart()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def _written(
        self, entries: Sequence[Entry], conversation: str, checkpoint: bool
    ) -> tuple[int, TrailCheckpoint | None]:
        require_file(self.outside, checkpoints.WHAT)
        try:
            self._keep_reserve()
            keys, witness = self._opened(), self._witnessed()
            count, made = self.database.write(
                lambda c: _extended(c, keys, entries, conversation, checkpoint, witness, self.outside)
            )
        except StorageFull as error:
            self.stopped(error, conversation)
            raise
        if made is not None:
            self._publish(keys, witness)
        return count, made

    def _witnessed(self) -> Head | None:
        """What the witness knows, which is told when a trail begins."""
        witness = self.witness.read()
        if witness is None and not self.database.read(lambda c: c.execute("SELECT 1 FROM rows").fetchone()):
            self.witness.restart()
            return Head()
        return witness

    def _publish(self, keys: tuple[bytes, Signer], witness: Head | None) -> None:
        """Add the checkpoints to the file beside the trail that it lacks, and tell the witness.

        One process does it at a time, and what one that was killed has left is added by the next. Where the file or
        the witness does not tell the end of before, a row says so for good.
        """

        def published(connection: sqlite3.Connection) -> Head:
            missing, known = _unpublished(connection, self.outside)
            none_yet = witness == Head() and not checkpoints.begun(self.outside)
            places = {self.outside.name: known or none_yet, PLACE: witness not in {None, GARBLED}}
            if lost := [place for place, tells in places.items() if not tells]:
                _extended(connection, keys, [("unwitnessed", {"places": lost})], "", False, None, self.outside)
            for mark in missing:
                checkpoints.add(self.outside, mark)
            return _head(connection, keys)

        self.witness.advance(self.database.write(published))

    def _opened(self) -> tuple[bytes, Signer]:
        with self._lock:
            if self._keys is None:
                self._keys = self.vault.subkey("audit chain"), Signer(self.vault)
            return self._keys

    def _keep_reserve(self) -> None:
        """Make sure that there is a reserve, of bytes that no file system can store smaller.

        Raises:
            StorageFull: there is no room for it.
        """
        reserve = self.folder / RESERVE
        with storing(LAYOUT.what):
            with contextlib.suppress(FileNotFoundError):
                if reserve.stat().st_size == RESERVE_BYTES:
                    return
            self.database.make_folder()
            try:
                reserve.unlink(missing_ok=True)  # a link is not followed, a pipe not waited for
                reserve.write_bytes(os.urandom(RESERVE_BYTES))
            except OSError:
                with contextlib.suppress(OSError):
                    reserve.unlink()
                raise


def _extended(
    connection: sqlite3.Connection,
    keys: tuple[bytes, Signer],
    entries: Sequence[Entry],
    conversation: str,
    checkpoint: bool,
    witness: Head | None,
    outside: Path,
) -> tuple[int, TrailCheckpoint | None]:
    """Write rows; the number of the last one, and the checkpoint where one was due.

    The file beside first gets the checkpoints that it lacks, so that it is never more than one behind.

    Raises:
        StorageFull: the trail was changed from outside, so nothing is added to it.
    """
    key, signer = keys
    before = head = _head(connection, keys)
    last = connection.execute("SELECT number, mac FROM rows ORDER BY number DESC LIMIT 1").fetchone()
    if (last or (0, FIRST)) != (head.count, head.mac) or not _tells_of(connection, witness):
        raise _changed()
    for kind, body in entries:
        head = _added(connection, key, head, conversation, kind, body)
    made = None
    if checkpoint or head.count // EVERY > before.count // EVERY:
        missing, known = _unpublished(connection, outside)
        for mark in missing if known else []:
            checkpoints.add(outside, mark)
        made = signer.checkpoint(head.count, head.mac, _now())
        head = _added(connection, key, head, "", "checkpoint", made.to_json())
    seal = coded(key, ["head", head.count, head.mac])
    connection.execute("DELETE FROM head")
    connection.execute("INSERT INTO head VALUES (?, ?, ?, ?)", [head.count, head.mac, seal, signer.public])
    return head.count, made


def _added(
    connection: sqlite3.Connection, key: bytes, head: Head, conversation: str, kind: str, body: Mapping[str, Any]
) -> Head:
    row = AuditRow(head.count + 1, _now(), conversation, kind, canonical(body), head.mac)
    row = replace(row, mac=row.code(key))
    connection.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(row))
    return Head(row.number, row.mac)


def _tells_of(connection: sqlite3.Connection, witness: Head | None) -> bool:
    """Whether the trail has the row that the witness knows, where it knows one."""
    if witness is None or witness.count < 1:
        return True
    row = connection.execute("SELECT mac FROM rows WHERE number = ?", [witness.count]).fetchone()
    return row is not None and bool(row[0] == witness.mac)


def _unpublished(connection: sqlite3.Connection, outside: Path) -> tuple[list[TrailCheckpoint], bool]:
    """The checkpoints behind the last one of the file beside, and whether that one is in the trail, else the last."""
    last = checkpoints.last(outside)
    wanted = last and canonical(last.to_json())
    behind: list[str] = []
    for (body,) in connection.execute(f"{_MARKS} DESC"):
        if body == wanted:
            return _parsed(behind), True
        behind.append(body)
    return _parsed(behind[:1]), False


def _parsed(bodies: list[str]) -> list[TrailCheckpoint]:
    """The checkpoints of rows from the last one on, the first one first; what somebody changed is none."""
    found = (checkpoints.parsed(str(body).encode()) for body in reversed(bodies))
    return [mark for mark in found if mark is not None]


def _head(connection: sqlite3.Connection, keys: tuple[bytes, Signer]) -> Head:
    """How far the trail has come.

    Raises:
        KeyLost: it was begun with another master key.
        StorageFull: it was changed from outside.
    """
    key, signer = keys
    found, *more = connection.execute("SELECT count, mac, seal, public FROM head LIMIT 2").fetchall() or [None]
    if more:
        raise _changed()
    if found is None and connection.execute("SELECT 1 FROM rows").fetchone() is None:
        return Head()
    count, mac, seal, public = found or (0, "", "", signer.public)
    if public != signer.public:
        raise KeyLost("the audit trail was begun with another key", "begin a new one: edge-assistant audit begin")
    if (type(count), type(mac), type(seal)) != (int, str, str) or seal != coded(key, ["head", count, mac]):
        raise _changed()
    return Head(count, mac)


def _changed() -> StorageDamaged:
    return StorageDamaged("the audit trail was changed from outside", LAYOUT.hint)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
