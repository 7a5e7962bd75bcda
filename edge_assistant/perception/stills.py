"""The frame of a video that evidence was seen in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.signals import Signal
from edge_assistant.perception.audio import packets
from edge_assistant.perception.frames import look, moved, opened, pictures_in, upright

if TYPE_CHECKING:
    import av
    import av.container

    from edge_assistant.perception.frames import Film
    from edge_assistant.perception.page import Page

_STEP = 0.1  # seconds between frames that are compared, and
_SETTLED = 3.0  # seconds of a shot among which the stillest one was looked at: both as perception takes them
_BEFORE = 0.02  # seconds by which times that were rounded for a locator may be late
_SMALL = (128, 72)  # pixels of the pictures that are compared


def frame(signal: Signal, seconds: tuple[float, float]) -> Page:
    """The stillest frame at the beginning of a stretch, which is the one that was looked at.

    Args:
        signal: a video.
        seconds: the stretch.

    Raises:
        InputCorrupt: nothing can be decoded there.
        InputMissing, InputTooLarge, InputUnsupported: as the names say.
    """
    import numpy as np

    start, end = seconds[0], max(seconds[0] + _STEP, min(seconds[1], seconds[0] + _SETTLED))
    best = last = None
    stillness, wanted = math.inf, -math.inf
    with opened(signal) as (container, film):
        for time, picture in _from(container, film, start - _BEFORE):
            if time > end and best is not None:
                break
            if time < wanted:
                continue
            wanted = time + _STEP
            seen = look(picture.to_ndarray(width=_SMALL[0], height=_SMALL[1], format="rgb24").astype(np.uint8))
            motion = math.inf if last is None else moved(seen, last)
            if best is None or motion < stillness:
                best, stillness = picture, motion
            last = seen
    if best is None:
        raise InputCorrupt(f"{signal.name} has no picture there that can be decoded", "copy it again")
    return upright(best)


def _from(container: av.container.InputContainer, film: Film, start: float) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames from a time on, in seconds from the first one; what is damaged is passed over."""
    import av

    stream = pictures_in(container, film.name)
    stream.codec_context.thread_type = "AUTO"
    base, first = float(stream.time_base or 0), stream.start_time or 0
    if base and start > 0:
        try:
            container.seek(first + int(start / base), stream=stream)
        except (av.FFmpegError, OSError):
            container.seek(0)
    for packet in packets(container, stream):
        if packet is None:
            return
        try:
            decoded = packet.decode()
        except (av.FFmpegError, ValueError):
            continue
        for picture in decoded:
            time = start if picture.time is None else picture.time - first * base
            if time >= start:
                yield time, picture
