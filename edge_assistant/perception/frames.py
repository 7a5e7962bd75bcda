"""Video to shots: one frame for each stretch between two changes of the scene, in bounded memory and time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputError, InputTooLarge, InputUnsupported
from edge_assistant.core.signals import Signal
from edge_assistant.perception import audio
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.page import Page

if TYPE_CHECKING:
    import av
    import av.container


MAX_SHOTS = limits.SHOTS.value
MAX_PIXELS = limits.FRAME_PIXELS.value
KEEP_SIDE = 1920  # of what is looked at; 12 such frames are 75 MB
CUT = 0.35  # share of the picture's colours that must change
SHORTEST = 0.5  # seconds; flashes and fades are part of the shot that follows
WRITTEN = 0.02  # share of the pixels that must change for good where the picture is still: a slide, a screen, a display
_STILL = 0.002  # share of the pixels that may change in a picture that is still
_VISIBLE = 24  # grey levels of 255; noise of the sensor and the codec is less
_SAMPLE = 0.1  # seconds between frames that are compared
_SETTLED = 3.0  # seconds of a shot among which its stillest frame is chosen
_ALL_FRAMES = 2_000_000_000  # pixels decoded before only key frames are: half a minute of 1080p, 10 to 20 s of work
_KEY_FRAMES = 2000  # looked at in a whole video, where only key frames are
_KEY_PIXELS = 6_000_000_000  # decoded before key frames are looked at ever more rarely
_MISSING = 0.5  # seconds less than the header declares that are worth a note
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
_GRID, _CELL = 4, (9, 16)  # 16 regions of 9 x 16 points, each the mean of four pixels of the small picture
_LEVELS = 4  # of each of red, green, blue: 64 bins


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A frame made small, to be compared with others.

    Attributes:
        colours: f32 [16, 64], colour histograms of the 16 regions of the picture, each with the sum 1.
        grey: f32 [72, 128], 0 to 255.
    """

    colours: NDArray[np.float32]
    grey: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A stretch of a video in which the scene stays the same.

    Attributes:
        start: seconds.
        end: seconds.
        page: its stillest early frame, upright; boxes are told in pixels of the video.
    """

    start: float
    end: float
    page: Page


@dataclass(frozen=True, slots=True, eq=False)
class FrameSample:
    """A frame as decoded, its time in seconds, and its look."""

    time: float
    frame: av.VideoFrame
    look: Look


@dataclass
class Film:
    """A video while its frames are decoded.

    Attributes:
        name: what messages call it.
        seconds: how long it says it is, or None.
        notes: what was left out, filled while it is decoded.
        end: seconds decoded so far.
    """

    name: str
    seconds: float | None
    notes: list[str] = field(default_factory=list)
    end: float = 0.0


def shots(signal: Signal, threads: int, progress: Callable[[float], None]) -> tuple[list[Shot], tuple[str, ...]]:
    """The shots of a video in order, at most `MAX_SHOTS`, and notes on what was left out.

    A shot ends where the picture differs from the frame before or from the shot's beginning, so that cuts and slow
    fades are both seen (see `difference`), and where a picture that stands still has become another, as from slide to
    slide (see `moved`). Scenes that come back, and of more shots those most like an earlier one, are left out.

    Raises:
        InputUnsupported: no video, or a file without pictures.
        InputTooLarge: frames of over `MAX_PIXELS`.
        InputCorrupt: no frame can be decoded.
    """
    found: list[tuple[float, Shot, Look]] = []
    total = 0
    with opened(signal) as (container, film):
        for shot, seen in _cut(_samples(container, film, threads, progress), film):
            total += 1
            if any(_alike(seen, other) for *_, other in found):
                continue
            apart = min((max(difference(seen, other), moved(seen, other)) for *_, other in found), default=1.0)
            found.append((apart, shot, seen))
            if len(found) > MAX_SHOTS:
                del found[min(range(len(found)), key=lambda i: found[i][0])]
    if not found:
        raise InputCorrupt(f"{signal.name} has no picture that can be decoded", "record or copy it again")
    if total > len(found):
        said = f"of {total:,} scenes the {len(found)} that differ most were looked at"
        film.notes.append(Gap(f"{signal.name}: {said}", f"only {len(found)} of {total:,} scenes were looked at"))
    return [shot for _, shot, _ in found], tuple(film.notes)


def look(rgb: NDArray[np.uint8]) -> Look:
    """What is compared of a picture, from its pixels made small: uint8 [72, 128, 3]."""
    height, width = _CELL
    bins = _LEVELS**3
    region = np.arange(_GRID)[:, None] * _GRID + np.arange(_GRID)
    region = np.repeat(np.repeat(region, height, 0), width, 1) * bins
    halved = rgb.reshape(_GRID * height, 2, _GRID * width, 2, 3).mean((1, 3), dtype=np.float32)
    low, part = np.divmod(halved * ((_LEVELS - 1) / 256), 1)
    counts = np.zeros(_GRID**2 * bins)
    for corner in itertools.product((0, 1), repeat=3):  # shared between neighbouring bins: no jump at their edge
        index = region + (low + corner).astype(np.int64) @ np.array([_LEVELS**2, _LEVELS, 1])
        weight = np.where(corner, part, 1 - part).prod(2)
        counts += np.bincount(index.ravel(), weight.ravel(), len(counts))
    shares = (counts.reshape(_GRID**2, bins) / (height * width)).astype(np.float32)
    return Look(shares, rgb.mean(2, dtype=np.float32))


def difference(a: Look, b: Look) -> float:
    """The share of each region's colours that differ, 0 to 1, as the mean of all regions.

    Histograms of regions are those of Nagasaka and Tanaka 1992, "Automatic Video Indexing and Full-Video Search for
    Object Appearances".
    """
    return float(abs(a.colours - b.colours).sum() / 2 / len(a.colours))


def moved(a: Look, b: Look) -> float:
    """The share of pixels that differ visibly, 0 to 1."""
    return float((abs(a.grey - b.grey) > _VISIBLE).mean())


def _alike(a: Look, b: Look) -> bool:
    """Whether one is the other's scene come back."""
    return difference(a, b) <= CUT and moved(a, b) <= WRITTEN


