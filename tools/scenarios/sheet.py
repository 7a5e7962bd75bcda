"""A picture being drawn, and the gold evidence of what stands on it; scanned, its boxes turned with the paper."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from edge_assistant.bench.paper import Wear, font, scan_look
from edge_assistant.evidence import Box, Evidence, Field, Line, Locator, Scene, TickBox

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

Colour = tuple[int, int, int]
BLACK: Colour = (25, 25, 25)
GREY: Colour = (90, 90, 90)
INK: Colour = (28, 38, 120)
_FACES = {
    "sans": "LiberationSans-Regular",
    "bold": "LiberationSans-Bold",
    "narrow": "LiberationSansNarrow-Regular",
    "serif": "LiberationSerif-Regular",
    "italic": "LiberationSerif-Italic",
    "mono": "LiberationMono-Regular",
    "mono bold": "LiberationMono-Bold",
    "hand": "Breip",
}
_FALLBACK = {"bold": "bold", "mono": "mono", "mono bold": "mono", "serif": "serif", "italic": "serif", "hand": "serif"}


@cache
def typeface(size: int, face: str) -> Font:
    """A font by one of our names; without Liberation and Breip what bench/paper.py finds, which looks different."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(f"{_FACES[face]}.ttf", size)
    except OSError:
        return font(size, _FALLBACK.get(face, "sans"))


class Sheet:
    """A picture with its gold evidence, in the order of drawing.

    Attributes:
        image: the picture.
        draw: draws on it.
        evidence: what has been drawn, boxes in its pixels.
    """

    def __init__(self, width: int, height: int, colour: Colour = (255, 255, 255)) -> None:
        """An empty sheet of one colour."""
        from PIL import Image, ImageDraw

        self.image: Image.Image = Image.new("RGB", (width, height), colour)
        self.draw: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)
        self.evidence: list[Evidence] = []

    def put(self, x: float, y: float, text: str, face: Font, colour: Colour = BLACK, anchor: str = "ls") -> Box:
        """Write a text whose baseline begins at a point, and return its box."""
        self.draw.text((x, y), text, colour, face, anchor=anchor)
        left, top, right, bottom = self.draw.textbbox((x, y), text, face, anchor=anchor)
        return int(left), int(top), math.ceil(right - left), math.ceil(bottom - top)

    def line(self, cells: Sequence[str], boxes: Sequence[Box], header: Sequence[str] = ()) -> None:
        """Note a row of words; below a header each number is said with its column, as the product says it."""
        if header and len(header) == len(cells):
            text = ", ".join(f"{name} {cell}" for name, cell in zip(header, cells, strict=True))
        else:
            text = " ".join(cells)
        self.note(text, boxes, Line(tuple(cells)))

    def field(self, label: str, value: str, boxes: Sequence[Box]) -> None:
        """Note a label with its value."""
        name = label.rstrip(": ")
        self.note(f"{name}: {value}", boxes, Field(name, value))

    def tick(self, label: str, ticked: bool, boxes: Sequence[Box]) -> None:
        """Note a box to tick."""
        self.note(f"{label} ({'ticked' if ticked else 'not ticked'})", boxes, TickBox(label, ticked))

    def note(self, text: str, boxes: Sequence[Box], detail: Line | Field | TickBox) -> None:
        """Note evidence in the box around some boxes."""
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
        box = (left, top, right - left, bottom - top)
        self.evidence.append(Evidence("", "", text, 1.0, Locator(box=box), detail))

    def crop(self, bottom: float) -> None:
        """Cut the sheet off below."""
        self.image = self.image.crop((0, 0, self.image.width, min(self.image.height, int(bottom))))

    def scanned(self, seed: int, skew: float, *, noise: float = 4.0, blur: float = 0.5) -> tuple[bytes, list[Evidence]]:
        """The sheet as a scanner or a camera gives it, as JPEG, and its evidence with the boxes where they now are."""
        margin = 12
        wear = Wear(skew=skew, noise=noise, blur=blur, margin=margin, quality=88)
        worn = scan_look(self.image, seed, wear)
        stream = io.BytesIO()
        worn.save(stream, "JPEG", quality=82)
        bed = (self.image.width + 2 * margin, self.image.height + 2 * margin)
        page = Evidence(
            "",
            "",
            "The picture looks like a written page",
            None,
            Locator(box=(0, 0, worn.width, worn.height)),
            Scene(()),
        )
        moved = [_turned(item, skew, margin, bed, worn.size) for item in self.evidence]
        return stream.getvalue(), [page, *moved]


def _turned(item: Evidence, skew: float, margin: int, bed: tuple[int, int], size: tuple[int, int]) -> Evidence:
    """Evidence with the box that encloses its turned box; `rotate(expand=True)` keeps the centre in the middle."""
    assert item.locator.box is not None
    x, y, width, height = item.locator.box
    cosine, sine = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    points = []
    for a, b in ((x, y), (x + width, y), (x, y + height), (x + width, y + height)):
        across, down = a + margin - bed[0] / 2, b + margin - bed[1] / 2
        points.append((across * cosine + down * sine + size[0] / 2, down * cosine - across * sine + size[1] / 2))
    left, top = max(0, int(min(p[0] for p in points))), max(0, int(min(p[1] for p in points)))
    right = min(size[0], math.ceil(max(p[0] for p in points)))
    bottom = min(size[1], math.ceil(max(p[1] for p in points)))
    box = (left, top, max(1, right - left), max(1, bottom - top))
    return Evidence("", "", item.text, item.confidence, Locator(box=box), item.detail)
