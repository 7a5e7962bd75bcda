"""The verb `quantize`: one step of a recipe over one file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import kinds
from edge_assistant_quantize.onnx import external
from edge_assistant_quantize.onnx import options as onnx
from edge_assistant_quantize.onnx.methods import check_options
from edge_assistant_quantize.recipes.step import IMATRIX, Form, Step, StepInput, decode
from edge_assistant_quantize.recipes.steps import QuantizeGguf, QuantizeOnnx
from edge_assistant_quantize.record import ModelFile
from edge_assistant_quantize.report import precision

Data = dict[str, object]  # for calibration, as a recipe has it

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
    step, form, key, data = (_of_gguf if own == "GGUF" else _of_onnx)(args)
    with tempfile.TemporaryDirectory() as kept:
        work = StepInput(form, key, args.output, Path(kept), data, lambda path: True, args.threads, args.watch)
        made = step.make(work)
    if args.table is not None:
        from edge_assistant_quantize.onnx import tables

        tables.write(args.table, args.key or "model", args.type, args.exclude, step.parameters["options"])
    before = args.model.stat().st_size if own == "GGUF" else external.size(args.model)
    file = ModelFile.of(args.output, str(args.output), sha256_of(args.output))
    weights = precision.of_files([args.output])
    bits, tensors = precision.bits(weights), {each.kind: each.tensors for each in weights if each.tensors}
    facts = {
        "output": file.name,
        "type": step.label,
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
    told = f"{args.output.name}: {bits:.2f} bits a weight as {step.label}, {mebibytes(file.bytes)}, {share}"
    counts = ", ".join(f"{count} {kind}" for kind, count in tensors.items())
    return VerbResult([told, f"tensors: {counts}", *filter(None, [made.note])], facts)


def _of_gguf(args: argparse.Namespace) -> tuple[Step, Form, str, Data | None]:
    """The step that the command line is, the model that it works on, the key of its file, and calibration data."""
    if args.type != kinds.SEARCH:
        kinds.of_model(args.type)
    if (args.type == kinds.SEARCH) != bool(args.text):
        raise UsageError("a search needs a text, and no other type takes one", "say --type search --text F")
    table: dict[str, object] = {
        "do": QuantizeGguf.do,
        "type": args.type if args.type == kinds.SEARCH else args.type.upper(),
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
    return step, Form(args.model.stem, "language", {"model": args.model}, beside=beside), "model", {"path": args.text}


def _of_onnx(args: argparse.Namespace) -> tuple[Step, Form, str, Data | None]:
    """The same of an ONNX file."""
    from edge_assistant_quantize.onnx import graphs, tables
    from edge_assistant_quantize.onnx.quantize import prepared

    said = check_options(args.type, onnx.method_options(args))
    step = QuantizeOnnx(kind=args.type, exclude=tuple(args.exclude), options=said)
    if args.table is not None:
        tables.check(args.type, said)
        if step.calibrates:
            feeds = onnx.calibrated(args, args.model, args.watch)
            graph = graphs.load(args.model)
            said = prepared(graph, args.type, said, feeds, threads=args.threads, watch=args.watch)
            step = replace(step, options=said)
    if args.calibration is None or not step.calibrates:
        return step, Form(args.model.stem, "", {"model": args.model}), "model", None
    whole, key = onnx.belonging(args.model, args.role, args.of, args.key)
    return step, Form(whole.name, whole.role, whole.paths, options=whole.options), key, onnx.data(args)
