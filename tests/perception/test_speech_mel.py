"""The log-mel spectrogram against known values and another implementation."""

from __future__ import annotations

import numpy as np
import pytest

from edge_assistant.perception import mel


def test_filters_are_those_that_whisper_was_trained_with() -> None:
    """Values of openai/whisper's assets/mel_filters.npz, mel_80."""
    filters = mel._filters(80)
    assert filters.shape == (80, 201)
    assert filters[0, 1] == pytest.approx(0.02486259, abs=1e-7)
    assert np.count_nonzero(filters[0]) == 1
    assert filters.sum(axis=1) == pytest.approx(np.full(80, 0.025), rel=0.2)


def test_silence_is_flat() -> None:
    spectrum = mel.log_mel(np.zeros(16_000, np.float32), 100)
    assert spectrum.shape == (80, 100)
    assert spectrum == pytest.approx(-1.5)


def test_a_tone_lights_its_own_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    spectrum = mel.log_mel(tone, 100)
    centre = np.argmax(mel._filters(80)[:, 25])  # 25 * 40 Hz
    assert (spectrum[:, 10:90].argmax(axis=0) == centre).all()
    assert spectrum.max() - spectrum.min() == pytest.approx(2.0)


@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_as_faster_whisper_computes_it(seconds: float) -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = np.random.default_rng(0).standard_normal(round(seconds * 16_000)).astype(np.float32) * 0.1
    frames = round(seconds * 100) + 200
    theirs = FeatureExtractor()(np.pad(samples, (0, frames * 160 - len(samples))), padding=0)[:, :frames]
    assert mel.log_mel(samples, frames) == pytest.approx(theirs, abs=2e-4)


def test_a_blank_end_is_that_of_faster_whisper() -> None:
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = np.random.default_rng(1).standard_normal(70_100).astype(np.float32) * 0.1
    theirs = pad_or_trim(FeatureExtractor()(samples)[:, :-1], 1_000)
    assert mel.log_mel(samples, 1_000, blank=True) == pytest.approx(theirs, abs=2e-4)


@pytest.mark.parametrize("count", [0, 100, 16_000])
def test_a_blank_end_is_as_long_as_asked(count: int) -> None:
    spectrum = mel.log_mel(np.ones(count, np.float32), 80, blank=True)
    assert spectrum.shape == (80, 80)
    assert (spectrum[:, count // 160 :] == 0).all()
