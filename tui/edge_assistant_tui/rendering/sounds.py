"""The seconds of a recording that evidence cites, as sound to be played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.core.signals import SAMPLE_RATE, Signal
from edge_assistant.perception.decoders import client

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SECONDS = float(limits.PLAYED_SECONDS.value)
_AROUND = 0.25  # seconds before and after, so that no sound is cut off


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """Sound.

    Attributes:
        samples: f32 [n], -1..1, mono.
        rate: samples a second.
        seconds: first and last second in the recording.
    """

    samples: NDArray[np.float32]
    rate: int
    seconds: tuple[float, float]


def excerpt(signal: Signal, seconds: tuple[float, float], check: Callable[[], None]) -> Excerpt:
    """The sound of a stretch, with a little around it, of a recording or a video.

    Args:
        signal: what has the sound.
        seconds: first and last.
        check: is called at every block that is decoded; it may raise to stop the work.

    Raises:
        InputCorrupt: the recording ends before.
        InputError: see `audio.listen`.
    """
    import numpy as np

    start = max(0.0, seconds[0] - _AROUND)
    end = min(seconds[1] + _AROUND, start + MAX_SECONDS)
    parts: list[NDArray[np.float32]] = []
    with client.listen(signal, start) as (sound, blocks):
        for block in blocks:
            check()
            begins = sound.heard  # of this block: it counts what was handed out before
            if begins >= end:
                break
            first = max(0, round((start - begins) * SAMPLE_RATE))
            last = max(0, round((end - begins) * SAMPLE_RATE))
            if first < len(block):
                parts.append(block[first:last])
    if not parts:
        raise InputCorrupt(f"{signal.name} has no sound there any more", "attach it again")
    return Excerpt(np.concatenate(parts), SAMPLE_RATE, (start, end))
