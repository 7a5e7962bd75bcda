"""Agreement of an embedder with its reference: the cosine of both vectors of a text."""

from __future__ import annotations

from collections.abc import Mapping

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import Measured, Metric, compared, measured
from edge_assistant_quantize.metrics.recalled import Recalled
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import perceive


class Cosine:
    """Texts of a file, one a line, or the product's own examples."""

    name = "cosine"
    gives = ("cosine",)
    roles = frozenset({"embedder"})
    description = "mean cosine of a text's vector and the reference's"
    relative = True

    def __init__(self) -> None:
        self._references = Recalled("embedder")

    def measure(
        self,
        model: InstalledModel,
        reference: InstalledModel | None,
        data: Mapping[str, object],
        runtime: Runtime,
        watch: Watch,
    ) -> tuple[Measured, ...]:
        """See `Metric`; vectors that are not finite agree with nothing: their cosine counts as 0.

        Raises:
            UsageError: the models' vectors have different dimensions.
        """
        import numpy as np

        other = compared(self.name, reference)
        wanted = self._references.perceive(other, data, runtime, watch)
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
        return (measured(self.name, counted, details=details),)


METRIC: Metric = Cosine()
