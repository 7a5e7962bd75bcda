"""What was perceived, as bytes and back: strict, so that what is not exactly a percept of this version is none.

Nothing of the bytes is executed or looked up by a name that they give: a detail is one of the classes of `Detail`, and
each field has to be of its type.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np
from msgspec import Raw, Struct
from numpy.typing import NDArray

from edge_assistant.core.evidence import Detail, Evidence, Locator
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.sense import Percept

if TYPE_CHECKING:
    from edge_assistant.perception.table import Column, Table

VERSION = 2
_NO_STATE = 0xFFFF  # stands for a gap of a column of texts; limits.READINGS_STATES is far below it
_DETAILS: dict[str, type[Detail]] = {kind.__name__: kind for kind in get_args(Detail)}


class _Piece(Struct, array_like=True, frozen=True):
    """A piece of evidence; its detail by the name of its class."""

    text: str
    confidence: float | None
    locator: Locator
    kind: str
    detail: Raw


class _Column(Struct, array_like=True, frozen=True):
    """A column: little-endian float64 [n]; of texts, uint16 [n] into the states."""

    name: str
    unit: str | None
    states: tuple[str, ...] | None
    values: memoryview


class _Table(Struct, array_like=True, frozen=True):
    """Readings: times in nanoseconds and rows, both little-endian int64 [n]; the zone in seconds from UTC."""

    times: memoryview
    rows: memoryview
    columns: tuple[_Column, ...]
    zone: int | None


class _Percept(Struct, array_like=True, frozen=True):
    """All of a percept, and the name of the signal, which may stand in the notes; gaps by their place among these."""

    version: int
    name: str
    evidence: tuple[_Piece, ...]
    notes: tuple[str, ...]
    table: _Table | None
    gaps: tuple[tuple[int, str, str], ...]


# Made while this is imported, by one thread alone: msgspec puts what it knows of a class where other threads find it
# before it is complete, and whoever decodes with that kills the process.
_PERCEPTS = msgspec.msgpack.Decoder(_Percept)
_DECODERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    name: msgspec.msgpack.Decoder(kind) for name, kind in _DETAILS.items()
}


def packed(percept: Percept, name: str) -> bytes | None:
    """A percept as bytes; None where it holds what cannot be given back as it is.

    Args:
        percept: ids, and the signal's, are left out.
        name: of the signal.
    """
    try:
        pieces = tuple(_piece(item) for item in percept.evidence)
        table = None if percept.table is None else _table(percept.table)
        gaps = tuple((at, n.said, n.column) for at, n in enumerate(percept.notes) if isinstance(n, Gap))
        return msgspec.msgpack.encode(_Percept(VERSION, name, pieces, tuple(map(str, percept.notes)), table, gaps))
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        return None


def unpacked(data: bytes, signal: str, name: str) -> Percept | None:
    """The percept of a signal; None where the bytes are none, or its notes speak of a signal of another name."""
    try:
        found = _PERCEPTS.decode(data)
        if found.version != VERSION or (found.notes and found.name != name):
            return None
        evidence = tuple(_evidence(piece, signal) for piece in found.evidence)
        gaps = {at: (said, column) for at, said, column in found.gaps}
        notes = tuple(Gap(note, *gaps[at]) if at in gaps else note for at, note in enumerate(found.notes))
        return Percept(evidence, None if found.table is None else _table_back(found.table), notes)
    except (KeyError, ValueError, OverflowError, msgspec.MsgspecError):
        return None


def _piece(item: Evidence) -> _Piece:
    kind = type(item.detail)
    if _DETAILS.get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__name__} is no detail")
    detail = msgspec.to_builtins(item.detail)  # times as text, which keeps their zone
    return _Piece(item.text, item.confidence, item.locator, kind.__name__, Raw(msgspec.msgpack.encode(detail)))


def _evidence(piece: _Piece, signal: str) -> Evidence:
    detail = _DECODERS[piece.kind].decode(piece.detail)
    return Evidence("", signal, piece.text, piece.confidence, piece.locator, detail)


def _table(table: Table) -> _Table:
    zone = None if table.zone is None else table.zone.utcoffset(None) // timedelta(seconds=1)
    columns = tuple(_column(column) for column in table.columns)
    return _Table(_bytes(table.times.view("i8"), "<i8"), _bytes(table.rows, "<i8"), columns, zone)


def _column(column: Column) -> _Column:
    if column.numeric:
        return _Column(column.name, column.unit, None, _bytes(column.values, "<f8"))
    states: dict[str, int] = {}
    numbers = [_NO_STATE if text is None else states.setdefault(text, len(states)) for text in column.values]
    if len(states) > _NO_STATE:
        raise OverflowError("too many states")
    return _Column(column.name, column.unit, tuple(states), _bytes(np.array(numbers), "<u2"))


def _bytes(values: NDArray[Any], kind: str) -> memoryview:
    return np.ascontiguousarray(values, dtype=kind).data.cast("B")


def _table_back(found: _Table) -> Table:
    """The table.

    Raises:
        ValueError: its parts do not fit each other.
    """
    from edge_assistant.perception.table import Table

    times, rows = np.frombuffer(found.times, "<i8"), np.frombuffer(found.rows, "<i8")
    columns = tuple(_column_back(column) for column in found.columns)
    if {len(rows), *(len(column.values) for column in columns)} != {len(times)} or (np.diff(times) < 0).any():
        raise ValueError("no table")
    zone = None if found.zone is None else timezone(timedelta(seconds=found.zone))
    return Table(times.view("<M8[ns]"), rows, columns, zone)


def _column_back(found: _Column) -> Column:
    from edge_assistant.perception.table import Column

    if found.states is None:
        return Column(found.name, found.unit, np.frombuffer(found.values, "<f8"))
    numbers = np.frombuffer(found.values, "<u2")
    if ((numbers >= len(found.states)) & (numbers != _NO_STATE)).any():
        raise ValueError("no state")
    states = np.array([*found.states, None], object)
    return Column(found.name, found.unit, states[np.where(numbers == _NO_STATE, len(found.states), numbers)])
