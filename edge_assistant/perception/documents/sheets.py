"""Pages the right way up, with their writing as pieces, and the evidence that these give."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.core.evidence import Code, Evidence, Locator
from edge_assistant.perception.documents import forms, layout, ocr, ticks
from edge_assistant.perception.documents.layout import Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_assistant.perception.page import Page, TextRun

    Pixels = NDArray[np.uint8]

_TOO_MANY = f"of a page with more than {ocr.MAX_LINES:,} lines of writing the largest were read"
_HARDLY_SEEN = "writing that is hardly seen beside the rest was left out"
_FAINT = 32.0  # of 255, between ink and paper: recognition reads from 15 on, a faded receipt has 50
_DARKEST, _LIGHTEST = 0.01, 0.99  # shares of a line's pixels between which its contrast lies
_FAINTER = 4.0  # times as faint as the page's plainest line; all of a page may be pale
_TELLING_LINES = 8  # of a page, by which up is told from down
_SURELY_UPRIGHT = 0.2  # below this mean probability of standing on its head, a page does not
_DOUBTED = 0.5  # mean probability of the characters below which PaddleOCR drops a line (drop_score)
_FEW = 2  # characters; a longer line is kept, for its words may be known from elsewhere
_WIDE_GAP = 1.6  # heights from one character's centre to the next: the line is cut into two cells there
_MAX_CONTENT = limits.CODE_CHARACTERS.value
_MAX_CODES = limits.PAGE_CODES.value


@dataclass(frozen=True, slots=True, eq=False)
class UprightPage:
    """A page the right way up.

    Attributes:
        rgb: uint8 [H, W, 3].
        quarters: quarter turns counter-clockwise that brought it there.
        pieces: its writing, in pixels of `rgb`.
        notes: what was left out and why.
    """

    rgb: Pixels
    quarters: int
    pieces: list[Piece]
    notes: tuple[str, ...] = ()

    def unturned(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box x, y, w, h of the sheet in pixels of the page as it came."""
        height, width = self.rgb.shape[:2]
        x, y, w, h = box
        if self.quarters == 1:
            return height - y - h, x, h, w
        if self.quarters == 2:
            return width - x - w, height - y - h, w, h
        if self.quarters == 3:
            return y, width - x - w, h, w
        return box


def from_layer(rgb: Pixels, runs: Sequence[TextRun]) -> UprightPage:
    """The sheet of a page, uint8 [H, W, 3], whose text the document itself holds."""
    boxes = ((run.text, *run.box) for run in runs)
    written = [Piece(text, 1.0, ((x, y), (x + w, y), (x + w, y + h), (x, y + h))) for text, x, y, w, h in boxes]
    lines = [np.array(piece.corners, np.float32) for piece in written]
    return UprightPage(rgb, 0, written + [ticks.as_piece(tick) for tick in ticks.find(rgb, lines)])


def recognised(rgb: Pixels, reader: ocr.LineReader) -> UprightPage:
    """The sheet of a page, uint8 [H, W, 3], of which there is nothing but the picture."""
    quarters, rgb, quads = upright(rgb, reader)
    marks = ticks.find(rgb, quads)
    quads = [part for quad in quads for part in ticks.parted(quad, marks)]
    notes = (_TOO_MANY,) if len(quads) >= ocr.MAX_LINES else ()
    cuts = [ocr.cut(rgb, quad) for quad in quads]
    seen = _seen(cuts)
    if not all(seen):
        notes = (*notes, _HARDLY_SEEN)
        quads, cuts = [*compress(quads, seen)], [*compress(cuts, seen)]
    written: list[Piece] = []
    for quad, line in zip(quads, reader.recognise(cuts), strict=True):
        if line.confidence >= _DOUBTED or len(line.text) > _FEW:  # no texture that was taken for a letter or two
            written += pieces(quad, line)
    return UprightPage(rgb, quarters, written + [ticks.as_piece(tick) for tick in marks], notes)


def evidence(page: Page, sheet: UprightPage, signal: str) -> list[Evidence]:
    """What is written on a page, of the signal of that id, then its codes."""
    found = []
    for item in forms.read(layout.rows(sheet.pieces)):
        sure = round(item.cell.confidence, 4) if page.text_layer is None else None
        where = Locator(page=page.number, box=page.in_picture(sheet.unturned(item.cell.bounds)))
        found.append(Evidence("", signal, item.text, sure, where, item.detail))
    for code, box in codes(page.rgb):
        where = Locator(page=page.number, box=page.in_picture(box))
        found.append(Evidence("", signal, f"{code.symbology}: {code.content}", None, where, code))
    return found


