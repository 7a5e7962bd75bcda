"""QR and bar codes in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_assistant.core import limits
from edge_assistant.core.evidence import Code

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_CONTENT = limits.CODE_CHARACTERS.value
_MAX_CODES = limits.PAGE_CODES.value


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A code with its box x, y, w, h in pixels."""

    code: Code
    box: tuple[float, float, float, float]

    @property
    def text(self) -> str:
        """What the code says, in words that stand alone."""
        return f"{self.code.symbology}: {self.code.content}"


def find(rgb: NDArray[np.uint8]) -> list[FoundCode]:
    """The codes of a picture uint8 [H, W, 3], from top to bottom."""
    import zxingcpp

    found = []
    for result in zxingcpp.read_barcodes(rgb)[:_MAX_CODES]:
        content = "".join(c if c.isprintable() else " " for c in result.text)[:_MAX_CONTENT].strip()
        corners = result.position
        points = (corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left)
        xs, ys = [p.x for p in points], [p.y for p in points]
        if content:
            box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
            found.append(FoundCode(Code(content, str(result.format)), box))
    return sorted(found, key=lambda code: (code.box[1], code.box[0]))
