"""A page of fifty lines as a scanner gives it, against RapidOCR's defaults, wrong characters included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_assistant_quantize.datasets import pages, paper
from edge_assistant_quantize.metrics.sensed import flat, words
from evals import writing
from evals.speed.part import Setting
from evals.speed.rows import How, Limit, Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "page"
HELP = "a page of 50 lines against RapidOCR's defaults, with the characters that are wrong"
SECONDS = (60.0, 20.0)
ORDER = 3
SIGNALS = False
AGAINST = "RapidOCR's defaults"
LINES = 50
_PITCH = 32  # pixels from one row to the next
_PAGES = (12, 3)
_MOST = 0.6


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    readers = {"ours": writing.product(setting.portfolio), "theirs": writing.baseline()}
    count = _PAGES[setting.quick]
    truth: list[str] = []
    read: dict[str, list[str]] = {name: [] for name in readers}
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(count + 1):
        sheet, pixels = scan(max(0, number - 1))
        for name in list(readers)[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            pieces = readers[name](pixels)
            taken = time.perf_counter() - began
            if number:  # the first one loads the models
                seconds[name].append(taken)
                read[name].append(words(pieces))
        truth += [flat(sheet.rows)] if number else []
        setting.step((number + 1) / (count + 1))
    times = tuple(seconds["ours"]), tuple(seconds["theirs"])
    yield Row("page.time", f"a page of {LINES} lines, each of {count}", "s", *times, AGAINST, limit=Limit(_MOST))
    error = {name: 100 * writing.character_error(truth, found) for name, found in read.items()}
    yield Row(
        "page.characters", f"wrong characters of {sum(map(len, truth)):,}", "%", (error["ours"],), (error["theirs"],),
        AGAINST, How.DIFFERENCE, Limit(0.0),
    )  # fmt: skip


def scan(seed: int) -> tuple[pages.RenderedPage, NDArray[np.uint8]]:
    """A page and its picture, u8 [height, width, 3] RGB."""
    import numpy as np

    sheet = _letter(np.random.default_rng(seed), LINES)
    return sheet, np.asarray(paper.scan_look(sheet.image, seed))


def _letter(random: np.random.Generator, rows: int) -> pages.RenderedPage:
    """So many rows in one column, A4 at 150 dots an inch with fifty: sentences, and labels with amounts flush right."""
    height = 2 * pages.MARGIN + rows * _PITCH
    page = pages.RenderedPage(1240, height, paper.font(20, pages.one(random, "sans", "serif")), _PITCH)
    for number in range(rows):
        if number % 5 == 3:
            amount = f"{random.integers(1, 900)}.{random.integers(10, 99)}"
            page.line(pages.one(random, *pages.GOODS), amount)
        else:
            page.line(" ".join(pages.several(random, pages.WORDS, int(random.integers(6, 12)))))
    return page.cut()
