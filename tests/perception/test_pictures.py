from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from helpers.pdf_files import pdf_objects, pdf_of
from PIL import Image

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputTooLarge
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.perception import pictures
from edge_assistant.perception.page import Page
from edge_assistant.perception.pictures import pages


def signal(data: bytes, name: str = "picture") -> Signal:
    return take_bytes(data, Kind.IMAGE, 1, origin=Origin.FILE, name=name)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def two_halves(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    return image.convert(mode)


def only(data: bytes) -> Page:
    (page,) = pages(signal(data))
    return page


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_each_kind_of_picture_is_read(kind: str) -> None:
    page = only(saved(two_halves(), kind))
    assert page.rgb.shape == (20, 40, 3)
    assert page.rgb.dtype == np.uint8
    assert page.size == (40, 20)
    assert page.number == (1 if kind == "TIFF" else None)
    assert page.rgb[10, 5, 0] > 200 > 60 > page.rgb[10, 35, 0]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"])
def test_each_mode_becomes_rgb(mode: str) -> None:
    image = two_halves("L").convert("I;16" if mode == "I;16" else "F") if mode in {"I;16", "F"} else None
    image = image or two_halves("L" if mode in {"LA", "I"} else "RGB")
    if mode == "LAB":
        image = Image.merge("LAB", [two_halves("L")] * 3)
    page = only(saved(image.convert(mode) if image.mode != mode else image, "TIFF"))
    assert page.rgb.shape == (20, 40, 3)


def test_transparency_becomes_white_paper_and_sixteen_bits_are_brought_into_range() -> None:
    assert only(saved(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG")).rgb.min() == 255
    grey = Image.fromarray(np.full((4, 4), 32768, dtype=np.uint16))
    assert set(np.unique(only(saved(grey, "PNG")).rgb)) <= {127, 128}


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_orientation_is_applied(kind: str) -> None:
    upright = two_halves()
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes each orientation
    for orientation in range(1, 9):
        turned = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        page = only(saved(turned, kind, exif=exif))
        assert page.size == (40, 20)
        assert page.rgb[10, 5, 0] > 200 > 60 > page.rgb[10, 35, 0], orientation


def test_a_large_picture_is_handed_on_smaller_with_its_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "KEEP_PIXELS", 10_000)
    for kind in ("PNG", "JPEG"):
        page = only(saved(two_halves(size=(800, 400)), kind))
        assert page.rgb.shape[0] * page.rgb.shape[1] <= 10_000
        assert page.size == (800, 400)
        assert page.in_picture((page.rgb.shape[1] / 2, 0, page.rgb.shape[1] / 2, page.rgb.shape[0])) == pytest.approx(
            (400, 0, 400, 400), abs=6
        )


def test_boxes_stay_within_the_picture() -> None:
    page = Page(None, np.zeros((10, 20, 3), np.uint8), (40, 20), 0.5)
    assert page.in_picture((-3, -3, 100, 100)) == (0, 0, 40, 20)
    assert page.in_picture((50, 50, 1, 1)) == (39, 19, 1, 1)
    assert page.in_picture((1, 1, 0, 0)) == (2, 2, 1, 1)


def png_of_declared_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (12_000, 12_000), (70_000, 2)])
def test_a_bomb_is_refused_by_what_it_declares(width: int, height: int) -> None:
    with pytest.raises(InputTooLarge):
        list(pages(signal(png_of_declared_size(width, height))))


def test_the_pages_of_a_tiff_are_numbered_and_limited() -> None:
    with limits.lowered({"pages": 3}):
        frames = [Image.new("RGB", (8 + i, 8), (i, 0, 0)) for i in range(5)]
        read = list(pages(signal(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))))
        assert [page.number for page in read] == [1, 2, 3]
        assert [page.size[0] for page in read] == [8, 9, 10]
        assert [len(page.notes) for page in read] == [0, 0, 1]
        whole = list(pages(signal(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:3]))))
        assert [len(page.notes) for page in whole] == [0, 0, 0]


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [two_halves(), Image.new("RGB", (40, 20), "green")]
    page = only(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert page.rgb[10, 5, 0] > 200
    assert "first frame" in page.notes[0]


TEXT = "BT /F1 12 Tf 20 70 Td (Allergies: penicillin) Tj ET"


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_the_text_layer_of_a_pdf_lies_where_the_picture_shows_it(rotate: int) -> None:
    page = only(pdf_of(TEXT, rotate=rotate))
    assert page.number == 1
    assert page.text_layer is not None
    assert "".join(run.text for run in page.text_layer) == "Allergies: penicillin"
    x, y, w, h = page.text_layer[0].box
    dark = np.argwhere(page.rgb.min(axis=2) < 128)
    assert (x, y) == pytest.approx((dark[:, 1].min(), dark[:, 0].min()), abs=4)
    assert (x + w, y + h) == pytest.approx((dark[:, 1].max(), dark[:, 0].max()), abs=4)


def test_a_pdf_without_text_has_only_its_picture() -> None:
    page = only(pdf_of("0 0 0 rg 20 20 50 50 re f"))
    assert (page.text_layer, page.rgb.min()) == (None, 0)


def test_what_was_filled_into_a_pdf_form_is_in_its_text_layer() -> None:
    content, shown = "BT /F1 12 Tf 20 70 Td (Allergies:) Tj ET", "BT /F1 12 Tf 2 4 Td (penicillin) Tj ET"
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    data = pdf_objects(
        "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DR << /Font << /F1 3 0 R >> >> >> >>",
        "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        font,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 5 0 R /Annots [6 0 R]"
        " /Resources << /Font << /F1 3 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (allergies) /V (penicillin) /F 4 /P 4 0 R"
        " /Rect [90 64 190 84] /DA (/F1 12 Tf 0 g) /AP << /N 7 0 R >> >>",
        "<< /Type /XObject /Subtype /Form /BBox [0 0 100 20] /Resources << /Font << /F1 3 0 R >> >>"
        f" /Length {len(shown)} >>\nstream\n{shown}\nendstream",
    )
    page = only(data)
    assert page.text_layer is not None
    assert [run.text for run in page.text_layer] == ["Allergies:", "penicillin"]


@pytest.mark.parametrize("damage", [lambda d: d[:60], lambda d: b"%PDF-1.7\n" + b"\0" * 100])
def test_a_damaged_pdf_is_corrupt(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises((InputCorrupt, InputEmpty)):
        list(pages(signal(damage(pdf_of(TEXT)))))
