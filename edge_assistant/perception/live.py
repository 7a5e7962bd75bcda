"""When somebody speaks and when they have finished, while it happens: blocks of a microphone in, utterances out.

Nothing is understood here: a block costs one run of Silero VAD, so that a level meter and the end of speech keep pace
with the microphone whatever else the machine does. Memory is bounded by `MAX_UTTERANCE`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.core import limits
from edge_assistant.core.signals import SAMPLE_RATE
from edge_assistant.perception.vad import MIN_SPEECH, SILENCE, SPEECH, WINDOW, SileroVad

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_models.model import InstalledModel

MAX_UTTERANCE = limits.UTTERANCE_SECONDS.value * SAMPLE_RATE  # samples; a longer one is cut where it is quietest
FLOOR_DBFS = -90.0  # what silence is shown as; the least significant of 16 bits
_GIVE_UP = round(0.35 * SAMPLE_RATE / WINDOW)  # windows of silence after which a click is forgotten
_BEFORE = round(0.3 * SAMPLE_RATE / WINDOW)  # windows kept before speech, for a soft onset
_AFTER = round(0.3 * SAMPLE_RATE / WINDOW)  # and after it
_PENDING = round(0.8 * SAMPLE_RATE / WINDOW)  # windows of speech from one partial transcript to the next
_MAX_WINDOWS = MAX_UTTERANCE // WINDOW
_CUT_WITHIN = 10 * SAMPLE_RATE // WINDOW  # windows before the limit among which the quietest is looked for


@dataclass(frozen=True, slots=True)
class Level:
    """How loud a window was.

    Attributes:
        dbfs: its root mean square against full scale, `FLOOR_DBFS` at least.
        speaking: whether somebody is in the middle of an utterance.
    """

    dbfs: float
    speaking: bool


@dataclass(frozen=True, slots=True)
class Started:
    """Somebody has begun to speak."""


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """They go on; what was said so far (f32, mono, 16 kHz), for a transcript that may still change."""

    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Paused:
    """They may have finished; what was said (f32, mono, 16 kHz), sample for sample what `Ended` has if they have.

    It comes well before `Ended`, so that the words can be written down while the rest of the pause is waited for.
    """

    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Resumed:
    """They had not finished: the last `Paused` is not all that is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """They have finished; the whole utterance (f32, mono, 16 kHz)."""

    samples: NDArray[np.float32]


Heard = Level | Started | Pending | Paused | Resumed | Ended


