"""`edge-quantize convert`: a model of Hugging Face to the form that the product runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant_quantize import arguments
from edge_assistant_quantize.export import export as onnx
from edge_assistant_quantize.gguf import conversion as gguf

NAME = "convert"
HELP = "convert a Hugging Face folder to GGUF or ONNX"

EXAMPLES = f"""examples:
{gguf.EXAMPLES}
{onnx.EXAMPLES}"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="config.json, tokenizer and *.safetensors")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="F|DIR", help="a .gguf file, or a folder for ONNX"
    )
    arguments.add_threads(parser)
    to_gguf, to_onnx = parser.add_argument_group("to GGUF"), parser.add_argument_group("to ONNX")
    gguf.configure(to_gguf)
    onnx.configure(to_onnx)
    parser.set_defaults(to_gguf=to_gguf, to_onnx=to_onnx)


def run(args: argparse.Namespace) -> int:
    """Convert and say what came of it; 0."""
    is_gguf = args.output.suffix.lower() == ".gguf"
    arguments.refuse_other(args, args.to_onnx if is_gguf else args.to_gguf)
    return int((gguf if is_gguf else onnx).run(args))
