"""`edge-quantize evaluate`: a model measured over data."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from edge_assistant_quantize import progress
from edge_assistant_quantize.cli import _measuring

if TYPE_CHECKING:
    from edge_assistant_quantize.metrics.metric import Measured

NAME = "evaluate"
HELP = "measure a model over data"

EXAMPLES = """examples:
  edge-quantize evaluate whisper-base --metric wer --data recordings
  edge-quantize evaluate nanodet-int8.onnx --reference nanodet --metric objects --data photos
  edge-quantize evaluate pp-ocrv6-small --metric cer --metric fields --data count=25,seed=0
  edge-quantize evaluate mine --reference minilm-l6-int8 --metric cosine --data texts.txt

MODEL is a folder with candidate.toml, a .gguf or .onnx file, or a model of the catalog. 'edge-quantize metrics' lists
what it can be measured by."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The model, the metrics and the data."""
    parser.add_argument("model", metavar="MODEL", help="a folder, a file or a name of the catalog")
    parser.add_argument("--metric", action="append", required=True, metavar="M", help="may be given several times")
    reference = "what it is compared with where a metric compares; a lone .onnx file takes its other files"
    parser.add_argument("--reference", metavar="R", help=reference)
    _measuring.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    from edge_assistant_quantize.acceptance.accept import measure

    data = _measuring.by_metric(args.metric, args.data)
    model, reference = _measuring.models(args.model, args.reference, args)
    runtime = _measuring.runtime(args)
    with progress.shown() as watch:
        results = measure(model, reference, data, runtime, watch)
    if args.json:
        measured = {name: _facts(result) for name, result in results.items()}
        print(json.dumps({"model": model.name, "threads": runtime.threads, "metrics": measured}))
    else:
        _measuring.show([("metric", "value", "items", ""), *(_row(result) for result in results.values())])
    return 0


def _facts(result: Measured) -> dict[str, object]:
    facts = {"value": result.value, "items": len(result.items), "lower_is_better": result.lower_is_better}
    return {**facts, "unit": result.unit, "details": dict(result.details)}


def _row(result: Measured) -> tuple[str, ...]:
    details = ", ".join(f"{name} {value:.4g}" for name, value in result.details.items())
    return result.metric, f"{result.value:z.4f}", str(len(result.items)), details
