"""Sound for tests: what was recorded as fixtures, what is computed, and WAV files of it."""

from __future__ import annotations

import io
import wave
from functools import cache
from pathlib import Path

import numpy as np

from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception import audio

RATE = 16_000
FIXTURES = Path(__file__).parents[1] / "fixtures" / "speech"
SAID = {
    "allergies.wav": "I am allergic to penicillin. My brother is allergic to peanuts.",
    "pressure.wav": "The pressure in the second boiler is four bar.",  # from 1.0 s to 3.6 s
}


@cache
def recording(name: str) -> np.ndarray:
    """A fixture as f32 at 16 kHz."""
    with audio.listen(take_file(FIXTURES / name, Kind.AUDIO, 1)) as (_, blocks):
        return np.concatenate(list(blocks))


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def noise(seconds: float, level: float) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(round(seconds * RATE)) * level).astype(np.float32)


def tone(seconds: float, rate: int = RATE, hertz: float = 440) -> np.ndarray:
    """At half of full scale."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = RATE, channels: int = 1) -> bytes:
    """Samples of -1..1 as a WAV of 16 bit, the same in each channel."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as sink:
        sink.setparams((channels, 2, rate, 0, "NONE", ""))
        sink.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").repeat(channels).tobytes())
    return stream.getvalue()
