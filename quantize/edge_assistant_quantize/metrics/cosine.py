"""Agreement of an embedder with its reference: the cosine of both vectors of a text.

The data is a file with one text per line, or the product's own examples. A vector that is not finite counts as 0.
"""

from __future__ import annotations

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import Data, Measured, Metric, compared, measured
from edge_assistant_quantize.metrics.reference_cache import ReferenceCache
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import perceive

_REFERENCES = ReferenceCache("embedder")


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        UsageError: the models' vectors have different dimensions.
    """
    other = compared("cosine", reference)
    wanted = _REFERENCES.perceive(other, data, runtime, watch)
    cosines: dict[str, float] = {}
    broken = 0
    for name, vector in perceive(model, "embedder", data, runtime, watch):
        if vector.shape != wanted[name].shape:
            what = f"{model.name} has {vector.size} dimensions, {other.name} has {wanted[name].size}"
            raise UsageError(what, "compare forms of the same model")
        cosine = float(vector @ wanted[name])
        broken += not np.isfinite(cosine)
        cosines[name] = min(cosine, 1.0) if np.isfinite(cosine) else 0.0  # rounding may exceed 1
    counted = {name: (cosine, 1.0) for name, cosine in cosines.items()}
    details = {"least": min(cosines.values()), "not_finite": float(broken)}
    return (measured("cosine", counted, details=details),)


METRIC = Metric(
    name="cosine",
    gives=("cosine",),
    roles=frozenset({"embedder"}),
    description="mean cosine of a text's vector and the reference's",
    measure=measure,
    relative=True,
)
