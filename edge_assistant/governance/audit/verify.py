"""Whether the audit trail is as it was written; where not, which row is the first bad one and what was done to it.

Without the key nobody can make a code that fits. So each row whose code fits was written by us, with this number and
behind this row, and what is found at another place tells what was done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import AuditDamaged, InputCorrupt, InputMissing, KeyLost, StorageForeign, StorageFull
from edge_assistant.core.signals import printable
from edge_assistant.governance.audit import checkpoints, ends
from edge_assistant.governance.audit.checkpoints import PLACE, TrailCheckpoint
from edge_assistant.governance.audit.ends import Before
from edge_assistant.governance.audit.rows import FIRST, AuditRow, Head, canonical
from edge_assistant.governance.audit.trail import FILE, Trail

_SELECT = "SELECT number, time, conversation, kind, body, previous, mac FROM rows"
# What SQLite says of a file that is damaged, of tables that are gone, and (no code) of texts that are no UTF-8.
_NO_ROWS = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, 0}


class Damage(StrEnum):
    """What was done to a row."""

    EDITED = "edited"
    INSERTED = "inserted"
    DELETED = "deleted"
    REORDERED = "reordered"
    REPLAYED = "replayed"
    TRUNCATED = "truncated"
    PLANTED = "planted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first bad row.

    Attributes:
        row: its number; all before it are as they were written.
        damage: what was done.
        what: the same for people, one line.
    """

    row: int
    damage: Damage
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying came to.

    Attributes:
        rows: how many are as they were written, from the first on.
        mac: code of the last of these.
        checkpoints: how many checkpoints agree with them.
        last: time of the last of those that are kept outside of the trail's file, or None.
        finding: the first bad row, or None.
        unsure: why it cannot be told that the rows end where they did, one line each.
        notes: what else a person should know, one line each.
    """

    rows: int
    mac: str
    checkpoints: int = 0
    last: str | None = None
    finding: Finding | None = None
    unsure: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"whole": self.finding is None, **asdict(self)}


def verify(trail: Trail, kept: Path | None = None) -> Report:
    """Read all of a trail, row by row.

    Args:
        trail: to look at; it may be written to meanwhile.
        kept: a file of checkpoints that was kept elsewhere.

    Raises:
        InputMissing, InputCorrupt: `kept` has no checkpoint of this trail.
        KeyLost, StorageFull: there is no key, or the file cannot be opened.
    """
    trail.signer  # noqa: B018 - a lost key is said as such, and not as damage
    # Checkpoints that come meanwhile are of rows that are not among those that are read
    outside = trail.outside.stat().st_size if trail.outside.exists() else 0
    before = Before(trail.witness.read(), trail.vault.ids(), outside)  # of what comes meanwhile nothing is missed
    try:
        return trail.database.read(lambda c: _verified(c, trail, kept, before), any_schema=True)
    except StorageForeign as error:
        return Report(0, FIRST, finding=Finding(1, Damage.UNREADABLE, error.message))
    except StorageFull as error:
        if not trail.database.damaged:
            raise
        return Report(0, FIRST, finding=Finding(1, Damage.UNREADABLE, f"{FILE} cannot be read: {error.message}"))


def require_whole(trail: Trail) -> None:
    """Refuse a trail that is damaged.

    Raises:
        AuditDamaged: as it says.
    """
    if (finding := verify(trail).finding) is not None:
        raise _damaged(finding)


def whole(connection: sqlite3.Connection, trail: Trail) -> Iterator[AuditRow]:
    """The rows, each once it is known to be as it was written.

    Raises:
        AuditDamaged: one is not.
    """
    walk = _Walk(connection, trail)
    yield from walk.rows()
    if walk.finding is not None:
        raise _damaged(walk.finding)


def _damaged(finding: Finding) -> AuditDamaged:
    return AuditDamaged(finding.what, "see 'edge-assistant audit verify', and bring the trail back from a copy")


def _verified(connection: sqlite3.Connection, trail: Trail, kept: Path | None, before: Before) -> Report:
    walk = _Walk(connection, trail)
    for _ in walk.rows():
        pass
    seen = _Marks(connection, trail, walk.last)
    if kept is not None:
        seen.compare(_genuine(kept, trail), kept.name)
    try:
        seen.compare(checkpoints.read(trail.outside, before.outside), trail.outside.name)
    except InputMissing:
        if walk.last.count:
            seen.notes.append(f"there is no {trail.outside.name}: that the end was not cut off, only a kept one tells")
    except InputCorrupt as error:
        seen.notes.append(error.message)
    seen.compare_witness(before.witness)
    if (planted := trail.database.foreign(connection)) and walk.finding is None:
        what = f"{FILE} has what Edge Assistant did not put there, or lacks what it did: {', '.join(planted)}"
        walk.finding = Finding(walk.last.count + 1, Damage.PLANTED, what)
    # Where both name one row, min takes the first: behind the last row a checkpoint knows more
    told = (seen.finding, walk.finding) if walk.to_end else (walk.finding, seen.finding)
    found = min((found for found in told if found), key=lambda found: found.row, default=None)
    count, mac = walk.last.count, walk.last.mac
    if found is None:  # else rows may hold anything
        seen.notes += ends.noted(connection, before)
        if not count:
            seen.notes.append("there is no row: nothing was asked here yet, or all folders were removed")
    unsure = () if found else tuple(ends.unsure(connection, trail, before))
    return Report(count, mac, seen.agreeing, seen.last, found, unsure, tuple(seen.notes))


def _genuine(kept: Path, trail: Trail) -> list[TrailCheckpoint]:
    """The checkpoints of a file that was kept elsewhere.

    Raises:
        InputMissing, InputCorrupt: there is none of this trail.
    """
    found = [mark for mark in checkpoints.read(kept) if mark is not None and mark.genuine]
    ours = [mark for mark in found if mark.public_key == trail.signer.public]
    if not ours:
        other = f" (signed with the key {found[0].public_key[:16]}...)" if found else ""
        what = f"{printable(kept.name)} holds no checkpoint of this trail{other}"
        raise InputCorrupt(what, f"this trail's key is {trail.signer.public}; a new trail has another key")
    return ours


class _Walk:
    """Reads the rows in order.

    Attributes:
        last: the last row that is as it was written.
        finding: the first that is not.
        to_end: whether there is no row behind the last one.
    """

    def __init__(self, connection: sqlite3.Connection, trail: Trail) -> None:
        self._connection = connection
        self._key = trail.key
        self.last = Head()
        self.finding: Finding | None = None
        self.to_end = False
        self._head: Head | None = None
        self._lost: KeyLost | None = None
        try:
            self._head = trail.head(connection)
        except KeyLost as error:
            self._lost = error
        except (StorageFull, sqlite3.DatabaseError):
            pass  # it was changed: that is said once all rows are read

    def rows(self) -> Iterator[AuditRow]:
        """The rows up to the first bad one."""
        key = self._key
        try:
            for found in self._connection.execute(f"{_SELECT} ORDER BY number"):
                row = AuditRow(*found)
                fits = row.number == self.last.count + 1 and row.previous == self.last.mac
                if not fits or not _sound(row) or row.code(key) != row.mac:
                    self.finding = self._named(self.last.count + 1, row)
                    return
                self.last = Head(row.number, row.mac)
                yield row
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_ROWS:
                raise
            number = self.last.count + 1
            self.finding = Finding(number, Damage.UNREADABLE, f"row {number} cannot be read: {FILE} is damaged")
            return
        self.to_end = True
        self.finding = self._ended(self.last.count)

    def _ended(self, count: int) -> Finding | None:
        """Whether the rows end where they should."""
        if self._head is None:
            what = f"the record of the trail's end, after row {count}, was edited"
            return Finding(count + 1, Damage.EDITED, what)
        if self._head.count > count:
            return _truncated(count, self._head.count)
        if self._head != self.last:
            what = f"the record of the trail's end is from an older copy: it says after row {self._head.count}"
            return Finding(count + 1, Damage.REPLAYED, what)
        return None

    def _named(self, number: int, row: AuditRow) -> Finding:
        """What was done where a row does not fit; raises KeyLost if none was written with this key."""
        if self._lost is not None and number == 1:
            raise self._lost
        if type(row.number) is int and row.number > number:
            if (at := next(self._written_as(number), None)) is not None:
                return Finding(number, Damage.REORDERED, f"rows were reordered: row {number} stands at {at}")
            return Finding(number, Damage.DELETED, f"rows {number} to {row.number - 1} were deleted")
        origin = self._origin(row)
        if origin == number or (origin is not None and len(list(self._written_as(origin))) > 1):
            what = "of an older copy of the trail" if origin == number else f"that repeats row {origin}"
            return Finding(number, Damage.REPLAYED, f"rows were replayed: at {number} stands one {what}")
        at = next(self._written_as(number), None)
        if origin is not None and at is not None:
            return Finding(number, Damage.REORDERED, f"rows were reordered: at {number} stands row {origin}")
        if origin is not None:
            what = f"row {number} was deleted: in its place stands row {origin}"
            return Finding(number, Damage.DELETED, what)
        if at is not None or (self._head is not None and number > self._head.count):
            return Finding(number, Damage.INSERTED, f"row {number} was inserted without the key")
        return Finding(number, Damage.EDITED, f"row {number} was edited: its code does not fit")

    def _origin(self, row: AuditRow) -> int | None:
        """The number under which a row was written; None for a row that we did not write."""
        if not _sound(row):
            return None
        (count,) = self._connection.execute("SELECT count(*) FROM rows").fetchone()
        most = max(count, self._head.count if self._head else 0)
        if row.code(self._key) == row.mac:
            return row.number
        return next((number for number in range(1, most + 1) if row.code(self._key, number) == row.mac), None)

    def _written_as(self, number: int) -> Iterator[int]:
        """Where the rows stand that were written under a number."""
        for found in self._connection.execute(_SELECT):
            row = AuditRow(*found)
            if _sound(row) and row.code(self._key, number) == row.mac:
                yield row.number


def _sound(row: AuditRow) -> bool:
    """Whether the columns of a row are of their types."""
    texts = (row.time, row.conversation, row.kind, row.body, row.previous, row.mac)
    return type(row.number) is int and all(type(text) is str for text in texts)


class _Marks:
    """Compares checkpoints with the rows.

    Attributes:
        agreeing: how many agree.
        last: time of the last of those.
        finding: what the first tells that does not agree.
        notes: what is strange in files, but no damage of the trail.
    """

    def __init__(self, connection: sqlite3.Connection, trail: Trail, end: Head) -> None:
        self._connection = connection
        self._public = trail.signer.public
        self._end = end
        self._sure = 0  # rows of the last checkpoint that agreed
        self.agreeing = 0
        self.last: str | None = None
        self.finding: Finding | None = None
        self.notes: list[str] = []

    def compare(self, marks: Iterable[TrailCheckpoint | None], name: str) -> None:
        """Look at each checkpoint of a file."""
        strange = 0
        for mark in marks:
            ours = mark is not None and mark.public_key == self._public
            if mark is not None and ours and self._agrees(mark) and (self._stands(mark) or mark.genuine):
                self.agreeing += 1
                self.last = max(self.last or "", mark.time)
                self._sure = mark.rows
            elif mark is None or not ours or not mark.genuine:
                strange += 1
            elif self.finding is None:
                self.finding = self._told(mark)
        if strange:
            self.notes.append(f"{printable(name)} has {strange} lines that are not checkpoints of this trail")

    def compare_witness(self, head: Head | None) -> None:
        """Look at what the witness knows."""
        if head and head.count > 0 and not self._holds(head.count, head.mac) and self.finding is None:
            if head.count > self._end.count:
                self.finding = _truncated(self._end.count, head.count)
            else:
                what = f"rows were replayed: row {head.count} is another than {PLACE} knows"
                self.finding = Finding(min(self._sure, head.count - 1) + 1, Damage.REPLAYED, what)

    def _agrees(self, mark: TrailCheckpoint) -> bool:
        if mark.rows == 0 or mark.rows > self._end.count:
            return mark.rows == 0 and mark.mac == FIRST
        return self._holds(mark.rows, mark.mac)

    def _holds(self, number: int, mac: str) -> bool:
        """Whether a row that is as it was written has this code."""
        row = self._connection.execute("SELECT mac FROM rows WHERE number = ?", [number]).fetchone()
        return row is not None and number <= self._end.count and bool(row[0] == mac)

    def _stands(self, mark: TrailCheckpoint) -> bool:
        """Whether it stands in the trail behind the rows that it signs, where nobody else can have put it."""
        if mark.rows >= self._end.count:  # what stands behind the last good row may be anybody's
            return False
        row = self._connection.execute("SELECT kind, body FROM rows WHERE number = ?", [mark.rows + 1]).fetchone()
        return row is not None and tuple(row) == ("checkpoint", canonical(mark.to_json()))

    def _told(self, mark: TrailCheckpoint) -> Finding:
        """What a checkpoint tells that does not agree."""
        if mark.rows > self._end.count:
            return _truncated(self._end.count, mark.rows)
        first = min(self._sure, mark.rows - 1) + 1
        what = f"rows were replayed: row {mark.rows} is another than on {mark.time}, so an older copy was gone on with"
        return Finding(first, Damage.REPLAYED, what)


def _truncated(count: int, once: int) -> Finding:
    what = f"the trail was truncated: rows {count + 1} to {once} are missing"
    return Finding(count + 1, Damage.TRUNCATED, what)
