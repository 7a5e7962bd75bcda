"""`counter:LAST`: readings that count to a number, one row a second; a model for a sensor of your own."""

from __future__ import annotations

import time
from datetime import datetime

from edge_assistant.core.errors import DeviceEnded


class Counter:
    """A device of readings: CSV that grows.

    Args:
        last: what stands behind `counter:`, the number that it counts to.
    """

    def __init__(self, last: str) -> None:
        self.name = f"counter:{last}"
        self._last = int(last)
        self._rows: list[str] = []

    def open(self) -> None:
        """Begin anew."""
        self._rows = []

    def read(self) -> bytes | None:
        """The whole table, with one more row.

        Raises:
            DeviceEnded: it has counted to the end.
        """
        if len(self._rows) == self._last:
            raise DeviceEnded(f"{self.name} is at its end", "follow it again")
        time.sleep(1 if self._rows else 0)
        self._rows.append(f"{datetime.now().isoformat(timespec='seconds')},{len(self._rows) + 1}\n")
        return "".join(["time,count\n", *self._rows]).encode()

    def close(self) -> None:
        """Nothing is open."""