@dataclass
class _Turn:
    """The utterance that may be under way.

    Attributes:
        windows: its sound from a little before its onset; before an onset, the last `_BEFORE` windows.
        probabilities: of speech, one a window.
        voiced: windows of speech since the onset; 0 before one.
        quiet: windows since the last speech.
        started: whether enough was heard to be more than a click.
        told: `voiced` at the last `Pending`.
        paused: whether a `Paused` was told and nobody has spoken since.
    """

    windows: list[NDArray[np.float32]] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    voiced: int = 0
    quiet: int = 0
    started: bool = False
    told: int = 0
    paused: bool = False

    def push(self, window: NDArray[np.float32], probability: float, pause_s: float) -> Iterator[Heard]:
        self.windows.append(window)
        self.probabilities.append(probability)
        self._count(probability)
        if not self.voiced:
            self._keep(_BEFORE)
        elif not self.started and self.voiced >= MIN_SPEECH:
            self.started = True
            yield Started()
        elif not self.started and self.quiet >= _GIVE_UP:
            self._reset(_BEFORE)
        elif self.started and self.quiet * WINDOW >= pause_s * SAMPLE_RATE:
            yield self._end()
        elif self.started and len(self.windows) >= _MAX_WINDOWS:
            yield from self._cut()
        elif self.started:
            yield from self._goes_on()

    def _goes_on(self) -> Iterator[Heard]:
        """What there is to tell of an utterance that is not over."""
        if self.paused and not self.quiet:
            self.paused = False
            yield Resumed()
        if not self.paused and self.quiet >= _AFTER:
            self.paused = True
            yield Paused(self._so_far())
        elif self.voiced - self.told >= _PENDING:
            self.told = self.voiced
            yield Pending(np.concatenate(self.windows))

    def _count(self, probability: float) -> None:
        """Between the two thresholds what was goes on."""
        if probability >= SPEECH or (self.voiced and not self.quiet and probability >= SILENCE):
            self.voiced += 1
            self.quiet = 0
        elif self.voiced:
            self.quiet += 1

    def _end(self) -> Ended:
        """The utterance with a little of the silence after it."""
        ended = Ended(self._so_far())
        self._reset(min(_BEFORE, max(0, self.quiet - _AFTER)))
        return ended

    def _so_far(self) -> NDArray[np.float32]:
        """What was said, with no more than a little of the silence after it."""
        return np.concatenate(self.windows[: len(self.windows) - max(0, self.quiet - _AFTER)])

    def _cut(self) -> Iterator[Heard]:
        """End an utterance that is too long where it is quietest; what follows begins the next one."""
        first = len(self.windows) - _CUT_WITHIN
        cut = first + int(np.argmin(self.probabilities[first:])) + 1
        yield Ended(np.concatenate(self.windows[:cut]))
        rest = list(zip(self.windows[cut:], self.probabilities[cut:], strict=True))
        self._reset(0)
        for window, probability in rest:
            yield from self.push(window, probability, float("inf"))

    def finish(self) -> Ended | None:
        """What was said, where that is more than a click."""
        ended = self._end() if self.started else None
        self._reset(0)
        return ended

    def _keep(self, count: int) -> None:
        """Forget all but the last windows."""
        surplus = len(self.windows) - count
        if surplus > 0:
            del self.windows[:surplus], self.probabilities[:surplus]

    def _reset(self, keep: int) -> None:
        self._keep(keep)
        self.voiced = self.quiet = self.told = 0
        self.started = self.paused = False


class Endpointer:
    """Hears the blocks of one microphone, in order.

    Attributes:
        pause_s: seconds of silence that end an utterance; `math.inf` where only `finish` ends one (push-to-talk).
            It may be changed at any time.
    """

    def __init__(self, vad: InstalledModel, runtime: Runtime, pause_s: float = 0.8) -> None:
        """Open the model.

        Raises:
            ModelCorrupt: it cannot be loaded.
        """
        self._vad = SileroVad(runtime.session(next(iter(vad.files.values())), threads=1))
        self.pause_s = pause_s
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, and an utterance under way with it."""
        self._vad.reset()
        self._turn = _Turn()
        self._rest = np.zeros(0, np.float32)

    def feed(self, block: NDArray[np.float32]) -> tuple[Heard, ...]:
        """Hear the next samples.

        Args:
            block: f32, mono, 16 kHz; 512 samples, or any other number: what does not fill a window waits for the next.

        Returns:
            What happened, in order: a `Level` for each window, after what that window brought about.
        """
        sound = np.nan_to_num(block.astype(np.float32, copy=False), nan=0.0, posinf=1.0, neginf=-1.0)
        sound = np.concatenate([self._rest, sound])
        whole = len(sound) // WINDOW * WINDOW
        self._rest = sound[whole:]
        return tuple(heard for window in sound[:whole].reshape(-1, WINDOW) for heard in self._window(window))

    def _window(self, window: NDArray[np.float32]) -> Iterator[Heard]:
        yield from self._turn.push(window, self._vad.probability(window), self.pause_s)
        yield Level(dbfs(window), self._turn.started)

    def finish(self) -> Ended | None:
        """End what is being said, as the release of push-to-talk does; None where nothing was said."""
        ended = self._turn.finish()
        self.reset()
        return ended


def dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square of samples (-1..1) against full scale, in decibels.

    >>> dbfs(np.full(512, 0.1, np.float32)), dbfs(np.zeros(512, np.float32))
    (-20.0, -90.0)
    """
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return round(10 * math.log10(power), 1) if power > 10 ** (FLOOR_DBFS / 10) else FLOOR_DBFS
