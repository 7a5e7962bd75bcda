"""Whether the audit trail ends where it did, by what is kept outside of it: checkpoints, the witness, keys."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_assistant.core.evidence import counted
from edge_assistant.governance.audit import checkpoints
from edge_assistant.governance.audit.checkpoints import GARBLED, PLACE
from edge_assistant.governance.audit.rows import Head, canonical
from edge_assistant.governance.audit.trail import Trail

_LAST_MARKS = "SELECT body FROM rows WHERE kind = 'checkpoint' ORDER BY number DESC LIMIT 2"


@dataclass(frozen=True, slots=True)
class Before:
    """What was known before the trail was read: the witness, conversations that have keys, bytes of checkpoints."""

    witness: Head | None
    keyed: list[str]
    outside: int


def unsure(connection: sqlite3.Connection, trail: Trail, before: Before) -> Iterator[str]:
    """Why it cannot be told that the rows end where they did; all rows are as they were written."""
    yield from _end_of_outside(connection, trail, before)
    yield from _end_of_witness(connection, before)


def noted(connection: sqlite3.Connection, before: Before) -> Iterator[str]:
    """What else rows and keys say of ends."""
    if before.witness is None and connection.execute(_LAST_MARKS).fetchone():
        yield f"{PLACE} does not tell how far the trail has come, as of one that an earlier version began"
    yield from _missing_once(connection)
    yield from _without_rows(connection, before.keyed)
    yield from _set_back(connection)


def _end_of_outside(connection: sqlite3.Connection, trail: Trail, before: Before) -> Iterator[str]:
    """Whether the file beside tells the last checkpoint, or the last but one: a killed process may have left it so."""
    marks = [body for (body,) in connection.execute(_LAST_MARKS)]
    none_yet = before.witness == Head() and not checkpoints.begun(trail.outside)  # or the first one is on its way
    if none_yet or not marks:
        return
    name = trail.outside.name
    last = checkpoints.last(trail.outside)
    if not trail.outside.exists():
        yield f"{name} is gone"
    elif last is None or not last.genuine or last.public_key != trail.signer.public:
        yield f"the last line of {name} is not a checkpoint of this trail"
    elif canonical(last.to_json()) not in marks and last.rows < _rows_of(marks[-1]):
        yield f"{name} ends before the trail does: its last checkpoint is of {last.time}"


def _rows_of(mark: str) -> int:
    found = checkpoints.parsed(mark.encode())
    return found.rows if found else 0


def _end_of_witness(connection: sqlite3.Connection, before: Before) -> Iterator[str]:
    """Whether the witness is one, and whether there is a trail at all where there are conversations."""
    if before.witness == GARBLED:
        yield f"what {PLACE} knows of the trail's end was not written by this program"
    empty = connection.execute("SELECT 1 FROM rows").fetchone() is None
    if empty and before.keyed:
        yield f"the trail has no row, and {PLACE} has keys of {counted(len(before.keyed), 'conversation')}"


def _missing_once(connection: sqlite3.Connection) -> Iterator[str]:
    """What rows say of ends that were missing once."""
    query = "SELECT number, time, body FROM rows WHERE kind = 'unwitnessed' ORDER BY number"
    for number, time, body in connection.execute(query):
        places = " and ".join(json.loads(body)["places"])
        earlier = f" (an earlier version did not keep it in {PLACE})" if PLACE in places else ""
        yield f"row {number} of {time}: until then the trail's end was missing or garbled in {places}{earlier}"


def _set_back(connection: sqlite3.Connection) -> Iterator[str]:
    """Where the clock went back."""
    times = "SELECT number, time, lag(time) OVER (ORDER BY number) AS former FROM rows"
    rows = connection.execute(f"SELECT number, time FROM ({times}) WHERE time < former").fetchall()  # noqa: S608
    if rows:
        yield f"the clock was set back {counted(len(rows), 'time')}, first before row {rows[0][0]} of {rows[0][1]}"


def _without_rows(connection: sqlite3.Connection, keyed: Sequence[str]) -> Iterator[str]:
    """Conversations whose keys are there, and of which no row tells."""
    told = {id for (id,) in connection.execute("SELECT DISTINCT conversation FROM rows")}
    if told and (unsaid := sum(id not in told for id in keyed)):
        what = counted(unsaid, "conversation")
        yield f"{what} with a key but without rows: nothing was asked, or rows are missing"
