"""Objects: what is seen in photographs with labels, against the labels."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputMissing
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception import pictures
from edge_assistant.perception.classifier import Classifier
from edge_assistant.perception.detectors import LABELS, Detection, Detector, open_detector
from edge_assistant.perception.senses.objects import Seen, see
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import CLEAR, Box, Labelled, labels_of
from edge_assistant_quantize.metrics.sensed import LARGE

NAME = "objects"
HELP = "presence, precision, labels, counts and boxes of what is seen in photographs with labels"
FEW = 6  # objects of one label that people count
_MATCH = 0.5  # intersection over union from which a box is right, as in PASCAL VOC and COCO's AP50


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; shares are 0..1.

    Attributes:
        photos: how many.
        presence: of the labels that a photo has, those that were seen in it.
        presence_large: the same of labels with an object of at least `LARGE` of the picture.
        precision: of the labels that were seen in a photo, those that it has.
        labels: of the objects of at least `LARGE` of the picture that have a box, those with the right label on it.
        counts: of the labels that were rightly seen in a photo, those counted right.
        clear_counts: of the labels with at most `FEW` objects, each of at least `CLEAR` of the picture, those counted
            right; one that was not seen is counted wrong.
        confirmed: of the labels that a photo has and that were missed, those that are suspected.
        confirmed_wrongly: of the 80 labels that a photo has not and that were not seen in it, those that are suspected.
        recall: of all objects, those that have a box.
        map50: mean over labels of the area under precision over recall, boxes right from IoU 0.5, all scores from the
            detector's threshold up.
        ms: median milliseconds a photo, decoding it not counted.
    """

    photos: int
    presence: float
    presence_large: float
    precision: float
    labels: float
    counts: float
    clear_counts: float
    confirmed: float
    confirmed_wrongly: float
    recall: float
    map50: float
    ms: float


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="photographs with labels.json")
    parser.add_argument("--profile", default="auto", help="whose models are measured (default: auto)")
    parser.add_argument("--alone", action="store_true", help="the detector without the classifier's second opinion")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    detector, classifier = _models(args.profile)
    runtime = Runtime.detect()
    second = None if args.alone or classifier is None else Classifier(classifier, runtime)
    figures = measure(args.folder, open_detector(detector, runtime), second)
    model = f"{detector.name} and {classifier.name}" if second and classifier else detector.name
    if args.json:
        print(json.dumps({"model": model, "threads": runtime.threads, **asdict(figures)}))
        return 0
    print(f"{figures.photos} photos, {model}, {runtime.threads} threads, median {figures.ms:.1f} ms a photo")
    for name, meaning in (
        ("presence", "of the labels that a photo has were seen"),
        ("presence_large", f"of those with an object of at least {LARGE:.0%} of the picture"),
        ("precision", "of the labels that were seen are there"),
        ("counts", "of those that are there were counted right"),
        ("clear_counts", f"of those with up to {FEW} objects of at least {CLEAR:.0%} each were seen and counted right"),
        ("labels", f"of the objects of at least {LARGE:.0%} that have a box have the right label"),
        ("confirmed", "of the labels that were missed are suspected"),
        ("confirmed_wrongly", "of the labels that are not there are suspected"),
        ("recall", "of all objects have a box"),
        ("map50", "mAP@0.5"),
    ):
        print(f"  {getattr(figures, name):6.1%} {meaning}")
    return 0


def measure(folder: Path, detector: Detector, classifier: Classifier | None = None) -> Figures:
    """Look at every photograph of a folder.

    Raises:
        InputMissing, InputCorrupt: labels.json, or a picture that it names.
    """
    labels = labels_of(folder)
    if not labels:
        raise InputMissing(f"{folder.name} has no labels.json", "give a folder of pictures with labels.json")
    sizes: dict[str, int] = {}
    seen: dict[str, Seen] = {}
    took: list[float] = []
    for number, name in enumerate(labels, 1):
        for page in pictures.pages(take_file(folder / name, Kind.IMAGE, number)):
            if not took:
                see(page.rgb, detector, classifier)  # the first run allocates
            start = time.perf_counter()
            seen[name] = see(page.rgb, detector, classifier)
            took.append(time.perf_counter() - start)
            sizes[name] = page.rgb.shape[0] * page.rgb.shape[1]
            break
    return score(labels, seen, sizes, statistics.median(took) * 1000)


def score(
    labels: Mapping[str, Sequence[Labelled]], seen: Mapping[str, Seen], sizes: Mapping[str, int], ms: float
) -> Figures:
    """Compare what was seen with the labels, by photo; `sizes` are pixels of each."""
    tally: Counter[str] = Counter()
    for name, objects in labels.items():
        tally += tally_of(objects, seen[name], sizes[name])
    found = {name: seen[name].found for name in labels}
    precisions, boxed = by_label(labels, found)
    return Figures(
        len(labels),
        **{name: _share(tally[name], tally[f"{name} of"]) for name in _SHARES},
        recall=_share(boxed, sum(len(objects) for objects in labels.values())),
        map50=round(statistics.fmean(precisions.values()), 4) if precisions else 0.0,
        ms=round(ms, 2),
    )


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


_SHARES = (
    *("presence", "presence_large", "precision", "labels", "counts", "clear_counts"),
    *("confirmed", "confirmed_wrongly"),
)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _models(profile: str) -> tuple[InstalledModel, InstalledModel | None]:
    portfolio = Portfolio()
    roles = portfolio.resolve(profile)
    return portfolio.open(roles["detector"]), portfolio.open(roles["classifier"]) if "classifier" in roles else None
