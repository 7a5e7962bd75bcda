"""`edge-quantize sensitivity`: the loss of each node of an ONNX model that is quantized alone."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.onnx import options

NAME = "sensitivity"
HELP = "rank the nodes of an ONNX model by what quantizing each costs"

EXAMPLES = """examples:
  edge-quantize sensitivity model.onnx --method static-int8 --calibration photos --of nanodet
  edge-quantize sensitivity encoder.onnx --method int4-weights --calibration spoken --of whisper-base --key encoder"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="an .onnx file")
    parser.add_argument("--method", required=True, metavar="METHOD", help=options.TYPES)
    options.add_calibration(parser)
    options.add_method_options(parser)
    arguments.add_threads(parser)
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the nodes, worst first; 0."""
    import msgspec

    from edge_assistant_quantize.onnx import sensitivity

    if args.calibration is None:
        raise UsageError("nothing says what the outputs are compared over", "name it: --calibration DIR")
    with progress.shown() as watch:
        calibration = options.calibrated(args, args.model, watch)
        chosen = options.method_options(args)
        layers = sensitivity.rank(
            args.model,
            args.method,
            calibration=calibration,
            threads=arguments.threads(args),
            watch=watch,
            options=chosen,
        )
    if args.json:
        print(json.dumps({"method": args.method, "layers": msgspec.to_builtins(layers)}))
        return 0
    print(f"{'noise, dB':>9}  {'operator':<12}node")
    for layer in layers:
        print(printable(f"{layer.loss:>9.1f}  {layer.kind:<12}{layer.node}"))
    return 0
