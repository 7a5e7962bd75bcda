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
from edge_assistant.core.signals import Kind, take_file
from edge_assistant.perception import pictures
from edge_assistant.perception.classifier import Classifier
from edge_assistant.perception.detectors import Detector, open_detector
from edge_assistant.perception.senses.objects import Seen, see
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.labels import CLEAR, Labelled, read_labels
from edge_assistant_quantize.metrics.objects import FEW, LARGE, by_label, tally_of

NAME = "objects"
HELP = "presence, precision, labels, counts and boxes of what is seen in photographs with labels"


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
    labels = read_labels(folder)
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
