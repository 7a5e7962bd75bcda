"""Perplexity of a language model over a text, and its divergence from a reference, see `gguf.perplexity`.

The items are chunks of a text. Perplexity is given as its logarithm, a mean over tokens: 0.01 more is 1 % more
perplexity. For the divergence the reference runs beside the model, so both have to fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets.data import Data, number_of, path_of
from edge_assistant_quantize.gguf import perplexity, text
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.gguf.perplexity import TextQuality
from edge_assistant_quantize.metrics.metric import MetricRun
from edge_assistant_quantize.record import Measured


def likelihood(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        CalibrationInvalid: the text is too short.
    """
    return of_text(_quality(run, None)).values()


def divergence(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        UsageError: the reference has another vocabulary.
    """
    found = of_text(_quality(run, run.compared("divergence")))
    return found["kl-divergence"], found["token-agreement"]


def _quality(run: MetricRun, reference: InstalledModel | None) -> TextQuality:
    return perplexity.measure(
        run.model.files["model"],
        path_of(run.data),
        reference=reference.files["model"] if reference else None,
        context=number_of(run.data, "context") or perplexity.CONTEXT,
        chunks=number_of(run.data, "chunks") or None,
        threads=run.runtime.threads,
        watch=run.watch,
        halt=run.runtime.halt,
    )


def of_text(found: TextQuality) -> dict[str, Measured]:
    """Results by name, whose items are the chunks of a text and whose wholes are their tokens."""
    items = tuple(f"chunk {number}" for number in range(1, len(found.chunks) + 1))
    wholes = tuple(float(chunk.tokens) for chunk in found.chunks)
    clusters = tuple(chunk.sha256 for chunk in found.chunks)

    def by_chunk(name: str, parts: Iterable[float], unit: str, details: Mapping[str, float]) -> Measured:
        return Measured(name, items, tuple(parts), wholes, unit == "nats", unit, clusters, details)

    details = {"perplexity": found.perplexity, "uncertainty": found.uncertainty}
    results = [by_chunk("log-perplexity", (chunk.loss for chunk in found.chunks), "nats", details)]
    if (total := found.divergence) is not None:
        details = {"median": total.median, "p99": total.p99, "uncertainty": total.uncertainty}
        details["model-perplexity"] = found.perplexity  # another name than that of the metric above
        results += [
            by_chunk("kl-divergence", (chunk.divergence for chunk in found.chunks), "nats", details),
            by_chunk("token-agreement", (float(chunk.agreeing) for chunk in found.chunks), "share", {}),
        ]
    return {each.metric: each for each in results}


def count(role: str, files: Mapping[str, Path], data: Data) -> int:
    """See `metric.Count`; without a model each byte may be a token."""
    content, context = text.read(path_of(data)), number_of(data, "context") or perplexity.CONTEXT
    tokens = len(content)
    if "model" in files:
        with Model(files["model"], threads=1, context=text.LEAST_CONTEXT) as opened:
            tokens = len(opened.tokenize(content))
    most = tokens // context
    return min(most, number_of(data, "chunks") or most)
