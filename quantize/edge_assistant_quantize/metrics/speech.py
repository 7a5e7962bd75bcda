"""Word error rate and slot error of speech, over recordings whose words are known."""

from __future__ import annotations

from collections import Counter

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets.data import clusters, items
from edge_assistant_quantize.metrics import edits
from edge_assistant_quantize.metrics.metric import LIMIT, SKEWED, Data, Metric, Standard, measured
from edge_assistant_quantize.metrics.slots import counted
from edge_assistant_quantize.metrics.transcripts import normalised
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import perceive


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`."""
    edits.check()
    said = {name: spoken.said for name, spoken in items("speech", data).items()}
    words: dict[str, tuple[float, float]] = {}
    slots: dict[str, tuple[float, float]] = {}
    wrong, every = Counter[str](), Counter[str]()  # slots by kind
    for name, text in perceive(model, "speech", data, runtime, watch):
        words[name] = edits.of_words(normalised(said[name]), normalised(text))
        found = counted(said[name], text)
        slots[name] = sum(part for part, _ in found.values()), sum(whole for _, whole in found.values())
        for kind, (part, whole) in found.items():
            wrong[kind] += part
            every[kind] += whole
    same = clusters("speech", data, words)
    error = measured("wer", words, lower_is_better=True, clusters=same)
    if not every:
        return (error,)
    details = {str(kind): wrong[kind] / whole for kind, whole in sorted(every.items())}
    return error, measured("slots", slots, lower_is_better=True, details=details, clusters=same)


METRICS = (
    Metric(
        name="wer",
        gives={
            "wer": Standard(0.6, 0.01, task=True, least=SKEWED),
            "slots": Standard(0.6, 0.02, task=True, least=SKEWED, beside=("wer",)),
        },
        roles=frozenset({"speech"}),
        description=(
            "word error rate, and the share of numbers, units, dates, codes, names and negations that are heard wrong, "
            "over recordings whose words are known"
        ),
        keys={
            "path": "a folder of *.wav with their words in *.txt, or of scenarios whose recordings have 'said'",
            "language": "of the recordings (en)",
            "limit": LIMIT,
        },
        measure=measure,
    ),
)
