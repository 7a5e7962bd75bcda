"""Presence and precision of what a detector finds in photographs with labels, as `bench objects` counts them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from edge_assistant.bench.objects import by_label, tally_of
from edge_assistant.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics.metric import Measured, Metric, measured
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import Viewed, labels_of, perceive

_COUNTED = {"presence": "presence_large", "presence_all": "presence", "precision": "precision"}  # as the bench says


class Objects:
    """Photographs with labels.json; the detector alone, without the classifier's second opinion.

    The mean average precision is no ratio of sums over photographs, so that nothing is decided by it: it is a detail
    of presence.
    """

    name = "objects"
    gives = ("presence", "presence_all", "precision")
    roles = frozenset({"detector"})
    description = (
        "of the labels of a photo with an object of at least 2 % of it (presence) or of any (presence_all) the share "
        "that is seen; of what is seen the share that is there (precision)"
    )
    relative = False

    def measure(
        self,
        model: InstalledModel,
        reference: InstalledModel | None,
        data: Mapping[str, object],
        runtime: Runtime,
        watch: Watch,
    ) -> tuple[Measured, ...]:
        """See `Metric`."""
        labels = labels_of(data)
        if not labels:
            raise CalibrationInvalid("the photographs have no labels.json", "name a folder that has one")
        viewed: dict[str, Viewed] = dict(perceive(model, "detector", data, runtime, watch))
        labels = {name: labels[name] for name in viewed}
        tallies = {name: tally_of(labels[name], view.seen, view.pixels) for name, view in viewed.items()}
        counted = {
            name: {photo: (tally[key], tally[f"{key} of"]) for photo, tally in tallies.items()}
            for name, key in _COUNTED.items()
        }
        if not any(whole for _, whole in counted["precision"].values()):  # who sees nothing is right in nothing
            counted["precision"] = dict.fromkeys(labels, (0, 1))
        precisions, boxed = by_label(labels, {name: view.seen.found for name, view in viewed.items()})
        objects = sum(len(items) for items in labels.values())
        details = {"map50": statistics.fmean(precisions.values()), "recall": boxed / objects} if objects else {}
        return tuple(
            measured(name, counted[name], details=details if name == "presence" else None) for name in self.gives
        )


METRIC: Metric = Objects()
