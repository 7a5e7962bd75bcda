"""Perplexity of a language model over a text, and its divergence from a reference, see `gguf.perplexity`.

The data is a text: `path`, `chunks` (maximum), `context` (tokens of a chunk, 512). Perplexity is given as its
logarithm, a mean over tokens: 0.01 more is 1 % more perplexity. For the divergence the reference runs beside the
model, so both have to fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.gguf import perplexity
from edge_assistant_quantize.gguf.perplexity import TextQuality
from edge_assistant_quantize.metrics.metric import SKEWED, Data, Metric, Standard, compared
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import number_of, path_of


def _perplexity(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        CalibrationInvalid: the text is too short.
    """
    found = _quality(model, None, data, runtime, watch)
    details = {"perplexity": found.perplexity, "uncertainty": found.uncertainty}
    return (_by_chunk("log-perplexity", found, [chunk.loss for chunk in found.chunks], details),)


def _divergence(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        UsageError: the reference has another vocabulary.
    """
    found = _quality(model, compared("divergence", reference), data, runtime, watch)
    assert found.divergence is not None
    total = found.divergence
    details = {"median": total.median, "p99": total.p99, "uncertainty": total.uncertainty}
    details["model-perplexity"] = found.perplexity  # another name than that of the metric below
    kl = _by_chunk("kl-divergence", found, [chunk.divergence for chunk in found.chunks], details)
    return kl, _by_chunk("token-agreement", found, [float(chunk.agreeing) for chunk in found.chunks])


def _quality(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> TextQuality:
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


def _by_chunk(
    name: str, found: TextQuality, parts: Sequence[float], details: Mapping[str, float] | None = None
) -> Measured:
    """A figure whose items are the chunks of a text, and whose wholes are their tokens; a loss has details."""
    items = tuple(f"chunk {number}" for number in range(1, len(found.chunks) + 1))
    wholes = tuple(float(chunk.tokens) for chunk in found.chunks)
    unit = "share" if details is None else "nats"
    clusters = tuple(chunk.sha256 for chunk in found.chunks)
    return Measured(name, items, tuple(parts), wholes, details is not None, unit, clusters, details or {})


METRICS = (
    Metric(
        name="perplexity",
        gives={"log-perplexity": Standard(6.0, 0.02)},  # of 49,000 tokens a damaged model has 10.8 and more
        roles=frozenset({"language"}),
        description="negative log likelihood of a text's tokens, in nats; its exponential is the perplexity",
        measure=_perplexity,
    ),
    Metric(
        name="divergence",
        gives={"kl-divergence": Standard(0.5, least=SKEWED), "token-agreement": Standard(0.6)},
        roles=frozenset({"language"}),
        description="how far the next token's distribution is from the reference's, and how often the likeliest is its",
        measure=_divergence,
        relative=True,
    ),
)
