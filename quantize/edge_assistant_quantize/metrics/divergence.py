"""Divergence of a language model from its reference over a text, see `gguf.perplexity`.

The data is that of `perplexity`. The reference runs beside the model, so both have to fit into memory.
"""

from __future__ import annotations

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.metrics.metric import Data, Measured, Metric, compared
from edge_assistant_quantize.metrics.perplexity import by_chunk, quality
from edge_assistant_quantize.progress import Watch


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        UsageError: the reference has another vocabulary.
    """
    found = quality(model, compared("divergence", reference), data, runtime, watch)
    assert found.divergence is not None
    all_of = found.divergence
    details = {"median": all_of.median, "p99": all_of.p99, "uncertainty": all_of.uncertainty}
    kl = tuple(chunk.divergence for chunk in found.chunks)
    agreeing = tuple(float(chunk.agreeing) for chunk in found.chunks)
    return (
        by_chunk("kl-divergence", found, kl, lower_is_better=True, unit="nats", details=details),
        by_chunk("token-agreement", found, agreeing, lower_is_better=False, unit="share", details={}),
    )


METRIC = Metric(
    name="divergence",
    gives=("kl-divergence", "token-agreement"),
    roles=frozenset({"language"}),
    description="how far the next token's distribution is from the reference's, and how often the likeliest is its",
    measure=measure,
    relative=True,
)
