"""What clients of the gateway said of late, so that a later question is understood; in the resident's memory only.

A restart of the resident, such as after something was forgotten, begins with none of it.
"""

from __future__ import annotations

import time

from edge_assistant.core.recent import Recent

LATELY_S = 300.0  # since it was wanted last; Home Assistant's own conversations end as soon
CHARACTERS = 10_000  # of a conversation; its first texts are let go
_TEXTS, _RECORDINGS = 64 * CHARACTERS, 48 << 20  # characters of all conversations, and bytes of all recordings
_LEAST = 256  # that the smallest one counts for


class Conversations:
    """The texts of each conversation, and the recordings in which clients said them; used by one thread."""

    def __init__(self) -> None:
        self._texts: Recent[tuple[str, ...]] = Recent(_TEXTS)
        self._recordings: Recent[bytes] = Recent(_RECORDINGS)

    def before(self, client: str, id: str) -> tuple[str, ...]:
        """What a client said in a conversation so far."""
        self.expire()
        return self._texts.get((client, id)) or ()

    def keep(self, client: str, id: str, texts: tuple[str, ...]) -> None:
        """Keep what was said in a conversation."""
        self.expire()
        while (size := sum(map(len, texts))) > CHARACTERS:
            texts = texts[1:]
        self._texts.keep((client, id), texts, max(_LEAST, size))

    def recording(self, client: str, text: str) -> bytes | None:
        """The recording in which a client said a text."""
        self.expire()
        return self._recordings.get((client, text))

    def heard(self, client: str, text: str, recording: bytes) -> None:
        """Keep a recording with what was understood of it."""
        self.expire()
        self._recordings.keep((client, text), recording, max(_LEAST, len(recording)))

    def expire(self) -> None:
        """Let go of what nobody wanted for long."""
        for kept in (self._texts, self._recordings):
            kept.forget(time.monotonic() - LATELY_S)
