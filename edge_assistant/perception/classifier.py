"""The kind of the main thing in a picture, by a classifier of the 1,000 classes of ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.runtime import Runtime
    from edge_assistant_models.installed import InstalledModel

SIDE = 224
THRESHOLD = 0.5  # below it the classifier is wrong about as often as right
WRITTEN = ("menu", "web site", "crossword puzzle", "book jacket", "comic book", "envelope", "packet")
WRITTEN_THRESHOLD = 0.2  # of all of WRITTEN: forms, receipts and labels have 0.26 and more, photographs at most 0.09
_CROP = 0.875  # of the shorter side, as in training

# ImageNet's classes, from 0, that are kinds of a class of COCO; (a, b) are all from a to b. Only these say more than
# the detector did: a picture of a person on skis is classified as "ski", which is no kind of person.
KINDS: dict[str, tuple[tuple[int, int], ...]] = {
    "airplane": ((404, 404), (895, 895)),
    "bear": ((294, 297),),
    "bird": ((7, 24), (80, 100), (127, 146)),
    "boat": (
        (472, 472),
        (484, 484),
        (554, 554),
        (576, 576),
        (625, 625),
        (780, 780),
        (814, 814),
        (871, 871),
        (914, 914),
    ),
    "bottle": ((440, 440), (720, 720), (737, 737), (898, 898), (907, 907)),
    "bus": ((654, 654), (779, 779), (874, 874)),
    "car": ((436, 436), (468, 468), (511, 511), (609, 609), (627, 627), (656, 656), (661, 661), (751, 751), (817, 817)),
    "cat": ((281, 285),),
    "clock": ((409, 409), (530, 530), (892, 892)),
    "cow": ((345, 347),),
    "dog": ((151, 268),),
    "elephant": ((385, 386),),
    "sheep": ((348, 349),),
    "sports ball": ((429, 430), (522, 522), (574, 574), (722, 722), (768, 768), (805, 805), (852, 852), (890, 890)),
    "train": ((466, 466), (547, 547), (705, 705), (820, 820), (829, 829)),
    "truck": ((555, 555), (569, 569), (675, 675), (717, 717), (734, 734), (864, 864), (867, 867)),
}


class Classifier:
    """Names what a picture, or a part of one, shows."""

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        self._session = runtime.session(model.files["model"])
        self._labels = model.files["labels"].read_text(encoding="utf-8").splitlines()

    def written(self, rgb: NDArray[np.uint8]) -> float:
        """How probably a picture is a written page, such as a form or a receipt; 0 where that is unlikely.

        Detectors know no such class, and see a book or a laptop in one.
        """
        probabilities = self._probabilities(rgb)
        total = sum(float(probabilities[self._labels.index(label)]) for label in WRITTEN)
        return min(total, 1.0) if total >= WRITTEN_THRESHOLD else 0.0

    def name(self, rgb: NDArray[np.uint8], of: str | None = None) -> tuple[str, float] | None:
        """The class of a picture, uint8 [H, W, 3] RGB, and its probability; None where it is not sure.

        Args:
            rgb: the picture.
            of: a COCO label, to have only a kind of that; None for any class.
        """
        probabilities = self._probabilities(rgb)
        best = int(probabilities.argmax())
        wanted = of is None or any(first <= best <= last for first, last in KINDS.get(of, ()))
        if not wanted or probabilities[best] < THRESHOLD:
            return None
        return self._labels[best], float(probabilities[best])

    def _probabilities(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        import numpy as np
        from PIL import Image

        height, width = rgb.shape[:2]
        part = max(1, min(height, width) * _CROP)
        left, top = (width - part) / 2, (height - part) / 2
        image = Image.fromarray(rgb).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC, (left, top, left + part, top + part), reducing_gap=2.0
        )
        (output,) = self._session.run(None, {"image": np.asarray(image)[None]})
        return np.asarray(output[0], np.float32)
