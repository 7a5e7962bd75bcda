from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edge_assistant.perception.documents.ticks import Tick, find, parted
from edge_assistant_quantize.datasets.paper import font, scan_look

SIDE = 26


def quad(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


LINES = [quad(40, 40, 300, 34), quad(40, 100, 300, 34)]


def paper(mark: str = "", at: tuple[int, int] = (60, 104)) -> Image.Image:
    """A page with one box, marked in one way."""
    page = Image.new("RGB", (420, 260), "white")
    draw = ImageDraw.Draw(page)
    draw.text((44, 40), "SMOKER OODOQ", font=font(26, "bold"), fill="black")
    x, y = at
    a, b = x + SIDE, y + SIDE
    draw.rectangle((x, y, a, b), outline="black", width=2)
    if mark == "cross":
        draw.line((x + 3, y + 3, a - 3, b - 3), fill="black", width=2)
        draw.line((a - 3, y + 3, x + 3, b - 3), fill="black", width=2)
    if mark == "wide cross":
        draw.line((x - 4, y - 3, a + 4, b + 3), fill=(30, 30, 120), width=3)
        draw.line((a + 3, y - 4, x - 3, b + 4), fill=(30, 30, 120), width=3)
    if mark == "tick":
        draw.line((x + 4, y + 12, x + 11, b - 4), fill=(30, 30, 120), width=3)
        draw.line((x + 11, b - 4, a + 8, y - 9), fill=(30, 30, 120), width=3)
    draw.text((a + 16, y - 3), "yes", font=font(26), fill="black")
    return page


def seen(page: Image.Image) -> list[bool]:
    return [tick.ticked for tick in find(np.asarray(page.convert("RGB")), LINES)]


@pytest.mark.parametrize("mark", ["", "cross", "wide cross", "tick"])
def test_a_box_is_found_and_its_mark_seen(mark: str) -> None:
    page = paper(mark)
    assert seen(page) == [mark != ""]
    assert [seen(scan_look(page, seed, skew=0)) for seed in range(4)] == [[mark != ""]] * 4


def test_its_place_is_that_on_the_page() -> None:
    (tick,) = find(np.asarray(paper()), LINES)
    assert tick.box == pytest.approx((62, 106, 23, 23), abs=2)


@pytest.mark.parametrize("degrees", [-6, -1.5, 1.5, 6])
def test_a_box_on_a_page_that_lies_askew(degrees: float) -> None:
    page = paper("wide cross").rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")
    angle = np.radians(-degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    centre = np.array([210, 130], np.float32)
    lines = [(line - centre) @ turn + centre for line in LINES]
    (tick,) = find(np.asarray(page), lines)
    assert tick.ticked
    x, y = (np.array([73, 117], np.float32) - centre) @ turn + centre
    assert (tick.box[0] + tick.box[2] / 2, tick.box[1] + tick.box[3] / 2) == pytest.approx((x, y), abs=3)


def test_letters_combs_and_tables_are_no_boxes() -> None:
    page = Image.new("RGB", (700, 400), "white")
    draw = ImageDraw.Draw(page)
    for row, face in enumerate(("sans", "bold", "serif", "mono")):
        draw.text((20, 10 + 50 * row), "ODQ0 BOOK 8006 D O Q 口", font=font(34, face), fill="black")
    for i in range(8):  # a comb for a date
        draw.rectangle((20 + 28 * i, 230, 48 + 28 * i, 258), outline="black", width=2)
    for i in range(4):  # a table of square cells
        for j in range(3):
            draw.rectangle((400 + 40 * i, 230 + 40 * j, 440 + 40 * i, 270 + 40 * j), outline="black")
    assert find(np.asarray(page), LINES) == []


def test_a_line_is_parted_at_the_boxes_in_it() -> None:
    line = quad(0, 0, 400, 30)
    first, second, third = parted(line, [Tick((100, 5, 20, 20), False), Tick((250, 5, 20, 20), True)])
    assert first[1, 0] == pytest.approx(96.4, abs=0.1)
    assert (second[0, 0], second[1, 0]) == pytest.approx((123.6, 246.4), abs=0.1)
    assert third[1, 0] == 400
    assert parted(line, [Tick((100, 200, 20, 20), False)]) == [line]
    assert len(parted(line, [Tick((2, 5, 20, 20), False)])) == 1
