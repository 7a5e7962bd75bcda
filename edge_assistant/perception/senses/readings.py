"""Readings to evidence: what a table of sensor readings tells, each statement with its rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from edge_assistant.core import limits
from edge_assistant.core.evidence import Evidence, Locator
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.perception.sense import Percept, Request, Sense

if TYPE_CHECKING:
    from edge_assistant.perception.table import Table

MAX_EVIDENCE = limits.READINGS_EVIDENCE.value


class Readings(Sense):
    """Reads CSV of sensor readings."""

    name: ClassVar[str] = "readings"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.READINGS})

    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Read the table and say what stands out in it.

        Raises:
            InputError: see `csvfile.read_csv`.
        """
        from edge_assistant.perception.observations import observations

        table, notes = read_table(signal, request.progress)
        found = sorted(observations(table), key=lambda seen: seen.rank)
        if len(found) > MAX_EVIDENCE:
            notes = (*notes, f"{len(found) - MAX_EVIDENCE:,} observations of less weight are left out")
        evidence = (Evidence("", signal.id, o.text, None, Locator(rows=o.rows), o.detail) for o in found[:MAX_EVIDENCE])
        return Percept(tuple(evidence), table, notes)


def read_table(signal: Signal, progress: Callable[[float], None]) -> tuple[Table, tuple[str, ...]]:
    """The table of a signal and notes on what was repaired; a further file format gets its reader here.

    Raises:
        InputError: see `csvfile.read_csv`.
    """
    from edge_assistant.perception.csvfile import read_csv

    with signal.open() as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return read_csv(stream, signal.name, size, progress)
