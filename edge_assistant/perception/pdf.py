"""PDF pages: the text layer where there is one, and the picture of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputUnsupported
from edge_assistant.core.limits import PAGES
from edge_assistant.perception.page import KEEP_PIXELS, Page, page_limit_note
from edge_assistant.perception.pdftext import text_layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pypdfium2 import PdfDocument, PdfPage

DPI = 150  # of the picture; the locators' pixels. Print of 8 points is 16 pixels high, which is what recognition wants
_POINTS = 72  # per inch, PDF's unit


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
            layer, hidden = text_layer(page, rgb, lambda: _render(page, per_point))
            if hidden:
                notes = (*notes, f"{name}, page {index + 1}: text that cannot be seen on it was left out")
            return Page(index + 1, rgb, (rgb.shape[1], rgb.shape[0]), 1.0, layer, notes)
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
