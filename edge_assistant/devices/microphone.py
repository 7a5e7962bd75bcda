"""Microphones: blocks of sound at 16 kHz from a device, or from a recording that stands for one."""

from __future__ import annotations

import io
import threading
import time
import wave
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.core.errors import DeviceEnded, DeviceLost, DeviceMissing, InputError
from edge_assistant.core.signals import SAMPLE_RATE, Kind, Origin
from edge_assistant.devices import sound
from edge_assistant.devices.device import as_signal, shown

Samples = NDArray[np.float32]

_COMES_BACK = "plug it in again, it comes back by itself"
MAX_WAITING = limits.MICROPHONE_SECONDS.value
SILENT = 1.0  # seconds without a sign of life
BEGINS = 3.0  # seconds until the first one
LOOK = 2.0  # seconds between looks whether the sound server still has it
BLOCK = 512  # samples, 32 ms: what the detector of voices takes at a time
SILENCE_AFTER = 2.0  # seconds behind a recording, so that what was said last is followed by a pause


def to_wav(samples: Samples, rate: int = SAMPLE_RATE) -> bytes:
    """Samples, f32 [n] in -1..1, at so many a second as a WAV of 16 bit."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


class SoundMicrophone:
    """A microphone by its name, or the default one.

    It is opened at the rate it asks for and brought to 16 kHz by FFmpeg's resampler, which filters what would alias.
    What nobody reads is dropped, the oldest first.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or "the default microphone"
        self._wanted = name
        self._found: sound.SoundDevice | None = None
        self._looked = 0.0
        self._stream: Any = None
        self._blocks: Generator[Samples, None, Samples] | None = None

    def open(self) -> None:
        """Find it, start it, and wait for its first sound; raises DeviceMissing, DeviceBusy."""
        from edge_assistant.perception.audio import cut

        self.close()
        with sound.lock:
            self._found = found = sound.find(self._wanted, "input")
            heard = _Heard(found.rate * MAX_WAITING, found.name)
            self._stream = sound.stream(found, "input", lambda data, *_: heard.put(data))
        if not heard.begins():
            self.close()
            raise DeviceMissing(f"{found.name} gives no sound", "plug it in again, or choose another one")
        self.name, self._wanted = found.name, found.node or found.name  # the same one comes back, and no other default
        self._looked = time.monotonic()
        self._blocks = cut(sound.resampled(heard.parts(), found.rate, SAMPLE_RATE), BLOCK)

    def read(self) -> Samples:
        """The next block, f32 [512] at 16 kHz; raises DeviceLost if nothing comes, or the sound server has lost it."""
        if self._blocks is None or self._found is None:
            raise DeviceLost(f"{self.name} is not open", "switch it on again")
        now = time.monotonic()
        if now > self._looked + LOOK:
            self._looked = now
            if sound.gone(self._found, "input"):
                raise DeviceLost(f"{self.name} is gone", _COMES_BACK)
        return next(self._blocks)

    def close(self) -> None:
        """Let it go."""
        self._blocks = None
        if self._stream is not None:
            sound.end(self._stream)
            self._stream = None


class _Heard:
    """What the thread of PortAudio has heard and nobody has taken: the last seconds of it."""

    def __init__(self, limit: int, name: str) -> None:
        self._parts: deque[Samples] = deque()
        self._length, self._limit, self._name = 0, limit, name
        self._came = threading.Condition()

    def put(self, data: Samples) -> None:
        """Keep a copy of f32 [n, channels], mixed to one channel; called by PortAudio, which must not be held up."""
        with self._came:
            self._parts.append(data.mean(axis=1))
            self._length += len(data)
            while self._length > self._limit:
                self._length -= len(self._parts.popleft())
            self._came.notify()

    def begins(self) -> bool:
        """Wait until the device gives something: a wireless one first changes its profile."""
        with self._came:
            return self._came.wait_for(lambda: bool(self._parts), BEGINS)

    def parts(self) -> Generator[Samples]:
        """What was heard, as it comes; raises DeviceLost if nothing does, for a device that works gives silence."""
        while True:
            with self._came:
                if not self._came.wait_for(lambda: bool(self._parts), SILENT):
                    raise DeviceLost(f"{self._name} is gone or silent", _COMES_BACK)
                part = self._parts.popleft()
                self._length -= len(part)
            yield part


class FileMicrophone:
    """A recording as a microphone hears it: block by block in real time or faster, then silence, then the end.

    It is unplugged by moving the file away.
    """

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        self.name = shown(path)
        self._path, self._speed = path, speed
        self._blocks: Generator[Samples] | None = None
        self._began, self._given = 0.0, 0

    def open(self) -> None:
        """Open the recording at its start; raises DeviceMissing, and InputError if it cannot be read."""
        self.close()
        if not self._path.exists():
            raise DeviceMissing(f"there is no {self.name} to stand for a microphone", "check the path")
        self._blocks = _blocks(self._path)
        next(self._blocks)
        self._began, self._given = time.monotonic(), 0

    def read(self) -> Samples:
        """The next block, f32 [512] at 16 kHz, when its last sample has been played; raises DeviceLost, DeviceEnded."""
        if self._blocks is None or not self._path.exists():
            raise DeviceLost(f"{self.name} is gone", "put the file back")
        try:
            block = next(self._blocks, None)
        except InputError as error:
            raise DeviceLost(f"{self.name} gives no sound any more ({error.message})", "give another file") from None
        if block is None:
            raise DeviceEnded(f"{self.name} is over", "give it again to hear it again")
        self._given += BLOCK
        time.sleep(max(0.0, self._began + self._given / (SAMPLE_RATE * self._speed) - time.monotonic()))
        return block

    def close(self) -> None:
        """Let the file go."""
        if self._blocks is not None:
            self._blocks.close()
            self._blocks = None


def _blocks(path: Path) -> Generator[Samples]:
    """First an empty array when the recording is open, then its blocks and those of the silence behind it."""
    from edge_assistant.perception.audio import cut
    from edge_assistant.perception.decoders.client import listen

    with listen(as_signal(path, Kind.AUDIO, Origin.MICROPHONE)) as (_, parts):
        yield np.zeros(0, dtype=np.float32)
        rest = yield from cut(parts, BLOCK)
    silence = np.zeros(round(SILENCE_AFTER * SAMPLE_RATE), dtype=np.float32)
    yield from cut([rest, silence], BLOCK)
