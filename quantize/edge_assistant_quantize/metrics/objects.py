"""Presence and precision of a detector, alone, over photographs with labels.json; the items are photographs."""

from __future__ import annotations

from collections.abc import Iterable

from edge_assistant_quantize.datasets.data import labels_of
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics.metric import MetricRun, measured
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import Viewed

LARGE = 0.02  # of the picture: a label of at least this share is what a person would name first


def measure(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`."""
    labels = labels_of(run.data)
    if not labels:
        raise CalibrationInvalid("the photographs have no labels.json", "name a folder that has one")

    def score(name: str, view: Viewed) -> dict[str, tuple[float, float]]:
        found, wanted = {item.label for item in view.seen.found}, {item.label for item in labels[name]}
        large = {item.label for item in labels[name] if item.box[2] * item.box[3] >= LARGE * view.pixels}
        return {
            "presence": (len(large & found), len(large)),
            "presence_all": (len(wanted & found), len(wanted)),
            "precision": (len(wanted & found), len(found)),
        }

    results = run.over("detector", score)
    if "precision" not in results:  # who sees nothing is right in nothing
        found = results["presence"]
        results["precision"] = measured("precision", dict.fromkeys(found.items, (0, 1)), clusters=found.clusters)
    return results.values()
