"""A Piper voice (VITS: phonemes to samples in one network) in ONNX Runtime, sentence by sentence."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.errors import ModelCorrupt
from edge_assistant.voice import phonemes
from edge_assistant.voice.normalization import clauses, sentences, spoken_form
from edge_assistant_models import loading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant_models.model import InstalledModel

MAX_TEXT = limits.SPOKEN_CHARACTERS.value
_MAX_PHONEMES = 1_000  # of one sentence; attention grows with their square
_PAUSE_S = 0.2  # of silence after a sentence, as in Piper
_BREATH_S = 0.05  # and after a part of one
_PEAK = 0.8  # of the loudest sample of a sentence; the network's own level varies and is low
_QUIETEST_PEAK = 0.1  # what is quieter than this is not speech, and not made louder without end
_BLANK, _FIRST, _LAST = "_", "^", "$"  # around and between phonemes


class _Config(NamedTuple):
    """What the voice's own configuration says."""

    rate: int
    language: str
    scales: tuple[float, float, float]
    ids: Mapping[str, list[int]]


class Voice:
    """Speaks. Nothing is kept from one text to the next; one thread at a time, but for `stop`.

    Attributes:
        rate: samples a second.
    """

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        """Open the model. One thread is enough to be several times faster than speech.

        Raises:
            ModelCorrupt: it cannot be loaded.
            VoiceUnavailable: the program espeak-ng is not installed.
        """
        phonemes.program()
        self._config = _read(model.files["config"])
        own = Runtime(runtime.threads)  # an answer goes on where what was said of it is stopped
        self._halt = own.halt
        self._session = own.session(model.files["model"], threads=1)
        self.rate = self._config.rate

    def speak(self, text: str) -> Iterator[NDArray[np.float32]]:
        """Say a text without its citations, Markdown and symbols.

        Args:
            text: of any length; what comes after `MAX_TEXT` characters is left out.

        Yields:
            The samples (f32, mono, -1..1, at `rate`) of each sentence as soon as they are there.

        Raises:
            VoiceUnavailable: the program espeak-ng is not installed, or fails.
            Stopped: `stop` was called meanwhile.
        """
        self._halt.clear()
        for sentence in sentences(spoken_form(text[:MAX_TEXT])):
            self._halt.check()
            samples = self._sentence(sentence)
            if len(samples):
                pause = _PAUSE_S if sentence[-1] in ".?!" else _BREATH_S
                yield np.concatenate([samples, np.zeros(round(pause * self.rate), np.float32)])

    def stop(self) -> None:
        """Let what `speak` works on end soon with `Stopped`; from any thread."""
        self._halt.ask()

    def _sentence(self, sentence: str) -> NDArray[np.float32]:
        row = self._ids(self._spoken(sentence))
        if not row:
            return np.zeros(0, np.float32)
        feed = {
            "input": np.array([row], np.int64),
            "input_lengths": np.array([len(row)], np.int64),
            "scales": np.array(self._config.scales, np.float32),
        }
        samples: NDArray[np.float32] = self._session.run(None, feed)[0].reshape(-1)
        peak = float(np.max(np.abs(samples), initial=_QUIETEST_PEAK))
        return (samples * np.float32(_PEAK / peak)).astype(np.float32)

    def _spoken(self, sentence: str) -> str:
        """Its phonemes with the marks that the voice pauses at."""
        parts = clauses(sentence)
        lines = phonemes.phonemes([words for words, _ in parts], self._config.language)
        if len(lines) == len(parts):
            return " ".join(f"{line}{mark}" for line, (_, mark) in zip(lines, parts, strict=True))
        return ", ".join(lines) + (parts[-1][1] if parts else "")

    def _ids(self, spoken: str) -> list[int]:
        """The network's input: `^ _ p _ p _ ... $`; what it does not know is left out."""
        ids = self._config.ids
        known = [ids[symbol] for symbol in unicodedata.normalize("NFD", spoken) if symbol in ids][:_MAX_PHONEMES]
        if not known:
            return []
        inner = [number for symbol in known for number in (*symbol, *ids[_BLANK])]
        return [*ids[_FIRST], *ids[_BLANK], *inner, *ids[_LAST]]


def _read(path: Path) -> _Config:
    """Read the configuration beside the model.

    Raises:
        ModelCorrupt: it is not one.
    """
    try:
        content = json.loads(loading.read(path))
        inference, ids = content["inference"], content["phoneme_id_map"]
        config = _Config(
            int(content["audio"]["sample_rate"]),
            str(content["espeak"]["voice"]),
            (float(inference["noise_scale"]), float(inference["length_scale"]), float(inference["noise_w"])),
            {str(symbol): [int(number) for number in numbers] for symbol, numbers in ids.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelCorrupt(f"{path.name} cannot be read", "run 'edge-assistant models verify'") from None
    if not {_BLANK, _FIRST, _LAST} <= set(config.ids) or not 8_000 <= config.rate <= 48_000:
        raise ModelCorrupt(f"{path.name} is not of a Piper voice", "run 'edge-assistant models verify'")
    return config
