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


def test_as_faster_whisper_computes_it() -> None:
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = np.random.default_rng(0).standard_normal(70_100).astype(np.float32) * 0.1
    padded = np.pad(samples, (0, 600 * 160 - len(samples)))
    theirs = FeatureExtractor()(padded, padding=0)[:, :600]
    assert mel.log_mel(samples, 600) == pytest.approx(theirs, abs=2e-4)
    blank = pad_or_trim(FeatureExtractor()(samples)[:, :-1], 1_000)
    assert mel.log_mel(samples, 1_000, blank=True) == pytest.approx(blank, abs=2e-4)


@pytest.mark.parametrize("count", [0, 100, 16_000])
def test_a_blank_end_is_as_long_as_asked(count: int) -> None:
    spectrum = mel.log_mel(np.ones(count, np.float32), 80, blank=True)
    assert spectrum.shape == (80, 80)
    assert (spectrum[:, count // 160 :] == 0).all()
