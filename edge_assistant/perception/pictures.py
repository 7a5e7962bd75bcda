"""Pictures and documents as pages of pixels: opened safely, turned upright by EXIF, one page at a time.

PNG, JPEG, WebP, BMP, TIFF and PDF are read; of an animation (GIF too) the first frame is. What a file declares is
checked before anything is decoded, so a small file cannot ask for gigabytes.
"""

from __future__ import annotations

import ctypes
import importlib
import math
import warnings
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputError, InputTooLarge, InputUnsupported
from edge_assistant.core.signals import Signal
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.page import KEEP_PIXELS, Page, is_pdf, page_limit_note

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = limits.PICTURE_SIDE.value
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"GIF8")
_BAND = 128  # rows of the smaller picture
_ORIENTATION = 0x0112  # the EXIF tag
_USE_INSTEAD = "give a PNG, JPEG, WebP, BMP, TIFF or PDF"


def pages(signal: Signal, first: int = 1) -> Iterator[Page]:
    """The pages of a picture or document from the first one wanted, decoded one at a time.

    Raises:
        InputCorrupt: it breaks off or is damaged.
        InputTooLarge: it declares more than the limit of pixels or a side over `MAX_SIDE`.
        InputUnsupported: it is no picture, or of a kind that is not read.
    """
    with signal.open() as stream:
        if is_pdf(stream):
            from edge_assistant.perception import pdf

            yield from pdf.pages(stream, signal.name, first)
        else:
            yield from _frames(stream, signal.name, first)


def _frames(stream: BinaryIO, name: str, first: int) -> Iterator[Page]:
    image = _open(stream, name)
    if image.format != "TIFF":
        yield _page(image, None, name, _animation_note(image, name))
        return
    silence_libtiff()
    if first > 1 and not _seek(image, first - 1, name):
        return
    most = limits.PAGES.now
    for number in range(first, most + 1):
        last = not _seek(image, number, name)
        cut = number == most and not last
        image.seek(number - 1)
        yield _page(image, number, name, (page_limit_note(name),) if cut else ())
        if last:
            return


@cache
def silence_libtiff() -> None:
    """Stop libtiff from printing on stderr what is wrong with a file; it is found through Pillow's module."""
    library = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        if hasattr(library, name):
            getattr(library, name)(None)


def _open(stream: BinaryIO, name: str) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    for plugin in ("TiffImagePlugin", "WebPImagePlugin"):  # Pillow loads all its 45 plugins where one is missing
        importlib.import_module(f"PIL.{plugin}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's own limit, which is lower than ours
            return Image.open(stream, formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(name, "more pixels than are read") from None
    except UnidentifiedImageError:
        stream.seek(0)
        head = stream.read(12)
        if head.startswith(_MAGIC) or head[8:12] == b"WEBP":
            raise InputCorrupt(f"{name} is a damaged picture", "copy or export it again") from None
        raise InputUnsupported(f"{name} is not a picture that can be read", _USE_INSTEAD) from None
    except Exception as error:  # hostile headers make Pillow raise SyntaxError, struct.error, KeyError and others
        raise InputCorrupt(f"{name} is a damaged picture ({type(error).__name__})", "copy or export it again") from None


def _seek(image: Image.Image, frame: int, name: str) -> bool:
    """Whether a multi-page picture has a frame, counted from 0; the picture stands at it then."""
    try:
        image.seek(frame)
    except EOFError:
        return False
    except Exception as error:
        raise InputCorrupt(
            f"{name}, page {frame + 1}, is damaged ({type(error).__name__})", "export it again"
        ) from None
    return True


def _animation_note(image: Image.Image, name: str) -> tuple[str, ...]:
    """A phone's MPO is a JPEG with its depth map or preview behind it, and no animation."""
    moves = image.format != "MPO" and getattr(image, "is_animated", False)
    said = "only the first frame was looked at"
    return (Gap(f"{name}: {said}", said),) if moves else ()


def _too_large(name: str, what: str) -> InputTooLarge:
    return InputTooLarge(f"{name} has {what}", f"scale it below {limits.PICTURE_PIXELS.now / 1e6:g} megapixels")


def _page(image: Image.Image, number: int | None, name: str, notes: tuple[str, ...]) -> Page:
    """Decode the frame that an image stands at."""
    width, height = image.size
    if width * height > limits.PICTURE_PIXELS.now or max(width, height) > MAX_SIDE:
        raise _too_large(name, f"{width:,} x {height:,} pixels")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels decide
            return _decode(image, number, notes)
    except InputError:
        raise
    except MemoryError:
        raise _too_large(name, f"{width:,} x {height:,} pixels") from None
    except Exception as error:  # see _open
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise InputCorrupt(f"{name} breaks off or is damaged ({reason})", "copy or export it again") from None


def _decode(image: Image.Image, number: int | None, notes: tuple[str, ...]) -> Page:
    width, height = image.size
    factor = _factor(width * height)
    if factor > 1:
        image.draft("RGB", (width // factor, height // factor))  # a JPEG is decoded at a half or quarter straight away
    image.load()
    orientation = image.getexif().get(_ORIENTATION, 1)  # after loading: Pillow turns a TIFF itself and drops the tag
    upright = _upright(_reduced(image, _factor(image.width * image.height)), orientation)
    size = (height, width) if orientation in {5, 6, 7, 8} else (width, height)
    return Page(number, np.asarray(upright, dtype=np.uint8), size, upright.width / size[0], notes=notes)


def _factor(pixels: int) -> int:
    """By how much both sides shrink so that at most `KEEP_PIXELS` are left; whole numbers keep print crisp."""
    return math.ceil(math.sqrt(pixels / KEEP_PIXELS))


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """The image in RGB, smaller by a whole factor; in bands, so that only one band is converted at a time."""
    from PIL import Image

    if factor == 1:
        return _rgb(image)
    width, height = -(-image.width // factor), -(-image.height // factor)
    smaller = Image.new("RGB", (width, height))
    for top in range(0, height, _BAND):
        bottom = min(image.height, (top + _BAND) * factor)
        smaller.paste(_rgb(image.crop((0, top * factor, image.width, bottom))).reduce(factor), (0, top))
    return smaller


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned or mirrored as an EXIF orientation (1 to 8) says; what is out of range leaves it alone."""
    from PIL.Image import Transpose

    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    )
    return image.transpose(turns[orientation - 2]) if orientation in range(2, 9) else image


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: what is transparent becomes white paper, what has 16 or more bits is brought into range."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, dtype=np.float32))
        top = 65535.0 if image.mode.startswith("I;16") else max(float(values.max()), 1.0)
        image = Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(paper, layer)
    return image.convert("RGB")
