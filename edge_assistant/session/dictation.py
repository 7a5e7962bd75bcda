"""Speech into a microphone, written down: while it goes on, as soon as it may be over, and once it is.

The pause that ends what is said is not waited for idly: at its beginning the words are written down, and what the
language model will read of the signals is read. Where the person has finished, all of that is there when the pause is
over; where they go on, it is dropped.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge_assistant.core.events import Watch
from edge_assistant.session.speculation import Ahead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.session.assistant import Assistant

    Samples = NDArray[np.float32]

Job = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Written:
    """What was understood.

    Attributes:
        text: the words; empty where there were none.
        final: whether that is all; another text may still take its place where it is not.
        recording: the WAV of all that was said, where it is all.
    """

    text: str
    final: bool
    recording: bytes | None = None


class Dictation:
    """What is said, written down by the one thread that computes.

    `begin`, `hear` and `expect` may be called from any thread, in the order of what happened, and return at once.
    """

    def __init__(
        self,
        assistant: Callable[[], Assistant],
        put: Callable[[Job], object],
        told: Callable[[Written], object],
        *,
        language: Callable[[], str | None] = lambda: None,
        ahead: Callable[[Watch], object] = lambda watch: None,
    ) -> None:
        """Be ready.

        Args:
            assistant: gives what understands; called in the thread that computes.
            put: has a job done by that thread, after those before it. The job of speech that is all there is may raise
                what `Assistant.perceive` does.
            told: is called in that thread with what was understood.
            language: of what is spoken, or None to detect it.
            ahead: is called in that thread to do what any question will need, while somebody speaks or pauses; it is
                stopped by `Assistant.stop` as soon as there is something to write down, and its errors are not told.
                What it is given it has to call with each event: that raises `Stopped` where a stop came before that
                could be heard.
        """
        self._assistant = assistant
        self._put_job, self._told = put, told
        self._language, self._ahead = language, ahead
        self._happened = Ahead(assistant)
        self._lock = threading.Lock()
        self._undone = 0  # jobs that wait or are being done
        self._over = False  # whether all was said since
        self._expecting = False  # whether what may be all is being written down
        self._kept: bytes | None = None  # the recording that was written down and may be all; of the thread's own

    def begin(self) -> None:
        """Somebody has begun to speak."""
        self._over = False
        number = self._happened.renew()
        self._put(lambda: self._happened.do(number, partial(self._ahead, self._happened.wanted(number))))

    def hear(self, samples: Samples, *, final: bool) -> None:
        """Write down speech, f32 [n] at 16 kHz: all of it, or what was so far, which is dropped where others wait."""
        if not final:
            if not self._undone:
                number = self._happened.number
                self._put(lambda: self._happened.do(number, partial(self._write_part, samples, number)))
            return
        self._over = True
        if not self._expecting:
            self._happened.renew()  # else what runs may be writing down the very same
        self._put(partial(self._write_all, samples))

    def expect(self, samples: Samples | None) -> None:
        """Write down speech, f32 [n] at 16 kHz, that is all there is unless it goes on; None where it does, or ends."""
        self._over = False
        number = self._happened.renew()
        if samples is None:
            self._put(self._drop)
        else:
            self._put(lambda: self._happened.do(number, partial(self._expect, samples, number)))

    def _put(self, job: Job) -> None:
        def counted() -> None:
            try:
                job()
            finally:
                with self._lock:
                    self._undone -= 1

        with self._lock:
            self._undone += 1
        self._put_job(counted)

    def _expect(self, samples: Samples, number: int) -> None:
        self._drop()
        self._expecting = True
        try:
            text, self._kept = written(self._assistant(), samples, self._language(), self._happened.wanted(number))
        finally:
            self._expecting = False
        self._told(Written(text, final=False))
        if number == self._happened.number and not self._over:
            self._ahead(self._happened.wanted(number))

    def _write_part(self, samples: Samples, number: int) -> None:
        text, recording = written(self._assistant(), samples, self._language(), self._happened.wanted(number))
        self._told(Written(text, final=False))
        forget(self._assistant(), recording)

    def _write_all(self, samples: Samples) -> None:
        try:
            text, recording = written(self._assistant(), samples, self._language())
        except Exception:
            self._told(Written("", final=True))
            raise
        if recording == self._kept:
            self._kept = None
        self._drop()
        self._told(Written(text, final=True, recording=recording))

    def _drop(self) -> None:
        """Forget what was written down and is not all."""
        if self._kept is not None:
            forget(self._assistant(), self._kept)
            self._kept = None


def written(
    assistant: Assistant, samples: Samples, language: str | None, watch: Watch = lambda event: None
) -> tuple[str, bytes]:
    """What is said in samples, f32 [n] at 16 kHz, and their WAV; the same samples again cost nothing.

    Args:
        assistant: understands.
        samples: as above.
        language: of what is spoken, or None to detect it.
        watch: is called with each event; what it raises ends this.

    Raises:
        Stopped: it is not wanted any more, or all was stopped.
        InputError, ModelError: as `Assistant.perceive`.
    """
    from edge_assistant.core.signals import SAID, Kind, Origin, take_bytes
    from edge_assistant.devices.microphone import to_wav

    recording = to_wav(samples)
    signal = take_bytes(recording, Kind.AUDIO, 0, origin=Origin.MICROPHONE, name=SAID)
    found = assistant.perceive(signal, watch, language)
    return " ".join(item.text for item in found), recording


def forget(assistant: Assistant, data: bytes) -> None:
    """Forget what was perceived in bytes that did not become a signal."""
    assistant.recall.forget(hashlib.sha256(data).hexdigest())
