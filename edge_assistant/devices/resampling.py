"""Sound brought from one sample rate to another."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


def resampled(parts: Iterable[Samples], rate: int, wanted: int) -> Generator[Samples]:
    """Mono f32 at `rate` as mono f32 at `wanted` samples a second, part by part.

    FFmpeg's resampler filters what lies over half of the lower rate, which would come back as other tones.
    """
    if rate == wanted:
        yield from parts
        return
    import av
    import numpy as np

    resampler = av.AudioResampler(format="flt", layout="mono", rate=wanted)
    for part in parts:
        if not len(part):  # FFmpeg refuses a frame without samples
            continue
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part[None], dtype=np.float32), "flt", "mono")
        frame.sample_rate = rate
        for out in resampler.resample(frame):
            yield out.to_ndarray()[0]
    for out in resampler.resample(None):
        yield out.to_ndarray()[0]
