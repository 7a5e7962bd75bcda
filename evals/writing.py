"""Writing: character error and time on rendered, scanned-looking pages, against RapidOCR's defaults in the same run."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import UsageError
from edge_assistant.perception.documents.layout import Piece
from edge_assistant.perception.page import Page
from edge_assistant.perception.senses.writing import Writing
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets import pages, paper
from edge_assistant_quantize.metrics.sensed import flat, marked, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

NAME = "writing"
HELP = "character error and time on rendered pages against RapidOCR's defaults"
_MODEL = "pp-ocrv6-small"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--pages", type=int, default=25, help="receipts, forms, tables and prose in turn (default: 25)")
    parser.add_argument("--seed", type=int, default=0, help="of the first page (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    figures = measure(args.pages, args.seed)
    if args.json:
        print(json.dumps(figures))
        return 0
    print(f"{figures['pages']} pages, {figures['characters']:,} characters, alternating:")
    for name, label in (("product", "writing sense"), ("baseline", "RapidOCR defaults")):
        seconds, error = figures["seconds"][name], 100 * figures["cer"][name]
        print(f"  {label:18} character error {error:.2f} %, median {seconds:.2f} s a page")
    print(f"  time ratio, median over pages: {figures['time_ratio']:.2f}")
    print(f"  pages on their side or head: character error {100 * figures['cer']['turned']:.2f} %")
    for name in ("fields", "boxes"):
        right, total = figures[name]
        print(f"  {name} right: {right} of {total}")
    return 0


@dataclass
class _Tally:
    """What has been seen so far."""

    truth: list[str] = field(default_factory=list)
    read: dict[str, list[str]] = field(default_factory=lambda: {"product": [], "baseline": [], "turned": []})
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"product": [], "baseline": []})
    fields: list[bool] = field(default_factory=list)
    boxes: list[bool] = field(default_factory=list)


def measure(count: int, seed: int) -> dict[str, Any]:
    """Figures over `count` pages from a seed on; every reader's words are put in order by the same layout."""
    import numpy as np

    product_reads, baseline_reads = product(Portfolio()), baseline()
    tally = _Tally()
    for number in range(seed, seed + count):
        sheet = pages.sheet(number)
        pixels = np.asarray(paper.scan_look(sheet.image, number))
        if number == seed:
            product_reads(pixels), baseline_reads(pixels)  # loads the models
        tally.truth.append(flat(sheet.rows))
        order = (("product", product_reads), ("baseline", baseline_reads))
        for name, reader in order if number % 2 else order[::-1]:
            start = time.perf_counter()
            pieces = reader(pixels)
            tally.seconds[name].append(time.perf_counter() - start)
            tally.read[name].append(words(pieces))
            if name == "product":
                _check(sheet, pieces, tally)
        tally.read["turned"].append(words(product_reads(np.ascontiguousarray(np.rot90(pixels, 1 + number % 3)))))
    return _figures(tally)


def _figures(tally: _Tally) -> dict[str, Any]:
    pairs = zip(tally.seconds["product"], tally.seconds["baseline"], strict=True)
    return {
        "pages": len(tally.truth),
        "characters": sum(map(len, tally.truth)),
        "cer": {name: character_error(tally.truth, read) for name, read in tally.read.items()},
        "seconds": {name: statistics.median(seconds) for name, seconds in tally.seconds.items()},
        "time_ratio": statistics.median(a / b for a, b in pairs),
        "fields": [sum(tally.fields), len(tally.fields)],
        "boxes": [sum(tally.boxes), len(tally.boxes)],
    }


def character_error(truth: list[str], read: list[str]) -> float:
    """Character error rate over all pages: edits per character of the truth."""
    try:
        import jiwer
    except ImportError:
        raise UsageError("jiwer is not installed", "install the extra 'bench'") from None
    return float(jiwer.cer(truth, read))


def product(portfolio: Portfolio) -> Callable[[Pixels], list[Piece]]:
    """The writing that our sense finds in pixels.

    Raises:
        ModelError: its model is missing.
    """
    sense = Writing({"writing": portfolio.open(_MODEL)}, Runtime.detect())

    def read(pixels: Pixels) -> list[Piece]:
        return sense.sheet(Page(None, pixels, (pixels.shape[1], pixels.shape[0]))).pieces

    return read


def baseline() -> Callable[[Pixels], list[Piece]]:
    """The writing that RapidOCR finds with its own settings.

    Raises:
        UsageError: it is not installed.
    """
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise UsageError("rapidocr is not installed", "install the extra 'bench'") from None
    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(pixels: Pixels) -> list[Piece]:
        result = engine(pixels[:, :, ::-1])
        if result.boxes is None:
            return []
        found = zip(result.txts, result.scores, result.boxes.tolist(), strict=True)
        return [Piece(text, score, (tuple(a), tuple(b), tuple(c), tuple(d))) for text, score, (a, b, c, d) in found]

    return read


def _check(sheet: pages.RenderedPage, pieces: list[Piece], tally: _Tally) -> None:
    """Whether the page's fields and tick boxes are among what was found."""
    fields, boxes = marked(pieces)
    tally.fields += [pair in fields for pair in sheet.fields]
    tally.boxes += [pair in boxes for pair in sheet.boxes]
