"""Perplexity of a language model over a text, see `gguf.perplexity`.

The data is a text: `path`, `chunks` (maximum), `context` (tokens of a chunk, 512). The result is the logarithm, a mean
over tokens: 0.01 more is 1 % more perplexity.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.gguf import perplexity
from edge_assistant_quantize.gguf.perplexity import TextQuality
from edge_assistant_quantize.metrics.metric import Data, Measured, Metric
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import number_of, path_of


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        CalibrationInvalid: the text is too short.
    """
    found = quality(model, None, data, runtime, watch)
    losses = tuple(chunk.loss for chunk in found.chunks)
    details = {"perplexity": found.perplexity, "uncertainty": found.uncertainty}
    return (by_chunk("log-perplexity", found, losses, lower_is_better=True, unit="nats", details=details),)


def quality(
    model: InstalledModel,
    reference: InstalledModel | None,
    data: Data,
    runtime: Runtime,
    watch: Watch,
) -> TextQuality:
    """What a model makes of the text that data names.

    Raises:
        CalibrationInvalid, InputMissing: the text is not there, or cannot be measured on.
        ModelError: a model cannot be opened.
    """
    return perplexity.measure(
        model.files["model"],
        path_of(data),
        reference=reference.files["model"] if reference else None,
        context=number_of(data, "context") or perplexity.CONTEXT,
        chunks=number_of(data, "chunks") or None,
        threads=runtime.threads,
        watch=watch,
        halt=runtime.halt,
    )


def by_chunk(
    name: str,
    found: TextQuality,
    parts: tuple[float, ...],
    *,
    lower_is_better: bool,
    unit: str,
    details: Mapping[str, float],
) -> Measured:
    """A figure whose items are the chunks of a text, and whose wholes are their tokens."""
    items = tuple(f"chunk {number}" for number in range(1, len(found.chunks) + 1))
    wholes = tuple(float(chunk.tokens) for chunk in found.chunks)
    return Measured(name, items, parts, wholes, lower_is_better, unit, details)


METRIC = Metric(
    name="perplexity",
    gives=("log-perplexity",),
    roles=frozenset({"language"}),
    description="negative log likelihood of a text's tokens, in nats; its exponential is the perplexity",
    measure=measure,
)
