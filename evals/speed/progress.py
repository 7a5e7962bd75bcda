"""How far a run is, and how long it still takes: what the parts take on two cores, at the pace of what is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TextIO

_TELL_S = 5.0  # seconds between two lines


class Progress:
    """Tells on a stream, one line now and then.

    Args:
        seconds: that each part takes, in their order.
        stream: where to tell.
        clock: seconds, growing.
    """

    def __init__(
        self, seconds: Mapping[str, float], stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = dict(seconds)
        self._stream, self._clock = stream, clock
        self._done: dict[str, float] = {}  # seconds that parts really took
        self._told = -_TELL_S
        self._part, self._began = "", 0.0

    def begin(self, part: str) -> Callable[[float], None]:
        """A part begins; what is returned is called with 0..1 as it goes on."""
        self._part, self._began = part, self._clock()
        self._told = self._began - _TELL_S
        self.step(0.0)
        return self.step

    def end(self) -> None:
        """The part is done."""
        self._done[self._part] = self._clock() - self._began

    def step(self, fraction: float) -> None:
        """So much of the part is done."""
        now = self._clock()
        if now - self._told < _TELL_S:
            return
        self._told = now
        minutes, seconds = divmod(round(self.left(fraction)), 60)
        head = f"[{len(self._done) + 1}/{len(self._seconds)}] {self._part}: {fraction:.0%}"
        print(f"{head}, about {minutes}:{seconds:02d} left", file=self._stream, flush=True)

    def left(self, fraction: float) -> float:
        """Seconds until the end."""
        taken = self._clock() - self._began
        own = self._seconds[self._part]
        expected = sum(self._seconds[name] for name in self._done) + own * fraction
        pace = (sum(self._done.values()) + taken) / expected if expected and fraction else self._pace()
        names = list(self._seconds)
        rest = sum(self._seconds[name] for name in names[names.index(self._part) + 1 :])
        return pace * (rest + own * (1 - fraction))

    def _pace(self) -> float:
        expected = sum(self._seconds[name] for name in self._done)
        return sum(self._done.values()) / expected if expected else 1.0
