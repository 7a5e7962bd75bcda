"""Log-mel spectrogram exactly as Whisper was trained on (openai/whisper: audio.py), in numpy."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.core.signals import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOP = 160  # samples a frame: 10 ms
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
_WINDOW = 400  # samples: 25 ms


def log_mel(samples: NDArray[np.float32], frames: int, bins: int = 80, *, blank: bool = False) -> NDArray[np.float32]:
    """Compute the log-mel spectrogram of a recording that silence follows, or nothing at all.

    Args:
        samples: mono, 16 kHz, -1..1.
        frames: how many frames of 10 ms; what the samples do not fill is silence, what exceeds them is left out.
        bins: mel bands.
        blank: what the samples do not fill is 0 instead, which is no silence but the middle of the scale
            (openai/whisper: transcribe.py, `pad_or_trim` of the spectrogram).

    Returns:
        f32 [bins, frames], scaled so that the loudest 80 dB lie within 2 of each other.
    """
    filled = len(samples) // HOP
    if blank and filled < frames:
        spectrum = log_mel(samples, filled + _WINDOW // HOP, bins)[:, :filled]  # behind them silence is looked at
        return np.pad(spectrum, ((0, 0), (0, frames - filled)))
    length = frames * HOP
    padded = np.pad(samples[:length], (0, max(0, length - len(samples))))
    padded = np.pad(padded, _WINDOW // 2, mode="reflect")
    views = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[:length:HOP]
    power = np.abs(np.fft.rfft(views * _hann(), axis=1)) ** 2
    decibels = np.log10(np.maximum(_filters(bins) @ power.T.astype(np.float32), 1e-10))
    scaled: NDArray[np.float32] = (np.maximum(decibels, decibels.max() - 8.0) + 4.0) / 4.0
    return scaled.astype(np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    """The periodic Hann window."""
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    return window.astype(np.float32)


@cache
def _filters(bins: int) -> NDArray[np.float32]:
    """Triangles that are equally wide on Slaney's mel scale and of equal area, f32 [bins, frequencies].

    As librosa.filters.mel(sr=16000, n_fft=400, htk=False, norm="slaney"), which made Whisper's mel_filters.npz.
    """
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    edges = _mel_to_hertz(np.linspace(0, _hertz_to_mel(SAMPLE_RATE / 2), bins + 2))
    slopes = edges[:, None] - frequencies[None, :]
    widths = np.diff(edges)[:, None]
    rising, falling = -slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]
    area = 2.0 / (edges[2:] - edges[:-2])[:, None]
    return (np.maximum(0, np.minimum(rising, falling)) * area).astype(np.float32)


_LINEAR = 200 / 3  # Hz a mel below 1000 Hz, logarithmic above (Slaney 1998, Auditory Toolbox)
_LOG_STEP = np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    """Mel of a frequency above 1000 Hz."""
    return float(1000 / _LINEAR + np.log(hertz / 1000) / _LOG_STEP)


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = 1000 / _LINEAR
    return np.where(mel < knee, mel * _LINEAR, 1000 * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee)))
