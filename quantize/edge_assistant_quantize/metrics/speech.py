"""Words heard wrong: by a speech model over recordings, with slots beside, and of a voice by the product's own ear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.sense import Request
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import clusters, items
from edge_assistant_quantize.metrics.metric import MetricRun, measured
from edge_assistant_quantize.metrics.slots import counted
from edge_assistant_quantize.metrics.transcripts import edit_counter, normalised, word_edits
from edge_assistant_quantize.progress import ProgressStep
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import VAD, runnable

EAR = "whisper-base"  # of the catalog, unless the data names another as `ear`


def words(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    edit_counter()
    said = {name: spoken.said for name, spoken in items("speech", run.data).items()}
    wrong, every = Counter[str](), Counter[str]()  # slots by kind

    def score(name: str, text: str) -> dict[str, tuple[float, float]]:
        slots = counted(said[name], text)
        wrong.update({kind: part for kind, (part, _) in slots.items()})
        every.update({kind: whole for kind, (_, whole) in slots.items()})
        words = word_edits(normalised(said[name]), normalised(text))
        return {"wer": words, "slots": (sum(p for p, _ in slots.values()), sum(w for _, w in slots.values()))}

    found = run.over("speech", score, ("wer", "slots"))
    details = {str(kind): wrong[kind] / whole for kind, whole in sorted(every.items())}
    return [replace(each, details=details if name == "slots" else {}) for name, each in found.items()]


def voice(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    import onnxruntime

    from edge_assistant.devices.microphone import to_wav
    from edge_assistant.perception.senses.speech import SpeechSense
    from edge_assistant.voice.piper import Voice

    edit_counter()
    roles = {"speech": str(run.data.get("ear", EAR)), "vad": VAD}
    ear = SpeechSense({role: Portfolio().open(name) for role, name in roles.items()}, run.runtime)
    onnxruntime.set_seed(0)  # what the network draws is the same for each model
    voice, said = Voice(run.model, run.runtime), items("voice", run.data)
    words: dict[str, tuple[float, float]] = {}
    for number, (name, text) in enumerate(said.items()):
        run.watch(ProgressStep(f"{run.model.name} over data", number, len(said)))
        with runnable(run.model.name):
            samples = np.concatenate([np.zeros(voice.rate, np.float32), *voice.speak(text)])
        sound = to_wav(np.nan_to_num(samples), voice.rate)
        signal = take_bytes(sound, Kind.AUDIO, 1, origin=Origin.FILE, name="said.wav")
        heard = ear.perceive(signal, Request(language="en")).evidence
        words[name] = word_edits(normalised(text), normalised(" ".join(piece.text for piece in heard)))
    run.watch(ProgressStep(f"{run.model.name} over data", len(said), len(said)))
    same = clusters("voice", run.data, words)
    return [measured("heard", words, lower_is_better=True, clusters=same)]
