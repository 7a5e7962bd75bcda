"""Paper: fonts, and what a scanner and a hurried hand make of a clean page."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageFont

_FACES = {"sans": "DejaVuSans", "bold": "DejaVuSans-Bold", "serif": "DejaVuSerif", "mono": "DejaVuSansMono"}
_BLUR = 0.6  # radius of the optics in pixels
_QUALITY = 72  # of the JPEG
_MARGIN = 12  # pixels of scanner bed around the sheet


@cache
def font(size: int, face: str = "sans") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of `sans`, `bold`, `serif` or `mono`: DejaVu where it is installed, else the one that Pillow brings."""
    try:
        return ImageFont.truetype(f"{_FACES[face]}.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def scan_look(image: Image.Image, seed: int, *, skew: float | None = None, noise: float = 5.0) -> Image.Image:
    """The page as a usual office scan: paper grain, uneven light, skew on a dark bed, blur, noise, JPEG.

    Args:
        image: the clean page.
        seed: the same gives the same picture.
        skew: degrees, counter-clockwise; None draws one within 2.5 degrees either way.
        noise: standard deviation of the sensor's noise in grey levels.
    """
    random = np.random.default_rng(seed)
    sheet = _aged(np.asarray(image.convert("RGB"), dtype=np.float32), random)
    angle = random.uniform(-2.5, 2.5) if skew is None else skew
    scanned = _on_the_bed(Image.fromarray(sheet), angle, random).filter(ImageFilter.GaussianBlur(_BLUR))
    pixels = np.asarray(scanned, dtype=np.float32)
    grain = random.normal(0, noise, pixels.shape[:2])[..., None]
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=_QUALITY)
    return Image.open(stream).convert("RGB")


def _aged(page: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.uint8]:
    """Ink a little greyer than black, grain in the paper, light falling off towards one side."""
    height, width = page.shape[:2]
    ink = 28 + page * ((247 - 28) / 255)
    coarse = Image.fromarray(random.normal(0, 1, (height // 3 + 1, width // 3 + 1)).astype(np.float32))
    grain = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * 2.2
    direction = random.uniform(0, 2 * np.pi)
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    across = x * np.cos(direction) + y * np.sin(direction)
    light = 1 - random.uniform(0.02, 0.09) * (across + 1) / 2
    tint = np.array([1.0, random.uniform(0.985, 1.0), random.uniform(0.955, 0.995)])
    aged: NDArray[np.float32] = (ink + grain[..., None]) * light[..., None] * tint
    return aged.clip(0, 255).astype(np.uint8)


def _on_the_bed(sheet: Image.Image, angle: float, random: np.random.Generator) -> Image.Image:
    """The sheet laid down a little askew; around it the scanner's lid shows grey."""
    shade = int(random.integers(150, 205))
    bed = Image.new("RGB", (sheet.width + 2 * _MARGIN, sheet.height + 2 * _MARGIN), (shade, shade, shade - 4))
    bed.paste(sheet, (_MARGIN, _MARGIN))
    return bed.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(shade, shade, shade - 4))
