"""Word error rate of speech: edits over words, both made comparable as `bench speech` makes them."""

from __future__ import annotations

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.metrics import edits
from edge_assistant_quantize.metrics.metric import Data, Measured, Metric, measured
from edge_assistant_quantize.metrics.transcripts import normalised
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import folder_of, name_of, perceive, recordings


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`."""
    edits.check()
    folder = folder_of(data)
    said = {name_of(spoken, folder): normalised(spoken.said) for spoken in recordings(data)}
    heard = perceive(model, "speech", data, runtime, watch)
    counted = {name: edits.of_words(said[name], normalised(text)) for name, text in heard}
    return (measured("wer", counted, lower_is_better=True),)


METRIC = Metric(
    name="wer",
    gives=("wer",),
    roles=frozenset({"speech"}),
    description="word error rate over recordings whose words are known",
    measure=measure,
)
