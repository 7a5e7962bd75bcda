"""`edge-quantize fetch`: a model of Hugging Face into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import progress
from edge_assistant_quantize.fetching import hub

NAME = "fetch"
HELP = "fetch a model of Hugging Face: configuration, tokenizer and safetensors, no code"
FETCHES = True

EXAMPLES = """examples:
  edge-quantize fetch HuggingFaceTB/SmolLM2-135M-Instruct --output SmolLM2-135M-Instruct
  edge-quantize fetch Qwen/Qwen3-0.6B --output Qwen3-0.6B --revision main"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("repo", metavar="REPO", help="owner/name")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--revision", metavar="R", help="a branch, tag or commit (default: the main branch)")


def run(args: argparse.Namespace) -> int:
    """Fetch, and say what came; 0."""
    with progress.shown() as watch:
        hub.fetch(args.repo, args.output, revision=args.revision, watch=watch)
    files = [path for path in args.output.rglob("*") if path.is_file()]
    size = mebibytes(sum(path.stat().st_size for path in files))
    print(printable(f"{args.repo} is in {args.output}: {len(files)} files, {size}; {hub.SOURCE} names the commit"))
    return 0
