"""Speakers: sound is played by a thread of its own, piece after piece, and stopped at once.

A piece is at an end when its last sample was heard, when it is stopped, and when the speaker is lost.
"""

from __future__ import annotations

import logging
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.core.errors import DeviceBusy, DeviceError, DeviceLost, DeviceMissing
from edge_assistant.devices import sound
from edge_assistant.devices.device import shown

Samples = NDArray[np.float32]

MAX_SECONDS = limits.SPEAKER_SECONDS.value
IDLE = 2.0  # seconds without sound after which the device is given back
_AHEAD = 0.25  # seconds that are handed on before they are heard
_PART = 0.05  # seconds handed on at once
_HEADER = 44  # bytes of a WAV before its samples
_SILENT = 1.0  # seconds in which a speaker that works takes something

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Piece:
    samples: Samples
    rate: int
    done: Callable[[], None] | None
    stopped: bool = False

    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def parts(self) -> Iterator[Samples]:
        """The samples some at a time, until it is stopped."""
        step = max(1, round(_PART * self.rate))
        for start in range(0, len(self.samples), step):
            if self.stopped:
                return
            yield self.samples[start : start + step]


class SoundOutput:
    """A speaker of PortAudio by its name, or the default one.

    Attributes:
        rate: samples a second that it takes, once it is open.
    """

    def __init__(self, name: str | None) -> None:
        self.rate = 0
        self._wanted, self._name = name, name or "the default speaker"
        self._stream: Any = None
        self._ready: deque[Samples] = deque()
        self._length = 0
        self._taken = threading.Condition()
        self._asked = self._until = 0.0

    def find(self) -> None:
        """See that it is there, without starting it; raises DeviceMissing."""
        with sound.lock:
            sound.find(self._wanted, "output")

    def open(self, rate: int) -> None:
        """Find it and start it at the rate that it asks for; raises DeviceMissing, DeviceBusy."""
        self.close()
        self.drop()
        with sound.lock:
            found = sound.find(self._wanted, "output")
            self.rate, self._name, self._asked = found.rate, found.name, time.monotonic()
            self._stream = sound.stream(found, "output", self._fill)

    def write(self, part: Samples) -> None:
        """Hand on a part, and wait while enough is handed on; raises DeviceLost if nothing was taken for a second."""
        with self._taken:
            self._ready.append(part)
            self._length += len(part)
            if not self._taken.wait_for(lambda: self._length <= self.rate * _AHEAD, _SILENT):
                raise self._lost()

    def heard(self) -> bool:
        """Whether all that was handed on was heard; raises DeviceLost."""
        now = time.monotonic()
        with self._taken:
            if self._ready and now - self._asked > _SILENT:
                raise self._lost()
            return not self._ready and now >= self._until

    def drop(self) -> None:
        """Forget what was handed on and not heard; called from any thread."""
        with self._taken:
            self._ready.clear()
            self._length = 0
            self._taken.notify_all()

    def close(self) -> None:
        """Let it go."""
        if self._stream is not None:
            sound.end(self._stream)
            self._stream = None

    def _fill(self, out: Samples, frames: int, *_: object) -> None:
        """Give PortAudio f32 [frames, channels]: what is ready, and silence behind it."""
        out.fill(0)
        filled = 0
        with self._taken:
            while self._ready and filled < frames:
                part = self._ready.popleft()
                fits = part[: frames - filled]
                out[filled : filled + len(fits)] = fits[:, None]
                filled += len(fits)
                if len(fits) < len(part):
                    self._ready.appendleft(part[len(fits) :])
            self._length -= filled
            self._asked = time.monotonic()
            if filled:
                self._until = self._asked + filled / self.rate + sound.LATENCY
            self._taken.notify_all()

    def _lost(self) -> DeviceLost:
        return DeviceLost(f"{self._name} is gone", "plug it in again")


class FileOutput:
    """A WAV of 16 bit that stands for a speaker; it grows in real time, and is whole at any moment."""

    def __init__(self, path: Path) -> None:
        self.rate = 0
        self._path = path
        self._file: FileIO | None = None

    def find(self) -> None:
        """It is made once there is sound."""

    def open(self, rate: int) -> None:
        """Begin the file at this rate, or go on with the one that was begun at its own."""
        try:
            self._file = self._path.open("r+b" if self.rate else "w+b", buffering=0)
            self.rate = self.rate or rate
            self._write(b"")
        except OSError as error:
            self.close()
            name = shown(self._path)
            raise DeviceMissing(f"{name} cannot be written ({error.strerror})", "name another file") from None

    def write(self, part: Samples) -> None:
        """Write a part, and wait as long as it lasts; raises DeviceLost if the disk is full."""
        began = time.monotonic()
        try:
            self._write(np.round(np.clip(part, -1, 1) * 32767).astype("<i2").tobytes())
        except OSError as error:
            raise DeviceLost(f"{shown(self._path)} cannot be written ({error.strerror})", "make room") from None
        time.sleep(max(0.0, began + len(part) / self.rate - time.monotonic()))

    def heard(self) -> bool:
        """What is written was waited for."""
        return True

    def drop(self) -> None:
        """What is written stays."""

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, data: bytes) -> None:
        """Add samples, and put the header right."""
        assert self._file is not None
        self._file.seek(0, 2)
        self._file.write(data)
        size = max(0, self._file.tell() - _HEADER)
        form = struct.pack("<HHIIHH", 1, 1, self.rate, 2 * self.rate, 2, 16)
        self._file.seek(0)
        self._file.write(struct.pack("<4sI4s4sI", b"RIFF", size + _HEADER - 8, b"WAVE", b"fmt ", 16) + form)
        self._file.write(struct.pack("<4sI", b"data", size))


