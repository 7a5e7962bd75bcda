from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import zxingcpp
from helpers.pdf_files import pdf_of
from PIL import Image, ImageDraw

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.evidence import Code, Evidence, Field, Line, TickBox
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.documents.sheets import UprightPage, codes
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses.writing import Writing
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.datasets import pages
from edge_assistant_quantize.datasets.paper import font, scan_look


@pytest.fixture(scope="module")
def sense(models: Callable[[str], InstalledModel]) -> Writing:
    return Writing({"writing": models("writing")}, Runtime.detect())


def perceive(sense: Writing, image: Image.Image | bytes, kind: str = "PNG") -> Percept:
    stream = io.BytesIO()
    if isinstance(image, Image.Image):
        image.save(stream, kind)
    data = image if isinstance(image, bytes) else stream.getvalue()
    return sense.perceive(take_bytes(data, Kind.IMAGE, 1, origin=Origin.FILE, name="page"), Request())


def fields(found: tuple[Evidence, ...]) -> set[tuple[str, str]]:
    return {(e.detail.label, e.detail.value) for e in found if isinstance(e.detail, Field)}


def words(found: tuple[Evidence, ...]) -> str:
    return " ".join(" ".join(e.detail.cells) if isinstance(e.detail, Line) else e.text for e in found)


@pytest.fixture(scope="module")
def form() -> pages.RenderedPage:
    return pages.form(np.random.default_rng(5))


@pytest.fixture(scope="module")
def scanned(form: pages.RenderedPage) -> Image.Image:
    return scan_look(form.image, 5, skew=2.0)


@pytest.fixture(scope="module")
def read_form(sense: Writing, scanned: Image.Image) -> Percept:
    return perceive(sense, scanned, "JPEG")


def test_a_scanned_form_is_read_field_by_field(form: pages.RenderedPage, read_form: Percept) -> None:
    assert set(form.fields) <= fields(read_form.evidence)


def test_its_tick_boxes_are_seen(form: pages.RenderedPage, read_form: Percept) -> None:
    found = [(e.detail.label, e.detail.ticked) for e in read_form.evidence if isinstance(e.detail, TickBox)]
    assert found == form.boxes


def test_evidence_carries_box_confidence_and_signal(read_form: Percept, scanned: Image.Image) -> None:
    for item in read_form.evidence:
        assert item.id == ""
        assert item.signal == "image:1"
        assert item.confidence is not None
        assert 0 <= item.confidence <= 1
        assert item.locator.page is None
        assert item.locator.box is not None
        x, y, w, h = item.locator.box
        assert x >= 0
        assert y >= 0
        assert w > 0
        assert h > 0
        assert x + w <= scanned.width
        assert y + h <= scanned.height


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_page_on_its_side_or_head_is_read_and_boxes_are_mapped_back(
    sense: Writing, form: pages.RenderedPage, scanned: Image.Image, read_form: Percept, quarters: int
) -> None:
    turned = scanned.rotate(90 * quarters, expand=True)
    found = perceive(sense, turned).evidence
    assert set(form.fields) <= fields(found)
    name = next(e for e in found if e.text.startswith("Name"))
    upright = next(e for e in read_form.evidence if e.text.startswith("Name")).locator.box
    assert name.locator.box is not None
    assert upright is not None
    x, y, w, h = upright
    right, bottom = scanned.width - x - w, scanned.height - y - h
    expected = {1: (y, right, h, w), 2: (right, bottom, w, h), 3: (bottom, x, h, w)}[quarters]
    assert name.locator.box == pytest.approx(expected, abs=8)


def coded(kind: str, content: str, left: int = 40, top: int = 30) -> np.ndarray:
    """White paper with a code on it."""
    barcode = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    image = np.array(zxingcpp.write_barcode_to_image(barcode, scale=4))
    page = np.full((image.shape[0] + 200, image.shape[1] + 200, 3), 255, np.uint8)
    page[top : top + image.shape[0], left : left + image.shape[1]] = image[..., None] if image.ndim == 2 else image
    return page


CODES = [
    ("QRCode", "https://example.com/batch/2291"),
    ("Code128", "SN-220517"),
    ("EAN13", "5901234123457"),
    ("DataMatrix", "LOT 44 EXP 2027-05"),
    ("PDF417", "boarding pass"),
    ("QRCode", "a\x1b[31mb\nc"),
]


def test_each_symbology_is_read(sense: Writing) -> None:
    parts = [coded(kind, content, 70, 90) for kind, content in CODES]
    sheet = np.full((sum(len(part) for part in parts), max(part.shape[1] for part in parts), 3), 255, np.uint8)
    tops = [sum(len(part) for part in parts[:number]) for number in range(len(parts))]
    for part, top in zip(parts, tops, strict=True):
        sheet[top : top + len(part), : part.shape[1]] = part
    found = [e for e in perceive(sense, Image.fromarray(sheet)).evidence if isinstance(e.detail, Code)]
    for code, (kind, content), top in zip(found, CODES, tops, strict=True):
        assert code.detail.content == content or "\x1b" in content
        assert code.text == f"{code.detail.symbology}: {code.detail.content}"
        assert code.text.isprintable()
        assert kind != "QRCode" or all(0 <= a - b < 30 for a, b in zip(code.locator.box, (70, top + 90), strict=False))


