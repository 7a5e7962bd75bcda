"""`edge-quantize tools`: llama.cpp's converter, which is in no wheel."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize import progress
from edge_assistant_quantize.fetching import llama

NAME = "tools"
HELP = "bring llama.cpp's own converter of the installed version into the cache"
FETCHES = True

EXAMPLES = """examples:
  edge-quantize tools
  edge-quantize tools --from llama_cpp_python-0.3.36.tar.gz     on a machine without a network"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "--from", dest="archive", type=Path, metavar="F", help="the source distribution of llama-cpp-python, as a file"
    )


def run(args: argparse.Namespace) -> int:
    """Bring it, unless it is there; 0."""
    with progress.shown() as watch:
        folder = llama.bring(args.archive, watch)
    print(printable(f"llama.cpp's converter {folder.name} is ready"))
    return 0
