from __future__ import annotations

import numpy as np
import pytest
import zxingcpp

from edge_assistant.perception.documents.sheets import codes


def picture(kind: str, content: str, *, left: int = 40, top: int = 30, scale: int = 4) -> np.ndarray:
    """White paper with a code on it."""
    barcode = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    image = np.array(zxingcpp.write_barcode_to_image(barcode, scale=scale))
    page = np.full((image.shape[0] + 200, image.shape[1] + 200, 3), 255, np.uint8)
    page[top : top + image.shape[0], left : left + image.shape[1]] = image[..., None] if image.ndim == 2 else image
    return page


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("QRCode", "https://example.com/batch/2291"),
        ("Code128", "SN-220517"),
        ("EAN13", "5901234123457"),
        ("DataMatrix", "LOT 44 EXP 2027-05"),
        ("PDF417", "boarding pass"),
        ("QRCode", "a\x1b[31mb\nc"),
    ],
)
def test_each_symbology_is_read(kind: str, content: str) -> None:
    ((found, _),) = codes(picture(kind, content))
    assert found.content == content or "\x1b" in content
    assert found.content.isprintable()
    assert found.content
    assert found.symbology


def test_the_box_is_around_the_code() -> None:
    ((_, box),) = codes(picture("QRCode", "here", left=70, top=90))
    x, y, w, h = box
    assert 70 <= x <= 100
    assert 90 <= y <= 120
    assert w == pytest.approx(h, abs=6)


def test_paper_and_noise_hold_no_codes() -> None:
    random = np.random.default_rng(0)
    assert codes(np.full((300, 300, 3), 255, np.uint8)) == []
    assert codes(random.integers(0, 255, (300, 300, 3), dtype=np.uint8)) == []
