"""Divergence of a language model from its reference over a text, see `gguf.perplexity`."""

from __future__ import annotations

from collections.abc import Mapping

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.metrics.metric import Measured, Metric, compared
from edge_assistant_quantize.metrics.perplexity import by_chunk, quality
from edge_assistant_quantize.progress import Watch


class Divergence:
    """A text, as `perplexity` takes it. The reference is computed beside the model, so both have to fit into memory."""

    name = "divergence"
    gives = ("kl-divergence", "token-agreement")
    roles = frozenset({"language"})
    description = "how far the next token's distribution is from the reference's, and how often the likeliest is its"
    relative = True

    def measure(
        self,
        model: InstalledModel,
        reference: InstalledModel | None,
        data: Mapping[str, object],
        runtime: Runtime,
        watch: Watch,
    ) -> tuple[Measured, ...]:
        """See `Metric`.

        Raises:
            UsageError: the reference has another vocabulary.
        """
        found = quality(model, compared(self.name, reference), data, runtime, watch)
        assert found.divergence is not None
        all_of = found.divergence
        details = {"median": all_of.median, "p99": all_of.p99, "uncertainty": all_of.uncertainty}
        kl = tuple(chunk.divergence for chunk in found.chunks)
        agreeing = tuple(float(chunk.agreeing) for chunk in found.chunks)
        return (
            by_chunk("kl-divergence", found, kl, lower_is_better=True, unit="nats", details=details),
            by_chunk("token-agreement", found, agreeing, lower_is_better=False, unit="share", details={}),
        )


METRIC: Metric = Divergence()
