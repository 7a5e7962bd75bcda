"""What a person wants to hear of the evidence; one piece at a time, apart from the voice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.devices.speaker import Player

ECHO_S = 0.3  # after the last sound, in which a room and a driver still give it to the microphone


class Playback:
    """Plays on the chosen speaker, which is opened when it is first needed."""

    def __init__(self) -> None:
        self._player: Player | None = None
        self._chosen: str | None = None
        self._heard = -ECHO_S

    @property
    def playing(self) -> bool:
        """Whether anything is played."""
        return self._player is not None and self._player.playing

    @property
    def audible(self) -> bool:
        """Whether a microphone can hear it, or its echo; whoever listens must not take it for a person."""
        if self.playing:
            self._heard = time.monotonic()
        return time.monotonic() - self._heard < ECHO_S

    def play(self, samples: NDArray[np.float32], rate: int, chosen: str | None, done: Callable[[], None]) -> None:
        """Play instead of what is played; it may take a while until the speaker is open.

        Args:
            samples: mono f32 [n] in -1..1.
            rate: samples a second.
            chosen: the speaker, as a person names it.
            done: is called in another thread when it was heard, or stopped.

        Raises:
            DeviceMissing, DeviceBusy: the speaker cannot be opened.
        """
        from edge_assistant.devices import chosen as devices

        self.stop()
        if self._player is None or chosen != self._chosen:
            self._player, self._chosen = devices.speaker(chosen), chosen
        self._player.play(samples, rate, done)

    def stop(self) -> None:
        """Be silent at once."""
        if self._player is not None:
            self._player.stop()
