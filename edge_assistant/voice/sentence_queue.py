"""Saying sentences one after the other while the next are still made, and falling silent at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from edge_assistant.core import limits
from edge_assistant.core.errors import EdgeAssistantError, Stopped, VoiceUnavailable

if TYPE_CHECKING:
    from edge_assistant.devices.speaker import Player
    from edge_assistant.voice.piper import Voice

_log = logging.getLogger(__name__)

_AHEAD = 2  # sounds that the speaker has at once, so that there is no gap between them
_GRACE_S = 2.0  # beyond its length, after which a sound counts as over though the speaker says nothing
_MAX_WAITING = limits.SPOKEN_SENTENCES.value


class Speaking:
    """A queue of sentences with a thread of its own. `say`, `stop` and `close` may come from any thread."""

    def __init__(
        self,
        voice: Voice,
        speaker: Player,
        *,
        done: Callable[[], None] | None = None,
        failed: Callable[[EdgeAssistantError], None] | None = None,
    ) -> None:
        """Be ready to speak.

        Args:
            voice: makes the sound.
            speaker: plays it.
            done: called, from the thread of this class, whenever all is said; not after `stop`.
            failed: called so where nothing can be spoken; what was still to be said is dropped.
        """
        self._voice = voice
        self._speaker = speaker
        self._done = done
        self._failed = failed
        # Not held while a sound is made or the speaker opened, as `stop` must be quick; nor taken by `_finished`,
        # which a speaker may call while it is being stopped.
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._waiting: deque[str] = deque()
        self._round = 0  # raised by each stop; what belongs to an earlier one is not played
        self._busy = False
        self._closed = False
        self._begun = 0  # sounds played
        self._ended = 0  # the last of them that is over
        self._deadline = 0.0  # by when it must be over
        self._thread = threading.Thread(target=self._run, name="speaking", daemon=True)
        self._thread.start()

    @property
    def speaking(self) -> bool:
        """Whether something is being said or is about to be: who listens to a microphone hears us then."""
        return self._busy

    def say(self, sentence: str) -> None:
        """Say it after what is being said; returns at once."""
        with self._lock:
            if not self._closed and len(self._waiting) < _MAX_WAITING:
                self._waiting.append(sentence)
                self._busy = True
        self._wake.set()

    def stop(self) -> None:
        """Fall silent at once and forget what was still to be said."""
        with self._lock:
            self._round += 1
            self._waiting.clear()
            self._busy = False
            self._ended = self._begun
            self._speaker.stop()
            self._voice.stop()
        self._wake.set()

    def close(self) -> None:
        """Fall silent for good."""
        self._closed = True
        self.stop()

    def _run(self) -> None:
        while not self._closed:
            try:
                said = self._step()
            except Stopped:
                continue
            except EdgeAssistantError as error:
                self._fail(error)
            except Exception:  # a thread that ended here would leave `speaking` true, and the microphone deaf, for good
                _log.exception("an answer could not be spoken")
                self._fail(VoiceUnavailable("the answer cannot be spoken", "see the log"))
            else:
                if said and self._done:
                    self._done()

    def _fail(self, error: EdgeAssistantError) -> None:
        self.stop()
        if self._failed:
            self._failed(error)

    def _step(self) -> bool:
        """Say the next text, or wait for one; True where the last sound of all is over."""
        with self._lock:
            number = self._round
            text = self._waiting.popleft() if self._waiting else None
            silent = self._silent()
            if silent:
                self._ended = self._begun
            said = text is None and self._busy and silent
            if said:
                self._busy = False
        if text is not None:
            self._say(text, number)
        elif not said:
            self._rest()
        return said

    def _say(self, text: str, number: int) -> None:
        """Hand each sound on; the next is made while it is heard."""
        for samples in self._voice.speak(text):
            while number == self._round and self._begun - self._ended >= _AHEAD and not self._silent():
                self._rest()
            before = 0.0 if self._silent() else self._deadline - _GRACE_S
            with self._lock:
                if number != self._round:
                    return
                self._begun += 1
            self._speaker.play(samples, self._voice.rate, partial(self._finished, self._begun))
            self._deadline = max(time.monotonic(), before) + len(samples) / self._voice.rate + _GRACE_S
            if number != self._round:  # a stop does not wait for a speaker that is being opened
                self._speaker.stop()
                return

    def _finished(self, sound: int) -> None:
        """The speaker is done with a sound."""
        self._ended = max(self._ended, sound)
        self._wake.set()

    def _silent(self) -> bool:
        return self._ended >= self._begun or time.monotonic() > self._deadline

    def _rest(self) -> None:
        """Wait until something changes."""
        left = self._deadline - time.monotonic()
        self._wake.wait(None if self._ended >= self._begun else max(0.0, left))
        self._wake.clear()
