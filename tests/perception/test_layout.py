from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.perception.documents.layout import Piece, rows, skew

HEIGHT = 20.0


def piece(text: str, x: float, y: float, width: float | None = None, height: float = HEIGHT) -> Piece:
    w = len(text) * 10.0 if width is None else width
    return Piece(text, 0.9, ((x, y), (x + w, y), (x + w, y + height), (x, y + height)))


def turned(one: Piece, degrees: float) -> Piece:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    a, b, c, d = ((x * cos - y * sin, x * sin + y * cos) for x, y in one.corners)
    return Piece(one.text, one.confidence, (a, b, c, d))


def read(pieces: list[Piece]) -> list[list[str]]:
    return [[cell.text for cell in row] for row in rows(pieces)]


RECEIPT = [
    piece("SHOP NAME LIMITED", 120, 0),
    piece("Tea", 20, 60),
    piece("2.40", 400, 58),
    piece("Wholemeal bread", 20, 90),
    piece("11.60", 390, 93),
    piece("TOTAL", 20, 120),
    piece("14.00", 390, 118),
    piece("Thank you, come again soon", 60, 180),
]
ORDER = [
    ["SHOP NAME LIMITED"],
    ["Tea", "2.40"],
    ["Wholemeal bread", "11.60"],
    ["TOTAL", "14.00"],
    ["Thank you, come again soon"],
]


@given(st.permutations(RECEIPT))
def test_the_order_of_the_pieces_does_not_matter(pieces: list[Piece]) -> None:
    assert read(pieces) == ORDER


@given(st.floats(-8, 8))
def test_a_page_that_lies_askew_reads_the_same(degrees: float) -> None:
    assert read([turned(one, degrees) for one in RECEIPT]) == ORDER


@given(st.floats(-8, 8))
def test_skew_is_measured(degrees: float) -> None:
    assert math.degrees(skew([turned(one, degrees) for one in RECEIPT])) == pytest.approx(degrees, abs=0.01)


@st.composite
def grids(draw: st.DrawFn) -> list[list[Piece]]:
    """Rows of cells that clearly are rows, a little unlevel."""
    columns = draw(st.integers(1, 4))
    return [
        [
            piece(f"r{r}c{c} word", 150.0 * c + draw(st.floats(0, 20)), 34.0 * r + draw(st.floats(-4, 4)))
            for c in range(columns)
        ]
        for r in range(draw(st.integers(1, 12)))
    ]


@settings(max_examples=60)
@given(grids(), st.floats(-2.5, 2.5), st.randoms())
def test_any_grid_is_read_row_by_row(grid: list[list[Piece]], degrees: float, random: object) -> None:
    pieces = [turned(one, degrees) for row in grid for one in row]
    random.shuffle(pieces)  # type: ignore[attr-defined]
    assert [" ".join(row) for row in read(pieces)] == [" ".join(one.text for one in row) for row in grid]


@settings(max_examples=60)
@given(st.lists(st.tuples(*[st.floats(0, 500)] * 2, st.floats(1, 300), st.floats(1, 60)), max_size=40))
def test_no_piece_is_lost_or_told_twice(boxes: list[tuple[float, float, float, float]]) -> None:
    pieces = [piece(f"<{i}>", x, y, w, h) for i, (x, y, w, h) in enumerate(boxes)]
    words = [word for row in rows(pieces) for cell in row for word in cell.text.split()]
    assert sorted(words) == sorted(one.text for one in pieces)


def test_a_tall_amount_stays_on_its_row() -> None:
    page = [piece("Sub total", 20, 0), piece("36.80", 300, 0), piece("Grand total", 20, 40)]
    page += [piece("39.00", 300, 22, 160, 44), piece("Cash", 20, 80), piece("50.00", 300, 80)]
    assert read(page) == [["Sub total", "36.80"], ["Grand total", "39.00"], ["Cash", "50.00"]]


def test_boxes_are_those_of_the_page_as_it_lies() -> None:
    one = turned(piece("a long enough line", 100, 100, 200), 5)
    (((cell,),), xs, ys) = (rows([one]), *zip(*one.corners, strict=True))
    assert cell.bounds == pytest.approx((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))


def test_a_curled_receipt_holds_its_rows_together() -> None:
    """Each row sags by more than half its pitch from left to right."""
    page = [piece(f"r{r}c{c}", 90.0 * c, 30 * r + 5.0 * c * c / 4) for r in range(6) for c in range(5)]
    assert [row[0] for row in read(page)] == [f"r{r}c0" for r in range(6)]
    assert all(len(row) == 5 for row in read(page))


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    title = piece("A title over both columns of the page", 0, 0, 700, 30)
    left = [piece(f"left {i}", 0, 50 + 28.0 * i, 320) for i in range(6)]
    right = [piece(f"right {i}", 380, 52 + 28.0 * i, 318) for i in range(6)]
    foot = piece("A foot note under both columns", 0, 260, 700)
    words = [row[0] for row in read([*right, foot, *left, title])]
    assert words == [title.text, *(one.text for one in left), *(one.text for one in right), foot.text]


def test_a_form_is_not_taken_for_columns() -> None:
    page = [piece(f"A rather long label number {i}", 0, 60.0 * i, 300) for i in range(6)]
    page += [piece(f"a value that is long too {i}", 380, 60.0 * i, 300) for i in range(6)]
    assert all(len(row) == 2 for row in read(page))
