"""Photographs with labels: `labels.json` beside them says what a person marked.

It maps a picture's file name to `size` [w, h] and `objects`, each with `label` (a COCO name) and `box` [x, y, w, h] in
pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.errors import InputCorrupt, InputMissing

CLEAR = 0.01  # of the picture: labels whose objects all have this share, and are few, are those that people count

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Labelled:
    """An object that a person marked: COCO label and box x, y, width, height in pixels."""

    label: str
    box: Box


def read_labels(folder: Path) -> dict[str, list[Labelled]]:
    """The labels of a folder by file name.

    Raises:
        InputMissing: there is no labels.json.
        InputCorrupt: it is not of the form above, or names no picture.
    """
    try:
        document = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        labels = {
            str(name): [_labelled(item) for item in entry["objects"]]
            for name, entry in document.items()
            if Path(name).name == name
        }
    except OSError:
        raise InputMissing("labels.json cannot be read", "give a folder of pictures with labels.json") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputCorrupt(f"labels.json is not of the expected form ({error})", "see the docs of bench") from None
    if not labels:
        raise InputCorrupt("labels.json names no picture", "give a folder of pictures with labels.json")
    return labels


def _labelled(item: Mapping[str, object]) -> Labelled:
    box = item["box"]
    if not isinstance(box, list):
        raise TypeError("a box is no list")
    x, y, w, h = (float(value) for value in box)
    return Labelled(str(item["label"]), (x, y, w, h))
