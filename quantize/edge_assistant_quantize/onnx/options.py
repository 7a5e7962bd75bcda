"""`edge-quantize quantize` for an ONNX model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_assistant_models.tensors import tensor_digest
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.onnx import given, tables
from edge_assistant_quantize.onnx.quantize import METHODS, RULES, check_options, prepared, quantize

TYPES = ", ".join(method for method in METHODS if method != RULES)  # a command line has no rules
EXAMPLES = """  edge-quantize quantize model.onnx --type static-int8 --calibration photos --of nanodet --output o.onnx
  edge-quantize quantize embedder.onnx --type int4-weights --block-size 32 --output int4.onnx"""

_OPTIONS = ("block_size", "symmetric", "accuracy_level", "calibrator", "percentile", "weight_bits", "per_channel")


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""
    given.add_calibration(group)
    group.add_argument("--exclude", action="append", metavar="NODE", default=[], help="a node that stays as it is")
    group.add_argument(
        "--table", type=Path, metavar="F", help="also write the TOML table that an importer needs for it"
    )
    add_method_options(group)


def add_method_options(group: arguments.Group) -> None:
    """The options of methods."""
    group.add_argument("--block-size", type=int, metavar="N", help="weights that share a scale (default: 32)")
    group.add_argument("--asymmetric", dest="symmetric", action="store_const", const=False, help="with zero points")
    group.add_argument(
        "--accuracy-level", type=int, metavar="N", help="4 rounds activations to 8 bits (default), 1 not"
    )
    group.add_argument("--calibrator", metavar="NAME", help="percentile (default), min-max, entropy or mse")
    group.add_argument("--percentile", type=float, metavar="P", help="of that calibrator (default: 99.99)")
    group.add_argument("--weight-bits", type=int, metavar="N", help="of static-int8: 8 (default) or fewer")
    group.add_argument("--per-channel", action="store_const", const=True, help="of dynamic-int8")


def run(args: argparse.Namespace) -> int:
    """Quantize and say what came of it; 0.

    Raises:
        EdgeAssistantError: see `quantize`.
    """
    check_options(args.type, method_options(args))
    threads = arguments.threads(args)
    with progress.shown() as watch:
        calibration = given.calibrated(args, args.model, watch)
        said = method_options(args)
        options = prepared(args.model, args.type, said, calibration, threads=threads, watch=watch)
        how = {"exclude": args.exclude, "options": options, "threads": threads, "watch": watch}
        quantize(args.model, args.output, args.type, **how)
        if args.table is not None:
            tables.write(args.table, args.key or "model", args.model, args.type, args.exclude, options)
    made = _made(args)
    print(json.dumps(made) if args.json else f"{args.output}: {_said(made)}")
    return 0


def method_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of the method that the command line gives."""
    return {name: getattr(args, name) for name in _OPTIONS if getattr(args, name) is not None}


def _made(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "output": str(args.output),
        "type": args.type,
        "bytes": args.output.stat().st_size,
        "bytes_before": args.model.stat().st_size,
        "sha256": sha256_of(args.output),
        "tensors_sha256": tensor_digest(args.output),
        "excluded": args.exclude,
    }


def _said(made: dict[str, Any]) -> str:
    share = made["bytes"] / made["bytes_before"]
    return f"{mebibytes(made['bytes'])}, {share:.0%} of {mebibytes(made['bytes_before'])}"
