"""Agreement of a classifier with its reference: how often the first class is the same.

The data is photographs, and with labels.json the labelled objects in them. Probabilities that are not finite agree with
nothing.
"""

from __future__ import annotations

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.metrics.metric import Data, Measured, Metric, compared, measured
from edge_assistant_quantize.metrics.reference_cache import ReferenceCache
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import perceive

_REFERENCES = ReferenceCache("classifier")


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`."""
    other = compared("top1", reference)
    wanted = _REFERENCES.perceive(other, data, runtime, watch)
    counted: dict[str, tuple[float, float]] = {}
    broken = 0
    for name, given in perceive(model, "classifier", data, runtime, watch):
        finite = bool(np.isfinite(given).all())
        broken += not finite
        counted[name] = float(finite and given.argmax() == wanted[name].argmax()), 1.0
    return (measured("top1", counted, details={"not_finite": broken}),)


METRIC = Metric(
    name="top1",
    gives=("top1",),
    roles=frozenset({"classifier"}),
    description="share of pictures whose first class is the reference's",
    measure=measure,
    relative=True,
)
