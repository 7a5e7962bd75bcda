"""The verb `sweep`: a recipe whose variants differ in their type alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.core.signals import printable
from edge_assistant_quantize import arguments, candidate
from edge_assistant_quantize.arguments import option, verb
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.cli.quantize import MATRIX, TENSORS, tensor_types
from edge_assistant_quantize.cli.recipe import ran
from edge_assistant_quantize.gguf import kinds
from edge_assistant_quantize.recipes import loading, recipe
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.report import forms, page, text

_SWEPT = "Q2_K,Q3_K_M,Q4_K_M,Q5_K_M,Q6_K,Q8_0"


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    matrix = parser.add_mutually_exclusive_group()
    matrix.add_argument("--imatrix", type=Path, metavar="F", help=MATRIX)
    matrix.add_argument("--calibration", type=Path, metavar="F", help="text that an importance matrix is made of")


@verb(
    "sweep",
    "quantize a GGUF model to several types and measure each",
    """  edge-quantize sweep model-f16.gguf --text wiki.test.txt --output sweep
  edge-quantize sweep model-f16.gguf --types IQ2_XS,Q4_K_M --text test.txt --calibration train.txt --output sweep

run again with the same folder it does what is missing, such as after an interruption or for more types""",
    option("model", type=Path, metavar="MODEL", help="a .gguf file, best in F16"),
    option("--types", default=_SWEPT, metavar="T,T,...", help=f"types to try ({_SWEPT})"),
    option("--text", type=Path, required=True, metavar="F", help="text that they are measured on"),
    option("--output", type=Path, required=True, metavar="DIR", help="for the forms and the report"),
    _add_matrix,
    arguments.CONTEXT,
    arguments.CHUNKS,
    arguments.THREADS,
    option("--json", action="store_true", help="print the record as JSON"),
    *TENSORS,
)
def sweep(args: argparse.Namespace) -> int:
    """Sweep, write record and report, and print the table; 0."""
    found = ran(args, swept(args))
    if args.json:
        print(msgspec.json.encode(found).decode())
        return 0
    measures = {**found.measures, "bits-per-weight": text.PLAIN}
    head, rows = page.table(forms.of_record(found), measures, list(measures))
    inputs.show([head, *rows])
    print(printable(f"report: {args.output / page.HTML}"))
    return 0


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
    step = {"do": "quantize", "requantize": args.allow_requantize, "imatrix": bool(args.imatrix or args.calibration)}
    overrides = tensor_types(args.tensor_type)  # 16-bit and 32-bit types take none
    values: dict[str, Any] = {
        "name": f"sweep-{candidate.model_name(args.model.stem)}",
        "role": "language",
        "source": _table(path=args.model, imatrix=args.imatrix),
        "data": {"text": _table(path=args.text, context=args.context, chunks=args.chunks)},
        "metrics": [{"metric": "divergence", "data": "text"}],
        "variants": [
            {
                "name": kind.lower(),
                "steps": [{**step, "type": kind, "overrides": {} if kind in kinds.FLOATS else overrides}],
            }
            for kind in types
        ],
    }
    if args.calibration is not None:
        values["calibration"] = _table(path=args.calibration)
        values["prepare"] = [{"do": "imatrix", "context": args.context}]
    return recipe.parse(values, "the sweep", loading.text_of(values, Path.cwd()))


def _table(**values: object) -> dict[str, Any]:
    """Values as TOML has them, with absolute paths and without what is None."""
    given = {key: str(value.absolute()) if isinstance(value, Path) else value for key, value in values.items()}
    return {key: value for key, value in given.items() if value is not None}
