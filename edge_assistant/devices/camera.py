"""Cameras: what they give, the ones that are there, and a video or pictures that stand for one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.errors import DeviceLost, DeviceMissing, InputCorrupt, InputError, InputUnsupported
from edge_assistant.core.signals import Kind, Origin, printable
from edge_assistant.devices import video4linux
from edge_assistant.devices.device import as_signal, shown

if TYPE_CHECKING:
    import av

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 1920, 1080  # asked for; writing on a form that is held up needs it, a camera gives what it can
SILENT = 1.0  # seconds without a picture
BEGINS = 2.0  # seconds until the first one
_AGAIN = 0.05  # seconds until a driver that failed at once is asked again
RATE = 5.0  # frames a second; a preview in a terminal shows no more
PICTURE_SECONDS = 3.0  # that each picture of a folder is seen
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pdf"}
_FRAME_SECONDS = 0.04  # of a video that gives its frames no time
_LATE = 0.5  # seconds; what is further behind is not caught up, the clock is set back


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera.

    Attributes:
        rgb: uint8 [height, width, 3].
        time: when it was taken, seconds since 1970.
    """

    rgb: Pixels
    time: float


def encode(frame: Frame) -> bytes:
    """The frame as a PNG, which is what the picture senses read: nothing is lost, 1080p takes some 50 ms."""
    import cv2

    _, data = cv2.imencode(".png", cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data)


