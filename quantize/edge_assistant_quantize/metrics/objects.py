"""Presence, precision and mean average precision of a detector, alone, over photographs with labels.json.

The items of presence and precision are photographs, those of the mean average precision are labels: it is their mean,
so its interval says how much it depends on the choice of things.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception.detectors import LABELS, Detection
from edge_assistant.perception.senses.objects import Seen
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets.labels import CLEAR, Box, Labelled
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics.metric import LIMIT, Data, Metric, Standard, measured
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import Viewed, clusters, labels_of, perceive

LARGE = 0.02  # of the picture: a label of at least this share is what a person would name first
FEW = 6  # objects of one label that people count
_MATCH = 0.5  # intersection over union from which a box is right, as in PASCAL VOC and COCO's AP50
_COUNTED = {"presence": "presence_large", "presence_all": "presence", "precision": "precision"}


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`."""
    labels = labels_of(data)
    if not labels:
        raise CalibrationInvalid("the photographs have no labels.json", "name a folder that has one")
    viewed: dict[str, Viewed] = dict(perceive(model, "detector", data, runtime, watch))
    labels = {name: labels[name] for name in viewed}
    counted = _counted(labels, viewed)
    precisions, boxed = by_label(labels, {name: view.seen.found for name, view in viewed.items()})
    counted["map50"] = {label: (precision, 1.0) for label, precision in precisions.items()}
    objects = sum(len(items) for items in labels.values())
    recall = {"recall": boxed / objects}
    same = clusters("detector", data, counted["presence"])
    photos = [measured(name, counted[name], clusters=same) for name in METRICS[0].gives if name != "map50"]
    return (*photos, measured("map50", counted["map50"], details=recall))


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


def tally_of(objects: Sequence[Labelled], seen: Seen, size: int) -> Counter[str]:
    """What one photo adds to each share: how many are right under its name, out of how many under "... of"."""
    wanted, found = Counter(item.label for item in objects), Counter(item.label for item in seen.found)
    suspected = {item.label for item in seen.faint}
    both, missed = wanted.keys() & found.keys(), wanted.keys() - found.keys()
    absent = set(LABELS) - wanted.keys() - found.keys()
    large = [item for item in objects if item.box[2] * item.box[3] >= LARGE * size]
    small = {item.label for item in objects if item.box[2] * item.box[3] < CLEAR * size}
    boxed = [best.label == item.label for item in large if (best := _on(item, seen.found)) is not None]
    asked: dict[str, list[bool]] = {
        "presence": [label in found for label in wanted],
        "presence_large": [label in found for label in {item.label for item in large}],
        "precision": [label in wanted for label in found],
        "labels": boxed,
        "counts": [wanted[label] == found[label] for label in both],
        "clear_counts": [found[label] == n for label, n in wanted.items() if n <= FEW and label not in small],
        "confirmed": [label in suspected for label in missed],
        "confirmed_wrongly": [label in suspected for label in absent],
    }
    return Counter({name: sum(hits) for name, hits in asked.items()}) + Counter(
        {f"{name} of": len(hits) for name, hits in asked.items()}
    )


def _on(item: Labelled, found: Sequence[Detection]) -> Detection | None:
    """What has its box on an object, of whatever label."""
    best = max(found, key=lambda other: overlap(item.box, other.box), default=None)
    return best if best is not None and overlap(item.box, best.box) >= _MATCH else None


def by_label(
    labels: Mapping[str, Sequence[Labelled]], seen: Mapping[str, Sequence[Detection]]
) -> tuple[dict[str, float], int]:
    """Average precision of each label that occurs, and how many objects have a box in all."""
    hits: dict[str, list[tuple[float, bool]]] = {item.label: [] for objects in labels.values() for item in objects}
    total = Counter(item.label for objects in labels.values() for item in objects)
    for name, objects in labels.items():
        free = list(objects)
        for item in sorted(seen[name], key=lambda item: -item.score):
            match = _match(item, free)
            if match:
                free.remove(match)
            hits.setdefault(item.label, []).append((item.score, match is not None))
    precisions = {label: average_precision(hits[label], number) for label, number in total.items()}
    return precisions, sum(right for found in hits.values() for _, right in found)


def _match(item: Detection, free: Sequence[Labelled]) -> Labelled | None:
    """The object that a box is right about: of its label, not taken yet, and overlapping most."""
    candidates = [(overlap(item.box, other.box), i) for i, other in enumerate(free) if other.label == item.label]
    best, i = max(candidates, default=(0.0, 0))
    return free[i] if best >= _MATCH else None


def average_precision(hits: Sequence[tuple[float, bool]], total: int) -> float:
    """Area under precision over recall, precision made monotonous, of hits (score, right) out of `total` objects.

    >>> average_precision([(0.9, True), (0.8, False), (0.7, True)], 2)
    0.8333333333333333
    """
    right, precisions, steps = 0, [], []
    for number, (_, hit) in enumerate(sorted(hits, key=lambda hit: -hit[0]), 1):
        right += hit
        precisions.append(right / number)
        steps.append(hit / total)
    area = best = 0.0
    for precision, step in zip(reversed(precisions), reversed(steps), strict=True):
        best = max(best, precision)
        area += best * step
    return area


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x, y, width, height.

    >>> overlap((0, 0, 2, 2), (1, 0, 2, 2))
    0.3333333333333333
    """
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared) if shared else 0.0


METRICS = (
    Metric(
        name="objects",
        gives={
            "presence": Standard(0.2, 0.03, task=True, whole=True),
            "presence_all": Standard(0.1, 0.03, task=True, whole=True),
            "precision": Standard(0.3, 0.03, task=True),
            "map50": Standard(0.05, least=0),  # its items are labels, not photographs
        },
        roles=frozenset({"detector"}),
        description=(
            "of the labels of a photo with an object of at least 2 % of it (presence) or of any (presence_all) the "
            "share that is seen; of what is seen the share that is there (precision); mean average precision of the "
            "boxes at an intersection over union of 0.5 (map50)"
        ),
        keys={"path": "a folder of photographs with labels.json", "limit": LIMIT},
        measure=measure,
    ),
)
