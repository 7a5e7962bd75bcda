"""Perplexity of a language model over a text, and its divergence from a reference, see `gguf.perplexity`.

The items are chunks of a text. Perplexity is given as its logarithm, a mean over tokens: 0.01 more is 1 % more
perplexity. For the divergence the reference runs beside the model, so both have to fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.gguf import perplexity, text
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.gguf.perplexity import TextQuality, standard_error
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
    return (of_text(_quality(model, None, data, runtime, watch))["log-perplexity"],)


def _divergence(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        UsageError: the reference has another vocabulary.
    """
    found = of_text(_quality(model, compared("divergence", reference), data, runtime, watch))
    return found["kl-divergence"], found["token-agreement"]


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


def of_text(found: TextQuality) -> dict[str, Measured]:
    """Results by name, whose items are the chunks of a text and whose wholes are their tokens.

    Those against a reference mean nothing where there was none.
    """
    items = tuple(f"chunk {number}" for number in range(1, len(found.sums) + 1))
    wholes = (float(found.loss.shape[1]),) * len(items)

    def by_chunk(name: str, figures: NDArray[np.float64], unit: str, details: Mapping[str, float]) -> Measured:
        parts = tuple(figures.sum(axis=1).tolist())
        return Measured(name, items, parts, wholes, unit == "nats", unit, found.sums, details)

    perplexity, divergence = found.perplexity, found.divergence
    of_loss = {"perplexity": perplexity, "uncertainty": perplexity * standard_error(found.loss)}
    details = {"median": float(np.median(divergence)), "p99": float(np.quantile(divergence, 0.99))}
    details["uncertainty"] = standard_error(divergence)
    details["model-perplexity"] = perplexity  # another name than that of the metric above
    results = (
        by_chunk("log-perplexity", found.loss, "nats", of_loss),
        by_chunk("kl-divergence", divergence, "nats", details),
        by_chunk("token-agreement", found.agreeing, "share", {}),
    )
    return {each.metric: each for each in results}


def _count(role: str, files: Mapping[str, Path], data: Data) -> int:
    """See `metric.Count`; without a model each byte may be a token."""
    content, context = text.read(path_of(data)), number_of(data, "context") or perplexity.CONTEXT
    tokens = len(content)
    if "model" in files:
        with Model(files["model"], threads=1, context=text.LEAST_CONTEXT) as opened:
            tokens = len(opened.tokenize(content))
    count = tokens // context
    return min(count, number_of(data, "chunks") or count)


_KEYS = {
    "path": "a text",
    "context": f"tokens of a chunk, half of which are predicted ({perplexity.CONTEXT})",
    "chunks": "the most that are taken (all)",
}

METRICS = (
    Metric(
        name="perplexity",
        gives={"log-perplexity": Standard(6.0, 0.02, least=SKEWED)},  # damaged ones have 10.8 and more
        roles=frozenset({"language"}),
        description="negative log likelihood of a text's tokens, in nats; its exponential is the perplexity",
        keys=_KEYS,
        measure=_perplexity,
        count=_count,
    ),
    Metric(
        name="divergence",
        gives={"kl-divergence": Standard(0.5, least=SKEWED), "token-agreement": Standard(0.6)},
        roles=frozenset({"language"}),
        description="how far the next token's distribution is from the reference's, and how often the likeliest is its",
        keys=_KEYS,
        measure=_divergence,
        count=_count,
        relative=True,
    ),
)
