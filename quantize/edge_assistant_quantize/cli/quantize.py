"""`edge-quantize quantize`: one model in another precision."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant_quantize import arguments
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import options as gguf
from edge_assistant_quantize.onnx import options as onnx

NAME = "quantize"
HELP = "quantize a GGUF or an ONNX model"

EXAMPLES = f"""examples:
{gguf.EXAMPLES}
{onnx.EXAMPLES}"""

_FORMS = {".gguf": gguf, ".onnx": onnx}


def configure(parser: argparse.ArgumentParser) -> None:
    """The options; those of one form are refused for the other."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .gguf or .onnx file")
    parser.add_argument("--output", type=Path, required=True, metavar="F", help="the file to write")
    parser.add_argument("--type", required=True, metavar="TYPE", help=f"{gguf.TYPES}; of ONNX: {onnx.TYPES}")
    arguments.add_threads(parser)
    arguments.add_json(parser)
    groups = {suffix: parser.add_argument_group(suffix[1:].upper()) for suffix in _FORMS}
    for suffix, group in groups.items():
        _FORMS[suffix].configure(group)
    parser.set_defaults(groups=groups)


def run(args: argparse.Namespace) -> int:
    """Quantize and say what came of it; 0."""
    form = _FORMS.get(args.model.suffix.lower())
    if form is None:
        raise UsageError(f"{args.model.name} is neither .gguf nor .onnx", _hint(args.model))
    if args.output.suffix.lower() in _FORMS.keys() - {args.model.suffix.lower()}:
        own = args.model.suffix.lower()
        raise UsageError(f"what is made of {own} is {own} again", f"name the output so: F{own}")
    for suffix, group in args.groups.items():
        if _FORMS[suffix] is not form:
            arguments.refuse_other(args, group)
    arguments.check_output(args.output)
    return int(form.run(args))


def _hint(model: Path) -> str:
    """What to do with what is no file of either form."""
    if model.exists():
        return "convert it first: edge-quantize convert"
    return "name a file; models of the catalog are quantized by a recipe: edge-quantize recipes"
