"""The verb `sweep`: a recipe whose variants differ in their type alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_assistant_quantize import arguments, candidate
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.cli.quantize import MATRIX, REQUANTIZE
from edge_assistant_quantize.cli.recipe import ran
from edge_assistant_quantize.gguf import kinds
from edge_assistant_quantize.recipes import loading, recipe
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.report import page

_SWEPT = "Q2_K,Q3_K_M,Q4_K_M,Q5_K_M,Q6_K,Q8_0"


@verb(
    "sweep",
    "quantize a GGUF model to several types and measure each",
    """  edge-quantize sweep model-f16.gguf --text wiki.test.txt --output sweep
  edge-quantize sweep model-f16.gguf --types IQ2_XS,Q4_K_M --text test.txt --imatrix matrix.gguf --output sweep

run again with the same folder it does what is missing, such as after an interruption or for more types""",
    option("model", type=Path, metavar="MODEL", help="a .gguf file, best in F16"),
    option("--types", default=_SWEPT, metavar="T,T,...", help=f"types to try ({_SWEPT})"),
    option("--text", type=Path, required=True, metavar="F", help="text that they are measured on"),
    option("--output", type=Path, required=True, metavar="DIR", help="for the forms and the report"),
    option("--imatrix", type=Path, metavar="F", help=MATRIX),
    arguments.CONTEXT,
    arguments.CHUNKS,
    arguments.THREADS,
    option("--json", action="store_true", help="print the record as JSON"),
    REQUANTIZE,
)
def sweep(args: argparse.Namespace) -> VerbResult:
    """Sweep, write record and report, and show the table."""
    found = ran(args, swept(args))
    head, rows = page.of_record(found).table([*found.measures, "bits-per-weight"])
    return VerbResult([*inputs.columns([head, *rows]), f"report: {args.output / page.HTML}"], found)


def swept(args: argparse.Namespace) -> Recipe:
    """The recipe whose variants differ in their type alone, each measured against the model.

    Raises:
        UsageError: a type is unknown, or a chunk is too short.
        RecipeInvalid: a type is named twice, or none is.
    """
    from edge_assistant_quantize.gguf.model import check_context

    types = [name.strip().upper() for name in args.types.split(",") if name.strip()]
    for kind in types:
        kinds.of_model(kind)
    check_context(args.context)
    step = {"do": "quantize", "requantize": args.allow_requantize, "imatrix": bool(args.imatrix)}
    source, data = {"path": str(args.model.absolute())}, {"path": str(args.text.absolute()), "context": args.context}
    values: dict[str, Any] = {
        "name": f"sweep-{candidate.model_name(args.model.stem)}",
        "role": "language",
        "source": source | ({"imatrix": str(args.imatrix.absolute())} if args.imatrix else {}),
        "data": {"text": data | ({"chunks": args.chunks} if args.chunks else {})},
        "metrics": [{"metric": "divergence", "data": "text"}],
        "variants": [{"name": kind.lower(), "steps": [{**step, "type": kind}]} for kind in types],
    }
    return recipe.parse(values, "the sweep", loading.text_of(values, Path.cwd()))