class Player:
    """Plays pieces one after the other on an output, in a thread that ends when nothing was played for a while."""

    def __init__(self, output: SoundOutput | FileOutput) -> None:
        self._output = output
        self._pieces: deque[_Piece] = deque()  # the first one is being played
        self._changed = threading.Condition()  # never held while a device is opened or closed, so that `stop` is quick
        self._opening = threading.Lock()  # of the device, and of its thread; taken before `_changed`
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def playing(self) -> bool:
        """Whether anything is being played or waits to be."""
        with self._changed:
            return not all(piece.stopped for piece in self._pieces)

    def find(self) -> None:
        """See that the speaker is there; raises DeviceMissing."""
        with self._opening:
            if self._thread is None:
                self._output.find()

    def play(self, samples: Samples, rate: int, done: Callable[[], None] | None = None) -> None:
        """Play mono f32 [n] in -1..1 after what is already playing; returns once the speaker is open.

        Args:
            samples: the sound.
            rate: its samples a second.
            done: called once, in the speaker's thread, when the piece was heard, or stopped, or cannot be heard.

        Raises:
            DeviceMissing, DeviceBusy: the speaker cannot be opened.
        """
        piece = _Piece(samples, rate, done)
        with self._changed:
            if sum(waiting.seconds() for waiting in self._pieces) + piece.seconds() > MAX_SECONDS:
                raise DeviceBusy("the speaker has too much to say", "stop it first")
            self._pieces.append(piece)
            self._changed.notify_all()
        with self._opening:
            with self._changed:
                waits = piece in self._pieces
            if self._thread is None and waits:
                self._open(piece)

    def stop(self) -> None:
        """Be silent now, and forget what waits."""
        with self._changed:
            for piece in self._pieces:
                piece.stopped = True
            self._output.drop()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and give the device back."""
        self.stop()
        with self._changed:
            self._closing, thread = True, self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_SILENT + IDLE)

    def _open(self, piece: _Piece) -> None:
        """Open the device for a piece, which is forgotten if that fails, and start the thread that plays."""
        try:
            self._output.open(piece.rate)
        except BaseException:
            with self._changed:
                self._pieces.remove(piece)
            raise
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="speaker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (piece := self._next()) is not None:
            try:
                self._hand_on(piece)
            except Exception as error:  # whoever waits for the end of a piece would wait for ever
                logger.warning("%s", error, exc_info=not isinstance(error, DeviceError))
                self._end_all()
                return
            self._end(piece)

    def _next(self) -> _Piece | None:
        """The piece to play; None, and the device is given back, where there is none for a while."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._closing, IDLE)
            if self._pieces:
                return self._pieces[0]
        with self._opening:
            with self._changed:
                if self._pieces:  # one that came just now
                    return self._pieces[0]
            self._give_back()
            return None

    def _hand_on(self, piece: _Piece) -> None:
        """Hand a piece to the output, and wait until it was heard or is stopped."""
        for part in sound.resampled(piece.parts(), piece.rate, self._output.rate):
            if piece.stopped:
                break
            self._output.write(part)
        while not (piece.stopped or self._output.heard()):
            time.sleep(_PART / 2)
        if piece.stopped:
            self._output.drop()  # what was handed on while it was stopped

    def _end(self, piece: _Piece) -> None:
        with self._changed:
            self._pieces.remove(piece)
        _tell(piece)

    def _end_all(self) -> None:
        """Give a speaker that is lost back; the next piece finds it again, or says that it is not there."""
        with self._opening:
            with self._changed:
                pieces = list(self._pieces)
                self._pieces.clear()
            self._give_back()
        for piece in pieces:
            _tell(piece)

    def _give_back(self) -> None:
        self._output.close()
        self._thread = None


def _tell(piece: _Piece) -> None:
    try:
        if piece.done is not None:
            piece.done()
    except Exception:  # whoever waits for the end of one piece must not keep the others from being played
        logger.exception("what follows a piece of sound failed")
