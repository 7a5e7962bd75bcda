"""Words of a voice that the product's own ear hears wrong, over texts."""

from __future__ import annotations

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.sense import Request
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import clusters, items
from edge_assistant_quantize.metrics import edits
from edge_assistant_quantize.metrics.metric import LIMIT, SKEWED, Data, Metric, Standard, measured
from edge_assistant_quantize.metrics.transcripts import normalised
from edge_assistant_quantize.progress import ProgressStep, Watch
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import VAD, runnable

EAR = "whisper-base"  # of the catalog, unless the data names another as `ear`


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`."""
    import onnxruntime

    from edge_assistant.devices.microphone import to_wav
    from edge_assistant.perception.senses.speech import SpeechSense
    from edge_assistant.voice.piper import Voice

    edits.check()
    portfolio = Portfolio()
    ear = SpeechSense({"speech": portfolio.open(str(data.get("ear", EAR))), "vad": portfolio.open(VAD)}, runtime)
    onnxruntime.set_seed(0)  # what the network draws is the same for each model
    voice, said = Voice(model, runtime), items("voice", data)
    words: dict[str, tuple[float, float]] = {}
    for number, (name, text) in enumerate(said.items(), 1):
        watch(ProgressStep(f"{model.name} over data", number - 1, len(said)))
        with runnable(model.name):
            samples = np.concatenate([np.zeros(voice.rate, np.float32), *voice.speak(text)])
        sound = to_wav(np.nan_to_num(samples), voice.rate)
        signal = take_bytes(sound, Kind.AUDIO, 1, origin=Origin.FILE, name="said.wav")
        heard = ear.perceive(signal, Request(language="en")).evidence
        found = normalised(" ".join(piece.text for piece in heard))
        words[name] = edits.of_words(normalised(text), found)
    watch(ProgressStep(f"{model.name} over data", len(said), len(said)))
    return (measured("heard", words, lower_is_better=True, clusters=clusters("voice", data, words)),)


METRICS = (
    Metric(
        name="heard",
        gives={"heard": Standard(0.6, 0.02, task=True, least=SKEWED)},
        roles=frozenset({"voice"}),
        description="share of words that the product's ear hears wrong of what a voice says, over texts",
        keys={"path": "a file with one text a line", "ear": f"the speech model that listens ({EAR})", "limit": LIMIT},
        measure=measure,
    ),
)