def _cut(samples: Iterator[FrameSample], film: Film) -> Iterator[tuple[Shot, Look]]:
    """Group samples into shots, each with its page made small."""
    first = next(samples, None)
    if first is None:
        return
    growing, last = _Growing(first, first.time), first
    for last in samples:
        if (start := growing.cut(last)) is not None:
            yield growing.shot(start)
            growing = _Growing(last, start)
    yield growing.shot(max(film.end, last.time))


class _Growing:
    """A shot to which samples are added as long as they belong to it."""

    def __init__(self, first: FrameSample, start: float) -> None:
        self._start = self._moved = start
        self._reference = self._last = self._best = first
        self._stillness = math.inf

    def cut(self, sample: FrameSample) -> float | None:
        """When another scene began, where the sample belongs to another; else it is added."""
        motion = moved(sample.look, self._last.look)
        if motion > _STILL:
            self._moved = sample.time
        if sample.time - self._start < SHORTEST:
            self._reference = sample
        else:
            if any(difference(sample.look, other.look) > CUT for other in (self._last, self._reference)):
                return sample.time
            settled = motion <= _STILL or sample.time - self._last.time > SHORTEST  # of key frames, each counts
            if settled and moved(sample.look, self._best.look) > WRITTEN:
                return self._moved
        if motion < self._stillness and sample.time - self._start <= _SETTLED:
            self._best, self._stillness = sample, motion
        self._last = sample
        return None

    def shot(self, end: float) -> tuple[Shot, Look]:
        """The shot that ends there, and its page made small."""
        return Shot(self._start, end, upright(self._best.frame)), self._best.look


