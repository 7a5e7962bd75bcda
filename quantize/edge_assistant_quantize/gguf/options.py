"""`edge-quantize quantize` for a GGUF model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import kinds

TYPES = f"of GGUF: {', '.join(kinds.MODELS)}"
EXAMPLES = """  edge-quantize quantize model-f16.gguf --type Q4_K_M --output model-q4.gguf
  edge-quantize quantize model-f16.gguf --type IQ2_XS --imatrix matrix.gguf --output model-iq2.gguf
  edge-quantize quantize model-f16.gguf --type Q4_K_M --tensor-type attn_v=Q8_0 --output mixed.gguf"""


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""
    group.add_argument("--imatrix", type=Path, metavar="F", help="importance matrix, from 'edge-quantize imatrix'")
    configure_tensors(group)


def configure_tensors(group: argparse._ArgumentGroup) -> None:
    """The options on tensors, which a sweep has, too."""
    group.add_argument(
        "--tensor-type",
        action="append",
        default=[],
        metavar="REGEX=TYPE",
        help="type of the tensors whose name the expression is found in; may be given again, the first one counts",
    )
    group.add_argument("--allow-requantize", action="store_true", help="also from a quantized model, which loses twice")


def overrides(given: list[str]) -> dict[str, str]:
    """Types by expression.

    Raises:
        UsageError: one is not REGEX=TYPE, or stands twice.

    >>> overrides(["attn_v=Q8_0"])
    {'attn_v': 'Q8_0'}
    """
    found: dict[str, str] = {}
    for one in given:
        pattern, _, kind = one.rpartition("=")
        if not pattern or not kind or pattern in found:
            raise UsageError(f"--tensor-type {one} is not REGEX=TYPE", "say it once, as --tensor-type attn_v=Q8_0")
        found[pattern] = kind
    return found


def run(args: argparse.Namespace) -> int:
    """Quantize and print a summary; 0.

    Raises:
        EdgeAssistantError: it cannot be quantized.
    """
    from edge_assistant_quantize.gguf import header, quantize

    with progress.shown() as watch:
        quantize.quantize(
            args.model,
            args.output,
            args.type,
            imatrix=args.imatrix,
            overrides=overrides(args.tensor_type),
            allow_requantize=args.allow_requantize,
            threads=arguments.threads(args),
            watch=watch,
        )
    kinds_made = header.read(args.output).kinds
    again = any(tensor.quantized for tensor in header.read(args.model).tensors)
    size, before = args.output.stat().st_size, args.model.stat().st_size
    if args.json:
        made = {"output": str(args.output), "type": args.type.upper(), "bytes": size, "bytes_before": before}
        print(json.dumps({**made, "sha256": sha256_of(args.output), "tensors": kinds_made, "requantized": again}))
        return 0
    print(f"{args.output.name}: {mebibytes(size)}, {size / before:.0%} of {mebibytes(before)}")
    print("tensors: " + ", ".join(f"{count} {kind}" for kind, count in kinds_made.items()))
    if again:
        print(f"{args.model.name} was quantized already: expect worse than from F16")
    return 0
