"""Sentences as recordings, by the product's own voice."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.portfolio import Portfolio

_SEED = 7
_PAUSE_S = 0.8  # behind each


class Speaker:
    """Speaks. The voice draws noise from ONNX Runtime's generator, which is seeded anew for each recording."""

    def __init__(self, portfolio: Portfolio, profile: str) -> None:
        """Name where the voice is; it is opened when first needed."""
        self._portfolio = portfolio
        self._profile = profile
        self._said: dict[tuple[str, ...], bytes] = {}

    def say(self, sentences: Sequence[str]) -> bytes:
        """Sentences with a pause between them, as WAV.

        Raises:
            VoiceUnavailable: espeak-ng is not installed.
            ModelMissing, ModelCorrupt: the voice's model.
        """
        key = tuple(sentences)
        if key not in self._said:
            self._said[key] = self._recorded(key)
        return self._said[key]

    def _recorded(self, sentences: Sequence[str]) -> bytes:
        import onnxruntime

        from edge_assistant.voice.piper import Voice

        model = self._portfolio.open(self._portfolio.resolve(self._profile)["voice"])
        onnxruntime.set_seed(_SEED)
        voice = Voice(model, Runtime(1))
        parts = []
        for sentence in sentences:
            parts += [*voice.speak(sentence), np.zeros(round(_PAUSE_S * voice.rate), np.float32)]
        out = io.BytesIO()
        with wave.open(out, "wb") as sink:
            sink.setnchannels(1)
            sink.setsampwidth(2)
            sink.setframerate(voice.rate)
            sink.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
        return out.getvalue()
