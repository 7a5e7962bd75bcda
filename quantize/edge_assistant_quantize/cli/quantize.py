"""The verb `quantize`: one step of a recipe over one file."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant_models.tensors import tensor_digest
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.arguments import option, verb
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import header, kinds
from edge_assistant_quantize.onnx import graphs
from edge_assistant_quantize.onnx import options as onnx
from edge_assistant_quantize.onnx.methods import parse
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes.step import IMATRIX, Form, Made, Step, StepInput
from edge_assistant_quantize.recipes.steps import QuantizeGguf, QuantizeOnnx
from edge_assistant_quantize.report import precision

MATRIX = "importance matrix, from 'edge-quantize imatrix'"

TENSORS = (
    option(
        "--tensor-type",
        action="append",
        default=[],
        metavar="REGEX=TYPE",
        help="type of the tensors whose name the expression is found in; may be given again, the first one counts",
    ),
    option("--allow-requantize", action="store_true", help="also from a quantized model, which loses twice"),
)


def tensor_types(given: Sequence[str]) -> dict[str, str]:
    """Types by expression.

    Raises:
        UsageError: one is not REGEX=TYPE, or stands twice.

    >>> tensor_types(["attn_v=Q8_0"])
    {'attn_v': 'Q8_0'}
    """
    found: dict[str, str] = {}
    for one in given:
        pattern, _, kind = one.rpartition("=")
        if not pattern or not kind or pattern in found:
            raise UsageError(f"--tensor-type {one} is not REGEX=TYPE", "say it once, as --tensor-type attn_v=Q8_0")
        found[pattern] = kind
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
        *TENSORS,
        option("--bits-per-weight", type=float, metavar="N", help="of --type search: the most, over the whole file"),
        option("--mib", type=float, metavar="N", help="of --type search: the most MiB of the file, in place of bits"),
        option("--text", type=Path, metavar="F", help="of --type search: text that guides it; judge by another"),
        option("--chunks", type=arguments.count, metavar="N", help="of --type search: of the text, at most (8)"),
        option("--context", type=arguments.count, metavar="N", help="of --type search: tokens of a chunk (512)"),
    ),
    arguments.form("ONNX", *onnx.OPTIONS),
)
def quantize(args: argparse.Namespace) -> int:
    """Quantize and say what came of it; 0."""
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
    with progress.shown() as watch, tempfile.TemporaryDirectory() as kept:
        step, form, key, data = (_of_gguf if own == "GGUF" else _of_onnx)(args, watch)
        threads = arguments.threads(args)
        made = step.make(StepInput(form, key, args.output, Path(kept), data, lambda path: True, threads, watch))
    facts, notes = (_told_of_gguf if own == "GGUF" else _told_of_onnx)(args, step, made)
    before = args.model.stat().st_size if own == "GGUF" else graphs.size(args.model)
    size = args.output.stat().st_size
    bits = precision.bits(precision.of_files([args.output]))
    if args.json:
        facts |= {"bytes": size, "bytes_before": before, "bits_per_weight": round(bits, 3)}
        print(json.dumps({"output": str(args.output), "type": step.label, **facts, "sha256": sha256_of(args.output)}))
        return 0
    share = f"{size / before:.0%} of {mebibytes(before)}"
    told = f"{args.output.name}: {bits:.2f} bits a weight as {step.label}, {mebibytes(size)}, {share}"
    print("\n".join([told, *filter(None, notes)]))
    return 0


def _of_gguf(args: argparse.Namespace, watch: Watch) -> tuple[Step, Form, str, dict[str, object] | None]:
    """The step that the command line is, the model that it works on, the key of its file, and calibration data."""
    kind, bits = args.type if args.type == kinds.SEARCH else args.type.upper(), args.bits_per_weight
    if kind != kinds.SEARCH:
        kinds.of_model(kind)
        if args.text or bits or args.mib or args.chunks or args.context:
            raise UsageError("a text, its chunks and a budget are options of a search", "say --type search")
    elif args.text is None or bool(bits) == bool(args.mib):
        raise UsageError("a search needs a text and one budget", "give --text F and --bits-per-weight N or --mib N")
    elif args.tensor_type:
        raise UsageError("a search chooses the types", "leave --tensor-type out")
    elif args.mib:
        bits = 8 * 2**20 * args.mib / header.read(args.model).weights
    step = QuantizeGguf(
        kind=kind,
        imatrix=args.imatrix is not None,
        overrides=tensor_types(args.tensor_type),
        requantize=args.allow_requantize,
        bits=bits,
        chunks=args.chunks,
        context=args.context,
    )
    form = Form(
        args.model.stem, "language", {"model": args.model}, beside={IMATRIX: args.imatrix} if args.imatrix else {}
    )
    return step, form, "model", {"path": args.text}


def _of_onnx(args: argparse.Namespace, watch: Watch) -> tuple[Step, Form, str, dict[str, object] | None]:
    """The same of an ONNX file."""
    from edge_assistant_quantize.onnx import tables
    from edge_assistant_quantize.onnx.quantize import calibrated

    method = onnx.method(args, args.type, args.exclude)
    if args.table is not None:
        tables.check(method)
        if method.calibrates:
            method = calibrated(graphs.load(args.model), method, onnx.calibration(args, args.model, watch))
    said = {name: value for name, value in msgspec.structs.asdict(method).items() if name != "excluded"}
    step = QuantizeOnnx(kind=args.type, exclude=tuple(args.exclude), options=said)
    if args.calibration is None or not step.calibrates:
        return step, Form(args.model.stem, "", {"model": args.model}), "model", None
    whole, key = onnx.belonging(args.model, args.role, args.of, args.key)
    return step, Form(whole.name, whole.role, whole.paths, options=whole.options), key, onnx.data(args)


def _told_of_gguf(args: argparse.Namespace, step: Step, made: Made) -> tuple[dict[str, Any], list[str]]:
    """Facts of the result for JSON, and lines for people."""
    found, again = header.read(args.output), bool(header.read(args.model).quantized)
    notes = ["tensors: " + ", ".join(f"{count} {kind}" for kind, count in found.kinds.items()), made.note]
    if again:
        notes.append(f"{args.model.name} was quantized already: expect worse than from F16")
    return {"tensors": found.kinds, "requantized": again, **made.facts}, notes


def _told_of_onnx(args: argparse.Namespace, step: Step, made: Made) -> tuple[dict[str, Any], list[str]]:
    """The same of an ONNX file, whose table is written if that is asked for."""
    from edge_assistant_quantize.onnx import tables

    if args.table is not None:
        tables.write(args.table, args.key or "model", parse(args.type, step.parameters["options"], args.exclude))
    facts = {"tensors_sha256": tensor_digest(args.output), "excluded": args.exclude, "note": made.note}
    return facts, [made.note]
