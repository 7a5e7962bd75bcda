"""Photographs with their labels, chosen so that what is asked has one right answer; or drawings of labels."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.evidence import Box, Evidence, Locator, Scene, Thing
from edge_assistant.perception import scenes

LARGE = 0.03  # of the picture's area that a box has to cover to be surely seen
MOST = 4  # of one label, to be counted
LABELS = 4  # different ones in a picture, at most
OBJECTS = 8  # in a picture, at most

KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # what it is a kind of -> label -> what people call it
    "animal": {
        "dog": ("dog", "puppy"),
        "cat": ("cat", "kitten"),
        "horse": ("horse", "pony"),
        "sheep": ("sheep",),
        "cow": ("cow",),
        "elephant": ("elephant",),
        "bear": ("bear",),
        "zebra": ("zebra",),
        "giraffe": ("giraffe",),
        "bird": ("bird",),
    },
    "vehicle": {
        "car": ("car", "automobile"),
        "bus": ("bus", "coach"),
        "train": ("train",),
        "truck": ("truck", "lorry"),
        "bicycle": ("bicycle", "bike"),
        "motorcycle": ("motorcycle", "motorbike"),
        "airplane": ("airplane", "plane", "aeroplane"),
        "boat": ("boat",),
    },
    "appliance": {
        "refrigerator": ("refrigerator", "fridge"),
        "oven": ("oven", "stove"),
        "microwave": ("microwave",),
        "toaster": ("toaster",),
    },
    "electronic device": {
        "tv": ("television", "TV"),
        "laptop": ("laptop", "notebook computer"),
        "cell phone": ("cell phone", "mobile phone"),
        "keyboard": ("keyboard",),
    },
    "food": {
        "sandwich": ("sandwich",),
        "pizza": ("pizza",),
        "cake": ("cake",),
        "donut": ("donut", "doughnut"),
        "banana": ("banana",),
        "apple": ("apple",),
        "orange": ("orange",),
        "broccoli": ("broccoli",),
        "hot dog": ("hot dog",),
        "carrot": ("carrot",),
    },
    "piece of sports equipment": {
        "surfboard": ("surfboard",),
        "skateboard": ("skateboard",),
        "frisbee": ("frisbee",),
        "tennis racket": ("tennis racket",),
    },
    "piece of furniture": {
        "bed": ("bed",),
        "couch": ("couch", "sofa"),
        "chair": ("chair",),
        "toilet": ("toilet", "loo"),
    },
}
COUNTED = ("person", *KINDS["animal"], *KINDS["vehicle"], "laptop", "tv", "surfboard", "umbrella")
_PLURALS = {
    "sheep": "sheep",
    "bus": "buses",
    "coach": "coaches",
    "person": "people",
    "puppy": "puppies",
    "pony": "ponies",
    "lorry": "lorries",
    "sandwich": "sandwiches",
}


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph: its bytes, size in pixels, and the objects in it with their boxes."""

    data: bytes
    size: tuple[int, int]
    objects: tuple[tuple[str, Box], ...]

    def counts(self) -> Counter[str]:
        """How many there are of each label, the most frequent first."""
        return Counter(label for label, _ in self.objects)

    def kinds(self) -> dict[str, str]:
        """Kinds of which exactly one thing is in the picture, and its label; it is large there."""
        found = {}
        for kind, labels in KINDS.items():
            here = [label for label, _ in self.objects if label in labels]
            if len(here) == 1 and self._large(here[0]):
                found[kind] = here[0]
        return found

    def countable(self) -> list[str]:
        """Labels that can be counted: few, and all of them large."""
        return [
            label for label, count in self.counts().items() if label in COUNTED and count <= MOST and self._large(label)
        ]

    def _large(self, label: str) -> bool:
        area = LARGE * self.size[0] * self.size[1]
        return all(box[2] * box[3] >= area for name, box in self.objects if name == label)

    def evidence(self) -> list[Evidence]:
        """What a perfect detector gives: the scene in a sentence, and each object."""
        counts = self.counts()
        whole = Locator(box=(0, 0, *self.size))
        scene = Evidence("", "", scenes.sentence(counts, {}, 0), 0.9, whole, Scene(tuple(counts.items())))
        return [
            scene,
            *(Evidence("", "", scenes.one(label), 0.9, Locator(box=box), Thing(label)) for label, box in self.objects),
        ]


def plural(name: str) -> str:
    """Several of what people call it.

    >>> plural("puppy"), plural("plane")
    ('puppies', 'planes')
    """
    return _PLURALS.get(name, f"{name}s")


def names(label: str) -> tuple[str, ...]:
    """What people call a label."""
    return next((labels[label] for labels in KINDS.values() if label in labels), (label,))


def photographs(folder: Path) -> list[Photo]:
    """The photographs of a folder that are simple enough, in the order of their names."""
    found = []
    for name, entry in sorted(json.loads((folder / "labels.json").read_text("utf-8")).items()):
        objects = tuple((item["label"], _box(item["box"])) for item in entry["objects"])
        photo = Photo((folder / name).read_bytes(), (int(entry["size"][0]), int(entry["size"][1])), objects)
        simple = len(photo.counts()) <= LABELS and len(objects) <= OBJECTS
        if simple and (photo.kinds() or photo.countable()):
            found.append(photo)
    return found


def _box(sides: Sequence[float]) -> Box:
    x, y, width, height = (max(0, int(side)) for side in sides)
    return x, y, max(1, width), max(1, height)


def drawing(draw: random.Random) -> Photo:
    """A plain picture of boxes with labels written in them: for gold evidence only, a detector sees nothing in it."""
    from PIL import Image, ImageDraw

    from scenarios.sheet import typeface

    size = (640, 480)
    image = Image.new("RGB", size, (214, 220, 214))
    pen = ImageDraw.Draw(image)
    kinds = draw.sample(sorted(KINDS), 2)
    labels = [draw.choice(sorted(KINDS[kind])) for kind in kinds]
    counts = [1, draw.choice((1, 2, 3, 4)) if labels[1] in COUNTED else 1]
    objects = []
    for row, (label, count) in enumerate(zip(labels, counts, strict=True)):
        for place in range(count):
            box = (20 + place * 155, 30 + row * 225, 140, 190)
            pen.rectangle((box[0], box[1], box[0] + box[2], box[1] + box[3]), outline=(60, 60, 90), width=3)
            pen.text((box[0] + 70, box[1] + 100), label, (30, 30, 30), typeface(22, "sans"), anchor="mm")
            objects.append((label, box))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return Photo(stream.getvalue(), size, tuple(objects))
