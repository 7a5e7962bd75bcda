"""`edge-quantize imatrix`: which columns of a language model's weights matter."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.candidate import sha256_of

NAME = "imatrix"
HELP = "compute the importance matrix of a GGUF model over a calibration text"
EXAMPLES = """examples:
  edge-quantize imatrix model-f16.gguf --text calibration.txt --output matrix.gguf
  edge-quantize imatrix model-f16.gguf --text calibration.txt --chunks 50 --output matrix.dat"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .gguf file")
    parser.add_argument("--text", type=Path, required=True, metavar="F", help="text of the kind that it will meet")
    parser.add_argument("--output", type=Path, required=True, metavar="F", help="a .gguf file, or .dat for older tools")
    arguments.add_text(parser, "that are taken")
    arguments.add_threads(parser)
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compute and say what came of it; 0."""
    from edge_assistant_quantize.gguf import imatrix

    arguments.check_output(args.output)
    with progress.shown() as watch:
        imatrix.compute(
            args.model,
            args.text,
            args.output,
            context=args.context,
            chunks=args.chunks,
            threads=arguments.threads(args),
            watch=watch,
        )
    matrix = imatrix.read(args.output)
    if args.json:
        facts = {"output": str(args.output), "sha256": sha256_of(args.output), "tensors": len(matrix.means)}
        print(json.dumps({**facts, "chunks": matrix.chunks}))
        return 0
    print(f"{args.output.name}: {len(matrix.means)} tensors over {matrix.chunks} chunks of {args.text.name}")
    return 0
