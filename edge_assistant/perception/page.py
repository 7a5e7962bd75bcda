"""A page of pixels, as the readers of pictures and of PDF hand it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_assistant.core import limits
from edge_assistant.core.evidence import Box
from edge_assistant.perception.gap import Gap

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

KEEP_PIXELS = 16_000_000  # of what is handed on, 48 MB; A4 at 300 dpi has 8.7 megapixels, most phones give 12


@dataclass(frozen=True, slots=True)
class TextRun:
    """Words that a document itself holds, with their box in pixels of the page's `rgb`."""

    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page.

    Attributes:
        number: from 1 for PDF and TIFF, else None.
        rgb: uint8 [H, W, 3], upright as EXIF says, at most `KEEP_PIXELS`.
        size: width and height of the picture itself after EXIF orientation, or of the rendered PDF page.
        scale: pixels of `rgb` per pixel of the picture, at most 1.
        text_layer: what the document itself says is written, or None where only the picture tells.
        notes: what was left out and why, one line each.
    """

    number: int | None
    rgb: NDArray[np.uint8]
    size: tuple[int, int]
    scale: float = 1.0
    text_layer: tuple[TextRun, ...] | None = None
    notes: tuple[str, ...] = ()

    def in_picture(self, box: tuple[float, float, float, float]) -> Box:
        """A box x, y, w, h in pixels of `rgb` as whole pixels of the picture, within it and at least one pixel wide."""
        width, height = self.size
        x, y, w, h = (value / self.scale for value in box)
        left, top = min(max(0, int(x)), width - 1), min(max(0, int(y)), height - 1)
        right, bottom = min(width, max(left + 1, round(x + w))), min(height, max(top + 1, round(y + h)))
        return left, top, right - left, bottom - top


def is_pdf(stream: BinaryIO) -> bool:
    """Whether a PDF begins in the first kilobyte, as its readers allow; the stream is at its start again."""
    head = stream.read(1024)
    stream.seek(0)
    return b"%PDF-" in head


def page_limit_note(name: str) -> Gap:
    """What is said where a document has more pages than are read."""
    said = f"the pages after {limits.PAGES.now} were not read"
    return Gap(f"{name}: {said}", said)
