"""Presence and precision of what a detector finds in photographs with labels, as `bench objects` counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics.metric import Measured, Metric, measured
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.senses import Viewed, labels_of, perceive
from evals.objects import Labelled, by_label, tally_of

_COUNTED = {"presence": "presence_large", "presence_all": "presence", "precision": "precision"}  # as the bench says


class Objects:
    """Photographs with labels.json; the detector alone, without the classifier's second opinion.

    The items of presence and precision are photographs. Those of the mean average precision are labels, as it is the
    mean over them; so its interval says how much it depends on which things are to be seen.
    """

    name = "objects"
    gives = ("presence", "presence_all", "precision", "map50")
    roles = frozenset({"detector"})
    description = (
        "of the labels of a photo with an object of at least 2 % of it (presence) or of any (presence_all) the share "
        "that is seen; of what is seen the share that is there (precision); mean average precision of the boxes at an "
        "intersection over union of 0.5 (map50)"
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
        counted = _counted(labels, viewed)
        precisions, boxed = by_label(labels, {name: view.seen.found for name, view in viewed.items()})
        counted["map50"] = {label: (precision, 1.0) for label, precision in precisions.items()}
        objects = sum(len(items) for items in labels.values())
        return tuple(
            measured(name, counted[name], details={"recall": boxed / objects} if name == "map50" else None)
            for name in self.gives
        )


def _counted(
    labels: Mapping[str, Sequence[Labelled]], viewed: Mapping[str, Viewed]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Part and whole of each photograph, by the result."""
    tallies = {name: tally_of(labels[name], view.seen, view.pixels) for name, view in viewed.items()}
    counted: dict[str, dict[str, tuple[float, float]]] = {
        name: {photo: (tally[key], tally[f"{key} of"]) for photo, tally in tallies.items()}
        for name, key in _COUNTED.items()
    }
    if not any(whole for _, whole in counted["precision"].values()):  # who sees nothing is right in nothing
        counted["precision"] = dict.fromkeys(labels, (0, 1))
    return counted


METRIC: Metric = Objects()
