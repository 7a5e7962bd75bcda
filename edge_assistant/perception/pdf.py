"""PDF pages: the picture of the page, and its text layer as far as it can be seen.

A document can hold text that programs read and no person sees: invisible, white, tiny, beside the page, under a
picture, in a layer that is off. So the page is rendered twice, with its text and without, and a run of text counts
only where that makes a difference. A page whose text is declared to be other than its glyphs is read like a scan.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputUnsupported
from edge_assistant.core.limits import PAGE_RUNS, PAGES
from edge_assistant.perception.page import KEEP_PIXELS, Page, TextRun, page_limit_note

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

    Pixels = NDArray[np.uint8]

DPI = 150  # of the picture; the locators' pixels. Print of 8 points is 16 pixels high, which is what recognition wants
_POINTS = 72  # per inch, PDF's unit
_MAX_RUNS = PAGE_RUNS.value
_MIN_CHARACTERS = 20  # fewer in the text layer beside a large picture is a scanner's stamp, not the page
_LARGE_PICTURE = 0.5  # share of the page
_MOST_DEPTH = 8  # of forms within forms
_SEEN = 32  # of 255, by which the page differs where text is seen; light grey on white is 64
_SMALLEST = 5  # pixels at 150 dpi, 2.4 points; the smallest print on packages has 4
_INVISIBLE, _CLIPPING = 3, 7  # text rendering modes, ISO 32000-1, 9.3.6
_OTHER = b"ActualText"  # what glyphs are said to stand for, ISO 32000-1, 14.9.4


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


def _render(page: PdfPage, per_point: float) -> Pixels:
    bitmap = page.render(scale=per_point, rev_byteorder=True, force_bitmap_format=_raw().FPDFBitmap_BGR)
    try:
        return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])
    finally:
        bitmap.close()


def text_layer(page: PdfPage, rgb: Pixels, render: Callable[[], Pixels]) -> tuple[tuple[TextRun, ...] | None, bool]:
    """The runs of text that are seen, with their boxes in pixels; and whether others were left out.

    Args:
        page: its text is changed, so it is rendered no more.
        rgb: the page as it looks.
        render: renders it anew.

    Returns:
        None for the runs where the page is a picture in truth, or looks other than its text says.
    """
    texts = list(_texts(page))
    if not texts:
        return None, False
    if any(_says_otherwise(item) for item, _ in texts):
        return None, True
    ghosts = [(item, nested) for item, nested in texts if _is_ghost(item)]
    if any(nested for _, nested in ghosts):
        return None, True
    for item, _ in ghosts:
        page.remove_obj(item)
    runs = _runs(page, rgb.shape)
    if runs is None:
        return None, bool(ghosts)
    for item, _ in _texts(page):
        _hide(item)
    bare = render()
    seen = tuple(run for run in runs if _is_seen(run, rgb, bare))
    characters = sum(len(run.text) for run in seen)
    left_out = bool(ghosts) or len(seen) < len(runs)
    if characters == 0 or (characters < _MIN_CHARACTERS and _mostly_picture(page)):
        return None, left_out
    return seen, left_out


def _texts(page: PdfPage) -> list[tuple[Any, bool]]:
    """The text objects of a page, each with whether it stands in a form."""
    texts = page.get_objects(filter=[_raw().FPDF_PAGEOBJ_TEXT], max_depth=_MOST_DEPTH)
    return [(item, item.level > 0) for item in texts]


def _hide(item: Any) -> None:  # noqa: ANN401 - an object of PDFium
    """Let text be painted no more; the mode alone does not hold for fonts whose glyphs are drawings (Type 3)."""
    raw = _raw()
    if hasattr(raw, "FPDFPageObj_SetIsActive"):
        raw.FPDFPageObj_SetIsActive(item, False)
    raw.FPDFTextObj_SetTextRenderMode(item, _INVISIBLE)


def _is_ghost(item: Any) -> bool:  # noqa: ANN401 - an object of PDFium
    """Whether text is painted in no way: by its mode, or for it is transparent."""
    raw = _raw()
    if raw.FPDFTextObj_GetTextRenderMode(item) in (_INVISIBLE, _CLIPPING):
        return True
    colour = [ctypes.c_uint() for _ in range(4)]
    return bool(raw.FPDFPageObj_GetFillColor(item, *colour)) and colour[3].value == 0


def _says_otherwise(item: Any) -> bool:  # noqa: ANN401 - an object of PDFium
    """Whether a text object is marked to be read as another text."""
    raw = _raw()
    for index in range(max(0, raw.FPDFPageObj_CountMarks(item))):
        mark, size = raw.FPDFPageObj_GetMark(item, index), ctypes.c_ulong()
        if raw.FPDFPageObjMark_GetParamStringValue(mark, _OTHER, None, 0, size) and size.value > 2:
            return True
    return False


def _is_seen(run: TextRun, rgb: Pixels, bare: Pixels) -> bool:
    """Whether the page looks different where a run of text stands, and it is high enough to be read."""
    x, y, w, h = run.box
    height, width = rgb.shape[:2]
    left, top, right, bottom = max(0, int(x)), max(0, int(y)), min(width, round(x + w)), min(height, round(y + h))
    if min(h, w) < _SMALLEST or left >= right or top >= bottom:
        return max(h, w) >= _SMALLEST and h >= 1 and len(run.text) == 1 and left < right and top < bottom
    part = np.s_[top:bottom, left:right]
    return int(np.abs(rgb[part].astype(np.int16) - bare[part]).max()) >= _SEEN


def _raw() -> Any:  # noqa: ANN401 - a module without types
    import pypdfium2.raw

    return pypdfium2.raw


def _runs(page: PdfPage, shape: tuple[int, ...]) -> tuple[TextRun, ...] | None:
    """The runs of text with their boxes in pixels; None where there are none, or too many."""
    text = page.get_textpage()
    try:
        count = text.count_rects()
        if count == 0 or count > _MAX_RUNS:
            return None
        return tuple(run for index in range(count) if (run := _run(page, text, index, shape)))
    finally:
        text.close()


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
    width, height = page.get_size()
    pictures = page.get_objects(filter=[_raw().FPDF_PAGEOBJ_IMAGE], max_depth=2)
    bounds = (item.get_bounds() for item in pictures)
    return any(abs((c - a) * (d - b)) > _LARGE_PICTURE * width * height for a, b, c, d in bounds)