class OpenCVCamera:
    """A camera by its name or a part of it, or the first one."""

    def __init__(self, name: str | None = None, rate: float = RATE) -> None:
        self.name = name or "the first camera"
        self._wanted, self._rate = name, rate
        self._node: Path | None = None
        self._capture: Any = None
        self._tick = 0.0

    def open(self) -> None:
        """Find it, start it, and see a first picture; raises DeviceMissing, DeviceBusy."""
        self.close()
        camera = video4linux.find(self._wanted)
        import cv2

        self.name, self._node = camera.name, camera.node
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")  # seconds; ten by default
        cv2.utils.logging.setLogLevel(0)  # it would print on the terminal that the app draws on
        self._capture = cv2.VideoCapture(str(camera.node), cv2.CAP_V4L2)
        for setting, value in (
            (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),  # USB 2 has no room for 1080p otherwise
            (cv2.CAP_PROP_FRAME_WIDTH, WIDTH),
            (cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT),
            (cv2.CAP_PROP_BUFFERSIZE, 2),  # more would be older pictures
        ):
            self._capture.set(setting, value)
        if not self._capture.isOpened() or not self._begins():
            self.close()
            raise video4linux.refused(camera)
        self._wanted = camera.name  # the same one comes back, and no other first one
        self._tick = time.monotonic()

    def _begins(self) -> bool:
        """Whether a picture comes; the first ones of some cameras are missing."""
        until = time.monotonic() + BEGINS
        while not self._capture.grab():
            if time.monotonic() > until:
                return False
            time.sleep(_AGAIN)
        return True

    def read(self) -> Frame:
        """The newest picture, `rate` times a second; raises DeviceLost. Those between are not decoded."""
        import cv2

        now = time.monotonic()
        self._tick = max(self._tick + 1 / self._rate, now)
        until = now + 1 / self._rate + SILENT
        while self._capture is not None and self._node is not None and self._node.exists() and now < until:
            if not self._capture.grab():
                time.sleep(_AGAIN)
            elif time.monotonic() >= self._tick:
                there, bgr = self._capture.retrieve()
                if there:
                    return Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), time.time())
            now = time.monotonic()
        raise DeviceLost(f"{self.name} is gone or gives no picture", "plug it in again, it comes back by itself")

    def close(self) -> None:
        """Let it go."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class FileCamera:
    """A video at its own speed over and over, a picture, or a folder of pictures each seen for some seconds.

    It is unplugged by moving the file away, and plugged in again by putting it back.
    """

    def __init__(self, path: Path, rate: float = RATE) -> None:
        self.name = shown(path)
        self._path, self._rate = path, rate
        self._shown: Generator[_Shown] | None = None
        self._now, self._next = (0.0, _nothing), (0.0, _nothing)
        self._began = self._tick = 0.0

    def open(self) -> None:
        """Open the file and decode its first picture; raises DeviceMissing, and InputError if it cannot be read."""
        self.close()
        if not self._path.exists():
            raise DeviceMissing(f"there is no {self.name} to stand for a camera", "check the path")
        self._shown = _shown(self._path)
        self._now = next(self._shown)
        self._next = next(self._shown)
        self._began = self._tick = time.monotonic()

    def read(self) -> Frame:
        """The picture that is to be seen now, `rate` times a second; raises DeviceLost if the file is no more."""
        self._tick = max(self._tick + 1 / self._rate, time.monotonic())
        time.sleep(min(1.0, max(0.0, self._tick - time.monotonic())))
        if self._shown is None or not self._path.exists():
            raise DeviceLost(f"{self.name} is gone", "put the file back")
        try:
            self._catch_up(self._shown)
            return Frame(self._now[1](), time.time())
        except InputError as error:
            raise DeviceLost(f"{self.name} gives no picture any more ({error.message})", "give another file") from None

    def close(self) -> None:
        """Let the file go."""
        if self._shown is not None:
            self._shown.close()
            self._shown = None

    def _catch_up(self, shown: Iterator[_Shown]) -> None:
        """Go on to the last picture whose time has come."""
        played = time.monotonic() - self._began
        if played - self._next[0] > _LATE:
            self._began += played - self._next[0]
            played = self._next[0]
        while self._next[0] <= played:
            self._now, self._next = self._next, next(shown)


_Shown = tuple[float, Callable[[], Pixels]]  # when it is seen, seconds from the start, and how to get its pixels


def _nothing() -> Pixels:
    raise InputCorrupt("nothing was decoded", "give another file")


def _shown(path: Path) -> Generator[_Shown]:
    """What is seen of a file, without end."""
    if path.is_dir():
        return _slides(sorted(item for item in path.iterdir() if item.suffix.lower() in _PICTURES), path.name)
    if path.suffix.lower() in _PICTURES:
        return _slides([path], path.name)
    return _film(path)


def _slides(files: list[Path], name: str) -> Generator[_Shown]:
    """Pictures one after the other, each decoded when it is its turn; raises InputError if none can be decoded."""
    from edge_assistant.perception.decoders.client import pages

    at, failed = 0.0, 0
    error: InputError = InputUnsupported(f"{printable(name)} holds no pictures", "name a folder that has some")
    while failed < len(files):
        failed = 0
        for file in files:
            try:
                rgb = next(pages(as_signal(file, Kind.IMAGE, Origin.CAMERA))).rgb
            except InputError as this:
                failed, error = failed + 1, this
                continue
            yield at, partial(np.asarray, rgb)
            if len(files) == 1:
                yield math.inf, _nothing
            at += PICTURE_SECONDS
    raise error


def _film(path: Path) -> Generator[_Shown]:
    """The frames of a video, from its start again at its end; raises InputError if there are none."""
    from edge_assistant.perception.audio import decoded
    from edge_assistant.perception.frames import opened, pictures_in

    at = 0.0
    while True:
        began, start = at, None
        with opened(as_signal(path, Kind.VIDEO, Origin.CAMERA)) as (container, _):
            stream = pictures_in(container, shown(path))
            stream.codec_context.thread_count = 1  # what perceives and answers has the other cores
            for frame in decoded(container, stream):
                if frame is None:  # damaged
                    continue
                start = frame.time if start is None else start
                offset = at + _FRAME_SECONDS if frame.time is None or start is None else began + frame.time - start
                at = max(at, offset)
                yield at, partial(_pixels, frame)
        if start is None:
            raise InputCorrupt(f"{shown(path)} has no picture that can be decoded", "record or copy it again")
        at += _FRAME_SECONDS


def _pixels(frame: av.VideoFrame) -> Pixels:
    from edge_assistant.perception.frames import upright

    return upright(frame).rgb
