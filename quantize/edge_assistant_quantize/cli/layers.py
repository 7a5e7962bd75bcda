"""`edge-quantize layers`: two ONNX models layer by layer, worst first."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import options

NAME = "layers"
HELP = "compare what two ONNX models compute, value by value"

EXAMPLES = """examples:
  edge-quantize layers model.onnx int8.onnx --data photos --of nanodet
  edge-quantize layers model.onnx int8.onnx --data texts.txt --of minilm-l6 --by-place --json"""

TOP = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("reference", type=Path, metavar="A.onnx", help="the model as it should be")
    parser.add_argument("candidate", type=Path, metavar="B.onnx", help="what was made from it")
    options.add_calibration(parser, "--data")
    parser.add_argument("--by-place", action="store_true", help="in the order of the graph, and not the worst first")
    parser.add_argument("--top", type=int, default=TOP, metavar="N", help=f"values to print (default: {TOP}); 0: all")
    arguments.add_threads(parser)
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the differences; 0."""
    from edge_assistant_quantize.onnx import layers

    if args.calibration is None:
        raise UsageError("nothing says what the models are run over", "name it: --data DIR")
    with progress.shown() as watch:
        calibration = options.calibrated(args, args.reference, watch)
        feeds = list(calibration.feeds[: layers.FEEDS]) if calibration else []
        found = layers.compare(args.reference, args.candidate, feeds, threads=arguments.threads(args), watch=watch)
    shown = found[: args.top] if args.top > 0 else found
    if args.by_place:
        shown = sorted(shown, key=lambda item: item.place)
    if args.json:
        print(json.dumps({"layers": [_finite(asdict(item)) for item in shown]}))
        return 0
    print(f"{'SNR, dB':>8} {'rel. L2':>9} {'max. abs.':>10} {'cosine':>8}  {'operator':<12}value")
    for item in shown:
        figures = f"{item.snr_db:>8.1f} {item.relative_l2:>9.2g} {item.max_abs:>10.3g} {item.cosine:>8.5f}"
        print(printable(f"{figures}  {item.kind:<12}{item.value}"))
    return 0


def _finite(item: dict[str, object]) -> dict[str, object]:
    """The same with null for what is infinite, as JSON has no such number."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in item.items()
    }
