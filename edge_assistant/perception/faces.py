"""Faces are found, to be counted; nothing here tells one face from another.

The network is BlazeFace for back cameras (Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on
Mobile GPUs").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_assistant.perception.detectors import grid, letterbox, suppress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_models.installed import InstalledModel

    Floats = NDArray[np.float32]

SIDE = 256
THRESHOLD = 0.65
_OVERLAP = 0.3
_ANCHORS = ((16, 2), (32, 6))  # stride, and anchors in each of its cells
_LOGIT_LIMIT = 80  # beyond it the exponential overflows and the score does not change

Face = tuple[float, tuple[float, float, float, float]]
"""Score 0..1 and box x, y, width, height in pixels of the picture given."""


class Faces:
    """Finds faces in a picture."""

    def __init__(self, model: InstalledModel, runtime: Runtime) -> None:
        import numpy as np

        self._session = runtime.session(model.files["model"])
        parts = []
        for stride, repeats in _ANCHORS:
            cells, _ = grid(SIDE, (stride,))
            parts.append(np.repeat((cells + 0.5) * stride, repeats, axis=0))
        self._anchors: Floats = np.concatenate(parts)

    def find(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """The faces in a picture, uint8 [H, W, 3] RGB, surest first."""
        import numpy as np

        height, width = rgb.shape[:2]
        image, placed = letterbox(rgb, SIDE, centred=True)
        outputs = self._session.run(None, {"image": (image / 127.5 - 1)[None].astype(np.float32)})
        logits = np.concatenate(outputs[:2], axis=1)[0, :, 0]
        boxes = np.concatenate(outputs[2:], axis=1)[0, :, :4]
        scores = 1 / (1 + np.exp(-np.clip(logits, -_LOGIT_LIMIT, _LOGIT_LIMIT)))
        best = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= THRESHOLD]
        centres, halves = self._anchors[best] + boxes[best, :2], boxes[best, 2:] / 2
        corners = np.clip(
            placed.back(np.concatenate([centres - halves, centres + halves], axis=1)), 0, [width, height] * 2
        )
        found = []
        for i in suppress(corners, np.zeros(len(best), np.intp), _OVERLAP):
            left, top, right, bottom = (float(value) for value in corners[i])
            found.append((float(scores[best[i]]), (left, top, right - left, bottom - top)))
        return found
