"""Paper: fonts, and what a scanner and a hurried hand make of a clean page."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageFont

_FACES = {"sans": "DejaVuSans", "bold": "DejaVuSans-Bold", "serif": "DejaVuSerif", "mono": "DejaVuSansMono"}


@dataclass(frozen=True, slots=True)
class Wear:
    """How much a page suffers on its way through the scanner."""

    skew: float | None = None  # degrees, counter-clockwise; None draws one within 2.5 degrees either way
    noise: float = 5.0  # standard deviation of the sensor's noise in grey levels
    blur: float = 0.6  # radius of the optics in pixels
    quality: int = 72  # of the JPEG
    margin: int = 12  # pixels of scanner bed around the sheet


@cache
def font(size: int, face: str = "sans") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of `sans`, `bold`, `serif` or `mono`: DejaVu where it is installed, else the one that Pillow brings."""
    try:
        return ImageFont.truetype(f"{_FACES[face]}.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def scan_look(image: Image.Image, seed: int, wear: Wear | None = None) -> Image.Image:
    """The page as a scanner gives it: paper grain, uneven light, skew on a dark bed, blur, noise, JPEG.

    Args:
        image: the clean page, any mode.
        seed: the same seed gives the same picture.
        wear: how much; a usual office scan without it.
    """
    wear = wear or Wear()
    random = np.random.default_rng(seed)
    sheet = _aged(np.asarray(image.convert("RGB"), dtype=np.float32), random)
    angle = random.uniform(-2.5, 2.5) if wear.skew is None else wear.skew
    scanned = _on_the_bed(Image.fromarray(sheet), angle, wear.margin, random)
    scanned = scanned.filter(ImageFilter.GaussianBlur(wear.blur))
    return _jpeg(_noisy(scanned, wear.noise, random), wear.quality)


def _aged(page: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.uint8]:
    """Ink a little greyer than black, grain in the paper, light falling off towards one side."""
    height, width = page.shape[:2]
    ink = 28 + page * ((247 - 28) / 255)
    grain = _smooth(random.normal(0, 1, (height // 3 + 1, width // 3 + 1)), (width, height)) * 2.2
    direction = random.uniform(0, 2 * np.pi)
    across = np.linspace(-1, 1, width)[None] * np.cos(direction) + np.linspace(-1, 1, height)[:, None] * np.sin(
        direction
    )
    light = 1 - random.uniform(0.02, 0.09) * (across + 1) / 2
    tint = np.array([1.0, random.uniform(0.985, 1.0), random.uniform(0.955, 0.995)])
    aged: NDArray[np.float32] = (ink + grain[..., None]) * light[..., None] * tint
    return aged.clip(0, 255).astype(np.uint8)


def _smooth(coarse: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(coarse.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))


def _on_the_bed(sheet: Image.Image, angle: float, margin: int, random: np.random.Generator) -> Image.Image:
    """The sheet laid down a little askew; around it the scanner's lid shows grey."""
    shade = int(random.integers(150, 205))
    bed = Image.new("RGB", (sheet.width + 2 * margin, sheet.height + 2 * margin), (shade, shade, shade - 4))
    bed.paste(sheet, (margin, margin))
    return bed.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(shade, shade, shade - 4))


def _noisy(image: Image.Image, deviation: float, random: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    grey = random.normal(0, deviation, pixels.shape[:2])[..., None]
    return Image.fromarray(np.clip(pixels + grey, 0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")
