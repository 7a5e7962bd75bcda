"""What clients of the gateway said of late, so that a later question is understood; in the resident's memory only.

A restart of the resident, such as after something was forgotten, begins with none of it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

LATELY_S = 300.0  # since it was wanted last; Home Assistant's own conversations end as soon
CHARACTERS = 10_000  # of a conversation; its first texts are let go
_TEXTS, _RECORDINGS = 64 * CHARACTERS, 48 << 20  # characters of all conversations, and bytes of all recordings
_LEAST = 256  # that the smallest one counts for
V = TypeVar("V")


class Lately(Generic[V]):
    """The latest of something, by client and name."""

    def __init__(self, most: int) -> None:
        """Keep nothing yet; of all together no more than `most`, in their own sizes."""
        self._kept: OrderedDict[tuple[str, str], tuple[float, int, V]] = OrderedDict()
        self._most = most

    def get(self, key: tuple[str, str]) -> V | None:
        """What is kept, which is wanted then."""
        self.expire()
        if key not in self._kept:
            return None
        _, size, value = self._kept[key]
        self.keep(key, value, size)
        return value

    def keep(self, key: tuple[str, str], value: V, size: int) -> None:
        """Keep it, and let go of those that nobody wanted for long, or for longest."""
        self.expire()
        self._kept[key] = time.monotonic(), size, value
        self._kept.move_to_end(key)
        while sum(max(_LEAST, size) for _, size, _ in self._kept.values()) > self._most:
            self._kept.popitem(last=False)

    def expire(self) -> None:
        """Let go of what nobody wanted for long."""
        since = time.monotonic() - LATELY_S
        while self._kept and next(iter(self._kept.values()))[0] < since:
            self._kept.popitem(last=False)


class Conversations:
    """The texts of each conversation, and the recordings in which clients said them; used by one thread."""

    def __init__(self) -> None:
        self._texts: Lately[tuple[str, ...]] = Lately(_TEXTS)
        self._recordings: Lately[bytes] = Lately(_RECORDINGS)

    def before(self, client: str, id: str) -> tuple[str, ...]:
        """What a client said in a conversation so far."""
        return self._texts.get((client, id)) or ()

    def keep(self, client: str, id: str, texts: tuple[str, ...]) -> None:
        """Keep what was said in a conversation."""
        while (size := sum(map(len, texts))) > CHARACTERS:
            texts = texts[1:]
        self._texts.keep((client, id), texts, size)

    def recording(self, client: str, text: str) -> bytes | None:
        """The recording in which a client said a text."""
        return self._recordings.get((client, text))

    def heard(self, client: str, text: str, recording: bytes) -> None:
        """Keep a recording with what was understood of it."""
        self._recordings.keep((client, text), recording, len(recording))

    def expire(self) -> None:
        """Let go of what nobody wanted for long."""
        self._texts.expire()
        self._recordings.expire()
