from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from helpers.pdf_files import pdf_of
from PIL import Image, ImageDraw

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputUnsupported
from edge_assistant.core.evidence import Code, Evidence, Field, Line, TickBox
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.documents.sheets import Sheet
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses.writing import Writing
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize.datasets import pages
from edge_assistant_quantize.datasets.paper import Wear, font, scan_look


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
def form() -> pages.Sheet:
    return pages.form(np.random.default_rng(5))


@pytest.fixture(scope="module")
def scanned(form: pages.Sheet) -> Image.Image:
    return scan_look(form.image, 5, Wear(skew=2.0))


@pytest.fixture(scope="module")
def read_form(sense: Writing, scanned: Image.Image) -> Percept:
    return perceive(sense, scanned, "JPEG")


def test_a_scanned_form_is_read_field_by_field(form: pages.Sheet, read_form: Percept) -> None:
    assert set(form.fields) <= fields(read_form.evidence)


def test_its_tick_boxes_are_seen(form: pages.Sheet, read_form: Percept) -> None:
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


def test_the_box_of_a_field_goes_around_label_and_value(read_form: Percept) -> None:
    name = next(e for e in read_form.evidence if e.text.startswith("Name"))
    x, _, w, _ = name.locator.box or (0, 0, 0, 0)
    assert x < 100
    assert x + w > 450


def test_evidence_comes_from_the_top_down(read_form: Percept) -> None:
    tops = [e.locator.box[1] for e in read_form.evidence if e.locator.box]
    assert all(b > a - 30 for a, b in pairwise(tops))


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_page_on_its_side_or_head_is_read_and_boxes_are_mapped_back(
    sense: Writing, form: pages.Sheet, scanned: Image.Image, read_form: Percept, quarters: int
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


def test_turns_and_their_undoing_agree() -> None:
    """A dark rectangle is found at its place in the page as it came, whatever turn made it readable."""
    page = np.full((50, 80, 3), 255, np.uint8)
    page[10:15, 20:50] = 0
    for quarters in range(4):
        rgb = np.ascontiguousarray(np.rot90(page, quarters))
        rows_, columns = np.nonzero(rgb[:, :, 0] == 0)
        box = (columns.min(), rows_.min(), np.ptp(columns) + 1, np.ptp(rows_) + 1)
        assert Sheet(rgb, quarters, []).unturned(box) == (20, 10, 30, 5)


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


def test_one_core_and_two_read_the_same(models: Callable[[str], InstalledModel]) -> None:
    """Lines are read side by side in an order of their own; each comes back to its place."""
    image = scan_look(pages.receipt(np.random.default_rng(7)).image, 7)
    one, two = (perceive(Writing({"writing": models("writing")}, Runtime(threads)), image) for threads in (1, 2))
    assert len(one.evidence) > 10
    assert one.evidence == two.evidence


def test_light_writing_on_dark_is_read(sense: Writing) -> None:
    plate = Image.new("RGB", (700, 300), (30, 32, 40))
    draw = ImageDraw.Draw(plate)
    for row, (label, value) in enumerate([("Type", "BM 90L"), ("Voltage", "400 V")]):
        draw.text((60, 60 + 90 * row), label, font=font(30), fill=(220, 220, 220))
        draw.text((360, 60 + 90 * row), value, font=font(32, "bold"), fill=(230, 230, 230))
    assert fields(perceive(sense, plate).evidence) == {("Type", "BM 90L"), ("Voltage", "400 V")}


def _shaded(ink: str, more: int = 1) -> Image.Image:
    image = Image.new("RGB", (900, 120 + 70 * more), "white")
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


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (5000, 12)])
def test_odd_shapes_and_empty_pages_yield_nothing(sense: Writing, size: tuple[int, int]) -> None:
    assert perceive(sense, Image.new("RGB", size, "gray")).evidence == ()


def test_a_code_on_a_page_is_evidence(sense: Writing) -> None:
    import zxingcpp

    barcode = zxingcpp.create_barcode("LOT-44", zxingcpp.BarcodeFormat.QRCode)
    code = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(barcode, scale=5)))
    page = Image.new("RGB", (500, 400), "white")
    page.paste(code, (250, 150))
    ImageDraw.Draw(page).text((40, 40), "Batch: 44", font=font(28), fill="black")
    found = perceive(sense, page).evidence
    assert [e.detail.content for e in found if isinstance(e.detail, Code)] == ["LOT-44"]
    assert ("Batch", "44") in fields(found)


def test_the_pages_of_a_tiff_have_their_numbers(sense: Writing) -> None:
    sheets = [Image.new("RGB", (500, 200), "white") for _ in range(2)]
    for number, sheet in enumerate(sheets, 1):
        ImageDraw.Draw(sheet).text((40, 60), f"Sheet number {number}", font=font(32), fill="black")
    stream = io.BytesIO()
    sheets[0].save(stream, "TIFF", save_all=True, append_images=sheets[1:])
    found = perceive(sense, stream.getvalue()).evidence
    assert [(e.locator.page, e.text) for e in found] == [(1, "Sheet number 1"), (2, "Sheet number 2")]


def test_the_text_layer_of_a_pdf_is_taken_without_reading(models: Callable[[str], InstalledModel]) -> None:
    untouched = Writing({}, Runtime.detect())  # no model: it would fail if it were asked to read
    found = perceive(
        untouched, pdf_of("BT /F1 14 Tf 40 500 Td (Allergies: latex) Tj 200 0 Td (Ward: North) Tj ET", size=(600, 600))
    ).evidence
    assert fields(found) == {("Allergies", "latex"), ("Ward", "North")}
    assert {e.locator.page for e in found} == {1}
    assert all(e.confidence is None for e in found)


def test_a_pdf_that_is_a_picture_is_read(sense: Writing) -> None:
    sheet = Image.new("RGB", (800, 400), "white")
    ImageDraw.Draw(sheet).text((80, 100), "Allergies: penicillin", font=font(36), fill="black")
    found = perceive(sense, sheet, "PDF").evidence
    assert fields(found) == {("Allergies", "penicillin")}
    assert found[0].confidence is not None


def test_another_kind_of_file_is_refused(sense: Writing) -> None:
    with pytest.raises(InputUnsupported):
        perceive(sense, b"time,temperature\n2024-01-01,3\n")


def test_progress_ends_at_one_and_can_stop_the_work(sense: Writing) -> None:
    seen: list[float] = []
    signal = take_bytes(
        pdf_of("BT /F1 14 Tf 40 500 Td (A line of text) Tj ET", size=(600, 600)),
        Kind.IMAGE,
        1,
        origin=Origin.FILE,
        name="p",
    )
    sense.perceive(signal, Request(progress=seen.append))
    assert seen[-1] == 1.0
    assert seen == sorted(seen)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sense.perceive(signal, Request(progress=stop))
