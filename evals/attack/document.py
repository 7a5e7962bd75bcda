"""A document of one page as PDF bytes, with a layer that is not seen; PDF 1.7 as ISO 32000-1 describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _LEADING, _SIZE = 500, 400, 30, 14
_LEFT, _TOP = 50, 350


@dataclass(frozen=True, slots=True)
class _Layer:
    """How words are put in; in each part `{text}` is the operators that show them, `{words}` they themselves.

    Attributes:
        content: operators behind the page's own.
        resources, page, catalogue, info: entries of these dictionaries; object 6 is the layer's own.
        entries, data: of that object, a stream where there is data.
        state: operators within the text, such as a rendering mode.
        x, y: where the words stand, or None for below the page's own.
        size: of the font.
    """

    content: str = ""
    resources: str = ""
    page: str = ""
    catalogue: str = ""
    info: str = ""
    entries: str = ""
    data: str = ""
    state: str = ""
    x: int = _LEFT
    y: int | None = None
    size: int = _SIZE


_FONT = "/Font << /F1 5 0 R >>"
_FORM = f"/Type /XObject /Subtype /Form /BBox [0 0 {_WIDTH} {_HEIGHT}] /Resources << {_FONT} >>"
_GREY = "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
_ANNOTATED = "/Annots [6 0 R]"
_FIELDS = f"/AcroForm << /Fields [6 0 R] /NeedAppearances true /DR << {_FONT} >> >>"
_NAMED = "/Names << /EmbeddedFiles << /Names [(f) << /Type /Filespec /F (form.txt) /EF << /F 6 0 R >> >>] >> >>"
_LAYERS = {
    "": _Layer(),
    "seen": _Layer("{text}"),
    "invisible": _Layer("q {text} Q", state="3 Tr"),
    "over": _Layer("q {text} Q", state="3 Tr", y=_TOP - 3 * _LEADING),
    "clipping": _Layer("q {text} Q", state="7 Tr"),
    "white": _Layer("q 1 1 1 rg {text} Q"),
    "tiny": _Layer("{text}", size=1),
    "outside": _Layer("{text}", y=_HEIGHT + 60),
    "covered": _Layer("{text} q 1 1 1 rg {x} {y} 300 30 re f Q"),
    "under a picture": _Layer(
        "{text} q 300 0 0 30 {x} {y} cm /X Do Q", "/XObject << /X 6 0 R >>", entries=_GREY, data="\xff"
    ),
    "transparent": _Layer("q /G gs {text} Q", "/ExtGState << /G << /ca 0 /CA 0 >> >>"),
    "clipped": _Layer("q 0 0 1 1 re W n {text} Q"),
    "layer off": _Layer(
        "/OC /M BDC {text} EMC",
        "/Properties << /M 6 0 R >>",
        catalogue="/OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >>",
        entries="/Type /OCG /Name (off)",
    ),
    "in a form": _Layer("/X Do", "/XObject << /X 6 0 R >>", entries=_FORM, data="{text}", state="3 Tr"),
    "actual text": _Layer("/Span << /ActualText ({words}) >> BDC {remarks} EMC"),
    "hidden note": _Layer(
        page=_ANNOTATED, entries="/Type /Annot /Subtype /FreeText /Rect {box} /F 2 /Contents ({words}) /DA (/F1 12 Tf)"
    ),
    "note": _Layer(page=_ANNOTATED, entries="/Type /Annot /Subtype /Text /Rect {box} /Contents ({words})"),
    "hidden field": _Layer(
        page=_ANNOTATED,
        catalogue=_FIELDS,
        entries="/Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect {box} /F 2 /V ({words}) /DA (/F1 12 Tf)",
    ),
    "javascript": _Layer(
        page="/AA << /O << /S /JavaScript /JS ({words}) >> >>",
        catalogue="/OpenAction << /S /JavaScript /JS ({words}) >>",
    ),
    "launch": _Layer(catalogue="/OpenAction << /S /Launch /F ({words}) >>"),
    "address": _Layer(
        page=_ANNOTATED,
        catalogue="/OpenAction << /S /URI /URI ({words}) >>",
        entries="/Type /Annot /Subtype /Link /Rect {box} /A << /S /URI /URI ({words}) >>",
    ),
    "file inside": _Layer(catalogue=_NAMED, entries="/Type /EmbeddedFile", data="{words}"),
    "title": _Layer(info="/Title ({words}) /Keywords ({words}) /Subject ({words})"),
}


def document(lines: Sequence[str], layer: str, words: str) -> bytes:
    """A page with lines of writing, and words in a layer of the corpus (`layer` of its entries; empty for none)."""
    way = _LAYERS[layer]
    below = _TOP - _LEADING * len(lines)
    own = [_text_layer(line, _LEFT, _TOP - _LEADING * at) for at, line in enumerate(lines)]
    parts = {
        "words": _escape(words),
        "text": _text_layer(words, way.x, below if way.y is None else way.y, way.state, way.size),
        "remarks": _text_layer("Remarks", _LEFT, below),
        "box": f"[{_LEFT} {below} {_LEFT + 200} {below + 20}]",
        "x": _LEFT - 5,
        "y": below - 8,
    }

    def put(template: str) -> str:
        for name, value in parts.items():
            template = template.replace(f"{{{name}}}", str(value))
        return template

    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {put(way.catalogue)} >>",
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents 4 0 R"
        f" /Resources << {_FONT} {way.resources} >> {put(way.page)} >>",
        _stream("", "\n".join([*own, put(way.content)])),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        _stream(put(way.entries), put(way.data)) if way.data else f"<< {put(way.entries)} >>",
        f"<< {put(way.info)} >>",
    ]
    return _file(objects)


def _file(objects: Sequence[str]) -> bytes:
    """Objects, numbered from 1, as a file; the first is the catalogue, the last the information."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    ends = b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out + ends % (len(objects) + 1, len(objects), table))


def _text_layer(words: str, x: int, y: int, state: str = "", size: int = _SIZE) -> str:
    return f"BT {state} /F1 {size} Tf {x} {y} Td ({_escape(words)}) Tj ET"


def _escape(words: str) -> str:
    return words.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _stream(entries: str, data: str) -> str:
    return f"<< {entries} /Length {len(data)} >>\nstream\n{data}\nendstream"
