"""Where somebody speaks: Silero VAD over a stream, and the stream cut at pauses into chunks that Whisper can take.

Memory is bounded: samples are dropped once no chunk can want them, and a chunk never exceeds `MAX_CHUNK` seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.core.signals import SAMPLE_RATE
from edge_assistant.perception.audio import cut

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

WINDOW = 512  # samples that the model judges at once: 32 ms
_CONTEXT = 64  # samples before them that it sees too
SPEECH = 0.5  # probability at which speech begins (silero_vad: threshold)
SILENCE = 0.35  # and below which it ends (neg_threshold)
MIN_SPEECH = round(0.2 * SAMPLE_RATE / WINDOW)  # windows; shorter is a click
_MIN_SILENCE = round(0.35 * SAMPLE_RATE / WINDOW)  # windows; shorter is a stop within a word
_BEFORE = round(0.25 * SAMPLE_RATE)  # kept before speech, for a soft onset
_AFTER = round(0.35 * SAMPLE_RATE)  # and after it
_MAX_PAUSE = 3 * SAMPLE_RATE  # a longer one ends a chunk, so that silence is not transcribed
_MIN_REST = 2 * SAMPLE_RATE  # of speech after what was understood; less is the imprecision of its end
MAX_CHUNK = 28 * SAMPLE_RATE  # Whisper hears 30 s, with some silence at the end


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A stretch of the recording with speech in it.

    Attributes:
        start: index of its first sample in the recording.
        samples: f32, mono, 16 kHz.
        regions: first and last+1 sample of each stretch of speech, counted from the chunk's first sample.
    """

    start: int
    samples: NDArray[np.float32]
    regions: tuple[tuple[int, int], ...]


class SileroVad:
    """Silero VAD (snakers4/silero-vad, version 5 and 6): the probability of speech for each 32 ms, with memory."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._rate = np.array(SAMPLE_RATE, np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)

    def probability(self, window: NDArray[np.float32]) -> float:
        """Judge the next 512 samples."""
        heard = np.concatenate([self._context, window])[None]
        feed = {"input": heard, "state": self._state, "sr": self._rate}
        output, self._state = self._session.run(None, feed)
        self._context = window[-_CONTEXT:]
        return float(output[0, 0])


@dataclass
class _Cutter:
    """Turns probabilities into regions, regions into chunks. Positions are windows from the recording's start."""

    base: int = 0  # window at which `windows` begins
    windows: list[NDArray[np.float32]] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    speaking: int | None = None  # window at which the region that is not over yet began
    quiet: int | None = None  # window since which it may be over
    regions: list[tuple[int, int]] = field(default_factory=list)  # of the chunk that is not over yet

    @property
    def now(self) -> int:
        return self.base + len(self.windows)

    def push(self, window: NDArray[np.float32], probability: float) -> Iterator[SpeechChunk]:
        at = self.now
        self.windows.append(window)
        self.probabilities.append(probability)
        if probability >= SPEECH:
            self.quiet = None
            if self.speaking is None:
                self.speaking = at
        elif self.speaking is not None:
            if probability < SILENCE and self.quiet is None:
                self.quiet = at
            if self.quiet is not None and at - self.quiet >= _MIN_SILENCE:
                yield from self._close(self.quiet)
        if self.speaking is not None and (self.now - self.speaking) * WINDOW + _BEFORE + _AFTER >= MAX_CHUNK:
            yield from self._close(self._quietest(), goes_on=True)
        if self.speaking is None and self.regions and (at - self.regions[-1][1]) * WINDOW > _MAX_PAUSE:
            yield self._flush()
        self._forget()

    def finish(self) -> Iterator[SpeechChunk]:
        if self.speaking is not None:
            yield from self._close(self.quiet or self.now)
        if self.regions:
            yield self._flush()

    def _quietest(self) -> int:
        """The window of the least speech in the second half of the current region."""
        assert self.speaking is not None
        middle = (self.speaking + self.now) // 2
        return middle + int(np.argmin(self.probabilities[middle - self.base :]))

    def _close(self, end: int, *, goes_on: bool = False) -> Iterator[SpeechChunk]:
        """End the current region; one that goes on was too long and is cut."""
        assert self.speaking is not None
        start, self.speaking, self.quiet = self.speaking, end if goes_on else None, None
        if end - start < MIN_SPEECH:
            return
        if self.regions and (end - self.regions[0][0]) * WINDOW + _BEFORE + _AFTER > MAX_CHUNK:
            yield self._flush(start)
        self.regions.append((start, end))

    def _flush(self, until: int | None = None) -> SpeechChunk:
        """Make a chunk of the collected regions; its sound goes no further than window `until`."""
        origin = self.base * WINDOW
        sound = np.concatenate(self.windows)
        first = max(origin, self.regions[0][0] * WINDOW - _BEFORE)
        last = min(origin + len(sound), self.regions[-1][1] * WINDOW + _AFTER)
        if until is not None:
            last = min(last, until * WINDOW)
        regions = tuple((a * WINDOW - first, b * WINDOW - first) for a, b in self.regions)
        self.regions = []
        return SpeechChunk(first, sound[first - origin : last - origin], regions)

    def _forget(self) -> None:
        """Drop what no chunk can want any more."""
        wanted = self.regions[0][0] if self.regions else self.now if self.speaking is None else self.speaking
        surplus = wanted - _BEFORE // WINDOW - 1 - self.base
        if surplus > 0:
            del self.windows[:surplus], self.probabilities[:surplus]
            self.base += surplus


def chunks(blocks: Iterable[NDArray[np.float32]], vad: SileroVad) -> Iterator[SpeechChunk]:
    """Cut a stream of samples (f32, mono, 16 kHz, blocks of any length) into the chunks where somebody speaks."""
    vad.reset()
    cutter = _Cutter()
    for window in _windows(blocks):
        yield from cutter.push(window, vad.probability(window))
    yield from cutter.finish()


def _windows(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Windows of a stream, the last one filled up with silence."""
    rest = yield from cut(blocks, WINDOW)
    if len(rest):
        yield np.pad(rest, (0, WINDOW - len(rest)))


def rest(chunk: SpeechChunk, second: float) -> SpeechChunk | None:
    """What of a chunk comes after a second; None where there is no speech to speak of."""
    first = round(second * SAMPLE_RATE)
    regions = tuple((max(0, a - first), b - first) for a, b in chunk.regions if b > first)
    if sum(b - a for a, b in regions) < _MIN_REST:
        return None
    return SpeechChunk(chunk.start + first, chunk.samples[first:], regions)
