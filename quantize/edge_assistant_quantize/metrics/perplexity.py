"""Perplexity of a language model over a text, and its divergence from a reference, see `gguf.perplexity`.

The items are chunks of a text. Perplexity is given as its logarithm, a mean over tokens: 0.01 more is 1 % more
perplexity. For the divergence the reference runs beside the model, so both have to fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets.data import number_of, path_of
from edge_assistant_quantize.gguf import perplexity
from edge_assistant_quantize.gguf.perplexity import TextQuality, standard_error
from edge_assistant_quantize.metrics.metric import MetricRun
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.record import Measured


def likelihood(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        CalibrationInvalid: the text is too short.
    """
    return (of_text(_quality(run, None))["log-perplexity"],)


def divergence(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        UsageError: the reference has another vocabulary.
    """
    found = of_text(_quality(run, run.compared("divergence")))
    return found["kl-divergence"], found["token-agreement"]


def _quality(run: MetricRun, reference: InstalledModel | None) -> TextQuality:
    text = path_of(run.data)
    how: dict[str, Any] = {
        "context": number_of(run.data, "context") or perplexity.CONTEXT,
        "chunks": number_of(run.data, "chunks") or None,
        "threads": run.runtime.threads,
        "halt": run.runtime.halt,
    }
    beside = perplexity.predictions(reference.files["model"], text, **how, watch=ignore) if reference else None
    return perplexity.measure(run.model.files["model"], text, reference=beside, **how, watch=run.watch)


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
