"""The verb `quantize`: one file in another precision."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import kinds
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.onnx import options as onnx
from edge_assistant_quantize.recipes.step import IMATRIX, Form, Made, StepInput, decode
from edge_assistant_quantize.recipes.steps import QuantizeGguf
from edge_assistant_quantize.record import ModelFile
from edge_assistant_quantize.report import precision

MATRIX = "importance matrix, from 'edge-quantize imatrix'"

REQUANTIZE = option("--allow-requantize", action="store_true", help="also from a quantized model, which loses twice")


def tensor_types(given: Sequence[str]) -> dict[str, str]:
    """Types by expression.

    Raises:
        UsageError: one is not REGEX=TYPE, or stands twice.

    >>> tensor_types(["attn_v=q8_0"])
    {'attn_v': 'Q8_0'}
    """
    found: dict[str, str] = {}
    for one in given:
        pattern, _, kind = one.rpartition("=")
        if not pattern or not kind or pattern in found:
            raise UsageError(f"--tensor-type {one} is not REGEX=TYPE", "say it once, as --tensor-type attn_v=Q8_0")
        found[pattern] = kind.upper()
    return found


@verb(
    "quantize",
    "quantize a GGUF or an ONNX model",
    f"""  edge-quantize quantize model-f16.gguf --type Q4_K_M --output model-q4.gguf
  edge-quantize quantize model-f16.gguf --type IQ2_XS --imatrix matrix.gguf --output model-iq2.gguf
  edge-quantize quantize model-f16.gguf --type Q4_K_M --tensor-type attn_v=Q8_0 --output mixed.gguf
  edge-quantize quantize model-f16.gguf --type search --bits-per-weight 5 --text guide.txt --output searched.gguf
{onnx.EXAMPLES}""",
    option("model", type=Path, metavar="MODEL", help="a .gguf or .onnx file"),
    option("--output", type=Path, required=True, metavar="F", help="the file to write"),
    option(
        "--type",
        required=True,
        metavar="TYPE",
        help=f"of GGUF: {', '.join(kinds.MODELS)}, {kinds.SEARCH}; of ONNX: {onnx.TYPES}",
    ),
    arguments.THREADS,
    arguments.JSON,
    arguments.form(
        "GGUF",
        option("--imatrix", type=Path, metavar="F", help=MATRIX),
        option(
            "--tensor-type",
            action="append",
            default=[],
            metavar="REGEX=TYPE",
            help="type of the tensors whose name the expression is found in; may be given again, the first one counts",
        ),
        REQUANTIZE,
        option("--bits-per-weight", type=float, metavar="N", help="of --type search: the most, over the whole file"),
        option("--text", type=Path, metavar="F", help="of --type search: text that guides it; judge by another"),
        option("--chunks", type=arguments.count, metavar="N", help="of --type search: of the text, at most (8)"),
        option("--context", type=arguments.count, metavar="N", help="of --type search: tokens of a chunk (512)"),
    ),
    arguments.form("ONNX", *onnx.OPTIONS),
)
def quantize(args: argparse.Namespace) -> VerbResult:
    """Quantize and say what came of it."""
    own = args.model.suffix[1:].upper()
    if own not in args.forms:
        hint = "name a file; models of the catalog are quantized by a recipe: edge-quantize recipes"
        hint = "convert it first: edge-quantize convert" if args.model.exists() else hint
        raise UsageError(f"{args.model.name} is neither .gguf nor .onnx", hint)
    if args.output.suffix[1:].upper() in args.forms.keys() - {own}:
        suffix = args.model.suffix.lower()
        raise UsageError(f"what is made of {suffix} is {suffix} again", f"name the output so: F{suffix}")
    arguments.refuse_others(args, own)
    arguments.check_output(args.output)
    made = (_gguf if own == "GGUF" else _onnx)(args)
    before = args.model.stat().st_size if own == "GGUF" else graphs.size(args.model)
    file = ModelFile.of(args.output, str(args.output), sha256_of(args.output))
    weights = precision.of_files([args.output])
    bits, tensors = precision.bits(weights), {each.kind: each.tensors for each in weights if each.tensors}
    facts = {
        "output": printable(file.name),
        "type": args.type,
        "tensors": tensors,
        "excluded": made.excluded,
        "note": made.note,
        **made.facts,
        "bytes": file.bytes,
        "bytes_before": before,
        "bits_per_weight": round(bits, 3),
        "sha256": file.sha256,
        "tensors_sha256": file.tensors_sha256,
    }
    share = f"{file.bytes / before:.0%} of {mebibytes(before)}"
    told = f"{args.output.name}: {bits:.2f} bits a weight as {args.type}, {mebibytes(file.bytes)}, {share}"
    counts = ", ".join(f"{count} {kind}" for kind, count in tensors.items())
    return VerbResult([told, f"tensors: {counts}", *filter(None, [made.note])], facts)


def _gguf(args: argparse.Namespace) -> Made:
    """Quantize by a recipe's step, which searches, too."""
    args.type = args.type if args.type == kinds.SEARCH else args.type.upper()
    if args.type != kinds.SEARCH:
        kinds.of_model(args.type)
    if (args.type == kinds.SEARCH) != bool(args.text):
        raise UsageError("a search needs a text, and no other type takes one", "say --type search --text F")
    table: dict[str, object] = {
        "do": QuantizeGguf.do,
        "type": args.type,
        "imatrix": args.imatrix is not None,
        "overrides": tensor_types(args.tensor_type),
        "requantize": args.allow_requantize,
        "bits_per_weight": args.bits_per_weight,
        "chunks": args.chunks,
        "context": args.context,
    }
    try:
        step = decode(table, [QuantizeGguf])
    except ValueError as error:
        raise UsageError(str(error), "see 'edge-quantize quantize --help'") from None
    beside = {IMATRIX: args.imatrix} if args.imatrix else {}
    form = Form(args.model.stem, "language", {"model": args.model}, beside=beside)
    text = {"path": args.text}
    with tempfile.TemporaryDirectory() as kept:
        work = StepInput(form, "model", args.output, Path(kept), text, lambda path: True, args.threads, args.watch)
        return step.make(work)


def _onnx(args: argparse.Namespace) -> Made:
    """Quantize, and write the table that repeats it where that is asked for."""
    from edge_assistant_quantize.onnx import quantize, tables

    method = onnx.method(args, args.type, args.exclude)
    if args.table is not None:
        tables.check(method)
    feeds = onnx.calibration(args, args.model, args.watch) if method.calibrates and args.calibration else None
    if args.table is not None:
        method = quantize.calibrated(graphs.load(args.model), method, feeds)
    note = quantize.quantize(args.model, args.output, method, calibration=feeds, threads=args.threads)
    if args.table is not None:
        tables.write(args.table, args.key or "model", method)
    return Made(excluded=method.excluded, note=note)