def codes(rgb: Pixels) -> list[tuple[Code, tuple[float, float, float, float]]]:
    """The QR and bar codes of a picture, uint8 [H, W, 3], from the top down, each with its box x, y, w, h in pixels."""
    import zxingcpp

    found = []
    for result in zxingcpp.read_barcodes(rgb)[:_MAX_CODES]:
        content = "".join(c if c.isprintable() else " " for c in result.text)[:_MAX_CONTENT].strip()
        at = result.position
        corners = [(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]
        if content:
            found.append((Code(content, str(result.format)), layout.bounds(corners)))
    return sorted(found, key=lambda code: (code[1][1], code[1][0]))


def _seen(lines: Sequence[Pixels]) -> list[bool]:
    """Which lines a person sees: not those that are far fainter than the page's others, which only programs read."""
    contrasts = []
    for line in lines:
        light = line[:, :, 0].astype(np.uint16) + line[:, :, 1] + line[:, :, 2]
        levels = np.bincount(light.ravel()).cumsum()
        low, high = np.searchsorted(levels, (_DARKEST * levels[-1], _LIGHTEST * levels[-1]))
        contrasts.append((high - low) / 3)
    return [contrast >= min(_FAINT, max(contrasts) / _FAINTER) for contrast in contrasts]


def upright(rgb: Pixels, reader: ocr.LineReader) -> tuple[int, Pixels, list[ocr.Quad]]:
    """A page turned so that it can be read: quarter turns counter-clockwise, its pixels, its lines.

    Lines that stand on end say that it lies on its side. Whether it stands on its head the classifier of lines is
    asked; where it is not sure, the recogniser decides, which is the better judge and the slower one.
    """
    quads = reader.detect(rgb)
    quarters = 0
    if _lies_on_its_side(quads):
        quarters, rgb = 1, np.ascontiguousarray(np.rot90(rgb))
        quads = reader.detect(rgb)
    lines = [ocr.cut(rgb, quad) for quad in _telling(quads)]
    if lines and _on_its_head(lines, reader):
        quarters, rgb = quarters + 2, np.ascontiguousarray(np.rot90(rgb, 2))
        quads = reader.detect(rgb)
    return quarters, rgb, quads


def _lies_on_its_side(quads: Sequence[ocr.Quad]) -> bool:
    """Whether the lines that stand on end are longer together than those that lie."""
    standing = lying = 0.0
    for quad in quads:
        width, height = math.dist(quad[0], quad[1]), math.dist(quad[0], quad[3])
        if height > 2 * width:
            standing += height
        elif width > 2 * height:
            lying += width
    return standing > lying


def _telling(quads: Sequence[ocr.Quad]) -> list[ocr.Quad]:
    """A few lines that are long enough to tell up from down."""

    def length(quad: ocr.Quad) -> float:
        return math.dist(quad[0], quad[1]) / max(1.0, math.dist(quad[0], quad[3]))

    return sorted((quad for quad in quads if 2 < length(quad) < 20), key=length, reverse=True)[:_TELLING_LINES]


def _on_its_head(lines: Sequence[Pixels], reader: ocr.LineReader) -> bool:
    if reader.upside_down(lines) < _SURELY_UPRIGHT:
        return False
    turned = [line[::-1, ::-1] for line in lines]
    return _confidence(reader.recognise(turned)) > _confidence(reader.recognise(lines))


def _confidence(readings: Sequence[ocr.RecognizedLine]) -> float:
    return sum(reading.confidence for reading in readings)


def pieces(quad: ocr.Quad, reading: ocr.RecognizedLine) -> list[Piece]:
    """A line as pieces, cut where the gap between two characters is wide."""
    width, height = math.dist(quad[0], quad[1]), math.dist(quad[0], quad[3])
    if height >= 1.5 * width:
        return _piece(reading.text, reading.confidence, quad, 0.0, 1.0)
    gap, margin = _WIDE_GAP * height / width, 0.35 * height / width
    found: list[Piece] = []
    start, begin = 0, 0.0
    written = [i for i, character in enumerate(reading.text) if not character.isspace()]
    for last, following in pairwise(written):
        if reading.places[following] - reading.places[last] > gap:
            end = reading.places[last] + margin
            found += _piece(reading.text[start : last + 1], reading.confidence, quad, begin, end)
            start, begin = following, reading.places[following] - margin
    return found + _piece(reading.text[start:], reading.confidence, quad, begin, 1.0)


def _piece(text: str, confidence: float, quad: ocr.Quad, begin: float, end: float) -> list[Piece]:
    """The part of a line between two fractions of its length, or nothing where nothing is written."""
    words = " ".join(unicodedata.normalize("NFKC", text).replace("°°", "°").split())  # a full-width degree sign: ℉
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    part = np.stack([quad[0] + begin * top, quad[0] + end * top, quad[3] + end * bottom, quad[3] + begin * bottom])
    return [Piece(words, confidence, ticks.corners(part))] if words else []
