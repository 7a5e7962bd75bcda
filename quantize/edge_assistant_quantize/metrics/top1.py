"""Agreement of a classifier with its reference: how often the first class is the same."""

from __future__ import annotations

from collections.abc import Mapping

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.metrics.metric import Measured, Metric, compared, measured
from edge_assistant_quantize.metrics.recalled import Recalled
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import perceive


class FirstClass:
    """Photographs, and with labels.json the labelled objects in them."""

    name = "top1"
    gives = ("top1",)
    roles = frozenset({"classifier"})
    description = "share of pictures whose first class is the reference's"
    relative = True

    def __init__(self) -> None:
        self._references = Recalled("classifier")

    def measure(
        self,
        model: InstalledModel,
        reference: InstalledModel | None,
        data: Mapping[str, object],
        runtime: Runtime,
        watch: Watch,
    ) -> tuple[Measured, ...]:
        """See `Metric`; probabilities that are not finite agree with nothing."""
        import numpy as np

        other = compared(self.name, reference)
        wanted = self._references.perceive(other, data, runtime, watch)
        counted: dict[str, tuple[float, float]] = {}
        broken = 0
        for name, given in perceive(model, "classifier", data, runtime, watch):
            finite = bool(np.isfinite(given).all())
            broken += not finite
            counted[name] = float(finite and given.argmax() == wanted[name].argmax()), 1.0
        return (measured(self.name, counted, details={"not_finite": broken}),)


METRIC: Metric = FirstClass()
