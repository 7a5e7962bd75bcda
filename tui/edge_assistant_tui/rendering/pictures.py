"""A picture cut out and scaled to the cells that it is shown in, with the box of what was found drawn on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_assistant_tui import halfblocks
from edge_assistant_tui.terminal import Graphics, Terminal

if TYPE_CHECKING:
    from PIL import Image
    from textual.strip import Strip

    from edge_assistant.core.evidence import Box
    from edge_assistant.perception.page import Page

Region = tuple[float, float, float, float]
"""x, y, width and height in pixels of a page's `rgb`."""

_MARGIN = 0.6  # of a box's smaller side, that is shown around it
_LEAST = 48.0  # pixels of the picture that are shown at least
_FRAME = (255, 32, 96)  # of the box; paper, skin and metal are rarely pink
_EDGE = (255, 255, 255)  # beside it, for what is dark or pink after all


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """How a picture is to be shown.

    Attributes:
        columns: cells that are there.
        rows: likewise.
        whole: the whole page instead of what is around the box.
        zoom: by how much larger than that, at least 1.
        shift: by how many screens the middle is moved to the right and down.
    """

    columns: int
    rows: int
    whole: bool = False
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A picture that is ready.

    Attributes:
        strips: lines of half blocks; empty where the terminal draws pixels.
        image: for a terminal that draws pixels.
        size: columns and rows that it takes.
        region: what part of the picture is seen, in its own pixels.
        of: width and height of the picture itself.
        wanted: how it was to be shown, where that can change.
        shift: how far it is moved, which is only as far as there is something to be seen.
        notes: what is to be said of it.
    """

    size: tuple[int, int]
    region: tuple[int, int, int, int]
    of: tuple[int, int]
    wanted: PictureRequest | None = None
    shift: tuple[float, float] = (0.0, 0.0)
    strips: tuple[Strip, ...] = ()
    image: Image.Image | None = None
    notes: tuple[str, ...] = ()


def drawn(page: Page, box: Box | None, wanted: PictureRequest, terminal: Terminal) -> Drawn:
    """Cut out, scale, and frame the box."""
    import numpy as np
    from PIL import Image

    height, width = page.rgb.shape[:2]
    cell = terminal.cell
    canvas = wanted.columns * cell[0], wanted.rows * cell[1]
    scaled = None if box is None else tuple(side * page.scale for side in box)
    (left, top, wide, high), shift = _region((width, height), scaled, wanted, canvas[0] / canvas[1])  # type: ignore[arg-type]
    factor = min(canvas[0] / wide, canvas[1] / high)
    columns = min(wanted.columns, max(1, round(wide * factor / cell[0])))
    rows = min(wanted.rows, max(1, round(high * factor / cell[1])))
    halves = terminal.graphics is Graphics.CELLS
    pixels = (columns, rows * 2) if halves else (columns * cell[0], rows * cell[1])
    around = (int(left), int(top), min(width, -int(-(left + wide) // 1)), min(height, -int(-(top + high) // 1)))
    part = Image.fromarray(page.rgb[around[1] : around[3], around[0] : around[2]])
    inner = (left - around[0], top - around[1], left + wide - around[0], top + high - around[1])
    image = part.resize(pixels, Image.Resampling.BOX if wide > pixels[0] else Image.Resampling.BICUBIC, box=inner)
    if scaled is not None:
        _frame(image, scaled, (left, top, wide, high), 1 if halves else max(2, cell[0] // 4))  # type: ignore[arg-type]
    region = tuple(round(side / page.scale) for side in (left, top, wide, high))
    strips = halfblocks.picture(np.asarray(image, dtype=np.uint8), columns, rows).lines if halves else ()
    return Drawn(
        (columns, rows),
        region,  # type: ignore[arg-type]
        page.size,
        wanted,
        shift,
        strips,
        None if halves else image,
        page.notes,
    )


def _region(
    size: tuple[int, int], box: Region | None, wanted: PictureRequest, aspect: float
) -> tuple[Region, tuple[float, float]]:
    """What part is seen, the box and its surroundings as wide as the canvas, and how far it is moved on the page."""
    width, height = float(size[0]), float(size[1])
    if box is None or wanted.whole:
        wide, high = width, height
        middle = (width / 2, height / 2) if box is None else (box[0] + box[2] / 2, box[1] + box[3] / 2)
        if wanted.zoom == 1.0:
            middle = width / 2, height / 2
    else:
        margin = 2 * _MARGIN * min(box[2], box[3])
        wide, high = max(_LEAST, box[2] + margin), max(_LEAST, box[3] + margin)
        middle = box[0] + box[2] / 2, box[1] + box[3] / 2
    wide, high = wide / wanted.zoom, high / wanted.zoom
    wide, high = max(wide, high * aspect), max(high, wide / aspect)
    wide, high = min(wide, width), min(high, height)
    x = min(max(0.0, middle[0] + (wanted.shift[0] - 0.5) * wide), width - wide)
    y = min(max(0.0, middle[1] + (wanted.shift[1] - 0.5) * high), height - high)
    return (x, y, wide, high), ((x - middle[0]) / wide + 0.5, (y - middle[1]) / high + 0.5)


def _frame(image: Image.Image, box: Region, region: Region, thick: int) -> None:
    """Draw a box just outside of what it holds, so that nothing of it is hidden; both in pixels of the page."""
    from PIL import ImageDraw

    across, down = image.width / region[2], image.height / region[3]
    x, y = (box[0] - region[0]) * across, (box[1] - region[1]) * down
    corners = (round(x) - 1, round(y) - 1, round(x + box[2] * across), round(y + box[3] * down))
    pen = ImageDraw.Draw(image)
    if thick > 1:
        pen.rectangle(_grown(corners, thick), outline=_EDGE, width=1)
    for by in range(thick):
        pen.rectangle(_grown(corners, by), outline=_FRAME, width=1)


def _grown(corners: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = corners
    return left - by, top - by, max(right, left) + by, max(bottom, top) + by
