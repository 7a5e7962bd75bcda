"""Photographs with labels: `labels.json` beside them says what a person marked.

It maps a picture's file name to `size` [w, h] and `objects`, each with `label` (a COCO name) and `box` [x, y, w, h] in
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_assistant.core.errors import InputCorrupt, InputMissing

CLEAR = 0.01  # of the picture: labels whose objects all have this share, and are few, are those that people count

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Labelled:
    """An object that a person marked: COCO label and box x, y, width, height in pixels."""

    label: str
    box: Box


class _Picture(msgspec.Struct):
    objects: list[Labelled]


def read_labels(folder: Path) -> dict[str, list[Labelled]]:
    """The labels of a folder by file name.

    Raises:
        InputMissing: there is no labels.json.
        InputCorrupt: it is not of the form above, or names no picture.
    """
    try:
        document = msgspec.json.decode((folder / "labels.json").read_bytes(), type=dict[str, _Picture])
    except OSError:
        raise InputMissing("labels.json cannot be read", "give a folder of pictures with labels.json") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputCorrupt(f"labels.json is not of the expected form ({error})", "see the docs of bench") from None
    labels = {name: picture.objects for name, picture in document.items() if Path(name).name == name}
    if not labels:
        raise InputCorrupt("labels.json names no picture", "give a folder of pictures with labels.json")
    return labels
