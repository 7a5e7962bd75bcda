"""A document of one page as PDF bytes, with a layer that is not seen; PDF 1.7 as ISO 32000-1 describes it."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH, _HEIGHT, _LEADING, _SIZE = 500, 400, 30, 14
_LEFT, _TOP = 50, 350


def document(lines: Sequence[str], layer: str, words: str) -> bytes:
    """A page with lines of writing, and words in a layer of the corpus (`layer` of its entries; empty for none)."""
    made = _Page(lines)
    made.put(layer, words)
    return made.bytes()


class _Page:
    """The page's content, its resources, and the objects of the file; 1 catalogue, 2 pages, 3 page, 4 content, 5 font."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.content = [_shown(line, _LEFT, _TOP - _LEADING * at) for at, line in enumerate(lines)]
        self.below = _TOP - _LEADING * len(lines)
        self.resources = "/Font << /F1 5 0 R >>"
        self.page = ""
        self.catalogue = ""
        self.info = ""
        self.more: list[bytes] = []  # from object 6 on

    def put(self, layer: str, words: str) -> None:
        """Put words into a layer."""
        text, number = _shown(words, _LEFT, self.below), 6
        box = f"[{_LEFT} {self.below} {_LEFT + 200} {self.below + 20}]"
        match layer:
            case "seen":
                self.content.append(text)
            case "invisible" | "over" | "clipping":
                place = _TOP - _LEADING * 3 if layer == "over" else self.below
                mode = 7 if layer == "clipping" else 3
                self.content.append(f"q {_shown(words, _LEFT, place, f'{mode} Tr')} Q")
            case "white":
                self.content.append(f"q 1 1 1 rg {text} Q")
            case "tiny":
                self.content.append(_shown(words, _LEFT, self.below, size=1))
            case "outside":
                self.content.append(_shown(words, _LEFT, _HEIGHT + 60))
            case "covered":
                self.content.append(f"{text} q 1 1 1 rg {_LEFT - 5} {self.below - 8} 300 30 re f Q")
            case "under a picture":
                self.more.append(_stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray"
                                         " /BitsPerComponent 8", b"\xff"))  # fmt: skip
                self.resources += f" /XObject << /X {number} 0 R >>"
                self.content.append(f"{text} q 300 0 0 30 {_LEFT - 5} {self.below - 8} cm /X Do Q")
            case "transparent":
                self.resources += " /ExtGState << /G << /ca 0 /CA 0 >> >>"
                self.content.append(f"q /G gs {text} Q")
            case "clipped":
                self.content.append(f"q 0 0 1 1 re W n {text} Q")
            case "layer off":
                self.more.append(b"<< /Type /OCG /Name (off) >>")
                self.resources += f" /Properties << /M {number} 0 R >>"
                self.catalogue += f"/OCProperties << /OCGs [{number} 0 R] /D << /OFF [{number} 0 R] >> >>"
                self.content.append(f"/OC /M BDC {text} EMC")
            case "in a form":
                form = f"/Type /XObject /Subtype /Form /BBox [0 0 {_WIDTH} {_HEIGHT}] /Resources << /Font << /F1 5 0 R >> >>"
                self.more.append(_stream(form, _shown(words, _LEFT, self.below, "3 Tr").encode("latin-1")))
                self.resources += f" /XObject << /X {number} 0 R >>"
                self.content.append("/X Do")
            case "actual text":
                self.content.append(
                    f"/Span << /ActualText ({_escaped(words)}) >> BDC {_shown('Remarks', _LEFT, self.below)} EMC"
                )
            case "hidden note" | "note":
                kind, flag = ("FreeText", 2) if layer == "hidden note" else ("Text", 0)
                style = "/DA (/F1 12 Tf)" if kind == "FreeText" else ""
                self._annotation(f"/Subtype /{kind} /Rect {box} /F {flag} /Contents ({_escaped(words)}) {style}")
            case "hidden field":
                self._annotation(
                    f"/Subtype /Widget /FT /Tx /T (allergies) /Rect {box} /F 2 /V ({_escaped(words)}) /DA (/F1 12 Tf)"
                )
                self.catalogue += f"/AcroForm << /Fields [{number} 0 R] /NeedAppearances true /DR << /Font << /F1 5 0 R >> >> >>"
            case "javascript":
                self.catalogue += f"/OpenAction << /S /JavaScript /JS ({_escaped(words)}) >>"
                self.page += f"/AA << /O << /S /JavaScript /JS ({_escaped(words)}) >> >>"
            case "launch":
                self.catalogue += f"/OpenAction << /S /Launch /F ({_escaped(words)}) >>"
            case "address":
                self.catalogue += f"/OpenAction << /S /URI /URI ({_escaped(words)}) >>"
                self._annotation(f"/Subtype /Link /Rect {box} /A << /S /URI /URI ({_escaped(words)}) >>")
            case "file inside":
                self.more.append(_stream("/Type /EmbeddedFile", words.encode()))
                self.catalogue += (
                    f"/Names << /EmbeddedFiles << /Names [(form.txt) << /Type /Filespec /F (form.txt)"
                    f" /EF << /F {number} 0 R >> >>] >> >>"
                )
            case "title":
                self.info = f"/Title ({_escaped(words)}) /Keywords ({_escaped(words)}) /Subject ({_escaped(words)})"

    def _annotation(self, body: str) -> None:
        self.more.append(f"<< /Type /Annot {body} >>".encode("latin-1"))
        self.page += f"/Annots [{5 + len(self.more)} 0 R]"

    def bytes(self) -> bytes:
        """The file."""
        objects = [
            f"<< /Type /Catalog /Pages 2 0 R {self.catalogue} >>".encode("latin-1"),
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents 4 0 R"
            f" /Resources << {self.resources} >> {self.page} >>".encode("latin-1"),
            _stream("", "\n".join(self.content).encode("latin-1")),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            *self.more,
            f"<< {self.info} >>".encode("latin-1"),
        ]
        out, places = bytearray(b"%PDF-1.7\n"), []
        for number, body in enumerate(objects, 1):
            places.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        ends = b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        return bytes(out + ends % (len(objects) + 1, len(objects), table))


def _shown(words: str, x: float, y: float, state: str = "", size: int = _SIZE) -> str:
    return f"BT {state} /F1 {size} Tf {x} {y} Td ({_escaped(words)}) Tj ET"


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries} /Length {len(data)} >>\nstream\n".encode("latin-1") + data + b"\nendstream"
