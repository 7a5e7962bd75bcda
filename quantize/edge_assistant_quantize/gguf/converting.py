"""`edge-quantize convert` to GGUF."""

from __future__ import annotations

import argparse

from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.gguf import checkpoint
from edge_assistant_quantize.gguf.convert import PRECISIONS, convert

EXAMPLES = """  edge-quantize convert SmolLM2-135M-Instruct --output smollm2-f16.gguf
  edge-quantize convert my-model --output my-model.gguf --precision bf16 --pre-tokenizer qwen2"""


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""
    group.add_argument("--precision", choices=tuple(PRECISIONS), help="of the matrices (default: f16)")
    group.add_argument(
        "--pre-tokenizer",
        metavar="NAME",
        help="how the tokenizer splits text, where that is not recognised: as llama-bpe, qwen2, smollm, gpt-2, ...",
    )


def run(args: argparse.Namespace) -> int:
    """Convert and say what came of it; 0.

    Raises:
        EdgeAssistantError: it cannot be converted.
    """
    arguments.check_output(args.output)
    found = checkpoint.read(args.folder)
    with progress.shown() as watch:
        convert(
            args.folder,
            args.output,
            precision=args.precision or "f16",
            pre=args.pre_tokenizer,
            threads=arguments.threads(args),
            watch=watch,
        )
    tied = ", its output layer is its embedding (tied)" if found.tied else ""
    size = mebibytes(args.output.stat().st_size)
    print(printable(f"{args.output.name}: {found.architecture}, {found.values / 1e6:,.1f} M values, {size}{tied}"))
    return 0
