"""`edge-quantize convert`: a model of Hugging Face to the form that the product runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant_quantize.export import options as onnx
from edge_assistant_quantize.gguf import converting as gguf

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
    parser.add_argument("--threads", type=int, metavar="N", help="cores to keep to (default: all that there are)")
    gguf.configure(parser.add_argument_group("to GGUF"))
    onnx.configure(parser.add_argument_group("to ONNX"))


def run(args: argparse.Namespace) -> int:
    """Convert and say what came of it; 0.

    Raises:
        EdgeAssistantError: it cannot be converted; nothing is left half-made.
    """
    return int((gguf if args.output.suffix.lower() == ".gguf" else onnx).run(args))
