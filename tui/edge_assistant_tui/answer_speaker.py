"""Spoken answers: sentence by sentence in a thread of their own, from the first one on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from textual.message import Message

from edge_assistant.core.errors import DeviceError, EdgeAssistantError
from edge_assistant_tui import messages
from edge_assistant_tui.playback import ECHO_S

if TYPE_CHECKING:
    from edge_assistant.devices.speaker import Player
    from edge_assistant.voice.piper import Voice
    from edge_assistant.voice.sentence_queue import Speaking

_log = logging.getLogger("edge_assistant.app")


class AnswerSpeaker:
    """Speaks while it is on; what it speaks with is opened in a thread of its own; `number` is as that of a device."""

    def __init__(self, post: Callable[[Message], Any], open_voice: Callable[[], Voice]) -> None:
        """Be ready; the voice is opened when it is switched on.

        Args:
            post: tells the app.
            open_voice: opens the voice, or raises what is missing.
        """
        self._post = post
        self._open = open_voice
        self._jobs = ThreadPoolExecutor(1, "voice")
        self.number = 0
        self._speaking: Speaking | None = None
        self._player: Player | None = None
        self._spoke = 0.0

    @property
    def speaking(self) -> bool:
        """Whether something is said, is about to be, or was a moment ago."""
        speaking = self._speaking
        if speaking is not None and speaking.speaking:
            self._spoke = time.monotonic()
        return time.monotonic() - self._spoke < ECHO_S

    @property
    def sounding(self) -> bool:
        """Whether there is sound by now."""
        return self._player is not None and self._player.playing

    def start(self, chosen: str | None) -> None:
        """Switch on with a speaker."""
        self.number += 1
        self._jobs.submit(self._begin, self.number, chosen)

    def stop(self) -> None:
        """Switch off, at once."""
        self.number += 1
        self.silence()
        self._jobs.submit(self._end)

    def say(self, sentence: str) -> bool:
        """Say a sentence after those before it; False where it is off."""
        speaking = self._speaking
        if speaking is not None:
            speaking.say(sentence)
        return speaking is not None

    def silence(self) -> bool:
        """Fall silent at once; whether there was anything to stop."""
        speaking = self._speaking
        if speaking is None or not speaking.speaking:
            return False
        self._spoke = time.monotonic()
        speaking.stop()
        return True

    def close(self) -> None:
        """Switch off for good."""
        self.stop()
        self._jobs.shutdown(wait=False)

    def _begin(self, number: int, chosen: str | None) -> None:
        from edge_assistant.devices import chosen as devices
        from edge_assistant.voice.sentence_queue import Speaking

        def failed(error: EdgeAssistantError) -> None:
            self._tell(number, "lost" if isinstance(error, DeviceError) else "failed", str(error))

        try:
            player = devices.speaker(chosen)
            player.find()
            voice = self._open()
        except EdgeAssistantError as error:
            self._tell(number, "failed", str(error))
            return
        except Exception as error:  # the executor would keep it to itself, and the voice be opening for ever
            _log.exception("the voice cannot be opened")
            self._tell(number, "failed", f"the voice cannot be opened ({type(error).__name__}) - see the log")
            return
        self._end()
        if number == self.number:
            self._player = player
            self._speaking = Speaking(voice, self._player, done=lambda: self._tell(number, "heard", ""), failed=failed)
            self._tell(number, "opened", "")

    def _end(self) -> None:
        speaking, player = self._speaking, self._player
        self._speaking = self._player = None
        if speaking is not None and player is not None:
            speaking.close()
            player.close()

    def _tell(self, number: int, change: str, text: str) -> None:
        self._post(messages.DeviceChanged("voice", number, change, text))
