"""PDF pages: the text layer where there is one, and the picture of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from edge_assistant import limits
from edge_assistant.errors import InputCorrupt, InputEmpty, InputUnsupported
from edge_assistant.limits import PAGES
from edge_assistant.perception.pictures import KEEP_PIXELS, Page, TextRun, page_limit_note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

DPI = 150  # of the picture; the locators' pixels. Print of 8 points is 16 pixels high, which is what recognition wants
_POINTS = 72  # per inch, PDF's unit
_MAX_RUNS = limits.PAGE_RUNS.value
_MIN_CHARACTERS = 20  # fewer in the text layer beside a large picture is a scanner's stamp, not the page
_LARGE_PICTURE = 0.5  # share of the page


def pages(stream: BinaryIO, name: str, first: int = 1) -> Iterator[Page]:
    """The pages of a PDF from the first one wanted, rendered one at a time.

    Raises:
        InputCorrupt: the file is damaged.
        InputEmpty: it has no pages.
        InputUnsupported: it wants a password.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(stream)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputUnsupported(f"{name} is locked with a password", "save a copy without one") from None
        raise InputCorrupt(f"{name} is a damaged PDF", "export it again") from None
    try:
        document.init_forms()
        count = len(document)
        if count == 0:
            raise InputEmpty(f"{name} has no pages", "give a PDF with pages")
        most = PAGES.now
        for index in range(first - 1, min(count, most)):
            cut = index == most - 1 and count > most
            yield _page(document, index, name, (page_limit_note(name),) if cut else ())
    finally:
        document.close()


def _page(document: PdfDocument, index: int, name: str, notes: tuple[str, ...]) -> Page:
    import pypdfium2

    try:
        page = _flat(document, index)
        try:
            width, height = page.get_size()
            per_point = min(DPI / _POINTS, (KEEP_PIXELS / max(1.0, width * height)) ** 0.5)
            rgb = _render(page, per_point)
            return Page(index + 1, rgb, (rgb.shape[1], rgb.shape[0]), 1.0, _text_layer(page, rgb.shape), notes)
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        raise InputCorrupt(f"{name}, page {index + 1}, is damaged", "export it again") from None


def _flat(document: PdfDocument, index: int) -> PdfPage:
    """A page with what was filled into its form made part of it; else it has its labels and not their values."""
    page = document[index]
    if document.formenv is None:
        return page
    page.flatten()
    page.close()
    return document[index]


def _render(page: PdfPage, per_point: float) -> NDArray[np.uint8]:
    import numpy as np

    bitmap = page.render(scale=per_point, rev_byteorder=True, force_bitmap_format=_bgr())
    try:
        return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])
    finally:
        bitmap.close()


def _bgr() -> int:
    import pypdfium2.raw

    return int(pypdfium2.raw.FPDFBitmap_BGR)


def _text_layer(page: PdfPage, shape: tuple[int, ...]) -> tuple[TextRun, ...] | None:
    """The runs of text with their boxes in pixels; None where the page is a picture in truth."""
    text = page.get_textpage()
    try:
        count = text.count_rects()
        if count == 0 or count > _MAX_RUNS:
            return None
        runs = tuple(run for index in range(count) if (run := _run(page, text, index, shape)))
    finally:
        text.close()
    characters = sum(len(run.text) for run in runs)
    if characters == 0 or (characters < _MIN_CHARACTERS and _mostly_picture(page)):
        return None
    return runs


def _run(page: PdfPage, text: PdfTextPage, index: int, shape: tuple[int, ...]) -> TextRun | None:
    left, bottom, right, top = text.get_rect(index)
    words = " ".join(text.get_text_bounded(left, bottom, right, top).split())
    if not words:
        return None
    corners = [_to_pixels(page, x, y, shape) for x, y in ((left, bottom), (right, top))]
    xs, ys = sorted(x for x, _ in corners), sorted(y for _, y in corners)
    return TextRun(words, (xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]))


def _to_pixels(page: PdfPage, x: float, y: float, shape: tuple[int, ...]) -> tuple[float, float]:
    """A point of the page's user space as pixels of its picture: crop box, rotation and scale applied."""
    left, bottom, right, top = page.get_cropbox()
    if right <= left or top <= bottom:  # an empty box, in whose place PDFium shows a page of its own size
        left, bottom, (right, top) = 0.0, 0.0, page.get_size()
    u, v = (x - left) / (right - left), (top - y) / (top - bottom)
    turned = {0: (u, v), 90: (1 - v, u), 180: (1 - u, 1 - v), 270: (v, 1 - u)}[page.get_rotation()]
    return turned[0] * shape[1], turned[1] * shape[0]


def _mostly_picture(page: PdfPage) -> bool:
    import pypdfium2.raw

    width, height = page.get_size()
    for item in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = item.get_bounds()
        if abs((right - left) * (top - bottom)) > _LARGE_PICTURE * width * height:
            return True
    return False
