"""What was wanted of late, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by their keys, of which those that were wanted last are kept; several threads may use it."""

    def __init__(self, most: int) -> None:
        """Keep nothing yet; of all together no more than `most`, in their own sizes."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, int, V]] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def get(self, key: Hashable) -> V | None:
        """What is kept, which is wanted then."""
        with self._lock:
            if key not in self._kept:
                return None
            _, size, value = self._kept[key]
            self._put(key, value, size)
            return value

    def keep(self, key: Hashable, value: V, size: int = 1) -> None:
        """Keep it, and let go of those that nobody wanted for longest."""
        with self._lock:
            self._put(key, value, size)
            while sum(size for _, size, _ in self._kept.values()) > self._most:
                self._kept.popitem(last=False)

    def forget(self, since: float) -> None:
        """Let go of what nobody wanted since a time of `time.monotonic`."""
        with self._lock:
            while self._kept and next(iter(self._kept.values()))[0] < since:
                self._kept.popitem(last=False)

    def _put(self, key: Hashable, value: V, size: int) -> None:
        self._kept[key] = time.monotonic(), size, value
        self._kept.move_to_end(key)
