"""What a picture, or a part of one, shows by a classifier of the 1,000 classes of ImageNet, and as labels of COCO."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.errors import ModelCorrupt
from edge_assistant_models import loading

if TYPE_CHECKING:
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_models.model import InstalledModel

SIDE = 224
THRESHOLD = 0.5  # below it the classifier is wrong about as often as right
WRITTEN = ("menu", "web site", "crossword puzzle", "book jacket", "comic book", "envelope", "packet")
WRITTEN_THRESHOLD = 0.2  # of all of WRITTEN: forms, receipts and labels have 0.26 and more, photographs at most 0.09
_CROP = 0.875  # of the shorter side, as in training

_TO = " .. "  # between the first and the last of classes on end


class Classifier:
    """Names what a picture, or a part of one, shows."""

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        self._session = runtime.session(model.files["model"])
        self._labels = loading.read(model.files["labels"]).decode().splitlines()
        try:
            self._written = self._rows(WRITTEN)
            self._kinds = {label: self._rows(names) for label, names in relations()["kinds"].items()}
            others = {label: self._rows(names) for label, names in relations()["others"].items()}
        except ValueError:
            raise ModelCorrupt(f"{model.name} has not ImageNet's classes", "use a classifier of the catalog") from None
        self._classes = {
            label: [*self._kinds.get(label, ()), *others.get(label, ())] for label in (*self._kinds, *others)
        }

    def written(self, rgb: NDArray[np.uint8]) -> float:
        """How probably a picture is a written page, such as a form or a receipt; 0 where that is unlikely.

        Detectors know no such class, and see a book or a laptop in one.
        """
        total = float(self.probabilities(rgb)[self._written].sum())
        return min(total, 1.0) if total >= WRITTEN_THRESHOLD else 0.0

    def name(self, rgb: NDArray[np.uint8], of: str | None = None) -> tuple[str, float] | None:
        """The class of a picture, uint8 [H, W, 3] RGB, and its probability; None where it is not sure.

        Args:
            rgb: the picture.
            of: a COCO label, to have only a kind of that; None for any class.
        """
        probabilities = self.probabilities(rgb)
        best = int(probabilities.argmax())
        wanted = of is None or best in self._kinds.get(of, ())
        if not wanted or probabilities[best] < THRESHOLD:
            return None
        return self._labels[best], float(probabilities[best])

    def shares(self, rgb: NDArray[np.uint8]) -> dict[str, float]:
        """How probably a picture, uint8 [H, W, 3] RGB, shows each label of COCO that has classes in ImageNet."""
        probabilities = self.probabilities(rgb)
        return {label: float(probabilities[rows].sum()) for label, rows in self._classes.items()}

    def probabilities(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How probable each class is for a picture, uint8 [H, W, 3] RGB: f32 [1000]."""
        from PIL import Image

        height, width = rgb.shape[:2]
        part = max(1, min(height, width) * _CROP)
        left, top = (width - part) / 2, (height - part) / 2
        image = Image.fromarray(rgb).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC, (left, top, left + part, top + part), reducing_gap=2.0
        )
        (output,) = self._session.run(None, {"image": np.asarray(image)[None]})
        return np.asarray(output[0], np.float32)

    def _rows(self, names: Sequence[str]) -> list[int]:
        """Where classes stand among the labels; "a .. b" are all from a to b."""
        rows: list[int] = []
        for name in names:
            first, _, last = name.partition(_TO)
            start = self._labels.index(first)
            rows += range(start, self._labels.index(last or first, start) + 1)
        return rows


@cache
def relations() -> Mapping[str, Any]:
    """How ImageNet's classes relate to COCO's labels; see kinds.toml."""
    text = (resources.files("edge_assistant.perception") / "kinds.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