def upright(frame: av.VideoFrame) -> Page:
    """A frame upright, at most `KEEP_SIDE` long."""
    scale = min(1.0, KEEP_SIDE / max(frame.width, frame.height))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    rgb = np.rot90(frame.to_ndarray(width=width, height=height, format="rgb24"), frame.rotation // 90)
    turned = frame.rotation % 180 != 0
    size = (frame.height, frame.width) if turned else (frame.width, frame.height)
    return Page(None, np.ascontiguousarray(rgb), size, rgb.shape[1] / size[0])


@contextmanager
def opened(signal: Signal) -> Iterator[tuple[av.container.InputContainer, Film]]:
    """A video as a container from which nothing else can be reached.

    Raises:
        InputUnsupported: it is no video.
        InputCorrupt: it is damaged before its first frame.
    """

    def refused(head: bytes) -> InputError:
        if head[4:8] == b"ftyp" or head.startswith(b"\x1aE\xdf\xa3"):
            return InputCorrupt(f"{signal.name} is damaged and cannot be played", "copy it again")
        return InputUnsupported(f"{signal.name} is not a video that can be read", "give MP4, MKV or WebM")

    with audio.container(signal, _CONTAINERS, refused) as container:
        seconds = container.duration / 1e6 if container.duration and container.duration > 0 else None
        yield container, Film(signal.name, seconds)


def _samples(
    container: av.container.InputContainer, film: Film, threads: int, progress: Callable[[float], None]
) -> Iterator[FrameSample]:
    """Frames at least `_SAMPLE` seconds apart."""
    wanted = -math.inf
    for time, frame in _decoded(container, film, threads):
        film.end = max(film.end, time)
        if time < wanted:
            continue
        wanted = time + _SAMPLE
        small = frame.to_ndarray(width=2 * _GRID * _CELL[1], height=2 * _GRID * _CELL[0], format="rgb24").astype(
            np.uint8
        )
        yield FrameSample(time, frame, look(small))
        if film.seconds:
            progress(min(1.0, time / film.seconds))


def _decoded(container: av.container.InputContainer, film: Film, threads: int) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames with their times: all of a short video, key frames of a long one, what can be had of a damaged one."""
    import av

    stream = pictures_in(container, film.name)
    stream.codec_context.thread_count, stream.codec_context.thread_type = threads, "AUTO"
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # frames may grow on the way
    choice, broken = _Choice(stream, film.seconds), 0
    for packet in audio.packets(container, stream):
        if packet is None or not choice.takes(packet):
            broken += packet is None
            continue
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError):
            broken += 1
            continue
        for frame in frames:
            choice.decoded += frame.width * frame.height
            yield (film.end + choice.apart if frame.time is None else max(0.0, frame.time - choice.start)), frame
        if film.end > (most := limits.VIDEO_SECONDS.now):
            said = f"only the first {limits.lasting(most)} were looked at"
            film.notes.append(Gap(f"{film.name}: {said}", said))
            break
    if broken:
        film.notes.append(f"{film.name} is damaged: some of its pictures are missing")
    film.end = max(film.end + choice.apart, min(film.seconds or 0.0, choice.last + choice.apart))
    declared = _declared(container, stream)
    if declared is not None and film.end < declared - _MISSING:
        said = f"only the first {film.end:.1f} s of {declared:.1f} s were there to be looked at"
        note = f"{film.name} breaks off after {film.end:.1f} s of {declared:.1f} s that it declares"
        film.notes.append(Gap(note, said))


def _declared(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """Seconds of pictures by the header; where it tells the whole's only, sound may be longer than the pictures."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration and not container.streams.audio else None


class _Choice:
    """Which packets are decoded: all until `_ALL_FRAMES` pixels are reached, or none but key frames from the start.

    Attributes:
        start: time of the first frame by the container's clock, seconds.
        apart: seconds from frame to frame, by the header.
        decoded: pixels so far.
        last: time of the last packet seen, from the start.
    """

    def __init__(self, stream: av.VideoStream, seconds: float | None) -> None:
        rate = min(max(float(stream.average_rate or 30), 1.0), 1000.0)
        frames = (seconds or 0.0) * rate
        self.apart = 1 / rate
        self.decoded = 0
        self.last = 0.0
        self.start = float((stream.start_time or 0) * (stream.time_base or 0))
        self._too_long = frames * stream.codec_context.width * stream.codec_context.height > _ALL_FRAMES
        self._step = max(_SAMPLE, (seconds or 3600.0) / _KEY_FRAMES)
        self._wanted = -math.inf

    def takes(self, packet: av.Packet[av.VideoStream]) -> bool:
        """Whether to decode a packet; the empty one at the end makes the decoder give what it still holds."""
        time = float((packet.pts or packet.dts or 0) * (packet.time_base or 0)) - self.start
        self.last = max(self.last, time)
        if not packet.size or not (self._too_long or self.decoded > _ALL_FRAMES):
            return True
        if not packet.is_keyframe or time < self._wanted:
            return False
        self._wanted = time + self._step * (1 + self.decoded // _KEY_PIXELS) ** 2
        return True


def pictures_in(container: av.container.InputContainer, name: str) -> av.VideoStream:
    """The first stream of moving pictures; a cover picture is none."""
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            if stream.codec_context is None:  # no decoder is there for it
                raise InputUnsupported(f"{name} has a picture format that cannot be read", "give MP4, MKV or WebM")
            if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
                raise InputTooLarge(f"{name} has frames of over {MAX_PIXELS:,} pixels", "scale it down first")
            return stream
    raise InputUnsupported(f"{name} has no pictures in it", "give a recording with --audio")
