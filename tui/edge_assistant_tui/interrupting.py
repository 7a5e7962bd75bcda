"""Noticing that a person speaks while the assistant does, without hearing what the assistant says itself."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 0.032
_LEARN = round(1.0 / _WINDOW_S)  # windows of the assistant's own sound by which its loudness is known
_ABOVE = 6.0  # decibels over the loudest of them
_LEAST = -45.0  # dBFS; what is fainter is nobody who speaks to us
_OF, _LOUD = 10, 7  # of so many windows so many must be loud: more than a click or a cough


class Interruption:
    """Listens to levels while the assistant speaks.

    There is no echo cancellation: what the microphone hears of the loudspeaker is taken as the measure in the first
    second, and only what is clearly louder, for a while, is a person. With headphones that is anybody who speaks.
    """

    def __init__(self) -> None:
        self._learned = 0
        self._own = -90.0
        self._last: deque[bool] = deque(maxlen=_OF)

    def hears(self, dbfs: float, sounding: bool) -> bool:
        """Whether somebody speaks.

        Args:
            dbfs: level of the next window of 32 ms.
            sounding: whether the assistant can be heard by now, or its voice is still being made.
        """
        if not sounding:
            return False
        if self._learned < _LEARN:
            self._learned += 1
            self._own = max(self._own, dbfs)
            return False
        self._last.append(dbfs > max(self._own + _ABOVE, _LEAST))
        return sum(self._last) >= _LOUD
