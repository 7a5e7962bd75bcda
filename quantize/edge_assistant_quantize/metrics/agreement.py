"""Agreement of a model with its reference: vectors of an embedder, classes of a classifier.

The data of an embedder is a file with one text per line, or the product's own examples; that of a classifier is
photographs, and with labels.json the labelled objects in them. Outputs that are not finite agree with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize import provenance
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import MetricRun
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import perceive

# Outputs of the last reference by role, with their inputs: a search compares many candidates with one reference.
_references: dict[str, tuple[object, Mapping[str, Any]]] = {}


def _outputs_of(run: MetricRun, reference: InstalledModel, role: str) -> Mapping[str, Any]:
    """As `senses.perceive`, all at once; the model runs only if it, or the data, differs from the last."""
    key = reference.sha256, dict(reference.options), provenance.sum_of_data(run.data), run.runtime.threads
    if not reference.sha256 or role not in _references or _references[role][0] != key:
        _references[role] = key, dict(perceive(reference, role, run.data, run.runtime, run.watch))
    return _references[role][1]


def cosine(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        UsageError: the models' vectors have different dimensions.
    """
    other = run.compared("cosine")
    wanted = _outputs_of(run, other, "embedder")

    def score(name: str, vector: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
        if vector.shape != wanted[name].shape:
            what = f"{run.model.name} has {vector.size} dimensions, {other.name} has {wanted[name].size}"
            raise UsageError(what, "compare forms of the same model")
        found = float(vector @ wanted[name])
        return {"cosine": (min(found, 1.0) if np.isfinite(found) else 0.0, 1.0)}  # rounding may exceed 1

    return run.over("embedder", score).values()


def top1(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    wanted = _outputs_of(run, run.compared("top1"), "classifier")

    def score(name: str, given: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
        return {"top1": (float(np.isfinite(given).all() and given.argmax() == wanted[name].argmax()), 1.0)}

    return run.over("classifier", score).values()
