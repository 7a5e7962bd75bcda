"""Sound out of any file that PyAV opens: a stream of 16 kHz mono blocks in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputError, InputUnsupported
from edge_assistant.core.signals import SAMPLE_RATE, Signal
from edge_assistant.perception.gap import Gap

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_RATE, MAX_RATE = 1_000, 768_000  # of a file; a kilobyte at 1 Hz would be hours of sound
_MAX_BROKEN_PACKETS = limits.BROKEN_PACKETS.value
_FAR = 60.0  # seconds that are decoded in vain sooner than looked for
_RUN_UP = 1.0  # seconds decoded before a place in the middle, until a codec has found its feet
_EXACT = ("wav", "w64", "flac", "ogg", "mov,mp4,m4a,3gp,3g2,mj2")  # whose packets tell their times; MP3's guess
_MISSING = 0.5  # seconds less than the header declares that are worth a note
_CONTAINERS = "wav,w64,aiff,au,flac,mp3,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,aac,amr,asf,caf,mpegts,mpeg,flv"
_MAGIC = (
    (0, b"RIFF"), (0, b"RF64"), (0, b"fLaC"), (0, b"OggS"), (0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"),
    (4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (0, b"FORM"),
)  # fmt: skip
_KINDS = "WAV, FLAC, MP3, OGG and M4A recordings are read"


@dataclass
class Sound:
    """The sound of a signal while it is being decoded.

    Attributes:
        seconds: how long it is by its header, or None where that cannot be trusted.
        heard: seconds decoded so far, and those that were passed over; while a block is handed out, where it begins.
        notes: what was wrong with it, filled while it is read.
    """

    seconds: float | None
    heard: float = 0.0
    notes: list[str] = field(default_factory=list)


def has_sound(signal: Signal) -> bool:
    """Whether a container has an audio stream; False for what is no container."""
    try:
        with _opened(signal) as opened:
            return bool(opened.streams.audio)
    except (InputCorrupt, InputUnsupported):
        return False


@contextmanager
def listen(signal: Signal, start: float = 0.0) -> Iterator[tuple[Sound, Iterator[NDArray[np.float32]]]]:
    """Open the first audio stream of a recording or a video.

    Args:
        signal: what has sound.
        start: seconds before which nothing is wanted; where that saves much, decoding begins shortly before it.

    Yields:
        The sound, and an iterator over its blocks: f32, -1..1, mono, 16 kHz, each some hundredths of a second.

    Raises:
        InputUnsupported: the file is no container that is read, or has no sound in it.
        InputCorrupt: the file is damaged before its first sample.
        InputEmpty: it has no samples (raised by the iterator).
    """
    with _opened(signal) as opened:
        if not opened.streams.audio:
            raise InputUnsupported(f"{signal.name} has no sound in it", _KINDS)
        stream = opened.streams.audio[0]
        if stream.codec_context is None:
            raise InputUnsupported(f"{signal.name} has a sound format that cannot be read", _KINDS)
        if not MIN_RATE <= stream.rate <= MAX_RATE:
            raise InputCorrupt(
                f"{signal.name} declares {stream.rate:,} samples a second", "record it at 8,000 to 48,000 a second"
            )
        streamed, cut = _header(signal)
        sound = Sound(None if streamed else _declared(opened, stream))
        if cut:
            sound.notes.append(f"{signal.name} breaks off: its header declares more than is there")
        sought = start > _FAR and opened.format.name in _EXACT and _seek(opened, stream, start - _RUN_UP)
        yield sound, _blocks(opened, stream, sound, signal.name, sought=sought)


@contextmanager
def container(signal: Signal, formats: str, refused: Callable[[bytes], InputError]) -> Iterator[Any]:
    """A recording or video as PyAV's container; nothing but the bytes of the signal can be reached from it.

    Args:
        signal: what to open.
        formats: of FFmpeg, that are let in; no playlists, which name other files and hosts.
        refused: the error for the first bytes of what cannot be opened.

    Raises:
        InputError: as `refused` says.
    """
    import av

    av.logging.set_level(None)
    with signal.open() as source:
        try:
            opened = av.open(source, options={"format_whitelist": formats, "protocol_whitelist": "none"})
        except (av.FFmpegError, ValueError, OSError):
            source.seek(0)
            raise refused(source.read(16)) from None
        with opened:
            yield opened


def packets(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401
    """The packets of a stream; None, and the end, where the container itself breaks off."""
    import av

    try:
        yield from container.demux(stream)
    except (av.FFmpegError, OSError):
        yield None


def decoded(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401
    """The frames of a stream; None for a packet that is damaged."""
    import av

    for packet in packets(container, stream):
        try:
            yield from [None] if packet is None else packet.decode()
        except (av.FFmpegError, ValueError):
            yield None


def _opened(signal: Signal) -> AbstractContextManager[Any]:
    def refused(head: bytes) -> InputError:
        if any(head.startswith(magic, at) for at, magic in _MAGIC):
            return InputCorrupt(f"{signal.name} is damaged and cannot be played", "record or copy it again")
        return InputUnsupported(f"{signal.name} is not a recording that can be read", _KINDS)

    return container(signal, _CONTAINERS, refused)


def _header(signal: Signal) -> tuple[bool, bool]:
    """Whether the header of a WAV was written before its length was known, and whether it declares more than there is.

    Programs that write to a pipe do the first; FFmpeg passes over the second in silence.
    """
    with signal.open() as source:
        head = source.read(8)
        there = source.seek(0, os.SEEK_END)
    size = int.from_bytes(head[4:8], "little")
    if not head.startswith(b"RIFF"):
        return False, False
    streamed = size == 0 or size >= 0x7FFF0000
    return streamed, not streamed and size + 8 > there + 1  # one byte of padding may be missing


def _declared(container: Any, stream: Any) -> float | None:  # noqa: ANN401
    """Seconds that the header declares; MP3 without an index declares a guess, Ogg what is there."""
    if container.format.name not in ("wav", "w64", "flac", "mov,mp4,m4a,3gp,3g2,mj2"):
        return None
    if stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _seek(container: Any, stream: Any, seconds: float) -> bool:  # noqa: ANN401
    """Go to a place; whether that was possible."""
    import av

    if not stream.time_base:
        return False
    try:
        container.seek((stream.start_time or 0) + int(seconds / stream.time_base), stream=stream)
    except (av.FFmpegError, OSError):
        container.seek(0)
        return False
    return True


def _blocks(
    container: Any,  # noqa: ANN401
    stream: Any,  # noqa: ANN401
    sound: Sound,
    name: str,
    *,
    sought: bool,
) -> Iterator[NDArray[np.float32]]:
    import av

    # 16 bit, because FFmpeg mixes channels of floats louder than they are
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    broken = 0
    for frame in decoded(container, stream):
        if frame is None:
            broken += 1
            if broken > _MAX_BROKEN_PACKETS:
                break
            continue
        if sought:
            begin = float((stream.start_time or 0) * stream.time_base)
            sound.heard, sought = max(0.0, (frame.time or 0.0) - begin), False
        for block in _resampled(resampler, frame):
            yield block
            sound.heard += len(block) / SAMPLE_RATE
        if sound.heard > (most := limits.SOUND_SECONDS.now):
            said = f"only the first {limits.lasting(most)} were heard"
            sound.notes.append(Gap(f"{name}: {said}", said))
            return
    for block in _resampled(resampler, None):
        yield block
        sound.heard += len(block) / SAMPLE_RATE
    if sought:
        return  # it ends before
    if sound.heard == 0:
        raise (InputCorrupt if broken else InputEmpty)(f"{name} has no sound that can be played", "record it again")
    _note_damage(sound, broken, name)


def _resampled(resampler: Any, frame: Any) -> Iterator[NDArray[np.float32]]:  # noqa: ANN401
    """Blocks of one frame, or with None what the resampler still holds."""
    import av

    try:
        frames = resampler.resample(frame)
    except (av.FFmpegError, ValueError):
        return
    for part in frames:
        block = part.to_ndarray().reshape(-1)
        if len(block):
            yield block.astype(np.float32) / np.float32(32768)


def cut(parts: Iterable[NDArray[np.float32]], size: int) -> Generator[NDArray[np.float32], None, NDArray[np.float32]]:
    """Blocks of so many samples from parts of any length; what is left over is returned."""
    rest = np.zeros(0, np.float32)
    for part in parts:
        rest = np.concatenate([rest, part])
        whole = len(rest) // size * size
        yield from rest[:whole].reshape(-1, size)
        rest = rest[whole:]
    return rest


def _note_damage(sound: Sound, broken: int, name: str) -> None:
    missing = (sound.seconds or 0.0) - sound.heard
    if missing > _MISSING:
        said = f"only the first {sound.heard:.1f} s of {sound.seconds:.1f} s were there to be heard"
        note = f"{name} breaks off after {sound.heard:.1f} s of {sound.seconds:.1f} s that it declares"
        sound.notes.append(Gap(note, said))
    elif broken:
        sound.notes.append(f"{name} is damaged: {broken} parts of it could not be played")