def test_paper_and_noise_hold_no_codes() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    assert codes(np.full((300, 300, 3), 255, np.uint8)) == codes(noise) == []


def test_turns_and_their_undoing_agree() -> None:
    """A dark rectangle is found at its place in the page as it came, whatever turn made it readable."""
    page = np.full((50, 80, 3), 255, np.uint8)
    page[10:15, 20:50] = 0
    for quarters in range(4):
        rgb = np.ascontiguousarray(np.rot90(page, quarters))
        rows_, columns = np.nonzero(rgb[:, :, 0] == 0)
        box = (columns.min(), rows_.min(), np.ptp(columns) + 1, np.ptp(rows_) + 1)
        assert UprightPage(rgb, quarters, []).unturned(box) == (20, 10, 30, 5)


def test_a_receipt_has_its_total_in_one_piece(sense: Writing) -> None:
    sheet = pages.receipt(np.random.default_rng(4))
    found = perceive(sense, scan_look(sheet.image, 4), "JPEG").evidence
    assert set(sheet.fields) <= fields(found)
    assert words(found).replace(":", "").split() == " ".join(sheet.rows).replace(":", "").split()


def test_a_table_names_its_columns(sense: Writing) -> None:
    sheet = pages.table(np.random.default_rng(6))
    found = perceive(sense, scan_look(sheet.image, 6), "JPEG").evidence
    named = [e.text for e in found if e.text.startswith("Item ") and ", Qty " in e.text and ", Amount " in e.text]
    assert len(named) == len(sheet.rows) - 2
    assert words(found).split() == " ".join(sheet.rows).split()


def _shaded(ink: str, more: int = 1) -> Image.Image:
    image = Image.new("RGB", (900, 700), "white")
    draw = ImageDraw.Draw(image)
    draw.text((40, 30), "Maria Keller", fill="black", font=font(40))
    for line in range(more):
        draw.text((40, 110 + 70 * line), "No allergies", fill=ink, font=font(40))
    return image


def test_writing_that_a_person_hardly_sees_tells_nothing(sense: Writing) -> None:
    for faint in (_shaded("#ececec"), _shaded("#ececec", more=4)):
        found = perceive(sense, faint)
        assert words(found.evidence) == "Maria Keller"
        assert found.notes == ("writing that is hardly seen beside the rest was left out",)


def test_pale_writing_is_read_and_all_of_a_page_may_be_pale(sense: Writing) -> None:
    found = perceive(sense, _shaded("#c8c8c8"))
    assert words(found.evidence) == "Maria Keller No allergies"
    assert found.notes == ()
    pale = Image.eval(_shaded("black"), lambda value: 225 + value * 30 // 255)
    assert "Maria Keller" in words(perceive(sense, pale).evidence)


def written(*words: tuple[str, int], ink: str = "black", paper: str = "white") -> Image.Image:
    """A sheet with words, each at its place from the left."""
    sheet = Image.new("RGB", (700, 600), paper)  # near to a square, which is looked at smallest
    for text, left in words:
        ImageDraw.Draw(sheet).text((left, 60), text, font=font(32), fill=ink)
    return sheet


def test_pages_of_light_writing_on_dark_or_in_a_pdf_are_read_one_by_one(sense: Writing) -> None:
    plate = written(("Voltage", 60), ("400 V", 360), ink="#dcdcdc", paper="#1e2028")
    stream, seen = io.BytesIO(), list[float]()
    plate.save(stream, "TIFF", save_all=True, append_images=[written(("Sheet number 2", 40))])
    signal = take_bytes(stream.getvalue(), Kind.IMAGE, 1, origin=Origin.FILE, name="page")
    found = sense.perceive(signal, Request(progress=seen.append)).evidence
    assert fields(found) == {("Voltage", "400 V")}
    assert [(e.locator.page, e.text) for e in found[-1:]] == [(2, "Sheet number 2")]
    assert (seen, seen[-1]) == (sorted(seen), 1.0)
    found = perceive(sense, written(("Allergies: penicillin", 80)), "PDF").evidence
    assert (fields(found), found[0].confidence is None) == ({("Allergies", "penicillin")}, False)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sense.perceive(signal, Request(progress=stop))


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (5000, 12)])
def test_odd_shapes_and_empty_pages_yield_nothing(sense: Writing, size: tuple[int, int]) -> None:
    assert perceive(sense, Image.new("RGB", size, "gray")).evidence == ()


def test_the_text_layer_of_a_pdf_is_taken_without_reading(models: Callable[[str], InstalledModel]) -> None:
    untouched = Writing({}, Runtime.detect())  # no model: it would fail if it were asked to read
    found = perceive(
        untouched, pdf_of("BT /F1 14 Tf 40 500 Td (Allergies: latex) Tj 200 0 Td (Ward: North) Tj ET", size=(600, 600))
    ).evidence
    assert fields(found) == {("Allergies", "latex"), ("Ward", "North")}
    assert {e.locator.page for e in found} == {1}
    assert all(e.confidence is None for e in found)
